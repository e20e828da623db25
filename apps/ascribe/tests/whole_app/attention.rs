//! What somebody has to see to: rows of which nobody knows the outcome; below, plans that nobody applied, and plans whose
//! planner was killed.

mod left_over;
mod resumed;

use crate::devices;
use intake::PlannerSettings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use testing::{TestApp, iccid};

fn small() -> PlannerSettings {
    PlannerSettings { chunk_rows: 10, page_rows: 5, ..PlannerSettings::default() }
}

async fn applied(app: &TestApp, customer: &str, extra: &Value, devices: &[String]) -> String {
    let plan = app.plan(customer, extra, devices).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    let answer = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    plan.json["id"].as_str().unwrap().to_owned()
}

/// These rows of a change that was applied and not worked on need attention, and hold their devices: as after an answer of a
/// carrier that never came.
async fn lose_the_outcome(app: &TestApp, id: &str, rows: &[i32]) {
    let numbers: Vec<String> = rows.iter().map(ToString::to_string).collect();
    let these = format!("bulk_change_id = '{id}' and row_number in ({})", numbers.join(", "));
    app.database
        .plant(&format!(
            "update app.m2m_device_change set status = 'NEEDS_ATTENTION', processed_date = now() where {these};
             update app.bulk_change_counter set needs_attention = {0}, to_do = to_do - {0} where bulk_change_id = '{id}';
             insert into app.device_lock select device_id, tenant_id, bulk_change_id, row_number, now() from app.m2m_device_change where {these}",
            rows.len()
        ))
        .await
        .unwrap();
}

async fn resolve(app: &TestApp, id: &str, body: &Value) -> (StatusCode, Value) {
    let answer = app.post(&format!("/bulk-changes/{id}/resolve"), body).await.unwrap();
    (answer.status, answer.json)
}

async fn shown(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/bulk-changes/{id}")).await.unwrap().json
}

async fn act(app: &TestApp, id: &str, what: &str) -> Value {
    let answer = app.post(&format!("/bulk-changes/{id}/{what}"), &json!({})).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
    answer.json
}

async fn count(app: &TestApp, from: &str) -> i64 {
    app.database.number(&format!("select count(*) from {from}")).await.unwrap()
}

