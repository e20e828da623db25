//! The door that carriers knock at: open to anybody, and one answer to whoever has not all the words.

use super::text;
use database::carrier::{CallbackWords, begin_registering, discard_callbacks, signed_with};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use testing::{Answer, TestApp, iccid};

const ACCOUNT: &str = "0000123456-00001";

/// The words of the first service provider's account, made as a registration makes them.
pub(super) async fn words(app: &TestApp, provider: &Value) -> CallbackWords {
    let provider = domain::ids::ServiceProviderId(text(provider).parse().unwrap());
    let (ledger, tenant) = (&app.ledger, app.fixture.tenant);
    let with = signed_with(ledger, tenant, provider).await.unwrap();
    let begun = begin_registering(ledger, tenant, (&app.keys, &app.ids), (provider, &with), true).await.unwrap();
    begun.unwrap().words
}

/// A callback as the carrier sends it.
pub(super) fn callback(words: &CallbackWords) -> Value {
    json!({"username": words.username.expose_secret(), "password": words.password.expose_secret(),
        "requestId": "595f5c44-c31c-4552-8670-020a1545a84d", "status": "Success", "callbackCount": 1, "maxCallbackThreshold": 4,
        "deviceIds": [{"id": iccid(0), "kind": "Iccid"}], "deviceResponse": {}, "comment": "ask somebody@example.com"})
}

pub(super) fn path(words: &CallbackWords) -> String {
    format!("/api/v1/callbacks/thingspace/{}", words.token.expose_secret())
}

async fn set_up() -> (TestApp, CallbackWords) {
    let app = TestApp::start(1).await.unwrap();
    let provider = json!(app.fixture.provider.to_string());
    let put = app.request(Method::PUT, &format!("/api/v1/service-providers/{}/account", text(&provider)));
    let account = json!({"base_url": "https://thingspace.verizon.com/api", "account_name": ACCOUNT});
    assert!(app.send(put.header("if-match", "*").json(&account)).await.unwrap().status.is_success());
    let words = words(&app, &provider).await;
    (app, words)
}

async fn knock(app: &TestApp, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    app.send(app.anonymous(Method::POST, path).body(body)).await.unwrap()
}

async fn kept(app: &TestApp) -> i64 {
    app.database.number("select count(*) from app.carrier_callback").await.unwrap()
}

