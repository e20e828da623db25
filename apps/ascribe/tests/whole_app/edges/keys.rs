//! API keys: made, told once, confined, revoked.

use super::text;
use crate::devices;
use crate::rights::key;
use domain::api_key::ApiKey;
use domain::rights::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::TestApp;

#[tokio::test]
async fn a_key_that_was_made_works_until_it_is_revoked_and_is_told_once() {
    let app = TestApp::start(2).await.unwrap();
    let body = json!({"name": "dashboard", "role": "user", "sites": [app.fixture.water.1, app.fixture.water.1]});
    let made = app.post("/api-keys", &body).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    assert_eq!(made.headers["cache-control"], "no-store");
    let new = ApiKey::read(text(&made.json["key"])).unwrap();
    let me = app.send_as(&new, Method::GET, "/me", None).await.unwrap().json;
    assert_eq!((&me["role"], &me["sites"]), (&json!("user"), &json!([app.fixture.water.1])), "{me}");
    let seen = app.send_as(&new, Method::GET, "/devices", None).await.unwrap().json;
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "Water's one: {seen}");
    assert_eq!(app.send_as(&new, Method::GET, "/api-keys", None).await.unwrap().status, StatusCode::FORBIDDEN);

    let listed = app.get("/api-keys").await.unwrap().json;
    assert!(!listed.to_string().contains(new.reveal()), "nobody tells it again");
    let one = listed["items"].as_array().unwrap().iter().find(|k| k["id"] == made.json["id"]).unwrap().clone();
    assert!(new.reveal().starts_with(text(&one["shown"]).trim_end_matches('…')));
    let path = format!("/api/v1/api-keys/{}", text(&made.json["id"]));
    for _ in 0..2 {
        let revoked = app.send(app.request(Method::DELETE, &path)).await.unwrap();
        assert_eq!(revoked.status, StatusCode::NO_CONTENT, "once revoked it stays so");
    }
    assert_eq!(app.send_as(&new, Method::GET, "/me", None).await.unwrap().status, StatusCode::UNAUTHORIZED);
    let audit = app.get("/audit?action=api_key_revoked").await.unwrap().json;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn nobody_makes_themselves_more_than_they_are() {
    let app = TestApp::start(1).await.unwrap();
    let partner = key(&app, Role::AgentPartnerAdmin, None).await;
    for (role, may) in [
        ("super_admin", false),
        ("partner_admin", false),
        ("agent_partner_admin", true),
        ("agent", true),
        ("user", true),
    ] {
        let body = json!({"name": role, "role": role});
        let made = app.send_as(&partner, Method::POST, "/api-keys", Some(&body)).await.unwrap();
        assert_eq!(made.status == StatusCode::CREATED, may, "{role}: {}", made.json);
    }
    let agent = key(&app, Role::Agent, None).await;
    let body = json!({"name": "x", "role": "user"});
    let refused = app.send_as(&agent, Method::POST, "/api-keys", Some(&body)).await.unwrap();
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(app.plan("Water", &json!({}), &devices(1)).await.unwrap().status, StatusCode::CREATED);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_is_confined_sees_the_part_of_a_timeline_that_was_theirs_to_its_last_page() {
    let app = TestApp::start(1).await.unwrap();
    for customer in ["Water", "Cold", "Water", "Cold", "Water"] {
        app.carry_out(customer, &json!({"on_conflict": "replace"}), &devices(1)).await.unwrap();
    }
    let confined = key(&app, Role::User, Some(&crate::rights::sites(&[app.fixture.water.1]))).await;
    let list = app.get(&format!("/devices?iccid={}", devices(1)[0])).await.unwrap().json;
    let path = format!("/devices/{}/timeline?limit=1&cursor=", text(&list["items"][0]["id"]));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.send_as(&confined, Method::GET, &format!("{path}{cursor}"), None).await.unwrap().json;
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen.iter().all(|entry| entry["site"]["name"] == "Water"), "{seen:?}");
    app.finish().await.unwrap();
}
