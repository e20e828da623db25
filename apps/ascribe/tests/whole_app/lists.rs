//! Lists: pages that add up, filters that hold, cursors and fields that are refused when they are wrong.

use reqwest::{Method, StatusCode};
use serde_json::json;
use std::collections::HashSet;
use testing::{TestApp, iccid};

#[tokio::test]
async fn pages_show_everything_once() {
    let app = TestApp::start(57).await.unwrap();
    for (path, total) in [("/devices", 62_usize), ("/customers", 7), ("/service-providers", 2)] {
        let (mut seen, mut cursor, mut pages) = (HashSet::new(), String::new(), 0);
        loop {
            let page = app.get(&format!("{path}?limit=5&cursor={cursor}")).await.unwrap();
            assert_eq!(page.status, StatusCode::OK, "{}", page.json);
            for item in page.json["items"].as_array().unwrap() {
                assert!(seen.insert(item["id"].as_str().unwrap().to_owned()), "{path}: shown twice");
            }
            pages += 1;
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!((seen.len(), pages), (total, total.div_ceil(5)), "{path}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn filters_hold_and_unknown_ones_are_refused() {
    let app = TestApp::start(3).await.unwrap();
    let count = async |path: &str| app.get(path).await.unwrap().json["items"].as_array().map_or(usize::MAX, Vec::len);
    assert_eq!(count("/devices?status=suspend").await, 1);
    assert_eq!(count("/devices?service_provider=Verizon").await, 8);
    assert_eq!(count("/devices?service_provider=Nowhere").await, 0);
    assert_eq!(count(&format!("/devices?customer={}", app.fixture.cold.0)).await, 1);
    assert_eq!(count(&format!("/devices?iccid=%20{}%20", iccid(1))).await, 1);
    assert_eq!(count("/customers?q=twin").await, 2);
    assert_eq!(count("/customers?q=9000001").await, 1);
    assert_eq!(count("/customers?q=%25").await, 0, "a percent sign is a letter");
    for path in [
        "/devices?color=red",
        "/devices?limit=0",
        "/devices?limit=1001",
        "/devices?limit=x",
        "/devices?customer=x",
        "/devices?status=a%00b",
        "/devices?cursor=zz",
        "/devices?cursor=00",
        "/customers?cursor=61",
        "/plans?status=NEW",
    ] {
        let answer = app.get(path).await.unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    let customers = app.get("/customers?q=Acme").await.unwrap().json["items"][0].clone();
    assert_eq!(
        (&customers["kind"], &customers["rev_customer_id"], &customers["site"]["name"]),
        (&json!("REV"), &json!("9000001"), &json!("Acme (9000001)"))
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_health_needs_no_key() {
    let app = TestApp::start(0).await.unwrap();
    for (method, path, status) in [
        (Method::GET, "/api/v1/nothing", StatusCode::NOT_FOUND),
        (Method::GET, "/nothing", StatusCode::NOT_FOUND),
        (Method::DELETE, "/api/v1/plans", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/api/v1/plans/not-an-id", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/plans/00000000-0000-7000-8000-000000000000", StatusCode::NOT_FOUND),
    ] {
        let answer = app.send(app.request(method, path)).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.send(app.anonymous(Method::GET, path)).await.unwrap().status, StatusCode::OK);
    }
    app.finish().await.unwrap();
}
