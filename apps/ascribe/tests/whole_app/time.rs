//! Time: changes that start later; below, plans, pools and allocations that wait for their effective date.

mod due;
mod failed;
mod taken_away;

use crate::devices;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid, number};

/// Eight in the morning in New York, on a day of summer time.
const MORNING: &str = "2026-10-20T12:00:00Z";
/// When the next day begins there.
const TOMORROW: &str = "2026-10-21T04:00:00Z";

/// Plans and applies; the change as the answer shows it. Nothing has worked on it yet.
async fn applied(app: &TestApp, customer: &str, extra: &Value, devices: &[String]) -> Value {
    let plan = app.plan(customer, extra, devices).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    apply(app, &plan.json).await
}

async fn apply(app: &TestApp, plan: &Value) -> Value {
    let answer = app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    answer.json
}

/// The change as it is by now.
async fn shown(app: &TestApp, change: &Value) -> Value {
    let answer = app.get(&format!("/bulk-changes/{}", change["id"].as_str().unwrap())).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
    answer.json
}

async fn act(app: &TestApp, change: &Value, what: &str) -> (StatusCode, Value) {
    let id = change["id"].as_str().unwrap();
    let answer = app.post(&format!("/bulk-changes/{id}/{what}"), &json!({})).await.unwrap();
    (answer.status, answer.json)
}

/// A plan that begins to hold on this date.
fn on(date: &str) -> Value {
    json!({"customer_rate_plan": "P-ALL", "effective_date": date})
}

/// The counts of a schedule; those that are not named are 0.
fn tally(some: &[(&str, i64)]) -> Value {
    let mut counts = json!({"pending": 0, "applied": 0, "superseded": 0, "cancelled": 0, "failed": 0});
    for (status, rows) in some {
        counts[*status] = json!(rows);
    }
    counts
}

/// What a device has: its customer's name, plan, pool and allocation.
async fn has(app: &TestApp, place: u32) -> Value {
    let page = app.get(&format!("/devices?iccid={}", iccid(place))).await.unwrap().json;
    let device = &page["items"][0];
    json!([
        device["customer"]["name"],
        device["customer_rate_plan"],
        device["customer_rate_pool"],
        device["customer_data_allocation_mb"]
    ])
}

/// How many devices wait for a date.
async fn waiting(app: &TestApp) -> i64 {
    app.database.number("select count(*) from app.device_tenant where scheduled_change_id is not null").await.unwrap()
}

/// Works as a worker does so many seconds after this moment, or before it.
async fn work_at(app: &TestApp, moment: &str, seconds: i64) -> u32 {
    let ahead = format!("select extract(epoch from timestamptz '{moment}' - app.now())::bigint");
    let ahead = number(app.ledger.server(), &ahead).await.unwrap() + seconds;
    app.work_after(&format!("{ahead} seconds")).await.unwrap()
}

