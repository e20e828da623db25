//! The audit trail: listed, sealed, and whoever touches it is found out.

use super::text;
use crate::devices;
use database::audit::seal;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use testing::TestApp;

/// Seals, as soon as nothing that another test does on the same server may still come before what is sealed.
async fn seal_what_is_new(app: &TestApp) -> i64 {
    let unsealed = verified(app, "").await["unsealed"].as_i64().unwrap();
    let mut sealed = 0;
    for _ in 0..300 {
        sealed += i64::from(seal(&app.ledger, app.fixture.tenant).await.unwrap());
        if sealed == unsealed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sealed
}

/// A trail with some entries under two seals.
async fn sealed() -> TestApp {
    let app = TestApp::start(4).await.unwrap();
    app.carry_out("Water", &json!({}), &devices(2)).await.unwrap();
    assert!(seal_what_is_new(&app).await > 0);
    app.carry_out("Cold", &json!({}), &devices(4)[2..]).await.unwrap();
    assert!(seal_what_is_new(&app).await > 0);
    app
}

async fn verified(app: &TestApp, query: &str) -> Value {
    let answer = app.get(&format!("/audit/verify{query}")).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
    answer.json
}

#[tokio::test]
async fn the_trail_is_listed_newest_first_and_narrowed() {
    let app = sealed().await;
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/audit?limit=3&cursor={cursor}")).await.unwrap().json;
        all.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let ids: BTreeSet<i64> = all.iter().map(|entry| entry["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), all.len(), "each once");
    let actions: BTreeSet<&str> = all.iter().map(|entry| text(&entry["action"])).collect();
    for action in ["plan_made", "plan_applied", "chunk_settled", "bulk_change_finished", "api_key_created"] {
        assert!(actions.contains(action), "{actions:?}");
    }
    let change = text(&all[0]["bulk_change_id"]).to_owned();
    for query in
        [format!("bulk_change={change}"), "action=plan_made".to_owned(), "since=2999-01-01T00:00:00Z".to_owned()]
    {
        let some = app.get(&format!("/audit?{query}")).await.unwrap().json;
        let found = some["items"].as_array().unwrap();
        assert!(found.len() < all.len(), "{query}");
        assert!(found.is_empty() == query.starts_with("since"), "{query}: {some}");
    }
    let other =
        app.send_as(&app.fixture.other_key, reqwest::Method::GET, "/audit?limit=1000", None).await.unwrap().json;
    assert!(!other.to_string().contains(&change));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_whole_trail_is_whole_and_what_is_new_is_sealed_next() {
    let app = sealed().await;
    let found = verified(&app, "").await;
    assert_eq!((&found["whole"], &found["unsealed"]), (&json!(true), &json!(0)), "{found}");
    assert!(found["seals"].as_i64().unwrap() >= 2, "{found}");
    assert_eq!(seal(&app.ledger, app.fixture.tenant).await.unwrap(), 0, "nothing new, no seal");
    app.post("/sites", &json!({"name": "A"})).await.unwrap();
    let found = verified(&app, "").await;
    assert_eq!((&found["whole"], &found["unsealed"]), (&json!(true), &json!(1)));
    assert_eq!(seal_what_is_new(&app).await, 1);
    let known = found["head"].clone();
    let query = format!("?seal_number={}&digest={}", known["seal_number"], text(&known["digest"]));
    assert_eq!(verified(&app, &query).await["whole"], true, "the head of then is in the chain of now");
    assert_eq!(app.get("/audit/verify?seal_number=1").await.unwrap().status, StatusCode::BAD_REQUEST);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn whoever_touches_the_trail_is_found_out() {
    let first = "(select min(id) from app.audit_entry where tenant_id = '{tenant}')";
    let last = "(select max(id) from app.audit_entry where tenant_id = '{tenant}')";
    let of_tenant = "tenant_id = '{tenant}'";
    for (what, tampering) in [
        ("edit", format!("update app.audit_entry set actor = 'nobody' where id = {first}")),
        ("edit the detail", format!("update app.audit_entry set detail = '{{}}' where {of_tenant} and action = 'plan_applied'")),
        ("clock back", format!("update app.audit_entry set at = at - interval '1 second' where id = {last}")),
        ("delete the first", format!("delete from app.audit_entry where id = {first}")),
        ("delete the last", format!("delete from app.audit_entry where id = {last}")),
        (
            "insert",
            "insert into app.audit_entry (tenant_id, at, actor, action, made_in) select tenant_id, at, actor, 'x', made_in from app.audit_entry where tenant_id = '{tenant}' limit 1".to_owned(),
        ),
        (
            "swap",
            format!("update app.audit_entry set made_in = (select made_in from app.audit_entry where id = {last}) where id = {first}"),
        ),
        (
            "move to another tenant",
            format!("update app.audit_entry set tenant_id = (select id from app.tenant where name = 'Beta') where id = {first}"),
        ),
        ("take a seal out", format!("delete from app.audit_seal where {of_tenant} and seal_number = 1")),
        ("edit a seal", format!("update app.audit_seal set digest = sha256('x') where {of_tenant} and seal_number = 2")),
        ("move a seal's end", format!("update app.audit_seal set to_transaction = (to_transaction::text::bigint + 1)::text::xid8 where {of_tenant} and seal_number = 1")),
    ] {
        let app = sealed().await;
        let sql = tampering.replace("{tenant}", &app.fixture.tenant.to_string());
        app.database.plant(&sql).await.unwrap();
        let found = verified(&app, "").await;
        assert_eq!(found["whole"], false, "{what}: {found}");
        assert!(!found["broken"].as_array().unwrap().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_trail_that_was_cut_or_written_anew_is_found_out_by_a_head_kept_elsewhere() {
    for rewrite in [false, true] {
        let app = sealed().await;
        let head = verified(&app, "").await["head"].clone();
        let (tenant, last) = (app.fixture.tenant, head["seal_number"].as_i64().unwrap());
        // The last seal and what is under it go; or everything is sealed anew, over an entry that was changed.
        app.database
            .plant(&format!(
                "delete from app.audit_entry e using app.audit_seal s where s.tenant_id = '{tenant}' and s.seal_number = {last}
                     and e.tenant_id = s.tenant_id and e.made_in >= s.from_transaction;
                 delete from app.audit_seal where tenant_id = '{tenant}' and seal_number = {last}"
            ))
            .await
            .unwrap();
        if rewrite {
            let all = format!(
                "delete from app.audit_seal where tenant_id = '{tenant}'; update app.audit_entry set actor = 'x' where tenant_id = '{tenant}'"
            );
            app.database.plant(&all).await.unwrap();
            seal_what_is_new(&app).await;
        }
        assert_eq!(verified(&app, "").await["whole"], true, "by itself it cannot know");
        let query = format!("?seal_number={}&digest={}", head["seal_number"], text(&head["digest"]));
        let found = verified(&app, &query).await;
        assert_eq!(found["whole"], false, "{found}");
    }
}
