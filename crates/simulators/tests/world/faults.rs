//! Every kind of fault, on the wire and in what it leaves behind.

use crate::stage::{KEY, PASSWORD, Stage, USERNAME, ids, told};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::Fleet;
use simulators::faults::{Fault, Rule, Seconds, When};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CUSTOMER: i64 = 100_000_001;

/// A world in which one service is about to be created, under a rule.
async fn under(fault: Value) -> Stage {
    let stage = Stage::example(1, 0).await;
    let rule = json!({"provider": "rev-io", "method": "post", "path": "services", "when": {"next": 1}, "fault": fault});
    let (status, answer) = stage.own(Method::POST, "/faults", Some(&rule)).await;
    assert_eq!((status, answer), (201, json!({"ids": [1]})));
    stage
}

fn service() -> Value {
    json!({"customer_id": CUSTOMER, "provider_id": 1, "number": "1"})
}

async fn create(stage: &Stage) -> Result<(u16, Value), reqwest::Error> {
    let response = stage.call(Method::POST, "Services").json(&service()).send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

fn made(stage: &Stage) -> usize {
    stage.world.rev_io(|state| state.accounts()[0].services.len())
}

/// The only call's line in the ledger.
async fn line(stage: &Stage) -> Value {
    let (_, ledger) = stage.own(Method::GET, "/ledger", None).await;
    assert_eq!(ledger["items"].as_array().unwrap().len(), 1, "{ledger}");
    ledger["items"][0].clone()
}

#[expect(clippy::disallowed_methods, reason = "how long an answer took is the machine's own waiting")]
fn stopwatch() -> Instant {
    Instant::now()
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(holds(), "it did not come about within four seconds");
}

#[tokio::test]
async fn refusals_come_in_all_shapes_and_do_nothing() {
    let message = "No.";
    for (fault, status, body) in [
        (json!({"kind": "refuse"}), 400, None),
        (
            json!({"kind": "refuse", "status": 409, "error": "E", "message": message}),
            409,
            Some(json!([{"ok": false, "error": "E", "message": message}])),
        ),
        (json!({"kind": "refuse_text", "message": message}), 400, Some(json!(message))),
        (json!({"kind": "unauthorized"}), 401, Some(json!({"statusCode": 401, "message": "Unauthorized"}))),
        (json!({"kind": "forbidden"}), 403, Some(json!({"statusCode": 403, "message": "Forbidden"}))),
        (
            json!({"kind": "server_error_before", "status": 503}),
            503,
            Some(json!({"statusCode": 503, "message": "Service Unavailable"})),
        ),
    ] {
        let kind = fault["kind"].clone();
        let stage = under(fault).await;
        let answer = create(&stage).await.unwrap();
        assert_eq!(answer.0, status, "{kind}");
        assert!(body.is_none_or(|body| body == answer.1), "{kind}: {}", answer.1);
        let line = line(&stage).await;
        assert_eq!((&line["applied"], &line["fault"]["kind"]), (&json!(false), &kind));
        assert_eq!((made(&stage), &line["status"]), (0, &json!(status)));
        assert_eq!(create(&stage).await.unwrap().0, 201, "the next call is well again");
    }
}

#[tokio::test]
async fn throttling_tells_the_seconds_or_not() {
    let stage = under(json!({"kind": "throttle", "seconds": 7})).await;
    let response = stage.call(Method::POST, "Services").json(&service()).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "7");
    let (status, body) = told(response).await;
    assert_eq!((status, &body["message"]), (429, &json!("Rate limit is exceeded. Try again in 7 seconds.")));
    let stage = under(json!({"kind": "gateway_throttle_without_seconds"})).await;
    let response = stage.call(Method::POST, "Services").json(&service()).send().await.unwrap();
    assert!(!response.headers().contains_key("retry-after"));
    let (status, body) = told(response).await;
    assert_eq!((status, body), (429, json!({"statusCode": 429, "message": "Rate limit is exceeded."})));
    assert_eq!(made(&stage), 0);
}

#[tokio::test]
async fn a_server_error_after_has_done_it() {
    let stage = under(json!({"kind": "server_error_after", "status": 502})).await;
    assert_eq!(create(&stage).await.unwrap().0, 502);
    let line = line(&stage).await;
    assert_eq!((made(&stage), &line["applied"]), (1, &json!(true)));
    assert_eq!(line["object"], json!({"kind": "Services", "id": 1}));
}