#[tokio::test]
async fn whoever_has_the_words_is_heard_without_a_key_and_nothing_secret_is_kept() {
    let (app, words) = set_up().await;
    let (path, body) = (path(&words), callback(&words).to_string());
    // The content type does not matter, and neither does who else somebody is.
    let plain = app.anonymous(Method::POST, &path).header("content-type", "text/plain").body(body.clone());
    assert_eq!(app.send(plain).await.unwrap().status, StatusCode::NO_CONTENT);
    let keyed = app.request(Method::POST, &path).body(body.clone());
    assert_eq!(app.send(keyed).await.unwrap().status, StatusCode::NO_CONTENT);
    let nonsense = app.anonymous(Method::POST, &path).header("authorization", "Bearer nobody").body(body);
    assert_eq!(app.send(nonsense).await.unwrap().status, StatusCode::NO_CONTENT);
    let as_sent = format!(
        "select count(*) from app.carrier_callback where word = 'SUCCESS' and iccids = array['{}'] and request_id like '595f%'
         and service_provider_id = '{}'",
        iccid(0),
        app.fixture.provider
    );
    assert_eq!(app.database.number(&as_sent).await.unwrap(), 3);
    for secret in
        [words.token.expose_secret(), words.username.expose_secret(), words.password.expose_secret(), "somebody@"]
    {
        let with_it = format!("select count(*) from app.carrier_callback c where c::text like '%{secret}%'");
        assert_eq!(app.database.number(&with_it).await.unwrap(), 0, "{secret}");
    }
    assert_eq!(app.send(app.anonymous(Method::GET, &path)).await.unwrap().status, StatusCode::METHOD_NOT_ALLOWED);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same_and_nothing_is_kept() {
    let (app, words) = set_up().await;
    let (path, right) = (path(&words), callback(&words));
    let with = |field: &str, value: Value| {
        let mut body = right.clone();
        body[field] = value;
        body.to_string()
    };
    let token = words.token.expose_secret();
    let mut answers = Vec::new();
    for (path, body) in [
        (path.replace("thingspace", "control_center"), right.to_string()),
        (path.replace("thingspace", "nobody"), right.to_string()),
        (path.replace(token, &"0".repeat(64)), right.to_string()),
        (path.replace(token, "%00"), right.to_string()),
        (path.clone(), with("password", json!("guessed"))),
        (path.clone(), with("username", json!(words.password.expose_secret()))),
        (path.clone(), with("password", json!(["x"]))),
        (path.clone(), with("requestId", json!("'; drop table"))),
        (path.clone(), with("deviceIds", json!([]))),
        (path.clone(), "not JSON".to_owned()),
        (path.clone(), format!("{}{}", "[".repeat(30_000), "]".repeat(30_000))),
        (path.clone(), String::new()),
    ] {
        let mut answer = knock(&app, &path, body.clone()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path} {body}");
        assert!(!answer.json.to_string().contains(token), "{}", answer.json);
        for own in ["request_id", "instance"] {
            answer.json.as_object_mut().unwrap().remove(own);
        }
        answers.push(answer.json);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(kept(&app).await, 0);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_longer_than_64_kib_is_not_read_to_its_end() {
    let (app, words) = set_up().await;
    let mut body = callback(&words);
    let room = 64 * 1024 - body.to_string().len();
    body["comment"] = json!(format!("{}{}", text(&body["comment"]), "x".repeat(room)));
    assert_eq!(knock(&app, &path(&words), body.to_string()).await.status, StatusCode::NO_CONTENT, "exactly so much");
    body["comment"] = json!(format!("{}x", text(&body["comment"])));
    let longer = knock(&app, &path(&words), body.to_string()).await;
    assert_eq!((longer.status, &longer.json["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("TOO_LARGE")));
    // Whoever it is, and however it comes: the same.
    let unknown = path(&words).replace(words.token.expose_secret(), "x");
    assert_eq!(knock(&app, &unknown, vec![b'x'; 70_000]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // One that says that it is long and never sends it has its answer all the same.
    let address = app.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!("POST {} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 200000000\r\n\r\n", path(&words));
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    let answered = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first);
    tokio::time::timeout(std::time::Duration::from_secs(20), answered).await.unwrap().unwrap();
    assert_eq!(&first, b"HTTP/1.1 413");
    assert_eq!(kept(&app).await, 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_account_fills_no_table_and_what_is_a_day_old_is_forgotten() {
    let (app, words) = set_up().await;
    let few = NonZeroU32::new(3).unwrap();
    let door = app.another_door(|door| door.limits = door.limits.clone().with_callbacks(few)).await.unwrap();
    let http = reqwest::Client::new();
    let mut answers = Vec::new();
    for _ in 0..5 {
        let sent =
            http.post(format!("{door}{}", path(&words))).body(callback(&words).to_string()).send().await.unwrap();
        answers.push((sent.status().as_u16(), sent.headers().contains_key("retry-after")));
    }
    assert_eq!(answers, [(204, false), (204, false), (204, false), (429, true), (429, true)]);
    assert_eq!(kept(&app).await, 3);
    let later = database::Ledger::new(app.ledger.server().later_by("23 hours"));
    assert_eq!(discard_callbacks(&later, app.fixture.tenant).await.unwrap(), 0);
    let later = database::Ledger::new(app.ledger.server().later_by("25 hours"));
    assert_eq!(discard_callbacks(&later, app.fixture.tenant).await.unwrap(), 3);
    assert_eq!(kept(&app).await, 0);
    app.finish().await.unwrap();
}