#[tokio::test]
async fn a_row_that_a_person_closes_as_failed_ends_and_gives_its_sim_back() {
    let app = TestApp::start(12).await.unwrap();
    let id = applied(&app, "Water", &json!({}), &devices(12)).await;
    lose_the_outcome(&app, &id, &[3, 12]).await;
    assert_eq!(app.work().await.unwrap(), 2);
    let change = shown(&app, &id).await;
    assert_eq!(
        (&change["status"], &change["counts"]["ok"], &change["counts"]["needs_attention"]),
        (&json!("PROCESSED"), &json!(10), &json!(2))
    );
    let held = app.plan("Cold", &json!({"on_conflict": "replace"}), &[iccid(2)]).await.unwrap();
    assert_eq!(held.json["counts"]["by_reason"], json!({"LOCKED_BY_OTHER_CHANGE": 1}));

    // Rows that need nothing, that are named twice, or that there are not, make no difference.
    let body = json!({"rows": [3, 1, 3, 99], "outcome": "failed", "reason": " The carrier never had it. ", "comment": "ticket 7"});
    let (status, after) = resolve(&app, &id, &body).await;
    assert_eq!(
        (status, &after["status"], &after["counts"]),
        (
            StatusCode::OK,
            &json!("PROCESSED"),
            &json!({"planned": 12, "ok": 10, "failed": 1, "skipped": 0, "cancelled": 0, "needs_attention": 1, "to_do": 0})
        ),
        "{after}"
    );
    let rows = app.rows("bulk-changes", &json!(id)).await.unwrap();
    assert_eq!((&rows[2]["status"], &rows[2]["reason"]), (&json!("FAILED"), &json!("CLOSED_BY_USER")));
    assert!(rows[2]["detail"].as_str().unwrap().contains("The carrier never had it.: ticket 7"), "{}", rows[2]);
    assert_eq!(rows[11]["status"], "NEEDS_ATTENTION");
    assert_eq!(count(&app, "app.device_lock").await, 1);
    let logged = "app.m2m_device_bulk_change_log where step = 'resolve' and status = 'FAILED' and row_number = 3 and error_text = 'The carrier never had it.: ticket 7'";
    assert_eq!(count(&app, logged).await, 1);
    let audited = format!(
        "app.audit_entry where action = 'rows_resolved' and actor = 'api_key:{}' and bulk_change_id = '{id}' and detail -> 'rows' = '[3]' and detail ->> 'processed' = 'false' and detail ->> 'comment' = 'ticket 7'",
        app.fixture.key_id
    );
    assert_eq!(count(&app, &audited).await, 1);

    let (status, again) = resolve(&app, &id, &body).await;
    assert_eq!((status, &again["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_RESOLVE")));
    // The SIM is free, and the row can be tried again.
    let free = app.plan("Cold", &json!({}), &[iccid(2)]).await.unwrap();
    assert_eq!(free.json["counts"]["change"], 1);
    let retry = app.post(&format!("/bulk-changes/{id}/retry"), &json!({})).await.unwrap();
    assert_eq!((retry.status, &retry.json["counts"]["change"]), (StatusCode::CREATED, &json!(1)), "{}", retry.json);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_row_that_a_person_closes_as_processed_is_recorded_like_any_other() {
    let app = TestApp::start(12).await.unwrap();
    let id = applied(&app, "Water", &json!({"customer_rate_plan": "P-ALL"}), &devices(12)).await;
    lose_the_outcome(&app, &id, &[2, 12]).await;
    app.work().await.unwrap();
    // Meanwhile the second one's assignment was moved by hand.
    app.database
        .plant(&format!("update app.device_tenant set customer_data_allocation_mb = 77 where device_id = (select id from app.m2m_device where iccid = '{}')", iccid(11)))
        .await
        .unwrap();
    let body = json!({"rows": [2, 12], "outcome": "processed", "reason": "The carrier shows it."});
    let (status, after) = resolve(&app, &id, &body).await;
    assert_eq!(
        (status, &after["status"], &after["counts"]["to_do"], &after["counts"]["needs_attention"]),
        (StatusCode::OK, &json!("PROCESSING"), &json!(2), &json!(0)),
        "{after}"
    );
    assert_eq!(count(&app, "app.device_lock").await, 0);
    assert_eq!(app.rows("bulk-changes", &json!(id)).await.unwrap()[1]["status"], "PENDING");
    assert_eq!(app.work().await.unwrap(), 2, "both chunks once more");
    let done = shown(&app, &id).await;
    assert_eq!(
        (&done["status"], &done["counts"]["ok"], &done["counts"]["skipped"], &done["counts"]["to_do"]),
        (&json!("PROCESSED"), &json!(11), &json!(1), &json!(0))
    );
    let rows = app.rows("bulk-changes", &json!(id)).await.unwrap();
    assert_eq!((&rows[1]["status"], &rows[1]["attempts"]), (&json!("PROCESSED"), &json!(1)));
    assert_eq!((&rows[11]["status"], &rows[11]["reason"]), (&json!("SKIPPED"), &json!("STALE_SINCE_PLAN")));
    let device = app.get(&format!("/devices?iccid={}", iccid(1))).await.unwrap().json["items"][0].clone();
    assert_eq!(
        (&device["customer"]["name"], &device["customer_rate_plan"]),
        (&json!("Water"), &json!("P-ALL")),
        "the assignment is there"
    );
    let logged = "app.m2m_device_bulk_change_log where step = 'resolve' and status = 'RESOLVED'";
    assert_eq!(count(&app, logged).await, 2);
    assert_eq!(count(&app, "app.audit_entry where action = 'bulk_change_finished'").await, 2, "it ended twice");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn the_status_of_a_change_says_what_became_of_the_rows_that_were_closed() {
    for (outcome, status) in [("failed", "ERROR"), ("processed", "PROCESSED")] {
        let app = TestApp::start(2).await.unwrap();
        let id = applied(&app, "Water", &json!({}), &devices(2)).await;
        lose_the_outcome(&app, &id, &[2]).await;
        app.database
            .plant(&format!("update app.m2m_device set status = 'suspend' where iccid = '{}'", iccid(0)))
            .await
            .unwrap();
        app.work().await.unwrap();
        assert_eq!(shown(&app, &id).await["status"], "ERROR", "the other row was skipped");
        let body = json!({"rows": [2], "outcome": outcome, "reason": "I looked."});
        assert_eq!(resolve(&app, &id, &body).await.0, StatusCode::OK);
        app.work().await.unwrap();
        let change = shown(&app, &id).await;
        assert_eq!((&change["status"], &change["counts"]["skipped"]), (&json!(status), &json!(1)), "{outcome}");
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn rows_can_be_closed_while_the_others_are_under_way() {
    for outcome in ["failed", "processed"] {
        let app = TestApp::start(12).await.unwrap();
        let id = applied(&app, "Water", &json!({}), &devices(12)).await;
        lose_the_outcome(&app, &id, &[5]).await;
        let body = json!({"rows": [5], "outcome": outcome, "reason": "I looked."});
        let (status, after) = resolve(&app, &id, &body).await;
        assert_eq!((status, &after["status"]), (StatusCode::OK, &json!("NEW")));
        assert_eq!(app.work().await.unwrap(), 2);
        let change = shown(&app, &id).await;
        let ok = if outcome == "failed" { 11 } else { 12 };
        assert_eq!((&change["status"], &change["counts"]["ok"]), (&json!("PROCESSED"), &json!(ok)), "{outcome}");
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_row_that_is_closed_as_processed_is_not_cancelled_with_its_chunk() {
    let app = TestApp::start(12).await.unwrap();
    let id = applied(&app, "Water", &json!({}), &devices(12)).await;
    lose_the_outcome(&app, &id, &[3]).await;
    act(&app, &id, "cancel").await;
    app.work().await.unwrap();
    let cancelled = shown(&app, &id).await;
    assert_eq!(
        (&cancelled["counts"]["cancelled"], &cancelled["counts"]["needs_attention"]),
        (&json!(11), &json!(1)),
        "what may have happened outside is not called cancelled"
    );
    let body = json!({"rows": [3], "outcome": "processed", "reason": "The carrier shows it."});
    assert_eq!(resolve(&app, &id, &body).await.0, StatusCode::OK);
    app.work().await.unwrap();
    let change = shown(&app, &id).await;
    assert_eq!(
        (&change["status"], &change["counts"]["ok"], &change["counts"]["cancelled"]),
        (&json!("PROCESSED"), &json!(1), &json!(11)),
        "{change}"
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_row_that_is_closed_as_processed_waits_while_its_change_is_paused() {
    let app = TestApp::start(12).await.unwrap();
    let id = applied(&app, "Water", &json!({}), &devices(12)).await;
    lose_the_outcome(&app, &id, &[3]).await;
    let claim = database::chunk::claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    database::chunk::settle_chunk(&app.ledger, &claim, claim.first_row, claim.last_row, "worker:test").await.unwrap();
    act(&app, &id, "pause").await;
    let body = json!({"rows": [3], "outcome": "processed", "reason": "The carrier shows it."});
    let (status, after) = resolve(&app, &id, &body).await;
    assert_eq!((status, &after["status"]), (StatusCode::OK, &json!("PAUSED")));
    assert_eq!(app.work().await.unwrap(), 0, "paused");
    act(&app, &id, "resume").await;
    assert_eq!(app.work().await.unwrap(), 2);
    assert_eq!(shown(&app, &id).await["counts"]["ok"], 12);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_row_that_is_closed_as_processed_after_a_cancel_leaves_nothing_that_waits_for_ever() {
    let app = TestApp::start_at_moment(2, "2026-10-20T12:00:00Z").await.unwrap();
    let extra = json!({"customer_rate_plan": "P-ALL", "effective_date": "2026-10-22"});
    let id = applied(&app, "Water", &extra, &devices(2)).await;
    lose_the_outcome(&app, &id, &[2]).await;
    app.work().await.unwrap();
    // What waits for its date is taken away, chunk and all; then the other row of the chunk is closed.
    act(&app, &id, "cancel").await;
    app.work().await.unwrap();
    let body = json!({"rows": [2], "outcome": "processed", "reason": "The carrier shows it."});
    assert_eq!(resolve(&app, &id, &body).await.0, StatusCode::OK);
    app.work().await.unwrap();
    app.work_after("3 days").await.unwrap();
    assert_eq!(count(&app, "app.device_tenant where scheduled_change_id is not null").await, 0);
    assert_eq!(shown(&app, &id).await["schedule"]["pending"], 0);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_resolved_says_so() {
    let app = TestApp::start(2).await.unwrap();
    let id = applied(&app, "Water", &json!({}), &devices(2)).await;
    app.work().await.unwrap();
    let good = json!({"rows": [1], "outcome": "failed", "reason": "I looked."});
    let (status, nothing) = resolve(&app, &id, &good).await;
    assert_eq!((status, &nothing["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_RESOLVE")), "it is done");

    let long = "x".repeat(1_001);
    let many: Vec<i32> = (1..=1_001).collect();
    for (field, value) in [
        ("rows", json!([])),
        ("rows", json!(many)),
        ("rows", json!(1)),
        ("rows", json!(["1"])),
        ("rows", json!([1.5])),
        ("rows", json!([3_000_000_000_u32])),
        ("rows", Value::Null),
        ("outcome", json!("maybe")),
        ("outcome", Value::Null),
        ("reason", json!("")),
        ("reason", json!("  ")),
        ("reason", json!("a\u{0}b")),
        ("reason", json!(long)),
        ("reason", Value::Null),
        ("comment", json!(long)),
        ("comment", json!(7)),
        ("surprise", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let (status, refused) = resolve(&app, &id, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        let code = refused["code"].as_str().unwrap();
        assert!(["FIELD_INVALID", "REQUEST_INVALID"].contains(&code), "{refused}");
    }
    let broken = app.request(Method::POST, &format!("/api/v1/bulk-changes/{id}/resolve")).body("{");
    assert_eq!(app.send(broken).await.unwrap().status, StatusCode::BAD_REQUEST);

    let plan = app.plan("Cold", &json!({"on_conflict": "replace"}), &devices(2)).await.unwrap();
    for other in [plan.json["id"].as_str().unwrap(), "4e1c2d34-0000-7000-8000-000000000000", "x"] {
        assert_eq!(resolve(&app, other, &good).await.0, StatusCode::NOT_FOUND, "{other}");
    }
    let foreign = app
        .anonymous(Method::POST, &format!("/api/v1/bulk-changes/{id}/resolve"))
        .bearer_auth(app.fixture.other_key.reveal());
    assert_eq!(app.send(foreign.json(&good)).await.unwrap().status, StatusCode::NOT_FOUND);
    assert_eq!(count(&app, "app.audit_entry where action = 'rows_resolved'").await, 0);
    app.finish().await.unwrap();
}
