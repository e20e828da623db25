//! Accounts at Rev.io: made, edited, given credentials that nobody is told again.

use super::{etag, patch, text};
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::TestApp;

const PATH: &str = "/integration-authentications";

#[tokio::test]
async fn credentials_are_written_and_told_to_nobody() {
    let app = TestApp::start(0).await.unwrap();
    let new = json!({"name": "Sandbox", "base_url": "https://api.revioapi.com/v1/"});
    let made = app.post(PATH, &new).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    assert_eq!(made.json["base_url"], "https://api.revioapi.com/v1", "without the slash");
    assert_eq!((&made.json["calls_per_minute"], &made.json["calls_per_day"]), (&json!(500), &json!(150_000)));
    let path = format!("{PATH}/{}", text(&made.json["id"]));
    assert_eq!(app.post(PATH, &new).await.unwrap().json["code"], "NAME_TAKEN");

    let secrets = json!({"username": "canary-u", "password": "canary-p", "subscription_key": "canary-k"});
    let kept = app.post(&format!("{path}/credentials"), &secrets).await.unwrap();
    assert_eq!(kept.status, StatusCode::OK, "{}", kept.json);
    let kept_fields = kept.json["credentials"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(kept_fields, ["password", "subscription_key", "username"]);
    // Whatever is asked, none of it comes back; a refusal does not repeat what was sent either.
    let mut told = Vec::new();
    for bad in [
        json!({"password": "canary\nx"}),
        json!({"password": 4_815_162_342_u64}),
        json!({"passwort": "canary"}),
        json!({"password": "canary".repeat(200)}),
        json!(["canary"]),
    ] {
        let refused = app.post(&format!("{path}/credentials"), &bad).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.json);
        told.push(refused.json.to_string());
    }
    for asked in [PATH, &path, "/audit?limit=1000"] {
        told.push(app.get(asked).await.unwrap().json.to_string());
    }
    let told = told.join("\n");
    assert!(told.contains("credentials_written") && !told.contains("canary") && !told.contains("4815162342"), "{told}");
    let whole = app.get(&path).await.unwrap();
    assert_eq!((&whole.json["calls_left_today"], &whole.json["mirror"]), (&json!(150_000), &json!([])));

    let paused = patch(&app, &path, Some(&etag(&whole)), &json!({"paused": true, "calls_per_minute": 60})).await;
    assert_eq!(
        (&paused.json["paused_because"], &paused.json["calls_per_minute"]),
        (&json!("paused by a person"), &json!(60))
    );
    assert_eq!(
        patch(&app, &path, Some(&etag(&whole)), &json!({"paused": false})).await.status,
        StatusCode::PRECONDITION_FAILED
    );
    let on = patch(&app, &path, Some("*"), &json!({"paused": false})).await;
    assert!(on.json["paused_because"].is_null(), "{}", on.json);
    for (method, asked) in [(Method::GET, path.clone()), (Method::POST, format!("{path}/credentials"))] {
        let body = (method == Method::POST).then_some(&secrets);
        let other = app.send_as(&app.fixture.other_key, method, &asked, body).await.unwrap();
        assert_eq!(other.status, StatusCode::NOT_FOUND, "another tenant's");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_account_is_only_at_a_host_that_the_installation_names() {
    let app = TestApp::start(0).await.unwrap();
    for address in [
        "https://169.254.169.254/latest",
        "http://api.revioapi.com/v1",
        "https://api.revioapi.com@evil.example/",
        "file:///etc/passwd",
        "https://localhost/v1",
        "x",
    ] {
        let refused = app.post(PATH, &json!({"name": "Elsewhere", "base_url": address})).await.unwrap();
        let pointer = &refused.json["errors"][0]["pointer"];
        assert_eq!((&refused.json["code"], pointer), (&json!("FIELD_INVALID"), &json!("/base_url")), "{address}");
    }
    let limit = app.post(PATH, &json!({"name": "Elsewhere", "calls_per_minute": 0})).await.unwrap();
    assert_eq!(limit.json["errors"][0]["pointer"], "/calls_per_minute");
    app.finish().await.unwrap();
}
