//! Webhooks as things of a tenant: made, edited, archived; their secrets told once.

use super::{all_events, deliveries, make, tell_due};
use crate::devices;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{Receiver, TestApp};

#[tokio::test]
async fn the_secret_is_told_once_and_is_nowhere_else() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(1, &hosts).await.unwrap();
    let (webhook, secret) = make(&app, &receiver.url(), &all_events()).await;
    assert!(secret.starts_with("whsec_") && secret.len() == "whsec_".len() + 44, "{secret}");
    app.carry_out("Water", &json!({}), &devices(1)).await.unwrap();
    tell_due(&app.telling(&hosts).unwrap()).await;
    let path = format!("/webhooks/{webhook}");
    let edit = app.request(Method::PATCH, &format!("/api/v1{path}")).header("If-Match", "*");
    let mut told = vec![app.send(edit.json(&json!({"description": "ours"}))).await.unwrap().json];
    told.push(app.post(&format!("{path}/test"), &json!({})).await.unwrap().json);
    for asked in ["/webhooks", &path, &format!("{path}/deliveries"), "/audit?limit=1000"] {
        told.push(app.get(asked).await.unwrap().json);
    }
    told.extend(receiver.received().iter().map(|one| json!(one.body)));
    let told = json!(told).to_string();
    let bare = secret.strip_prefix("whsec_").unwrap();
    assert!(!told.contains(bare) && !told.contains("whsec_"), "{told}");
    for act in ["webhook_made", "webhook_edited", "webhook_tested"] {
        assert!(told.contains(act), "{act}");
    }
    assert!(!told.contains("\"url\":\"http://127.0.0.1") || told.contains("token=t"), "{told}");
    let audit = app.get("/audit?action=webhook_made").await.unwrap().json.to_string();
    assert!(!audit.contains("token=t"), "a query may hold a token: {audit}");
    // In the database it is sealed, and the role that serves the API may not even read that.
    let open = format!("select count(*) from app.credential where position('{bare}'::bytea in sealed_value) > 0");
    assert_eq!(app.database.number(&open).await.unwrap(), 0);
    assert_eq!(
        app.database.number("select count(*) from app.credential where field = 'signing_secret'").await.unwrap(),
        1
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn another_tenants_webhook_is_not_there() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(1, &hosts).await.unwrap();
    let (webhook, _) = make(&app, &receiver.url(), &all_events()).await;
    let other = app.fixture.other_key.clone();
    let path = format!("/webhooks/{webhook}");
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/test")),
        (Method::GET, format!("{path}/deliveries")),
    ] {
        let asking = app.anonymous(method.clone(), &format!("/api/v1{path}")).bearer_auth(other.reveal());
        let asking = asking.header("If-Match", "*");
        let asking = if method == Method::GET { asking } else { asking.json(&json!({})) };
        assert_eq!(app.send(asking).await.unwrap().status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    assert_eq!(app.send_as(&other, Method::GET, "/webhooks", None).await.unwrap().json["items"], json!([]));
    // And nothing of one tenant is told to another.
    let theirs = json!({"url": receiver.url(), "events": all_events()});
    let made = app.send_as(&other, Method::POST, "/webhooks", Some(&theirs)).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    app.carry_out("Water", &json!({}), &devices(1)).await.unwrap();
    tell_due(&app.telling(&hosts).unwrap()).await;
    assert_eq!(receiver.received().len(), 3, "the first tenant's");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_address_that_leads_inside_is_refused() {
    let app = TestApp::start_telling(0, &["hooks.inside:8443".to_owned()]).await.unwrap();
    let try_it = async |url: &str| app.post("/webhooks", &json!({"url": url, "events": ["plan.ready"]})).await.unwrap();
    for url in [
        "http://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://metadata.google.internal/",
        "https://localhost/",
        "https://db/",
        "https://good.example@10.0.0.1/",
        "https://good.example\\@10.0.0.1/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "http://hooks.inside:8444/",
        "x",
        "",
    ] {
        let refused = try_it(url).await;
        let pointer = &refused.json["errors"][0]["pointer"];
        assert_eq!((&refused.json["code"], pointer), (&json!("FIELD_INVALID"), &json!("/url")), "{url}");
    }
    let made = try_it("http://hooks.inside:8443/x").await;
    assert_eq!(made.status, StatusCode::CREATED, "the installation names it: {}", made.json);
    let path = format!("/api/v1/webhooks/{}", made.json["id"].as_str().unwrap());
    let edit = app.request(Method::PATCH, &path).header("If-Match", "*").json(&json!({"url": "https://10.0.0.1/"}));
    assert_eq!(app.send(edit).await.unwrap().json["code"], "FIELD_INVALID");
    for events in [json!([]), json!(["*"]), json!(["plan.ready", "x"]), json!("plan.ready")] {
        let refused = app.post("/webhooks", &json!({"url": "https://hooks.example.com/", "events": events})).await;
        assert_eq!(refused.unwrap().status, StatusCode::UNPROCESSABLE_ENTITY, "{events}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_webhook_is_edited_paused_tested_and_archived() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(2, &hosts).await.unwrap();
    let telling = app.telling(&hosts).unwrap();
    let (webhook, secret) = make(&app, &receiver.url(), &json!(["plan.failed"])).await;
    let path = format!("/webhooks/{webhook}");
    let seen = app.get(&path).await.unwrap();
    let etag = seen.headers["etag"].to_str().unwrap().to_owned();
    let patch = async |etag: Option<&str>, body: Value| {
        let request = app.request(Method::PATCH, &format!("/api/v1{path}")).json(&body);
        app.send(if let Some(etag) = etag { request.header("If-Match", etag) } else { request }).await.unwrap()
    };
    assert_eq!(patch(None, json!({"paused": true})).await.status, StatusCode::PRECONDITION_REQUIRED);
    let edited = patch(Some(&etag), json!({"events": ["plan.ready", "plan.ready"]})).await;
    assert_eq!(edited.json["events"], json!(["plan.ready"]), "{}", edited.json);
    assert_eq!(patch(Some(&etag), json!({"paused": true})).await.status, StatusCode::PRECONDITION_FAILED);
    // A test goes out whatever it asked for, in the same way as everything else.
    let test = app.post(&format!("{path}/test"), &json!({})).await.unwrap();
    assert_eq!(test.status, StatusCode::ACCEPTED, "{}", test.json);
    assert_eq!(tell_due(&telling).await, 1);
    let received = receiver.received();
    received[0].verify(&secret).unwrap();
    assert_eq!(
        (received[0].header("webhook-id"), &received[0].json["type"]),
        (test.json["id"].as_str().unwrap(), &json!("webhook.test"))
    );
    let list = deliveries(&app, &webhook).await;
    assert_eq!((&list[0]["status"], &list[0]["bulk_change"]), (&json!("DELIVERED"), &Value::Null));

    patch(Some("*"), json!({"paused": true})).await;
    assert_eq!(app.post(&format!("{path}/test"), &json!({})).await.unwrap().json["code"], "WEBHOOK_NOT_ACTIVE");
    patch(Some("*"), json!({"paused": false})).await;
    app.plan("Water", &json!({}), &devices(1)).await.unwrap();
    let gone = app.send(app.request(Method::DELETE, &format!("/api/v1{path}"))).await.unwrap();
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let again = app.send(app.request(Method::DELETE, &format!("/api/v1{path}"))).await.unwrap();
    assert_eq!(again.status, StatusCode::NO_CONTENT, "twice is as once");
    assert_eq!(tell_due(&telling).await, 0);
    assert_eq!(app.get("/webhooks").await.unwrap().json["items"], json!([]));
    assert_eq!(app.get(&path).await.unwrap().json["status"], "ARCHIVED", "it can still be looked at");
    let list = deliveries(&app, &webhook).await;
    assert_eq!(list[0]["status"], "CANCELLED");
    let pages = app.get(&format!("{path}/deliveries?limit=1")).await.unwrap().json;
    let next = pages["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("{path}/deliveries?limit=1&cursor={next}")).await.unwrap().json;
    assert_eq!((&second["items"][0]["id"], &second["next_cursor"]), (&test.json["id"], &Value::Null));
    assert_eq!(
        app.get(&format!("{path}/deliveries?status=CANCELLED")).await.unwrap().json["items"].as_array().unwrap().len(),
        1
    );
    assert_eq!(patch(Some("*"), json!({"paused": false})).await.status, StatusCode::NOT_FOUND);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_tenant_has_ten_webhooks_and_archiving_one_makes_room() {
    let app = TestApp::start(0).await.unwrap();
    let new = json!({"url": "https://hooks.example.com/", "events": ["plan.ready"]});
    let made = futures_util::future::join_all((0..12).map(|_| app.post("/webhooks", &new))).await;
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|one| one.status == StatusCode::CREATED).count(), 10, "also when asked for at once");
    assert!(made.iter().all(|one| one.status == StatusCode::CREATED || one.json["code"] == "TOO_MANY_WEBHOOKS"));
    let one = made.iter().find(|one| one.status == StatusCode::CREATED).unwrap();
    let path = format!("/api/v1/webhooks/{}", one.json["id"].as_str().unwrap());
    app.send(app.request(Method::DELETE, &path)).await.unwrap();
    assert_eq!(app.post("/webhooks", &new).await.unwrap().status, StatusCode::CREATED);
    app.finish().await.unwrap();
}
