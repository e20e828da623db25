//! The audit trail and the system's health, as pages.

use super::every_page::sound;
use domain::rights::Role;
use reqwest::StatusCode;
use serde_json::json;
use testing::TestApp;

#[tokio::test]
async fn the_trail_is_filtered_by_who_what_when_and_change_and_goes_on_page_by_page() {
    let app = TestApp::start(2).await.unwrap();
    let (person, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let change = app.carry_out("Water", &json!({}), &crate::devices(2)).await.unwrap();
    let id = change["id"].as_str().unwrap();
    browser.post("/customers", &[("name", "Gale Pumps")]).await.unwrap();
    let all = browser.get("/audit").await.unwrap();
    sound(&all, "audit");
    for word in ["plan_applied", "sites_written", ">ops@example.com<", &format!("href=\"/bulk-changes/{id}\"")] {
        assert!(all.html.contains(word), "{word}: {}", all.html);
    }
    let cells = |html: &str| html.matches("<th scope=\"row\">").count();
    let mine = browser.get(&format!("/audit?actor=person:{person}")).await.unwrap();
    assert!(mine.html.contains("sites_written") && !mine.html.contains("<code>plan_applied"), "{}", mine.html);
    let applied = browser.get("/audit?action=plan_applied").await.unwrap();
    assert_eq!(cells(&applied.html), 1, "{}", applied.html);
    let of_change = browser.get(&format!("/audit?bulk_change={id}")).await.unwrap();
    assert!(
        of_change.html.contains("<code>plan_applied") && !of_change.html.contains("sites_written"),
        "{}",
        of_change.html
    );
    let before = browser.get("/audit?until=2020-01-31").await.unwrap();
    assert!(
        before.html.contains("Nothing is like that") && before.html.contains("value=\"2020-01-31\""),
        "{}",
        before.html
    );
    let since = browser.get("/audit?since=2020-01-31T22:00&action=plan_applied").await.unwrap();
    assert_eq!(cells(&since.html), 1, "{}", since.html);
    for wrong in ["since=yesterday", "bulk_change=4711", "until=2027-13-31"] {
        let refused = browser.get(&format!("/audit?{wrong}")).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(refused.html.contains("id=\"refused\""), "{wrong}: {}", refused.html);
        sound(&refused, wrong);
    }
    for n in 0..110 {
        app.post("/customers", &json!({"name": format!("Row {n}")})).await.unwrap();
    }
    let first = browser.get("/audit?action=sites_written").await.unwrap();
    let next =
        first.html.split("href=\"").find(|part| part.contains("rel=\"next\"")).unwrap().split('"').next().unwrap();
    let second = browser.get(&next.replace("&#38;", "&").replace("&amp;", "&")).await.unwrap();
    assert_eq!((cells(&first.html), cells(&second.html)), (100, 11), "{next}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn whether_the_trail_is_whole_is_told_and_a_kept_seal_is_held_against_it() {
    let app = TestApp::start(1).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    app.carry_out("Water", &json!({}), &crate::devices(1)).await.unwrap();
    database::audit::seal(&app.ledger, app.fixture.tenant).await.unwrap();
    let whole = browser.get("/audit/verify").await.unwrap();
    assert!(whole.html.contains("Everything is as it was sealed"), "{}", whole.html);
    let digest = whole.html.split("id=\"head\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let known = browser.get(&format!("/audit/verify?seal_number=1&digest={digest}")).await.unwrap();
    assert!(known.html.contains("Everything is as it was sealed"), "{}", known.html);
    let other = browser.get(&format!("/audit/verify?seal_number=1&digest={}", "0".repeat(64))).await.unwrap();
    assert!(other.html.contains("Not whole") && other.html.contains("is not in the chain"), "{}", other.html);
    for wrong in ["seal_number=1", "seal_number=x&digest=ab"] {
        let refused = browser.get(&format!("/audit/verify?{wrong}")).await.unwrap();
        assert!(
            refused.status.is_client_error() && refused.html.contains("id=\"refused\""),
            "{wrong}: {}",
            refused.html
        );
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn the_system_says_what_lives_and_what_waits() {
    let app = TestApp::start(2).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let quiet = browser.get("/system").await.unwrap();
    sound(&quiet, "system");
    for word in [
        "PostgreSQL ",
        "Due: 0 chunks;",
        "Nothing is sealed yet",
        "No worker has done anything",
        "No webhook is set up",
    ] {
        assert!(quiet.html.contains(word), "{word}: {}", quiet.html);
    }
    app.carry_out("Water", &json!({}), &crate::devices(1)).await.unwrap();
    database::audit::seal(&app.ledger, app.fixture.tenant).await.unwrap();
    let plan = app.plan("Cold", &json!({}), &crate::devices(2)[1..]).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    let hook = app
        .post("/webhooks", &json!({"url": "https://hooks.example.com/", "events": ["plan.ready"]}))
        .await
        .unwrap()
        .json;
    let (tenant, hook) = (app.fixture.tenant, hook["id"].as_str().unwrap());
    app.database
        .plant(&format!(
            "insert into app.webhook_delivery (tenant_id, id, webhook_id, seq, event, body, created_at, status, attempts, ended_at)
             values ('{tenant}', gen_random_uuid(), '{hook}', 1, 'plan.ready', '', app.now(), 'FAILED', 9, app.now())"
        ))
        .await
        .unwrap();
    let seen = browser.get("/system").await.unwrap();
    for word in [
        "Due: 1 chunk;",
        "worker:test",
        "Last sealed at",
        "Not heard",
        "given up in the last day: 1",
        "Verizon",
        "Rev.io",
    ] {
        assert!(seen.html.contains(word), "{word}: {}", seen.html);
    }
    app.work().await.unwrap();
    app.finish().await.unwrap();
}