/// A second customer rate plan that fits every service provider.
async fn second_plan(app: &TestApp) {
    app.database
        .plant("insert into app.customer_rate_plan (tenant_id, id, rate_plan_code, rate_plan_name) select id, gen_random_uuid(), 'P-TWO', 'P-TWO' from app.tenant where name = 'Alpha'")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_with_a_start_waits_for_it_as_a_whole() {
    // With its offset, and as the tenant's own time: both are ten in the morning in New York.
    for start_at in ["2026-10-20T10:00:00-04:00", "2026-10-20T10:00"] {
        let app = TestApp::start_at_moment(12, MORNING).await.unwrap();
        let plan = app.plan("Water", &json!({"start_at": start_at}), &devices(12)).await.unwrap();
        assert_eq!((plan.status, &plan.json["start_at"]), (StatusCode::CREATED, &json!("2026-10-20T14:00:00Z")));
        let change = apply(&app, &plan.json).await;
        assert_eq!(
            (&change["status"], &change["start_at"]),
            (&json!("SCHEDULED"), &json!("2026-10-20T14:00:00Z")),
            "{start_at}"
        );
        assert_eq!(app.work().await.unwrap(), 0);
        assert_eq!(app.work_after("1 hour").await.unwrap(), 0);
        assert_eq!(shown(&app, &change).await["status"], "SCHEDULED");
        assert_eq!(app.work_after("3 hours").await.unwrap(), 2);
        let done = shown(&app, &change).await;
        assert_eq!((&done["status"], &done["counts"]["ok"]), (&json!("PROCESSED"), &json!(12)));
        assert_eq!(done["start_at"], "2026-10-20T14:00:00Z", "it still says when it was to start");
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_scheduled_change_can_be_paused_and_keeps_its_start() {
    let app = TestApp::start_at_moment(12, MORNING).await.unwrap();
    let change = applied(&app, "Water", &json!({"start_at": "2026-10-20T10:00"}), &devices(12)).await;
    let (status, paused) = act(&app, &change, "pause").await;
    assert_eq!((status, &paused["status"]), (StatusCode::OK, &json!("PAUSED")));
    assert_eq!(app.work_after("3 hours").await.unwrap(), 0, "paused, whatever the time");
    let (status, resumed) = act(&app, &change, "resume").await;
    assert_eq!(
        (status, &resumed["status"], &resumed["start_at"]),
        (StatusCode::OK, &json!("SCHEDULED"), &json!("2026-10-20T14:00:00Z"))
    );
    assert_eq!(app.work().await.unwrap(), 0);
    assert_eq!(app.work_after("1 hour").await.unwrap(), 0);
    assert_eq!(app.work_after("3 hours").await.unwrap(), 2);
    assert_eq!(shown(&app, &change).await["status"], "PROCESSED");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_scheduled_change_that_is_cancelled_does_not_wait_for_its_start() {
    for paused in [false, true] {
        let app = TestApp::start_at_moment(12, MORNING).await.unwrap();
        let change = applied(&app, "Water", &json!({"start_at": "2026-10-20T10:00"}), &devices(12)).await;
        if paused {
            assert_eq!(act(&app, &change, "pause").await.0, StatusCode::OK);
        }
        assert_eq!(act(&app, &change, "cancel").await.0, StatusCode::OK);
        assert_eq!(app.work().await.unwrap(), 2);
        let ended = shown(&app, &change).await;
        assert_eq!((&ended["status"], &ended["counts"]["cancelled"]), (&json!("CANCELLED"), &json!(12)));
        assert_eq!(app.database.number("select count(*) from app.device_tenant_history").await.unwrap(), 0);
        assert_eq!(app.work_after("3 hours").await.unwrap(), 0);
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_plan_that_is_applied_after_its_start_begins_at_once() {
    let app = TestApp::start_at_moment(1, MORNING).await.unwrap();
    let plan = app.plan("Water", &json!({"start_at": "2026-10-20T10:00"}), &devices(1)).await.unwrap();
    app.database.plant("update app.device_bulk_change set start_at = start_at - interval '3 hours'").await.unwrap();
    let change = apply(&app, &plan.json).await;
    assert_eq!((&change["status"], &change["start_at"]), (&json!("NEW"), &json!("2026-10-20T11:00:00Z")));
    assert_eq!(app.work().await.unwrap(), 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_start_is_a_moment_that_exists_once_and_is_still_to_come() {
    let app = TestApp::start_at_moment(1, "2026-10-24T20:00:00Z").await.unwrap();
    for (start_at, says) in [
        ("2026-10-24T15:59:59-04:00", "is past"),
        ("2026-10-24T16:00", "is past"),
        // The clocks go back on the first of November and forward on the fourteenth of March.
        ("2026-11-01T01:30", "exists twice"),
        ("2027-03-14T02:30", "does not exist"),
        ("2027-10-26T20:00:00Z", "more than a year ahead"),
        ("2026-10-25", "is not a moment"),
        ("10/25/2026 10:00", "is not a moment"),
    ] {
        let refused = app.plan("Water", &json!({"start_at": start_at}), &devices(1)).await.unwrap();
        assert_eq!(
            (refused.status, &refused.json["code"], &refused.json["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("FIELD_INVALID"), &json!("/start_at")),
            "{start_at}"
        );
        assert!(refused.json["detail"].as_str().unwrap().contains(says), "{start_at}: {}", refused.json);
    }
    for (start_at, at) in [
        ("2026-11-01T01:30:00-04:00", "2026-11-01T05:30:00Z"),
        ("2026-11-01T01:30:00-05:00", "2026-11-01T06:30:00Z"),
        ("2026-11-01T02:00", "2026-11-01T07:00:00Z"),
        ("2027-03-14T01:59:59", "2027-03-14T06:59:59Z"),
        ("2027-03-14T03:00", "2027-03-14T07:00:00Z"),
    ] {
        let plan = app.plan("Water", &json!({"start_at": start_at}), &devices(1)).await.unwrap();
        assert_eq!((plan.status, &plan.json["start_at"]), (StatusCode::CREATED, &json!(at)), "{start_at}");
    }
    assert_eq!(app.database.number("select count(*) from app.device_bulk_change").await.unwrap(), 5);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_date_that_comes_before_the_start_has_come_by_then() {
    let app = TestApp::start_at_moment(1, MORNING).await.unwrap();
    let mut extra = on("2026-10-21");
    extra["start_at"] = json!("2026-10-22T10:00");
    let change = applied(&app, "Water", &extra, &devices(1)).await;
    assert_eq!(work_at(&app, TOMORROW, 1).await, 0);
    assert_eq!(work_at(&app, "2026-10-22T14:00:00Z", 1).await, 1);
    assert_eq!(has(&app, 0).await, json!(["Water", "P-ALL", null, null]));
    assert_eq!(shown(&app, &change).await["schedule"], Value::Null);
    app.finish().await.unwrap();
}
