//! Customers, sites, rate plans and pools by forms alone: made, refused with what was typed kept, changed by whoever has seen them.

use super::every_page::sound;
use domain::rights::Role;
use reqwest::StatusCode;
use serde_json::json;
use testing::{Browser, Seen, TestApp};

/// One kind of thing, as its pages have it.
struct Kind {
    path: &'static str,
    /// The field that names it when it is made, and the one that renames it.
    made_with: &'static str,
    renamed_with: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind { path: "/customers", made_with: "name", renamed_with: "name" },
    Kind { path: "/sites", made_with: "name", renamed_with: "name" },
    Kind { path: "/customer-rate-plans", made_with: "rate_plan_code", renamed_with: "rate_plan_name" },
    Kind { path: "/customer-rate-pools", made_with: "name", renamed_with: "name" },
];

fn has(seen: &Seen, words: &[&str]) {
    for word in words {
        assert!(seen.html.contains(word), "{word}: {}", seen.html);
    }
    sound(seen, &format!("{words:?}"));
}

async fn opened(browser: &mut Browser, path: &str) -> (Seen, String) {
    let seen = browser.get(path).await.unwrap();
    assert_eq!(seen.status, StatusCode::OK, "{path}: {}", seen.html);
    let etag = seen.field("etag").unwrap().to_owned();
    (seen, etag)
}

