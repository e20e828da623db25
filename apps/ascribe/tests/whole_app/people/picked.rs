//! Devices that are picked: a list pasted to narrow by, ticked ones, a page, everything that matches; and a device that says why it
//! cannot be assigned.

use super::every_page::sound;
use domain::rights::Role;
use reqwest::StatusCode;
use serde_json::json;
use testing::{TestApp, iccid};

#[tokio::test]
async fn thousands_of_iccids_are_pasted_and_the_list_keeps_its_pages() {
    let app = TestApp::start(1_150).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let page = browser.get("/devices").await.unwrap();
    assert!(page.html.contains("Paste ICCIDs to filter"), "{}", page.html);
    let mut list: String = (0..1_100).map(|place| iccid(place) + if place % 2 == 0 { "\n" } else { "; " }).collect();
    list.push_str(&format!("{}\nnonsense 12\n{}", iccid(777_777), iccid(3)));
    let kept = browser.post("/devices", &[("pasted", &list), ("status", "active")]).await.unwrap();
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.html);
    assert!(kept.location().starts_with("/devices?status=active&pasted="), "{}", kept.location());
    let first = browser.get(kept.location()).await.unwrap();
    sound(&first, "/devices");
    for word in
        ["1,100 devices", "1101 SIMs, 1 are not known", &iccid(777_777), "Assign a customer to all 1,100 devices"]
    {
        assert!(first.html.contains(word), "{word}: {}", first.html);
    }
    // Keyset pages, each of the same list.
    let (mut next, mut pages, mut rows) = (Some(kept.location().to_owned()), 0, 0);
    while let Some(path) = next.take() {
        let seen = browser.get(&path).await.unwrap();
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        rows += seen.html.matches("name=\"tick\"").count();
        pages += 1;
        let link = seen.html.split("href=\"").find(|part| part.starts_with("/devices?") && part.contains("cursor="));
        next = link.map(|part| part.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&"));
    }
    assert_eq!((pages, rows), (11, 1_100));
    for (bad, said) in [("", "no rows"), ("nothing here", "first row is"), ("12 34", "No ICCID or number")] {
        let refused = browser.post("/devices", &[("pasted", bad), ("status", "active")]).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert!(refused.html.contains("id=\"pasted-error\"") && refused.html.contains(bad), "{}", refused.html);
        assert!(refused.html.contains(said), "{said}: {}", refused.html);
        sound(&refused, "/devices");
    }
    let nowhere = browser.get("/devices?pasted=00000000-0000-7000-8000-000000000000").await.unwrap();
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert!(nowhere.html.contains("Paste it again"), "{}", nowhere.html);

    // All of the list, whatever page one is on.
    let query = kept.location().trim_start_matches("/devices?").to_owned();
    let all = browser.post("/assign/devices", &[("of", "all"), ("query", &query)]).await.unwrap();
    let target = browser.get(all.location()).await.unwrap();
    assert!(target.html.contains("1,100 rows: 1,100 name SIMs of their own"), "{}", target.html);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_ticked_goes_on_and_nothing_else() {
    let app = TestApp::start(5).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    browser.get("/devices").await.unwrap();
    let none = browser.post("/assign/devices", &[("of", "ticked"), ("query", "")]).await.unwrap();
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.html.contains("No device was ticked"), "{}", none.html);
    for bad in [[("of", "everything"), ("query", "")], [("of", "all"), ("query", "color=red")]] {
        assert_eq!(browser.post("/assign/devices", &bad).await.unwrap().status, StatusCode::BAD_REQUEST);
    }
    let (one, two, three) = (iccid(0), iccid(2), iccid(4));
    let ticked = [("of", "ticked"), ("query", ""), ("tick", &one), ("shown", &one), ("shown", &three), ("tick", &two)];
    let kept = browser.post("/assign/devices", &ticked).await.unwrap();
    let path = kept.location().to_owned();
    let made = browser.post(&path, &[("act", "plan"), ("customer", "Cold")]).await.unwrap();
    let plan = made.location().trim_start_matches("/plans/").to_owned();
    let rows = app.rows("plans", &json!(plan)).await.unwrap();
    let iccids: Vec<&str> = rows.iter().map(|row| row["iccid"].as_str().unwrap()).collect();
    assert_eq!(iccids, [one.as_str(), two.as_str()]);
    let page = [("of", "page"), ("query", ""), ("shown", &one), ("tick", &two), ("shown", &three)];
    let kept = browser.post("/assign/devices", &page).await.unwrap();
    let shown = browser.get(kept.location()).await.unwrap();
    assert!(shown.html.contains("2 rows: 2 name SIMs"), "{}", shown.html);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_device_says_why_it_cannot_be_assigned_and_nothing_is_kept_of_the_question() {
    let app = TestApp::start(2).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let id = async |place: u32| {
        let found = app.get(&format!("/devices?iccid={}", iccid(place))).await.unwrap().json;
        format!("/devices/{}", found["items"][0]["id"].as_str().unwrap())
    };
    for (place, query, words) in [
        (0, "customer=Water", &["It can", "A plan would change it"][..]),
        (900_001, "customer=Water", &["Refused", "DEVICE_NOT_ACTIVE", "suspend"]),
        (900_002, "customer=Water", &["Refused", "ALREADY_ASSIGNED_OTHER"]),
        (900_002, "customer=Water&on_conflict=replace", &["It can"]),
        (900_003, "customer=Water", &["Already so", "ALREADY_ASSIGNED_SAME"]),
        (0, "customer=Twin", &["CUSTOMER_AMBIGUOUS", "2 customers match Twin"]),
        (0, "customer=%3Cb%3E", &["CUSTOMER_NOT_FOUND", "&#60;b&#62;"]),
    ] {
        let seen = browser.get(&format!("{}?{query}", id(place).await)).await.unwrap();
        assert_eq!(seen.status, StatusCode::OK, "{}", seen.html);
        sound(&seen, "/devices/{id}");
        let answer = seen.html.split("id=\"answer\"").nth(1).unwrap().split("</p>").next().unwrap();
        for word in words {
            assert!(answer.contains(word), "{place} {query} {word}: {answer}");
        }
    }
    let device = id(0).await;
    let bad = browser.get(&format!("{device}?customer=Water&on_conflict=perhaps")).await.unwrap();
    assert!(
        bad.html.contains("id=\"customer-error\"") || bad.html.contains("neither refuse nor replace"),
        "{}",
        bad.html
    );
    let (_, mut viewer) = app.signed_in("viewer@example.com", Role::User).await.unwrap();
    let seen = viewer.get(&device).await.unwrap();
    assert!(!seen.html.contains("id=\"explain\""), "{}", seen.html);
    assert_eq!(viewer.get(&format!("{device}?customer=Water")).await.unwrap().status, StatusCode::FORBIDDEN);
    let counted = "select count(*) from app.device_bulk_change";
    assert_eq!(app.database.number(counted).await.unwrap(), 0, "asking plans nothing");
    app.finish().await.unwrap();
}
