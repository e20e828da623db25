//! Assigning with forms alone: devices from a file, pasted or picked; who gets them; the plan; and applying it.

use super::every_page::sound;
use domain::rights::Role;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{Browser, PASSWORD, Seen, TestApp, iccid};

/// Sends the form of `/assign` as a browser does: the token, the text field, and a file part, be it empty.
async fn sent(browser: &mut Browser, pasted: &str, file: Option<(&str, Vec<u8>)>) -> Seen {
    let part = match file {
        Some((name, bytes)) => Part::bytes(bytes).file_name(name.to_owned()),
        None => Part::bytes(Vec::new()).file_name(""),
    };
    let form = Form::new()
        .text("form_token", browser.form_token.clone())
        .text("pasted", pasted.to_owned())
        .part("file", part.mime_str("application/octet-stream").unwrap());
    browser.send(browser.request(Method::POST, "/assign").multipart(form)).await.unwrap()
}

/// The page of the step after the devices.
async fn target(browser: &mut Browser, pasted: &str, file: Option<(&str, Vec<u8>)>) -> (String, Seen) {
    let kept = sent(browser, pasted, file).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.html);
    let path = kept.location().to_owned();
    let page = browser.get(&path).await.unwrap();
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    sound(&page, "/assign/{id}");
    (path, page)
}