#[tokio::test]
async fn timeouts_hold_the_connection_and_then_close_it() {
    for (kind, expected) in [("timeout_before", 0), ("timeout_after", 1)] {
        let stage = under(json!({"kind": kind, "seconds": 0.3})).await;
        let begun = stopwatch();
        assert!(create(&stage).await.is_err());
        assert!(begun.elapsed() >= Duration::from_millis(290), "{:?}", begun.elapsed());
        let line = line(&stage).await;
        assert_eq!((made(&stage), &line["applied"]), (expected, &json!(expected == 1)), "{kind}");
        assert_eq!((&line["ended"], &line["status"]), (&json!("held"), &Value::Null));
    }
}

#[tokio::test]
async fn a_held_connection_ends_with_the_server() {
    let stage = under(json!({"kind": "timeout_after"})).await;
    let Stage { running, http, world, .. } = stage;
    let url = format!("{}/rev-io/v1/Services", running.url());
    let call = http.post(url).basic_auth(USERNAME, Some(PASSWORD)).header("Ocp-Apim-Subscription-Key", KEY);
    let calling = tokio::spawn(call.json(&service()).send());
    until(|| world.rev_io(|state| state.accounts()[0].services.len()) == 1).await;
    let begun = stopwatch();
    running.stop().await;
    assert!(calling.await.unwrap().is_err());
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_late_landing_is_done_after_its_answer() {
    for (fault, answered) in [
        (json!({"kind": "late_landing", "seconds": 0.4, "status": 504}), true),
        (json!({"kind": "late_landing", "seconds": 0.4, "hold_seconds": 0.1}), false),
    ] {
        let stage = under(fault).await;
        let answer = create(&stage).await;
        assert_eq!(answer.is_ok_and(|(status, _)| status == 504), answered);
        assert_eq!((made(&stage), &line(&stage).await["applied"]), (0, &json!(false)), "not yet");
        until(|| made(&stage) == 1).await;
        until(|| stage.world.ledger(|ledger| ledger.entries().all(|entry| entry.applied))).await;
        let line = line(&stage).await;
        assert_eq!((&line["landings"][0]["status"], &line["object"]["id"]), (&json!(201), &json!(1)));
    }
}

#[tokio::test]
async fn a_landing_ends_with_the_server() {
    let stage = under(json!({"kind": "late_landing", "seconds": 0.3, "status": 500})).await;
    assert_eq!(create(&stage).await.unwrap().0, 500);
    let Stage { running, world, .. } = stage;
    running.stop().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.rev_io(|state| state.accounts()[0].services.len()), 0);
}

#[tokio::test]
async fn a_second_landing_makes_a_duplicate() {
    let stage = under(json!({"kind": "second_landing", "seconds": 0.2})).await;
    assert_eq!(create(&stage).await.unwrap(), (201, json!({"ok": true, "id": 1})));
    assert_eq!(made(&stage), 1);
    until(|| made(&stage) == 2).await;
    let (_, objects) = stage.own(Method::GET, "/ledger/objects?kind=services&created_at_least=2", None).await;
    assert_eq!(objects["items"].as_array().unwrap().len(), 2);
    assert_eq!(objects["items"][0]["times_created"], json!(2));
    assert_eq!(line(&stage).await["landings"][0]["object"]["id"], json!(2));
}