#[tokio::test]
async fn each_is_made_renamed_closed_and_opened_and_nobody_overwrites_what_they_have_not_seen() {
    let app = TestApp::start(1).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    for Kind { path, made_with, renamed_with } in KINDS {
        let made = browser.post(path, &[(made_with, " Gale Pumps ")]).await.unwrap();
        assert!(made.location().ends_with("?done=made"), "{path}: {} {}", made.status, made.html);
        let one = made.location().split('?').next().unwrap().to_owned();
        let seen = browser.get(made.location()).await.unwrap();
        has(&seen, &["It is made.", "<h1>Gale Pumps</h1>", "Open</span>", "Show as command and API"]);
        let twice = browser.post(path, &[(made_with, "Gale Pumps")]).await.unwrap();
        assert_eq!(twice.status, StatusCode::CONFLICT, "{path}");
        has(&twice, &["is taken. Choose another", "id=\"refused\"", "value=\"Gale Pumps\""]);
        let bad = browser.post(path, &[(made_with, " ")]).await.unwrap();
        assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        has(&bad, &[&format!("<a href=\"#{made_with}\">")]);

        // Two have the page open; the second is told, and what they typed is kept.
        let (_, etag) = opened(&mut browser, &one).await;
        let first = browser.post(&one, &[("etag", &etag), (renamed_with, "Gale and Sons")]).await.unwrap();
        assert_eq!(first.location(), format!("{one}?done=changed"), "{}", first.html);
        let second = browser.post(&one, &[("etag", &etag), (renamed_with, "Storm Pumps")]).await.unwrap();
        assert_eq!(second.status, StatusCode::PRECONDITION_FAILED, "{path}");
        has(&second, &["Somebody changed this since", "<h1>Gale and Sons</h1>", "value=\"Storm Pumps\""]);
        let close = browser.post(&one, &[("etag", &etag), ("what", "close")]).await.unwrap();
        assert_eq!(close.status, StatusCode::PRECONDITION_FAILED, "{path}");
        let blind = browser.post(&one, &[(renamed_with, "Storm Pumps")]).await.unwrap();
        assert_eq!(blind.status, StatusCode::PRECONDITION_REQUIRED, "{path}");
        // With what the refused page says it is now, it goes.
        let now = second.field("etag").unwrap().to_owned();
        assert_ne!(now, etag);
        let again = browser.post(&one, &[("etag", &now), (renamed_with, "Storm Pumps")]).await.unwrap();
        assert_eq!(again.status, StatusCode::SEE_OTHER, "{path}: {}", again.html);

        let (_, etag) = opened(&mut browser, &one).await;
        browser.post(&one, &[("etag", &etag), ("what", "close")]).await.unwrap();
        let (closed, etag) = opened(&mut browser, &one).await;
        has(&closed, &["<h1>Storm Pumps</h1>", "Closed</span>", "Open it again"]);
        browser.post(&one, &[("etag", &etag), ("what", "open")]).await.unwrap();
        has(&opened(&mut browser, &one).await.0, &["Open</span>"]);
        let listed = browser.get(&format!("{path}?q=storm")).await.unwrap();
        has(&listed, &["Storm Pumps", &format!("href=\"{one}\"")]);
        let none = browser.get(&format!("{path}?q=unheard%25")).await.unwrap();
        has(&none, &["Show all", "value=\"unheard%\"", "class=\"empty\""]);
        // A site that is a customer, and a customer that is a site, are one thing: the next kind needs the name.
        let (_, etag) = opened(&mut browser, &one).await;
        browser.post(&one, &[("etag", &etag), (renamed_with, &format!("Done {path}"))]).await.unwrap();
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_customer_shows_its_sites_devices_and_account_and_a_site_its_customer() {
    let app = TestApp::start(2).await.unwrap();
    app.carry_out("Water", &json!({}), &crate::devices(2)).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let (water, acme) = (app.fixture.water.0, app.fixture.acme.0);
    let page = browser.get(&format!("/customers/{water}")).await.unwrap();
    has(&page, &["Only here", &format!("href=\"/devices?customer={water}\">3<"), "Sites of Water"]);
    let page = browser.get(&format!("/customers/{acme}")).await.unwrap();
    has(&page, &["At Rev.io", "9000001", "href=\"/integration-authentications/", "Acme (9000001)"]);
    for customer in ["9000001".to_owned(), acme.to_string()] {
        let name = format!("North {}", customer.len());
        let made = browser.post("/sites", &[("name", &name), ("customer", &customer)]).await.unwrap();
        let site = browser.get(made.location()).await.unwrap();
        has(&site, &[&format!("href=\"/customers/{acme}\">Acme</a>")]);
    }
    let listed = browser.get(&format!("/sites?customer={acme}")).await.unwrap();
    has(&listed, &["North 7", "North 36", "Of Acme"]);
    assert!(!listed.html.contains(">Water<"), "{}", listed.html);
    let wrong = browser.post("/sites", &[("name", "South"), ("customer", "4711")]).await.unwrap();
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(&wrong, &["No customer at Rev.io has that id", "value=\"South\"", "value=\"4711\"", "<a href=\"#customer\">"]);
    // The default site is nobody's to edit, and another role's page has no form at all.
    let default = format!("/sites/{}", app.fixture.unassigned);
    let page = browser.get(&default).await.unwrap();
    assert!(page.html.contains("default site") && page.field("etag").is_none(), "{}", page.html);
    let edit = browser.post(&default, &[("etag", "x"), ("name", "Mine")]).await.unwrap();
    assert_eq!(edit.status, StatusCode::NOT_FOUND);
    let (_, mut looks) = app.signed_in("looks@example.com", Role::User).await.unwrap();
    for path in ["/customers".to_owned(), format!("/customers/{acme}"), "/customer-rate-plans".to_owned(), default] {
        let seen = looks.get(&path).await.unwrap();
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        assert!(!seen.html.contains(&format!("action=\"{path}\" class=\"fields\"")), "{path}: {}", seen.html);
    }
    let plain = looks.get(&format!("/customers/{acme}")).await.unwrap();
    assert!(!plain.html.contains("/integration-authentications/"), "no link that is refused: {}", plain.html);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn lists_go_on_from_page_to_page_and_keep_what_was_searched_for() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let rows: String = (0..130).map(|n| format!("Row {n:03}\n")).collect();
    for (import, heading) in [("customers", "name"), ("customer-rate-plans", "code"), ("customer-rate-pools", "pool")] {
        let request = app.request(reqwest::Method::POST, &format!("/api/v1/{import}/import"));
        let done =
            app.send(request.header("content-type", "text/csv").body(format!("{heading}\n{rows}"))).await.unwrap();
        assert_eq!(done.json["created"], 130, "{import}: {}", done.json);
    }
    for path in ["/customers", "/sites", "/customer-rate-plans", "/customer-rate-pools"] {
        let (mut at, mut seen) = (format!("{path}?q=row"), std::collections::BTreeSet::new());
        for page in 1.. {
            let read = browser.get(&at).await.unwrap();
            assert_eq!(read.status, StatusCode::OK, "{at}: {}", read.html);
            seen.extend(read.html.split("Row ").skip(1).map(|part| part[..3].to_owned()));
            let next =
                read.html.split("href=\"").find(|part| part.contains("rel=\"next\"") && part.contains("cursor="));
            let Some(next) = next else {
                assert_eq!(page, 2, "{path}");
                break;
            };
            at = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
            assert!(at.contains("q=row"), "{at}");
        }
        assert_eq!(seen.len(), 130, "{path}");
        let wrong = browser.get(&format!("{path}?cursor=zz")).await.unwrap();
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{path}");
        let unknown = browser.get(&format!("{path}?colour=red")).await.unwrap();
        assert_eq!(unknown.status, StatusCode::BAD_REQUEST, "{path}: a filter that is ignored shows too much");
    }
    app.finish().await.unwrap();
}
