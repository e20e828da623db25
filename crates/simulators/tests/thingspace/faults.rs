//! Faults of calls, in ThingSpace's shapes.

use crate::stage::{ACCOUNT, Stage, device, told};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::faults::{Fault, Forgery, Rule, RuleError};
use simulators::thingspace::State;

const PLAN: &str = "/devices/actions/plan";

async fn under(fault: Value) -> Stage {
    let stage = Stage::with(1, State::Active).await;
    stage.at_once();
    stage
        .fault(
            json!({ "provider": "thingspace", "method": "put", "path": "/devices/actions/PLAN", "when": { "next": 1 },
        "fault": fault }),
        )
        .await;
    stage
}

async fn change(stage: &Stage) -> Result<(u16, Value), reqwest::Error> {
    let body = json!({ "devices": [device(1)], "servicePlan": "LARGE" });
    let response = stage.call(Method::PUT, PLAN).body(body.to_string()).send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

fn changed(stage: &Stage) -> bool {
    stage.device(1, |device| device.record.plan.as_deref() == Some("LARGE"))
}

#[tokio::test]
async fn refusals_come_in_both_envelopes_and_do_nothing() {
    for (fault, status, pointer, value) in [
        (json!({ "kind": "refuse" }), 400, "/errorCode", json!("UnifiedWebService.REQUEST_FAILED.UnexpectedError")),
        (json!({ "kind": "refuse", "error": "X.Y", "message": "m" }), 400, "/errorCode", json!("X.Y")),
        (json!({ "kind": "unauthorized" }), 401, "/fault/code", json!("900901")),
        (json!({ "kind": "throttle", "seconds": 7 }), 429, "/fault/code", json!("900800")),
        (json!({ "kind": "server_error_before", "status": 503 }), 503, "/fault/message", json!("Service Unavailable")),
    ] {
        let stage = under(fault.clone()).await;
        let (told_status, body) = change(&stage).await.unwrap();
        assert_eq!((told_status, body.pointer(pointer)), (status, Some(&value)), "{fault}");
        assert!(!changed(&stage));
        assert_eq!(change(&stage).await.unwrap().0, 200, "the next one is well again");
    }
    let stage = under(json!({ "kind": "forbidden" })).await;
    let (status, body) = change(&stage).await.unwrap();
    assert!(status == 403 && body.as_str().unwrap().contains("am:fault"));
}

#[tokio::test]
async fn what_is_lost_before_is_not_done_and_what_is_lost_after_is() {
    for (fault, done) in [
        (json!({ "kind": "timeout_before", "seconds": 0.1 }), false),
        (json!({ "kind": "timeout_after", "seconds": 0.1 }), true),
        (json!({ "kind": "cut_before" }), false),
        (json!({ "kind": "cut_after" }), true),
        (json!({ "kind": "cut_in_the_middle" }), true),
    ] {
        let stage = under(fault.clone()).await;
        assert!(change(&stage).await.is_err(), "{fault}");
        assert_eq!(changed(&stage), done, "{fault}");
    }
    for (fault, status, done) in [
        (json!({ "kind": "server_error_after", "status": 502 }), 502, true),
        (json!({ "kind": "garbage" }), 200, true),
        (json!({ "kind": "garbage", "applied": false }), 200, false),
        (json!({ "kind": "empty" }), 200, true),
        (json!({ "kind": "slow_drip", "milliseconds_per_byte": 1 }), 200, true),
    ] {
        let stage = under(fault.clone()).await;
        assert_eq!(change(&stage).await.unwrap().0, status, "{fault}");
        assert_eq!(changed(&stage), done, "{fault}");
    }
}

#[tokio::test]
async fn a_late_landing_is_done_later_and_a_second_one_twice() {
    let stage = under(json!({ "kind": "late_landing", "seconds": 0.5, "status": 504 })).await;
    assert_eq!(change(&stage).await.unwrap().0, 504);
    assert!(!changed(&stage));
    stage.comes_about(|profile| profile.requests.iter().count() == 1).await;
    assert!(changed(&stage));
    let stage = under(json!({ "kind": "second_landing", "seconds": 0.1 })).await;
    assert_eq!(change(&stage).await.unwrap().0, 200);
    stage.comes_about(|profile| profile.requests.iter().count() == 2).await;
    assert_eq!(stage.device(1, |device| device.plan_changes.len()), 2);
}

#[tokio::test]
async fn token_and_login_can_fail_too() {
    let stage = Stage::with(1, State::Active).await;
    stage.fault(json!([
        { "provider": "thingspace", "path": "/oauth2/token", "when": { "next": 1 }, "fault": { "kind": "server_error_before" } },
        { "provider": "thingspace", "path": "/session/login", "when": { "next": 1 }, "fault": { "kind": "throttle" } },
        { "provider": "thingspace", "path": "/plans/*", "account": "UWSUSER", "fault": { "kind": "refuse" } },
    ])).await;
    assert_eq!(stage.token().await.0, 500);
    assert_eq!(stage.log_in("x", "y").await.0, 429);
    assert_eq!(stage.get(&format!("/plans/{ACCOUNT}")).await.0, 400);
    let other = stage.http.get(format!("{}/rev-io/v1/Customers", stage.running.url())).send().await.unwrap();
    assert_eq!(told(other).await.0, 401, "rules of one provider leave the other alone");
}

#[tokio::test]
async fn rules_about_devices_are_checked() {
    let mut rule = Rule::new("rev-io", Fault::CallbackEarly {});
    let stage = Stage::with(1, State::Active).await;
    let add = |rule: &Rule| stage.world.faults(|faults| faults.add(rule.clone()));
    assert_eq!(add(&rule), Err(RuleError::Field("provider")));
    rule.provider = "thingspace".to_owned();
    rule.query.insert("a".to_owned(), "b".to_owned());
    assert_eq!(add(&rule), Err(RuleError::Field("query")));
    rule.query.clear();
    assert_eq!(add(&rule), Ok(1));
    rule.fault = Fault::CallbackForged { forgery: Forgery::Request, instead: false };
    rule.device = Some("1".to_owned());
    assert_eq!(add(&rule), Ok(2));
    rule.fault = Fault::Unauthorized {};
    assert_eq!(add(&rule), Err(RuleError::Field("device")));
    let (status, answer) =
        stage.own(Method::POST, "/faults", Some(&json!({ "provider": "fax", "fault": { "kind": "refuse" } }))).await;
    assert!(status == 422 && answer["message"].as_str().unwrap().contains("rev-io, thingspace"));
}