/// Sends a form and goes to the plan it leads to.
async fn planned(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> (String, Seen) {
    let made = browser.post(path, &[&[("act", "plan")], fields].concat()).await.unwrap();
    assert!(made.location().starts_with("/plans/"), "{} {}", made.status, made.html);
    let plan = made.location().to_owned();
    let page = browser.get(&plan).await.unwrap();
    sound(&page, "/plans/{id}");
    (plan, page)
}

#[track_caller]
fn has(seen: &Seen, words: &[&str]) {
    for word in words {
        assert!(seen.html.contains(word), "{word}: {}", seen.html);
    }
}

#[tokio::test]
async fn a_file_with_bad_rows_is_understood_planned_and_applied() {
    let app = TestApp::start(4).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let first = browser.get("/assign").await.unwrap();
    sound(&first, "/assign");
    has(&first, &["enctype=\"multipart/form-data\"", "id=\"pasted\"", "id=\"file\""]);
    let file = format!(
        "Serial,Who,Note\n{},Water,a\n{},Cold,b\n{},Water,twice\n{},Nobody,c\nbroken,Water,d\n8.91480000012346E+19,Water,e\n",
        iccid(0),
        iccid(1),
        iccid(0),
        iccid(2)
    );
    let (path, page) = target(&mut browser, "", Some(("June <b>.csv", file.into_bytes()))).await;
    // No heading says which column names the SIM: it is asked for, and the file stays where it is.
    has(&page, &["June &#60;b&#62;.csv", "No column is known to name the SIM", "id=\"column_0\"", ">Serial</label>"]);
    let refused = browser.post(&path, &[("act", "plan"), ("customer", "Water"), ("reference", "T-<7>")]).await.unwrap();
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(&refused, &["href=\"#devices\"", "id=\"devices-error\"", "value=\"T-&#60;7&#62;\"", "value=\"Water\""]);
    sound(&refused, "refused");
    let columns = [("column_0", "iccid"), ("column_1", "customer"), ("column_2", ""), ("reference", "T-7")];
    let (plan, page) = planned(&mut browser, &path, &columns).await;
    has(
        &page,
        &[
            "2 will be changed",
            "4 are refused",
            "DUPLICATE_IN_INPUT",
            "CUSTOMER_NOT_FOUND",
            "ICCID_EXCEL_ROUNDED",
            "Apply 2 changes",
            "Assign 2 devices, each to its row&#39;s customer.",
            "Record the assignment",
            "Nothing is sent to anybody outside",
            "T-7",
        ],
    );
    let stored = app.get(&plan).await.unwrap().json;
    assert_eq!(stored["request"]["columns"], json!({"Serial": "iccid", "Who": "customer"}), "{stored}");
    assert_eq!((&stored["counts"]["rows"], &stored["input_name"]), (&json!(6), &json!("June <b>.csv")));
    let narrowed = browser.get(&format!("{plan}?reason=CUSTOMER_NOT_FOUND")).await.unwrap();
    has(&narrowed, &[&iccid(2), "Show all"]);
    assert!(!narrowed.html.contains(&iccid(1)), "{}", narrowed.html);
    assert_eq!(browser.get(&format!("{plan}?verdict=MAYBE")).await.unwrap().status, StatusCode::BAD_REQUEST);
    let once = page.field("once").unwrap().to_owned();
    let applied = browser.post(&format!("{plan}/apply"), &[("once", &once)]).await.unwrap();
    assert!(applied.location().starts_with("/bulk-changes/"), "{} {}", applied.status, applied.html);
    app.work().await.unwrap();
    let done = browser.get(applied.location()).await.unwrap();
    has(&done, &["<strong>2</strong> =", "2 ok", "results.xlsx"]);

    // The same input again, as by the browser's way back: another plan, of what is so by now.
    let (_, again) = planned(&mut browser, &path, &columns).await;
    has(&again, &["0 will be changed", "2 are so already", "There is nothing to apply"]);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_list_is_pasted_a_customer_found_and_what_is_wrong_said_at_its_field() {
    let app = TestApp::start(4).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::SuperAdmin).await.unwrap();
    browser.get("/assign").await.unwrap();
    for (pasted, file, field) in [
        ("", None, "pasted"),
        (iccid(0).as_str(), Some(("a.csv", b"iccid\n1\n".to_vec())), "pasted"),
        ("", Some(("a.pdf", b"%PDF-1.7 nothing".to_vec())), "file"),
        ("", Some(("a.csv", Vec::new())), "file"),
    ] {
        let refused = sent(&mut browser, pasted, file).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{pasted} {}", refused.html);
        has(
            &refused,
            &[&format!("href=\"#{field}\""), &format!("id=\"{field}-error\""), "aria-invalid=\"true\"", pasted],
        );
        sound(&refused, "/assign");
    }
    let list = format!("{}; {}\n{}\n12\n", iccid(0), iccid(1), iccid(0));
    let (path, page) = target(&mut browser, &list, None).await;
    has(
        &page,
        &["4 rows: 2 name SIMs of their own, 1 named again, 1 that cannot be read.", "Row 4", "<code>12</code>"],
    );

    // Looked for without a script; what was typed elsewhere stays.
    let typed = [("customer", "twin"), ("reference", "T-9"), ("once", "o-1"), ("on_conflict", "replace")];
    let found = browser.post(&path, &[&typed[..], &[("act", "find")]].concat()).await.unwrap();
    assert_eq!(found.status, StatusCode::OK);
    has(&found, &["9000002", "9000003", "value=\"T-9\"", "value=\"replace\" checked"]);
    sound(&found, "found");
    let customers = app.get("/customers?q=9000003").await.unwrap().json;
    let twin = customers["items"][0]["id"].as_str().unwrap();
    let taken = browser.post(&path, &[&typed[..], &[("choose", twin)]].concat()).await.unwrap();
    has(&taken, &["value=\"9000003\"", "value=\"T-9\""]);
    let none = browser.post(&path, &[("act", "find"), ("customer", "nobody at all")]).await.unwrap();
    has(&none, &["No customer is called like that"]);

    // Each at its field, and nothing is lost.
    for (fields, field, said) in [
        (&[][..], "customer", "Say which customer"),
        (&[("customer", "Twin")][..], "customer", "2 customers match Twin"),
        (&[("customer", "Nowhere")][..], "customer", "Nowhere"),
        (&[("customer", "Water"), ("site", "Elsewhere")][..], "site", "Elsewhere"),
        (&[("customer", "Water"), ("customer_rate_plan", "P-NONE")][..], "customer_rate_plan", "P-NONE"),
        (&[("customer", "Water"), ("customer_rate_pool", "Nope")][..], "customer_rate_pool", "Nope"),
        (&[("customer", "Water"), ("customer_data_allocation_mb", "many")][..], "customer_data_allocation_mb", "many"),
        (&[("customer", "Water"), ("effective_date", "1989-01-01")][..], "effective_date", "1989-01-01"),
        (&[("customer", "Water"), ("start_at", "2001-01-01T00:00")][..], "start_at", "past"),
        (&[("customer", "Water"), ("service_provider", "Moon")][..], "service_provider", "Moon"),
        (&[("customer", "Water"), ("package", "Gold")][..], "package", "create_rev_service"),
        (&[("customer", "Water"), ("disconnect_existing", "1")][..], "disconnect_existing", "on_conflict"),
    ] {
        let refused = browser.post(&path, &[fields, &[("act", "plan"), ("reference", "T-9")]].concat()).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?} {}", refused.html);
        has(&refused, &[&format!("href=\"#{field}\""), &format!("id=\"{field}-error\""), said, "value=\"T-9\""]);
        sound(&refused, field);
    }
    let plans = app.get("/plans").await.unwrap().json;
    assert_eq!(plans["items"], json!([]), "nothing was planned by all that");

    let fields = [("customer", "9000001"), ("start_at", ""), ("once", "o-2"), ("customer_rate_plan", "P-ALL")];
    let (plan, page) = planned(&mut browser, &path, &fields).await;
    has(&page, &["2 will be changed", "Assign 2 devices to 9000001.", "P-ALL"]);
    let (again, _) = planned(&mut browser, &path, &fields).await;
    assert_eq!(plan, again, "a double click makes one plan");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn above_a_thousand_rows_the_number_is_typed() {
    let app = TestApp::start(1_002).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    browser.get("/devices").await.unwrap();
    let kept = browser
        .post("/assign/devices", &[("of", "all"), ("query", "service_provider=Verizon&status=active")])
        .await
        .unwrap();
    assert!(
        kept.location().starts_with("/assign/") && kept.location().ends_with("?service_provider=Verizon"),
        "{}",
        kept.location()
    );
    let path = kept.location().split('?').next().unwrap().to_owned();
    let page = browser.get(kept.location()).await.unwrap();
    has(&page, &["matching devices", "\" selected>Verizon</option>"]);
    let (plan, page) = planned(&mut browser, &path, &[("customer", "Water"), ("service_provider", "Verizon")]).await;
    let counts = app.get(&plan).await.unwrap().json["counts"].clone();
    let change = counts["change"].as_i64().unwrap();
    assert!(change > 1_000, "{counts}");
    has(&page, &["Type 1,00", "id=\"count\"", "Apply 1,00"]);
    for wrong in ["", "1000", "yes"] {
        let fields = [("once", page.field("once").unwrap()), ("count", wrong)];
        let refused = browser.post(&format!("{plan}/apply"), &fields).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        has(&refused, &["id=\"refused\"", "aria-invalid=\"true\""]);
        sound(&refused, "refused");
    }
    assert_eq!(app.get(&plan).await.unwrap().json["status"], "PLANNED");
    let fields = [("once", page.field("once").unwrap()), ("count", &change.to_string())];
    let applied = browser.post(&format!("{plan}/apply"), &fields).await.unwrap();
    assert!(applied.location().starts_with("/bulk-changes/"), "{} {}", applied.status, applied.html);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn nobody_plans_for_others_or_from_what_is_theirs() {
    let app = TestApp::start(2).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    app.person_of(app.fixture.other_tenant, "beta@example.com", Role::SuperAdmin).await.unwrap();
    let mut beta = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    beta.sign_in("beta@example.com", PASSWORD).await.unwrap();
    beta.get("/assign").await.unwrap();
    browser.get("/assign").await.unwrap();
    let (path, _) = target(&mut browser, &iccid(0), None).await;
    let (theirs, _) = target(&mut beta, &iccid(910_000), None).await;

    // Another tenant's customer is nobody's, by its id too; another tenant's SIM is unknown.
    let water = app.fixture.water.0.to_string();
    let refused = beta.post(&theirs, &[("act", "plan"), ("customer", &water)]).await.unwrap();
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(&refused, &["id=\"customer-error\""]);
    assert!(!refused.html.contains("Water"), "{}", refused.html);
    let found = beta.post(&theirs, &[("act", "find"), ("customer", "Water")]).await.unwrap();
    has(&found, &["No customer is called like that"]);

    // Inputs are somebody's own: neither another tenant nor a colleague finds them.
    let (_, mut colleague) = app.signed_in("colleague@example.com", Role::PartnerAdmin).await.unwrap();
    for other in [&mut beta, &mut colleague] {
        assert_eq!(other.get(&path).await.unwrap().status, StatusCode::NOT_FOUND);
        let posted = other.post(&path, &[("act", "plan"), ("customer", "Water")]).await.unwrap();
        assert_eq!(posted.status, StatusCode::NOT_FOUND);
        let devices = path.replace("/assign/", "/devices?pasted=");
        assert_eq!(other.get(&devices).await.unwrap().status, StatusCode::NOT_FOUND);
    }
    assert_eq!(browser.get("/assign/nonsense").await.unwrap().status, StatusCode::NOT_FOUND);

    // Who only looks is told so, whatever they send; without the token nobody gets anywhere.
    let (_, mut viewer) = app.signed_in("viewer@example.com", Role::User).await.unwrap();
    for path in ["/assign", &path] {
        let seen = viewer.get(path).await.unwrap();
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{path}");
        sound(&seen, path);
    }
    assert_eq!(sent(&mut viewer, &iccid(0), None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(viewer.post("/assign/devices", &[("of", "all")]).await.unwrap().status, StatusCode::FORBIDDEN);
    let list = viewer.get("/devices").await.unwrap();
    assert!(!list.html.contains("/assign"), "{}", list.html);
    "x".clone_into(&mut browser.form_token);
    let foreign = sent(&mut browser, &iccid(0), None).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    has(&foreign, &["did not come from a page of ours"]);
    let plans = app.get("/plans").await.unwrap().json;
    assert_eq!(plans["items"], json!([]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_result_file_is_a_workbook_too_and_is_read_again_as_it_is() {
    let app = TestApp::start(3).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let file = format!("Note,ICCID\n=1+1,{}\n\"two\nlines\",{}\n\u{1}-,broken\n007,{}\n", iccid(0), iccid(1), iccid(2));
    let made = app.plan_file("Water", &json!({}), file).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": made["id"]})).await.unwrap();
    app.work().await.unwrap();
    let change = made["id"].as_str().unwrap();
    let workbook =
        |query: &str| browser.request(Method::GET, &format!("/api/v1/bulk-changes/{change}/results.xlsx{query}"));
    let answer = workbook("").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["content-type"].to_str().unwrap().contains("spreadsheetml"));
    assert!(answer.headers()["content-disposition"].to_str().unwrap().ends_with(".xlsx\""));
    let whole = answer.bytes().await.unwrap().to_vec();
    let narrowed = workbook("?status=REFUSED").send().await.unwrap().bytes().await.unwrap().to_vec();
    assert_eq!(workbook("?color=red").send().await.unwrap().status(), StatusCode::BAD_REQUEST);

    browser.get("/assign").await.unwrap();
    let (path, page) = target(&mut browser, "", Some(("results.xlsx", whole))).await;
    has(
        &page,
        &["4 rows: 3 name SIMs of their own, 0 named again, 1 that cannot be read.", "=1+1", "two\nlines", "007"],
    );
    assert!(!page.html.contains("_status"), "what was added is nobody's own: {}", page.html);
    let (plan, page) = planned(&mut browser, &path, &[("customer", "Water")]).await;
    has(&page, &["3 are so already", "1 are refused"]);
    let rows = app.rows("plans", &json!(plan.trim_start_matches("/plans/"))).await.unwrap();
    let inputs: Vec<&Value> = rows.iter().map(|row| &row["input"]).collect();
    assert_eq!(inputs, [&json!(iccid(0)), &json!(iccid(1)), &json!("broken"), &json!(iccid(2))]);
    browser.get("/assign").await.unwrap();
    let (_, page) = target(&mut browser, "", Some(("failed.xlsx", narrowed))).await;
    has(&page, &["1 row: 0 name SIMs of their own, 0 named again, 1 that cannot be read."]);
    app.finish().await.unwrap();
}
