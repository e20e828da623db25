//! Edits: nobody overwrites what they have not seen, names are one thing's, and what is not the tenant's is not there.

use super::{etag, patch, text};
use crate::devices;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::TestApp;

/// Each kind of thing: where it is made, of what, and what of it is edited.
fn kinds() -> Vec<(&'static str, Value, Value, &'static str)> {
    vec![
        ("/sites", json!({"name": "A"}), json!({"name": "B"}), "name"),
        ("/customers", json!({"name": "C"}), json!({"name": "D"}), "name"),
        ("/customers", json!({"name": "E", "rev_customer_id": "5"}), json!({"name": "F"}), "name"),
        ("/service-providers", json!({"name": "G", "integration": "thingspace"}), json!({"name": "H"}), "name"),
        ("/customer-rate-plans", json!({"rate_plan_code": "I"}), json!({"rate_plan_name": "J"}), "rate_plan_name"),
        ("/customer-rate-pools", json!({"name": "K"}), json!({"name": "L"}), "name"),
    ]
}

#[tokio::test]
async fn an_edit_needs_the_tag_of_what_was_last_seen() {
    let app = TestApp::start(0).await.unwrap();
    for (number, (path, new, edit, field)) in kinds().into_iter().enumerate() {
        let made = app.post(path, &new).await.unwrap();
        assert_eq!(made.status, StatusCode::CREATED, "{path}: {}", made.json);
        let one = format!("{path}/{}", text(&made.json["id"]));
        assert_eq!(app.get(&one).await.unwrap().json, made.json, "{path}");
        let missing = patch(&app, &one, None, &edit).await;
        assert_eq!((missing.status.as_u16(), &missing.json["code"]), (428, &json!("IF_MATCH_MISSING")), "{path}");
        let done = patch(&app, &one, Some(&etag(&made)), &edit).await;
        assert_eq!((done.status, &done.json[field]), (StatusCode::OK, &edit[field]), "{path}: {}", done.json);
        assert_ne!(etag(&done), etag(&made), "{path}");
        // Somebody who saw it before that.
        let late = patch(&app, &one, Some(&etag(&made)), &json!({field: "late"})).await;
        assert_eq!((late.status.as_u16(), &late.json["code"]), (412, &json!("CHANGED_MEANWHILE")), "{path}");
        assert_eq!(app.get(&one).await.unwrap().json[field], edit[field], "{path}");
        let weak = patch(&app, &one, Some(&format!("W/{}", etag(&done))), &edit).await;
        assert_eq!(weak.status, StatusCode::PRECONDITION_FAILED, "{path}: a weak tag is none");
        let whatever = patch(&app, &one, Some("*"), &json!({field: format!("whatever {number}")})).await;
        assert_eq!(whatever.status, StatusCode::OK, "{path}");
        // Who has it already need not get it again.
        let request = app.request(Method::GET, &format!("/api/v1{one}")).header("If-None-Match", etag(&whatever));
        assert_eq!(app.send(request).await.unwrap().status, StatusCode::NOT_MODIFIED, "{path}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_name_is_one_things_alone() {
    let app = TestApp::start(0).await.unwrap();
    for (path, new, _, field) in kinds() {
        assert_eq!(app.post(path, &new).await.unwrap().status, StatusCode::CREATED, "{path}");
        let again = app.post(path, &new).await.unwrap();
        assert_eq!((again.status, &again.json["code"]), (StatusCode::CONFLICT, &json!("NAME_TAKEN")), "{path}");
        // Names of rev customers, and of rate plans beside their code, need not be unique.
        if field == "name" && new["rev_customer_id"].is_null() {
            let mut other = new.clone();
            other["name"] = json!("other");
            let other = app.post(path, &other).await.unwrap();
            let one = format!("{path}/{}", text(&other.json["id"]));
            let taken = patch(&app, &one, Some("*"), &json!({"name": new["name"]})).await;
            assert_eq!((taken.status, &taken.json["code"]), (StatusCode::CONFLICT, &json!("NAME_TAKEN")), "{path}");
            let rename = json!({"name": format!("other {path}")});
            assert_eq!(patch(&app, &one, Some("*"), &rename).await.status, StatusCode::OK, "{path}");
        }
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused_with_its_field() {
    let app = TestApp::start(0).await.unwrap();
    for (path, body, status, code, pointer) in [
        ("/sites", json!({"name": " "}), 422, "FIELD_INVALID", "/name"),
        ("/sites", json!({"name": "two\nlines"}), 422, "FIELD_INVALID", "/name"),
        ("/sites", json!({"name": "x".repeat(257)}), 422, "FIELD_INVALID", "/name"),
        ("/sites", json!({"name": "x", "customer": app.fixture.other_tenant}), 422, "CUSTOMER_NOT_FOUND", "/customer"),
        ("/sites", json!({"name": "x", "customer": app.fixture.water.0}), 422, "CUSTOMER_NOT_FOUND", "/customer"),
        ("/sites", json!({"name": "x", "color": "red"}), 422, "REQUEST_INVALID", ""),
        ("/sites", json!([]), 422, "REQUEST_INVALID", ""),
        (
            "/customers",
            json!({"name": "x", "rev_customer_id": "1", "account": "y"}),
            422,
            "ACCOUNT_NOT_FOUND",
            "/account",
        ),
        ("/service-providers", json!({"name": "x", "integration": "rev_io"}), 422, "FIELD_INVALID", "/integration"),
        (
            "/customer-rate-plans",
            json!({"rate_plan_code": "x", "service_provider": "y"}),
            422,
            "SERVICE_PROVIDER_NOT_FOUND",
            "/service_provider",
        ),
        ("/api-keys", json!({"name": "x", "role": "super_admin"}), 422, "FIELD_INVALID", "/role"),
        ("/api-keys", json!({"name": "x", "role": "king"}), 422, "FIELD_INVALID", "/role"),
        (
            "/api-keys",
            json!({"name": "x", "role": "user", "expires_in_days": 0}),
            422,
            "FIELD_INVALID",
            "/expires_in_days",
        ),
        (
            "/api-keys",
            json!({"name": "x", "role": "user", "sites": [app.fixture.other_tenant]}),
            422,
            "SITE_NOT_FOUND",
            "/sites",
        ),
    ] {
        let refused = app.post(path, &body).await.unwrap();
        assert_eq!((refused.status.as_u16(), &refused.json["code"]), (status, &json!(code)), "{path} {body}");
        if !pointer.is_empty() {
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{path} {body}");
        }
    }
    // A name is one tenant's matter: another's are free.
    let mine = json!({"name": "Water"});
    let theirs = app.send_as(&app.fixture.other_key, Method::POST, "/sites", Some(&mine)).await.unwrap();
    assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.json);
    let broken = app.request(Method::POST, "/api/v1/sites").header("Content-Type", "application/json").body("{");
    assert_eq!(app.send(broken).await.unwrap().json["code"], "JSON_INVALID");
    let large = app.request(Method::POST, "/api/v1/sites").body(vec![b' '; 2 * 1024 * 1024]);
    assert_eq!(app.send(large).await.unwrap().status, StatusCode::PAYLOAD_TOO_LARGE);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn the_default_site_is_nobodys_to_edit_and_a_device_is_archived_and_never_deleted() {
    let app = TestApp::start(1).await.unwrap();
    let default = format!("/sites/{}", app.fixture.unassigned);
    assert_eq!(app.get(&default).await.unwrap().json["is_default"], true);
    let refused = patch(&app, &default, Some("*"), &json!({"name": "Mine"})).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.json);

    let listed = app.get(&format!("/devices?iccid={}", devices(1)[0])).await.unwrap().json["items"][0].clone();
    let one = format!("/devices/{}", text(&listed["id"]));
    let seen = app.get(&one).await.unwrap();
    assert_eq!(seen.json, listed);
    let archived = patch(&app, &one, Some(&etag(&seen)), &json!({"archived": true})).await;
    assert_eq!((archived.status, &archived.json["archived"]), (StatusCode::OK, &json!(true)));
    let plan = app.plan("Water", &json!({}), &devices(1)).await.unwrap().json;
    assert_eq!(plan["counts"]["by_reason"], json!({"DEVICE_ARCHIVED": 1}));
    assert_eq!(patch(&app, &one, Some(&etag(&seen)), &json!({"archived": false})).await.status.as_u16(), 412);
    assert_eq!(patch(&app, &one, Some(&etag(&archived)), &json!({"archived": false})).await.status, StatusCode::OK);
    let customer = patch(&app, &one, Some("*"), &json!({"customer": "Water"})).await;
    assert_eq!(customer.status, StatusCode::UNPROCESSABLE_ENTITY, "nobody is assigned past a plan");
    let deleted = app.send(app.request(Method::DELETE, &format!("/api/v1{one}"))).await.unwrap();
    assert_eq!(deleted.status, StatusCode::METHOD_NOT_ALLOWED);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn two_who_edit_at_once_do_not_both_win() {
    let app = TestApp::start(0).await.unwrap();
    let made = app.post("/sites", &json!({"name": "A"})).await.unwrap();
    let (one, tag) = (format!("/sites/{}", text(&made.json["id"])), etag(&made));
    let edits = (0..8).map(|n| {
        let (app, one, tag) = (&app, one.clone(), tag.clone());
        async move { patch(app, &one, Some(&tag), &json!({"name": format!("A{n}")})).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(edits).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    app.finish().await.unwrap();
}
