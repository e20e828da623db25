//! `Idempotency-Key`: same key and parts, same answer; other parts 422.

use crate::devices;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{Answer, TestApp};

async fn keyed(app: &TestApp, key: &str, file: &str) -> Answer {
    // A multipart body has another boundary each time: its bytes differ, its parts do not.
    let form = Form::new()
        .part("request", Part::text(app.asking("Water", &json!({})).to_string()))
        .part("devices", Part::text(file.to_owned()).file_name("a.csv"));
    app.send(app.request(Method::POST, "/api/v1/plans").header("Idempotency-Key", key).multipart(form)).await.unwrap()
}

#[tokio::test]
async fn the_same_key_and_parts_get_the_same_answer_and_other_parts_422() {
    let app = TestApp::start(3).await.unwrap();
    let file = format!("iccid\n{}\n", devices(3).join("\n"));
    let first = keyed(&app, "k-1", &file).await;
    let again = keyed(&app, "k-1", &file).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.json, again.json);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["location"], first.headers["location"]);
    let other = keyed(&app, "k-1", &file.replacen("iccid", "ICCID", 1)).await;
    assert_eq!(
        (other.status, &other.json["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("IDEMPOTENCY_KEY_REUSED"))
    );
    assert_ne!(keyed(&app, "k-2", &file).await.json["id"], first.json["id"]);
    assert_eq!(app.database.number("select count(*) from app.device_bulk_change").await.unwrap(), 2);

    let body = json!({"plan_id": first.json["id"]});
    let apply = || app.request(Method::POST, "/api/v1/bulk-changes").header("Idempotency-Key", "\"k-1\"").json(&body);
    let (one, two) = (app.send(apply()).await.unwrap(), app.send(apply()).await.unwrap());
    assert_eq!((one.status, two.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(one.json, two.json);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_refused_request_gives_its_key_back_and_a_bad_key_is_refused() {
    let app = TestApp::start(1).await.unwrap();
    assert_eq!(keyed(&app, "k", "no column\n1,2\n").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let file = format!("iccid\n{}\n", devices(1).join("\n"));
    assert_eq!(keyed(&app, "k", &file).await.status, StatusCode::CREATED);
    for bad in ["", "with space", &"x".repeat(256)] {
        assert_eq!(keyed(&app, bad, &file).await.json["code"], "IDEMPOTENCY_KEY_INVALID");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_key_in_flight_is_409_and_an_expired_mark_is_taken_over() {
    let app = TestApp::start(1).await.unwrap();
    let file = format!("iccid\n{}\n", devices(1).join("\n"));
    keyed(&app, "k", &file).await;
    app.database
        .plant(
            "update app.idempotency_key set status_code = null, body = null, expires_at = now() + interval '1 minute'",
        )
        .await
        .unwrap();
    let busy = keyed(&app, "k", &file).await;
    assert_eq!((busy.status, &busy.json["code"]), (StatusCode::CONFLICT, &json!("IDEMPOTENCY_KEY_IN_FLIGHT")));
    app.database.plant("update app.idempotency_key set expires_at = now() - interval '1 second'").await.unwrap();
    assert_eq!(keyed(&app, "k", &file).await.status, StatusCode::CREATED);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_apply_whose_answer_was_lost_is_answered_again_and_not_refused() {
    let app = TestApp::start(1).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(1)).await.unwrap();
    let body = json!({"plan_id": plan.json["id"]});
    let apply =
        |key: &str| app.request(Method::POST, "/api/v1/bulk-changes").header("Idempotency-Key", key).json(&body);
    assert_eq!(app.send(apply("a")).await.unwrap().status, StatusCode::ACCEPTED);
    // What a crash between the commit and the answer leaves: the mark of what was made, and no answer.
    app.database
        .plant("update app.idempotency_key set status_code = null, body = null, expires_at = now() - interval '1 hour'")
        .await
        .unwrap();
    let again = app.send(apply("a")).await.unwrap();
    assert_eq!((again.status, &again.json["id"]), (StatusCode::ACCEPTED, &plan.json["id"]), "{}", again.json);
    assert_eq!(app.send(apply("b")).await.unwrap().json["code"], "ALREADY_APPLIED");
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_key_that_expired_is_taken_away_a_day_later_and_no_other() {
    let app = TestApp::start(1).await.unwrap();
    let file = devices(1).join("\n");
    for key in ["young", "old", "lost", "lost-long-ago"] {
        assert_eq!(keyed(&app, key, &file).await.status, StatusCode::CREATED);
    }
    let aged = "update app.idempotency_key set expires_at = now() - interval '25 hours' where key <> 'young';
        update app.idempotency_key set status_code = null, body = null where key like 'lost%';
        update app.idempotency_key set expires_at = now() - interval '9 days' where key = 'lost-long-ago'";
    app.database.plant(aged).await.unwrap();
    let forget = |most| database::idempotency::forget_expired(&app.ledger, app.fixture.tenant, most);
    assert_eq!(forget(1).await.unwrap(), 1, "one at a time");
    assert_eq!(forget(10).await.unwrap(), 1);
    let left = "select count(*) from app.idempotency_key where key in ('young', 'lost')";
    assert_eq!(app.database.number(left).await.unwrap(), 2, "what was made can still be found");
    assert_eq!(app.database.number("select count(*) from app.idempotency_key").await.unwrap(), 2);
    app.finish().await.unwrap();
}
