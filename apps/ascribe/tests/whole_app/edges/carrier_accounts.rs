//! Accounts at carriers: made, changed by whoever has seen them, given credentials that nobody is told again.

use super::{etag, put, text};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{Agent, TestApp};

const ADDRESS: &str = "https://thingspace.verizon.com/api";

fn new() -> Value {
    json!({"base_url": format!("{ADDRESS}/"), "account_name": " 0000123456-00001 "})
}

fn path(app: &TestApp) -> String {
    format!("/service-providers/{}/account", app.fixture.provider)
}

#[tokio::test]
async fn an_account_is_made_and_changed_by_whoever_has_seen_it() {
    let app = TestApp::start(0).await.unwrap();
    let path = path(&app);
    assert_eq!(app.get(&path).await.unwrap().status, StatusCode::NOT_FOUND, "it has none yet");
    for (body, pointer) in [
        (json!({}), "/base_url"),
        (json!({"base_url": ADDRESS}), "/account_name"),
        (json!({"account_name": "0000123456-00001"}), "/base_url"),
    ] {
        let refused = put(&app, &path, Some("*"), &body).await;
        let said = (&refused.json["code"], &refused.json["errors"][0]["pointer"]);
        assert_eq!(said, (&json!("FIELD_MISSING"), &json!(pointer)), "{}", refused.json);
    }
    assert_eq!(put(&app, &path, None, &new()).await.json["code"], "IF_MATCH_MISSING");
    let unseen = put(&app, &path, Some("\"0123\""), &new()).await;
    assert_eq!(unseen.json["code"], "CHANGED_MEANWHILE", "nobody has seen what is not there");

    let made = put(&app, &path, Some("*"), &new()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    assert_eq!(made.headers["location"], format!("/api/v1{path}"));
    assert_eq!((&made.json["base_url"], &made.json["account_name"]), (&json!(ADDRESS), &json!("0000123456-00001")));
    assert_eq!((&made.json["calls_per_minute"], &made.json["calls_per_day"]), (&json!(100), &json!(100_000)));
    assert_eq!((&made.json["credentials"], &made.json["inventory"]), (&json!({}), &Value::Null));
    assert_eq!(made.json["service_provider"]["id"], app.fixture.provider.to_string());
    let seen = app.get(&path).await.unwrap();
    assert_eq!((&seen.json, etag(&seen)), (&made.json, etag(&made)));

    let pause = json!({"paused": true, "calls_per_minute": 60, "calls_per_day": 5_000});
    let paused = put(&app, &path, Some(&etag(&seen)), &pause).await;
    assert_eq!((paused.status, &paused.json["paused_because"]), (StatusCode::OK, &json!("paused by a person")));
    assert_eq!((&paused.json["calls_per_minute"], &paused.json["base_url"]), (&json!(60), &json!(ADDRESS)));
    let late = put(&app, &path, Some(&etag(&seen)), &json!({"paused": false})).await;
    assert_eq!(
        (late.status, &late.json["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("CHANGED_MEANWHILE")),
        "who has not seen that it was paused does not let it go on"
    );
    assert_eq!(app.get(&path).await.unwrap().json["paused_because"], "paused by a person");
    let on = put(&app, &path, Some("*"), &json!({"paused": false})).await;
    assert_eq!((on.status, &on.json["paused_because"]), (StatusCode::OK, &Value::Null), "{}", on.json);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn of_several_who_make_it_at_once_one_makes_it_and_the_others_change_it() {
    let app = TestApp::start(0).await.unwrap();
    let path = path(&app);
    let body = new();
    let (one, two, three) = tokio::join!(
        put(&app, &path, Some("*"), &body),
        put(&app, &path, Some("*"), &body),
        put(&app, &path, Some("*"), &body)
    );
    let mut statuses = [one, two, three].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 201]);
    let seen = etag(&app.get(&path).await.unwrap());
    let (slow, fast) = (json!({"calls_per_minute": 1}), json!({"calls_per_minute": 2}));
    let (one, two) = tokio::join!(put(&app, &path, Some(&seen), &slow), put(&app, &path, Some(&seen), &fast));
    let mut statuses = [one, two].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn credentials_are_written_and_told_to_nobody() {
    let app = TestApp::start(0).await.unwrap();
    let path = path(&app);
    let at = format!("{path}/credentials");
    let secrets = json!({"key": "canary-k", "secret": "canary-s", "username": "canary-u", "password": "canary-p"});
    assert_eq!(app.post(&at, &secrets).await.unwrap().status, StatusCode::NOT_FOUND, "there is no account yet");
    put(&app, &path, Some("*"), &new()).await;
    let kept = app.post(&at, &secrets).await.unwrap();
    assert_eq!(kept.status, StatusCode::OK, "{}", kept.json);
    let fields = kept.json["credentials"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields, ["key", "password", "secret", "username"]);
    // Whatever is asked, none of it comes back; a refusal does not repeat what was sent either.
    let mut told = vec![kept.json.to_string()];
    for bad in [
        json!({"password": "canary\nx"}),
        json!({"secret": 4_815_162_342_u64}),
        json!({"subscription_key": "canary"}),
        json!({"key": "canary".repeat(200)}),
        json!({"key": ""}),
        json!(["canary"]),
    ] {
        let refused = app.post(&at, &bad).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.json);
        told.push(refused.json.to_string());
    }
    for asked in [&path, "/service-providers", "/audit?limit=1000"] {
        told.push(app.get(asked).await.unwrap().json.to_string());
    }
    let told = told.join("\n");
    assert!(told.contains("credentials_written") && told.contains("carrier_account_written"), "{told}");
    assert!(!told.contains("canary") && !told.contains("4815162342"), "{told}");
    // What was written is what the worker opens, and it is under this account.
    let (tenant, provider) = (app.fixture.tenant, app.fixture.provider);
    let open = database::carrier::credentials(&app.ledger, tenant, &app.keys, provider).await.unwrap();
    let open =
        open.secrets.iter().map(|(field, secret)| (field.as_str(), secrecy::ExposeSecret::expose_secret(secret)));
    assert!(open.eq([("key", "canary-k"), ("password", "canary-p"), ("secret", "canary-s"), ("username", "canary-u")]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn it_is_shown_how_far_the_devices_were_read_and_what_is_left_of_the_day() {
    let app = TestApp::start(0).await.unwrap();
    let (path, ledger) = (path(&app), &app.ledger);
    let (tenant, provider) = (app.fixture.tenant, app.fixture.provider);
    put(&app, &path, Some("*"), &new()).await;
    let before = app.get(&path).await.unwrap();
    assert_eq!(before.json["calls_left_today"], 100_000);
    let granted = database::carrier::take_permits(ledger, tenant, provider, 5).await.unwrap();
    assert!(granted.calls > 0, "{granted:?}");
    let reading = database::carrier::claim(ledger, tenant, (provider, "an account"), 60.0).await.unwrap().unwrap();
    let shown = app.get(&path).await.unwrap();
    assert_eq!(shown.json["calls_left_today"], 100_000 - granted.calls);
    let inventory = &shown.json["inventory"];
    assert!(inventory["started_at"].is_string() && inventory["ended_at"].is_null(), "{inventory}");
    assert!(inventory["read_at"].is_null(), "no whole reading yet: {inventory}");
    database::carrier::end(ledger, &reading, Some("11 were missing")).await.unwrap();
    let shown = app.get(&path).await.unwrap();
    let inventory = &shown.json["inventory"];
    assert!(inventory["ended_at"].is_string() && inventory["read_at"].is_null(), "{inventory}");
    assert_eq!((&inventory["kept_because"], &inventory["read"]), (&json!("11 were missing"), &json!(0)));
    let reading = database::carrier::claim(ledger, tenant, (provider, "an account"), 60.0).await.unwrap().unwrap();
    database::carrier::end(ledger, &reading, None).await.unwrap();
    let shown = app.get(&path).await.unwrap();
    assert_eq!(shown.json["inventory"]["read_at"], shown.json["inventory"]["started_at"], "{}", shown.json);
    assert_eq!(etag(&shown), etag(&before), "a reading is no change of the account");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn another_tenants_account_is_not_there_and_a_partners_is_the_partners() {
    let app = TestApp::start(0).await.unwrap();
    let path = path(&app);
    put(&app, &path, Some("*"), &new()).await;
    let asked = |key, method: Method, path: &str, body: Option<&Value>| {
        let request =
            app.anonymous(method, &format!("/api/v1{path}")).bearer_auth(domain::api_key::ApiKey::reveal(key));
        let request = request.header("If-Match", "*");
        app.send(if let Some(body) = body { request.json(body) } else { request })
    };
    let (account, secrets) = (new(), json!({"key": "k"}));
    let other = &app.fixture.other_key;
    let credentials = format!("{path}/credentials");
    for (method, path, body) in
        [(Method::GET, &path, None), (Method::PUT, &path, Some(&account)), (Method::POST, &credentials, Some(&secrets))]
    {
        let answer = asked(other, method.clone(), path, body).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.json);
    }
    let agent = Agent::make(&app, &[]).await.unwrap();
    let providers = asked(&agent.key, Method::GET, "/service-providers", None).await.unwrap();
    let given = format!("/service-providers/{}/account", text(&providers.json["items"][0]["id"]));
    let credentials = format!("{given}/credentials");
    assert_eq!(asked(&agent.key, Method::GET, &given, None).await.unwrap().status, StatusCode::NOT_FOUND);
    for (method, path, body) in [(Method::PUT, &given, &account), (Method::POST, &credentials, &secrets)] {
        let answer = asked(&agent.key, method.clone(), path, Some(body)).await.unwrap();
        let said = (answer.status, &answer.json["code"]);
        assert_eq!(said, (StatusCode::CONFLICT, &json!("SERVICE_PROVIDER_IS_PARTNERS")), "{method} {path}");
    }
    assert_eq!(app.database.number("select count(*) from app.carrier_account").await.unwrap(), 1);
    assert_eq!(app.database.number("select count(*) from app.credential").await.unwrap(), 0);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_account_is_only_at_a_host_that_the_installation_names() {
    let app = TestApp::start(0).await.unwrap();
    let path = path(&app);
    for address in [
        "https://169.254.169.254/latest",
        "http://thingspace.verizon.com/api",
        "https://thingspace.verizon.com@evil.example/",
        "https://api.revioapi.com/v1",
        "file:///etc/passwd",
        "https://localhost/api",
        "x",
        "",
    ] {
        let mut account = new();
        account["base_url"] = json!(address);
        let refused = put(&app, &path, Some("*"), &account).await;
        let pointer = &refused.json["errors"][0]["pointer"];
        assert_eq!((&refused.json["code"], pointer), (&json!("FIELD_INVALID"), &json!("/base_url")), "{address}");
    }
    for (field, value) in [
        ("account_name", json!(" ")),
        ("account_name", json!("two\nlines")),
        ("calls_per_minute", json!(0)),
        ("calls_per_day", json!(10_000_001)),
    ] {
        let mut account = new();
        account[field] = value;
        let refused = put(&app, &path, Some("*"), &account).await;
        assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"), "{}", refused.json);
    }
    assert_eq!(put(&app, &path, Some("*"), &json!({"mtu": 1})).await.json["code"], "REQUEST_INVALID");
    assert_eq!(app.get(&path).await.unwrap().status, StatusCode::NOT_FOUND, "none of it was kept");
    app.finish().await.unwrap();
}