#[tokio::test]
async fn a_cut_closes_the_socket_without_a_byte() {
    for (kind, expected) in [("cut_before", 0), ("cut_after", 1)] {
        let stage = under(json!({"kind": kind})).await;
        let error = create(&stage).await.unwrap_err();
        assert!(!error.is_timeout(), "{error:?}");
        assert_eq!((made(&stage), &line(&stage).await["ended"]), (expected, &json!("cut")));
        let stage = under(json!({"kind": kind})).await;
        assert!(raw(&stage).await.is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn a_cut_in_the_middle_leaves_half_a_body() {
    let stage = under(json!({"kind": "cut_in_the_middle"})).await;
    let error = create(&stage).await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!((made(&stage), &line(&stage).await["ended"]), (1, &json!("cut_in_the_middle")));
    let stage = under(json!({"kind": "cut_in_the_middle"})).await;
    let text = String::from_utf8(raw(&stage).await).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    assert!(head.to_lowercase().contains("content-length: 18"), "{head}");
    assert_eq!(body.len(), 9, "{body}");
}

/// Everything a socket gives for the call.
async fn raw(stage: &Stage) -> Vec<u8> {
    let address = stage.running.url().strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = service().to_string();
    let basic = "YXBpQGV4YW1wbGU6Y29ycmVjdCBob3JzZQ==";
    let head = format!(
        "POST /rev-io/v1/Services HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {basic}\r\n\
         Ocp-Apim-Subscription-Key: {KEY}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    // A reset is as good an end as a close.
    drop(tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut received)).await.unwrap());
    received
}

#[tokio::test]
async fn answers_that_are_none_may_have_done_it() {
    for (fault, status, expected) in [
        (json!({"kind": "garbage"}), 200, 1),
        (json!({"kind": "garbage", "applied": false}), 200, 0),
        (json!({"kind": "empty", "status": 201}), 201, 1),
        (json!({"kind": "empty", "applied": false}), 200, 0),
    ] {
        let stage = under(fault.clone()).await;
        let response = stage.call(Method::POST, "Services").json(&service()).send().await.unwrap();
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/json"));
        let answer = told(response).await;
        assert_eq!(answer.0, status, "{fault}");
        assert_eq!(answer.1 == json!(""), fault["kind"] == json!("empty"), "{fault}: {}", answer.1);
        assert!(answer.1.is_string(), "not JSON");
        assert_eq!((made(&stage), &line(&stage).await["applied"]), (expected, &json!(expected == 1)), "{fault}");
    }
}

#[tokio::test]
async fn a_slow_drip_is_the_true_answer_a_byte_at_a_time() {
    let stage = under(json!({"kind": "slow_drip", "milliseconds_per_byte": 20})).await;
    let begun = stopwatch();
    assert_eq!(create(&stage).await.unwrap(), (201, json!({"ok": true, "id": 1})));
    assert!(begun.elapsed() >= Duration::from_millis(18 * 20), "{:?}", begun.elapsed());
    let stage = under(json!({"kind": "slow_drip"})).await;
    let mut response = stage.call(Method::POST, "Services").json(&service()).send().await.unwrap();
    assert_eq!(response.content_length(), Some(18));
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 1);
    let begun = stopwatch();
    stage.running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "a drip ends with the server");
}

#[tokio::test]
async fn a_huge_body_is_as_long_as_said_or_has_no_end() {
    let stage = under(json!({"kind": "huge", "bytes": 3_000_000})).await;
    let response = stage.call(Method::POST, "Services").json(&service()).send().await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 3_000_000);
    let stage = under(json!({"kind": "huge", "applied": false})).await;
    let mut response = stage.call(Method::POST, "Services").json(&service()).send().await.unwrap();
    let mut read = 0;
    while read < 20_000_000 {
        read += response.chunk().await.unwrap().unwrap().len();
    }
    assert_eq!(made(&stage), 0);
    let begun = stopwatch();
    stage.running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "it ends with the server, though nobody reads");
}

#[tokio::test]
async fn a_stale_search_does_not_see_what_is_young_and_a_read_does() {
    let stage = Stage::example(1, 1).await;
    let rule = json!({"provider": "rev-io", "fault": {"kind": "stale_search", "seconds": 30}});
    assert_eq!(stage.own(Method::POST, "/faults", Some(&rule)).await.0, 201);
    stage.pass(SignedDuration::from_secs(100));
    assert_eq!(create(&stage).await.unwrap().0, 201);
    assert_eq!(ids(&stage.found("Services").await, "service_id"), [1]);
    assert!(stage.found("Services?search.number=1").await.is_empty());
    assert_eq!(stage.get("Services/2").await.0, 200);
    stage.pass(SignedDuration::from_secs(30));
    assert_eq!(ids(&stage.found("Services?search.number=1").await, "service_id"), [2]);
}

