//! Another tenant's thing is 404, and a key that is not good is 401.

use crate::devices;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{TestApp, iccid};

#[tokio::test]
async fn a_foreign_plan_is_404_to_read_and_to_apply() {
    let app = TestApp::start(1).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(1)).await.unwrap();
    let id = plan.json["id"].as_str().unwrap();
    let foreign = |method, path: &str| {
        app.anonymous(method, &format!("/api/v1{path}")).bearer_auth(app.fixture.other_key.reveal())
    };
    for path in [
        format!("/plans/{id}"),
        format!("/plans/{id}/rows"),
        format!("/bulk-changes/{id}"),
        format!("/bulk-changes/{id}/rows"),
    ] {
        let answer = app.send(foreign(Method::GET, &path)).await.unwrap();
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")), "{path}");
    }
    let apply = app.send(foreign(Method::POST, "/bulk-changes").json(&json!({"plan_id": id}))).await.unwrap();
    assert_eq!(apply.status, StatusCode::NOT_FOUND);
    for path in ["/plans", "/bulk-changes", "/customers"] {
        let list = app.send(foreign(Method::GET, path)).await.unwrap();
        assert_eq!(list.json["items"], json!([]), "{path}");
    }
    let theirs = app.send(foreign(Method::GET, &format!("/devices?iccid={}", iccid(0)))).await.unwrap();
    assert_eq!(theirs.json["items"], json!([]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_missing_mistyped_unknown_revoked_or_expired_key_is_401() {
    let app = TestApp::start(0).await.unwrap();
    let get = |key: &str| app.anonymous(Method::GET, "/api/v1/devices").header("Authorization", key);
    let good = app.fixture.key.reveal().to_owned();
    let unknown = domain::api_key::ApiKey::new(&app.ids);
    for header in [
        "",
        "Bearer",
        "Bearer x",
        &format!("Basic {good}"),
        &format!("Bearer {good}x"),
        &format!("Bearer {}", unknown.reveal()),
    ] {
        let answer = app.send(get(header)).await.unwrap();
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (StatusCode::UNAUTHORIZED, &json!("UNAUTHORIZED")),
            "{header}"
        );
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let bearer = format!("bearer {good}");
    assert_eq!(app.send(get(&bearer)).await.unwrap().status, StatusCode::OK);
    app.database.plant("update app.api_key_lookup set expires_at = now() - interval '1 second'").await.unwrap();
    assert_eq!(app.send(get(&bearer)).await.unwrap().status, StatusCode::UNAUTHORIZED);
    app.database
        .plant("update app.api_key_lookup set expires_at = now() + interval '1 day', revoked_at = now()")
        .await
        .unwrap();
    assert_eq!(app.send(get(&bearer)).await.unwrap().status, StatusCode::UNAUTHORIZED);
    app.finish().await.unwrap();
}
