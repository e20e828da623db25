//! The conventions of the API: request ids, problems, limits, preferences, metrics.

use super::text;
use crate::devices;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;
use testing::TestApp;

#[tokio::test]
async fn a_request_has_an_id_and_a_problem_says_which_and_where() {
    let app = TestApp::start(0).await.unwrap();
    let refused = app.send(app.request(Method::GET, "/api/v1/plans/x").header("X-Request-Id", "mine-1")).await.unwrap();
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(
        (&refused.headers["x-request-id"], &refused.json["request_id"]),
        (&"mine-1".parse().unwrap(), &json!("mine-1"))
    );
    assert_eq!((&refused.json["instance"], &refused.json["code"]), (&json!("/api/v1/plans/x"), &json!("NOT_FOUND")));
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let unnamed = app.get("/plans/x").await.unwrap();
    assert_eq!(unnamed.json["request_id"], unnamed.headers["x-request-id"].to_str().unwrap());
    let bad = app.send(app.request(Method::GET, "/api/v1/me").header("X-Request-Id", "x".repeat(200))).await.unwrap();
    assert_ne!(bad.headers["x-request-id"].len(), 200, "an id that could harm a log is not taken");
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let traced = app.send(app.request(Method::GET, "/api/v1/me").header("traceparent", trace)).await.unwrap();
    assert_eq!(traced.headers["traceparent"], trace);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_others_are_not() {
    let app = TestApp::start_limited(2, 5).await.unwrap();
    let mut refused = None;
    for n in 0..8 {
        let answer = app.get("/me").await.unwrap();
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["ratelimit-policy"], "\"per-key\";q=5;w=3");
        assert!(answer.headers["ratelimit"].to_str().unwrap().starts_with("\"per-key\";r="), "{n}");
    }
    let refused = refused.unwrap();
    assert_eq!((&refused.json["code"], &refused.json["retryable"]), (&json!("TOO_MANY_REQUESTS"), &json!(true)));
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    let other = app.send_as(&app.fixture.other_key, Method::GET, "/me", None).await.unwrap();
    assert_eq!(other.status, StatusCode::OK, "each key has its own");
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(app.get("/me").await.unwrap().status, StatusCode::OK, "and then it may");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_prefers_to_wait_is_answered_when_it_is_over() {
    let app = TestApp::start_with(3, intake::PlannerSettings::default(), Duration::ZERO).await.unwrap();
    let mut asking = app.asking("Water", &json!({}));
    asking["devices"] = json!(devices(3));
    let at_once = app.post("/plans", &asking).await.unwrap();
    assert_eq!(at_once.status, StatusCode::ACCEPTED, "this app waits for nothing by itself");
    assert_eq!((&at_once.headers["retry-after"], &at_once.json["poll_after_ms"]), (&"1".parse().unwrap(), &json!(500)));
    let waiting = app.request(Method::POST, "/api/v1/plans").header("Prefer", "respond-async, wait=20").json(&asking);
    let plan = app.send(waiting).await.unwrap();
    assert_eq!((plan.status, &plan.json["status"]), (StatusCode::CREATED, &json!("PLANNED")));
    let body = json!({"plan_id": plan.json["id"]});
    let applying = app.request(Method::POST, "/api/v1/bulk-changes").header("Prefer", "wait=20").json(&body);
    let working = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        app.work().await.unwrap();
    };
    let (applied, ()) = tokio::join!(app.send(applying), working);
    let change = applied.unwrap().json;
    assert_eq!((&change["finished"], &change["counts"]["ok"]), (&json!(true), &json!(3)), "{change}");
    assert_eq!(
        change["can"],
        json!({"pause": false, "resume": false, "cancel": false, "retry": false, "undo": true, "resolve": false})
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn metrics_count_by_route_and_hold_nothing_of_anybody() {
    let app = TestApp::start(2).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    let id = text(&plan["id"]);
    app.get(&format!("/plans/{id}")).await.unwrap();
    let shown = app.anonymous(Method::GET, "/metrics").send().await.unwrap();
    assert!(shown.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let shown = shown.text().await.unwrap();
    assert!(shown.contains("ascribe_http_requests_total{"), "{shown}");
    assert!(shown.contains("route=\"/api/v1/plans/{id}\""), "{shown}");
    assert!(shown.contains("ascribe_http_request_seconds_bucket"), "{shown}");
    assert!(shown.contains("ascribe_chunks{state=\"ready\"} 1"), "{shown}");
    assert!(!shown.contains(id) && !shown.contains(&app.fixture.tenant.to_string()), "{shown}");
    app.work().await.unwrap();
    app.finish().await.unwrap();
}