#[tokio::test]
async fn rules_choose_by_number_and_by_what_is_asked() {
    let stage = Stage::example(2, 1).await;
    let rules = json!([
        {"provider": "rev-io", "method": "GET", "path": "/customers/*", "when": {"nth": [2, 4]},
         "fault": {"kind": "refuse"}},
        {"provider": "rev-io", "query": {"search.number": "5"}, "fault": {"kind": "forbidden"}},
        {"provider": "rev-io", "body": {"number": "7"}, "fault": {"kind": "unauthorized"}},
        {"provider": "rev-io", "body": {"identifiers": "89"}, "fault": {"kind": "throttle"}},
        {"provider": "rev-io", "account": "somebody@else", "fault": {"kind": "forbidden"}},
    ]);
    assert_eq!(stage.own(Method::POST, "/faults", Some(&rules)).await.1, json!({"ids": [1, 2, 3, 4, 5]}));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(stage.get("CUSTOMERS/100000001").await.0);
    }
    assert_eq!(statuses, [200, 400, 200, 400, 200]);
    assert_eq!(stage.get("Services?search.number=5").await.0, 403);
    assert_eq!(stage.get("Services?search.number=6").await.0, 200);
    let mut body = service();
    body["number"] = json!("7");
    assert_eq!(stage.send(Method::POST, "Services", &body).await.0, 401);
    assert_eq!(stage.send(Method::POST, "Services", &service()).await.0, 201);
    let assign = json!({"service_id": 1, "identifiers": ["88", "89"]});
    assert_eq!(stage.send(Method::PATCH, "InventoryItem/assignService", &assign).await.0, 429);
    let (_, standing) = stage.own(Method::GET, "/faults", None).await;
    let counts = |place: usize| (&standing["items"][place]["matched"], &standing["items"][place]["fired"]);
    assert_eq!((counts(0), counts(4)), ((&json!(5), &json!(2)), (&json!(0), &json!(0))));
    assert_eq!(standing["items"][0]["rule"]["fault"]["kind"], json!("refuse"));
    assert_eq!(stage.own(Method::DELETE, "/faults/2", None).await.0, 204);
    assert_eq!(stage.own(Method::DELETE, "/faults/2", None).await.0, 404);
    assert_eq!(stage.get("Services?search.number=5").await.0, 200);
    assert_eq!(stage.own(Method::DELETE, "/faults", None).await.0, 204);
    assert_eq!(stage.send(Method::PATCH, "InventoryItem/assignService", &assign).await.0, 400, "its own refusal");
}

#[tokio::test]
async fn a_rate_is_drawn_from_the_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut fleet = Fleet::example(1, 1, 1);
        fleet.rev_io[0].calls_per_minute = 1000;
        let stage = Stage::of(fleet).await;
        let when = When::Rate(0.3);
        let rule = Rule { when, ..Rule::new("rev-io", Fault::ServerErrorBefore { status: 500 }) };
        stage.world.faults(|faults| faults.add(rule)).unwrap();
        let mut statuses = Vec::new();
        for _ in 0..100 {
            statuses.push(stage.get("Customers/100000001").await.0);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    let spoiled = runs[0].iter().filter(|status| **status == 500).count();
    assert!((15..50).contains(&spoiled), "{spoiled}");
}

#[tokio::test]
async fn a_rule_that_is_none_is_refused_with_its_reason() {
    let stage = Stage::example(1, 0).await;
    for (rule, about) in [
        (json!({"provider": "rev-io", "fault": {"kind": "explode"}}), "explode"),
        (json!({"provider": "rev-io", "fault": {"kind": "cut_before", "seconds": 1}}), "seconds"),
        (json!({"provider": "rev-io", "fault": {"kind": "refuse", "colour": 1}}), "colour"),
        (json!({"provider": "rev-io", "colour": 1, "fault": {"kind": "refuse"}}), "colour"),
        (json!({"provider": "fax", "fault": {"kind": "refuse"}}), "fax"),
        (json!({"provider": "rev-io"}), "fault"),
        (json!({"provider": "rev-io", "when": {"rate": 2}, "fault": {"kind": "refuse"}}), "rate"),
        (json!({"provider": "rev-io", "when": {"nth": [0]}, "fault": {"kind": "refuse"}}), "nth"),
        (json!({"provider": "rev-io", "when": "sometimes", "fault": {"kind": "refuse"}}), "sometimes"),
        (json!({"provider": "rev-io", "fault": {"kind": "refuse", "status": 200}}), "status"),
        (json!({"provider": "rev-io", "fault": {"kind": "server_error_after", "status": 400}}), "status"),
        (json!({"provider": "rev-io", "fault": {"kind": "timeout_after", "seconds": -1}}), "seconds"),
        (json!([{"provider": "rev-io", "fault": {"kind": "refuse"}}, {}]), "rule 2"),
    ] {
        let (status, answer) = stage.own(Method::POST, "/faults", Some(&rule)).await;
        assert_eq!(status, 422, "{rule}");
        assert!(answer["message"].as_str().unwrap().contains(about), "{answer}");
    }
    let url = format!("{}/faults", stage.running.url());
    assert_eq!(told(stage.http.post(url).body("{").send().await.unwrap()).await.0, 400);
    assert!(stage.world.faults(|faults| faults.standing().is_empty()), "a list is added whole or not");
    assert!(Seconds::new(f64::NAN).is_none());
}
