//! A person's hand on a running change: pause, resume, cancel, retry what was not done; and live events.

use crate::devices;
use database::chunk::{claim_chunk, release_chunk, settle_chunk};
use futures_util::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use testing::{TestApp, iccid};

/// Plans and applies these devices; the change's id.
async fn applied(app: &TestApp, customer: &str, devices: &[String]) -> String {
    let plan = app.plan(customer, &json!({}), devices).await.unwrap();
    let answer = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    plan.json["id"].as_str().unwrap().to_owned()
}

async fn act(app: &TestApp, id: &str, what: &str) -> (StatusCode, Value) {
    let answer = app.post(&format!("/bulk-changes/{id}/{what}"), &json!({})).await.unwrap();
    (answer.status, answer.json)
}

/// Settles one chunk.
async fn one_chunk(app: &TestApp) {
    let claim = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    settle_chunk(&app.ledger, &claim, claim.first_row, claim.last_row, "worker:test").await.unwrap();
}

#[tokio::test]
async fn a_paused_change_begins_no_chunk_and_a_resumed_one_goes_on() {
    let app = TestApp::start(30).await.unwrap();
    let id = applied(&app, "Water", &devices(30)).await;
    let running = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    let (status, paused) = act(&app, &id, "pause").await;
    assert_eq!((status, &paused["status"]), (StatusCode::OK, &json!("PAUSED")));
    assert!(claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().is_none());
    // What was being settled is finished, and the change stays paused.
    settle_chunk(&app.ledger, &running, running.first_row, running.last_row, "worker:test").await.unwrap();
    let shown = app.get(&format!("/bulk-changes/{id}")).await.unwrap().json;
    assert_eq!(
        (&shown["status"], &shown["counts"]["ok"], &shown["counts"]["to_do"]),
        (&json!("PAUSED"), &json!(10), &json!(20))
    );
    assert_eq!(act(&app, &id, "pause").await.0, StatusCode::CONFLICT);
    assert_eq!(act(&app, &id, "resume").await.1["status"], "PROCESSING");
    assert_eq!(act(&app, &id, "resume").await.1["code"], "WRONG_STATE");
    assert_eq!(app.work().await.unwrap(), 2);
    assert_eq!(app.get(&format!("/bulk-changes/{id}")).await.unwrap().json["counts"]["ok"], 30);
    assert_eq!(act(&app, &id, "cancel").await.0, StatusCode::CONFLICT, "nothing is left to cancel");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_chunk_whose_worker_died_or_gave_it_back_stays_paused_too() {
    let app = TestApp::start(20).await.unwrap();
    let id = applied(&app, "Water", &devices(20)).await;
    let died = claim_chunk(&app.ledger, Duration::from_millis(1)).await.unwrap().unwrap();
    let gave_back = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    act(&app, &id, "pause").await;
    release_chunk(&app.ledger, &gave_back).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().is_none(), "{died:?}");
    act(&app, &id, "resume").await;
    assert_eq!(app.work().await.unwrap(), 2);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_chunk_that_is_given_back_waits_and_lets_others_go_first() {
    let app = TestApp::start(20).await.unwrap();
    let id = applied(&app, "Water", &devices(20)).await;
    let first = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    release_chunk(&app.ledger, &first).await.unwrap();
    let next = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    assert_ne!(next.chunk_number, first.chunk_number);
    assert!(claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().is_none(), "not due yet");
    settle_chunk(&app.ledger, &next, next.first_row, next.last_row, "w").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(app.work().await.unwrap(), 1);
    assert_eq!(app.get(&format!("/bulk-changes/{id}")).await.unwrap().json["counts"]["ok"], 20);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn cancel_keeps_what_is_done_and_cancels_the_rest_paused_or_not() {
    for paused in [false, true] {
        let app = TestApp::start(35).await.unwrap();
        let id = applied(&app, "Water", &devices(35)).await;
        one_chunk(&app).await;
        if paused {
            act(&app, &id, "pause").await;
        }
        assert_eq!(act(&app, &id, "cancel").await.0, StatusCode::OK);
        assert_eq!(app.work().await.unwrap(), 3);
        let change = app.get(&format!("/bulk-changes/{id}")).await.unwrap().json;
        assert_eq!(
            (&change["status"], &change["counts"]["ok"], &change["counts"]["cancelled"]),
            (&json!("PROCESSED"), &json!(10), &json!(25))
        );
        let rows = app.rows("bulk-changes", &json!(id)).await.unwrap();
        assert!(
            rows[10..].iter().all(|row| row["status"] == "CANCELLED"
                && row["reason"] == "CANCELLED_BY_USER"
                && row["attempts"] == 0)
        );
        assert_eq!(app.database.number("select count(*) from app.device_tenant_history").await.unwrap(), 10);
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_change_of_which_everything_was_cancelled_is_cancelled() {
    let app = TestApp::start(15).await.unwrap();
    let id = applied(&app, "Water", &devices(15)).await;
    // A worker holds the first chunk already: it finds out when it settles.
    let running = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    act(&app, &id, "cancel").await;
    let settled =
        settle_chunk(&app.ledger, &running, running.first_row, running.last_row, "worker:test").await.unwrap();
    assert_eq!((settled.rows, settled.ok), (10, 0));
    app.work().await.unwrap();
    let change = app.get(&format!("/bulk-changes/{id}")).await.unwrap().json;
    assert_eq!((&change["status"], &change["counts"]["cancelled"]), (&json!("CANCELLED"), &json!(15)));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn retry_plans_what_was_not_done_from_fresh_verdicts_under_the_same_row_numbers() {
    let app = TestApp::start(30).await.unwrap();
    let mut list = devices(30);
    list.insert(0, "broken".into());
    let id = applied(&app, "Water", &list).await;
    one_chunk(&app).await;
    act(&app, &id, "cancel").await;
    assert_eq!(act(&app, &id, "retry").await.1["code"], "WRONG_STATE", "not before it is over");
    app.work().await.unwrap();
    // Meanwhile one of the rest was taken by somebody else.
    app.carry_out("Cold", &json!({}), &[iccid(20)]).await.unwrap();
    let (status, plan) = act(&app, &id, "retry").await;
    assert_eq!(
        (status, &plan["retry_of"], &plan["counts"]["rows"], &plan["counts"]["change"]),
        (StatusCode::CREATED, &json!(id), &json!(20), &json!(19)),
        "{plan}"
    );
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row["row"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (12..=31).collect::<Vec<i64>>());
    assert_eq!(rows[10]["reason"], "ALREADY_ASSIGNED_OTHER");
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    app.work().await.unwrap();
    let (status, nothing) = act(&app, plan["id"].as_str().unwrap(), "retry").await;
    assert_eq!((status, &nothing["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_RETRY")));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn another_tenants_change_and_a_plan_cannot_be_controlled() {
    let app = TestApp::start(2).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap();
    let planned = plan.json["id"].as_str().unwrap().to_owned();
    for what in ["pause", "resume", "cancel", "retry", "undo"] {
        assert_eq!(act(&app, &planned, what).await.0, StatusCode::NOT_FOUND, "{what}: a plan is not a change yet");
    }
    let id = applied(&app, "Cold", &devices(2)).await;
    for what in ["pause", "resume", "cancel", "retry", "undo"] {
        let foreign = app
            .anonymous(Method::POST, &format!("/api/v1/bulk-changes/{id}/{what}"))
            .bearer_auth(app.fixture.other_key.reveal());
        assert_eq!(app.send(foreign).await.unwrap().status, StatusCode::NOT_FOUND, "{what}");
    }
    let foreign = app
        .anonymous(Method::GET, &format!("/api/v1/bulk-changes/{id}/events"))
        .bearer_auth(app.fixture.other_key.reveal());
    assert_eq!(app.send(foreign).await.unwrap().status, StatusCode::NOT_FOUND);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

/// Reads events until the stream ends: (id, name, data).
async fn events(app: &TestApp, id: &str, last: Option<&str>) -> Vec<(String, String, Value)> {
    let mut request = app.request(Method::GET, &format!("/api/v1/bulk-changes/{id}/events"));
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let response = request.send().await.unwrap();
    if response.status() == StatusCode::NO_CONTENT {
        // The browser's word for: do not ask again.
        return Vec::new();
    }
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default().to_owned()
    };
    let whole = text.split("\n\n").filter(|event| event.contains("data: "));
    whole.map(|e| (field(e, "id"), field(e, "event"), serde_json::from_str(&field(e, "data")).unwrap())).collect()
}

#[tokio::test]
async fn events_tell_what_moved_and_end_when_nothing_is_left() {
    let app = TestApp::start(30).await.unwrap();
    let id = applied(&app, "Water", &devices(30)).await;
    let working = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(600)).await;
            one_chunk(&app).await;
        }
    };
    let (seen, ()) = tokio::join!(events(&app, &id, None), working);
    let done: Vec<i64> = seen.iter().map(|(_, _, data)| data["counts"]["ok"].as_i64().unwrap()).collect();
    assert_eq!(done, [0, 10, 20, 30]);
    let names: Vec<&str> = seen.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["progress", "progress", "progress", "finished"]);
    // Who was away hears of what moved since, and who knows the end hears nothing.
    assert_eq!(events(&app, &id, Some(&seen[1].0)).await, [seen[3].clone()]);
    assert_eq!(events(&app, &id, Some(&seen[3].0)).await, []);
    app.finish().await.unwrap();
}
