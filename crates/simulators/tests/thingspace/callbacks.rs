//! What is told, how often, and what goes wrong with it.

use crate::stage::{ACCOUNT, Listener, Stage, device, iccid};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::{Outcome, Sort, State};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

async fn listening(devices: usize, state: State) -> (Stage, Listener) {
    let stage = Stage::with(devices, state).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    (stage, listener)
}

fn rule(fault: Value) -> Value {
    json!({ "provider": "thingspace", "path": "/devices/actions/plan", "fault": fault })
}

fn outcomes(stage: &Stage) -> Vec<(Sort, Outcome, usize)> {
    let told = |callback: &simulators::thingspace::Callback| (callback.sort, callback.outcome, callback.attempts.len());
    stage.profile(|profile| profile.callbacks.iter().map(told).collect())
}

#[tokio::test]
async fn an_activation_tells_number_and_address_in_both_places() {
    let (stage, listener) = listening(1, State::Preactive).await;
    let id = stage.activate(&[device(1)]).await;
    listener.hears_no_more_than(0).await;
    stage.pass_a_while();
    let heard = listener.hears(1).await;
    let callback = &heard[0];
    assert_eq!((&callback["username"], &callback["password"]), (&json!("call"), &json!("back")));
    assert_eq!((&callback["requestId"], &callback["status"]), (&json!(id), &json!("Success")));
    assert_eq!((&callback["callbackCount"], &callback["maxCallbackThreshold"]), (&json!(1), &json!(4)));
    let response = &callback["deviceResponse"]["activateResponse"];
    assert_eq!((&response["state"], &response["servicePlan"]), (&json!("active"), &json!("SMALL")));
    assert!(response["ipAddress"].is_string() && response["featureCodes"].is_array());
    for ids in [&callback["deviceIds"], &response["deviceIds"]] {
        let ids = ids.as_array().unwrap();
        assert!(ids.contains(&json!({ "id": iccid(1), "kind": "iccId" })));
        assert!(ids.iter().any(|id| id["kind"] == "msisdn"));
    }
}

#[tokio::test]
async fn a_fault_names_the_device_as_it_was_sent() {
    let (stage, listener) = listening(1, State::Active).await;
    stage.activate(&[device(1)]).await;
    stage.pass_a_while();
    let callback = listener.hears(1).await.remove(0);
    let fault = json!({ "faultcode": "UnifiedWebService.REQUEST_FAILED.DeviceAlreadyActive",
        "faultstring": "REQUEST_FAILED. Device is already active" });
    assert_eq!((&callback["faultResponse"], &callback["status"]), (&fault, &json!("Failed")));
    assert!(callback.get("deviceResponse").is_none());
    let kinds: Vec<&str> =
        callback["deviceIds"].as_array().unwrap().iter().map(|id| id["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Imei", "Iccid"]);
}

#[tokio::test]
async fn suspend_restore_and_deactivate_have_members() {
    let (stage, listener) = listening(1, State::Active).await;
    let body = json!({ "accountName": ACCOUNT, "devices": [device(1)], "reasonCode": "FF" });
    for path in ["suspend", "restore", "deactivate"] {
        stage.order(Method::POST, &format!("/devices/actions/{path}"), &body).await;
        stage.pass_a_while();
        stage.settles().await;
    }
    let heard = listener.hears(3).await;
    let suspend = &heard[0]["deviceResponse"]["suspendResponse"];
    assert_eq!(suspend["maxSuspendDaysAllowed"], json!("90"));
    assert!(suspend["expectedResumeDate"].is_string());
    assert_eq!(heard[1]["deviceResponse"], json!({ "restoreResponse": { "restored": true } }));
    assert_eq!(heard[2]["deviceResponse"], json!({ "deactivateResponse": { "deactivated": true } }));
}

#[tokio::test]
async fn guesses_about_members_can_be_switched() {
    let (stage, listener) = listening(1, State::Suspend).await;
    stage.profile(|profile| {
        profile.inferred.flags_are_text = true;
        profile.inferred.changes_have_members = true;
    });
    stage.order(Method::POST, "/devices/actions/restore", &json!({ "devices": [device(1)] })).await;
    stage.pass_a_while();
    assert_eq!(listener.hears(1).await[0]["deviceResponse"]["restoreResponse"]["restored"], json!("true"));
    stage.change_plan(&[device(1)], "LARGE").await;
    stage.pass_a_while();
    assert_eq!(listener.hears(2).await[1]["deviceResponse"], json!({ "changeDeviceServicePlanResponse": {} }));
}

#[tokio::test]
async fn who_has_not_registered_is_told_nothing() {
    let stage = Stage::with(1, State::Active).await;
    stage.at_once();
    stage.change_plan(&[device(1)], "LARGE").await;
    assert_eq!(stage.state(1).await.1, json!("LARGE"));
    assert_eq!(stage.profile(|profile| (profile.callbacks.iter().count(), profile.callbacks.untold())), (0, 1));
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    listener.hears_no_more_than(0).await;
    stage.change_plan(&[device(1)], "SMALL").await;
    listener.hears(1).await;
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_three_times() {
    let (stage, listener) = listening(1, State::Active).await;
    stage.at_once();
    listener.answers(&[500, 302, 404, 500, 200]);
    stage.change_plan(&[device(1)], "LARGE").await;
    for count in 1..=4 {
        let heard = listener.hears(count).await;
        assert_eq!(heard[count - 1]["callbackCount"], json!(count));
        stage.pass(SignedDuration::from_secs(299));
        listener.hears_no_more_than(count).await;
        stage.pass(SignedDuration::from_secs(1));
    }
    listener.hears_no_more_than(4).await;
    assert_eq!(outcomes(&stage), [(Sort::Real, Outcome::GivenUp, 4)]);
    let (_, told) = stage.own(Method::GET, "/ledger/callbacks", None).await;
    let statuses: Vec<&Value> =
        told["items"][0]["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [500, 302, 404, 500]);
    assert!(!told.to_string().contains("back"), "no credentials in the ledger");
}

#[tokio::test]
async fn the_schedule_of_resends_is_a_setting_and_ends_with_a_success() {
    let (stage, listener) = listening(1, State::Active).await;
    stage.at_once();
    let patch = json!({ "settings": { "callback_resends_after": [1.5] } });
    stage.own(Method::PATCH, "/support/thingspace/UWSUSER", Some(&patch)).await;
    listener.answers(&[503]);
    stage.change_plan(&[device(1)], "LARGE").await;
    listener.hears(1).await;
    stage.pass(SignedDuration::from_secs(2));
    let heard = listener.hears(2).await;
    assert_eq!((&heard[1]["callbackCount"], &heard[1]["maxCallbackThreshold"]), (&json!(2), &json!(2)));
    stage.settles().await;
    assert_eq!(outcomes(&stage), [(Sort::Real, Outcome::Delivered, 2)]);
}

#[tokio::test]
async fn a_listener_that_is_not_there_or_does_not_answer_is_an_attempt_too() {
    let stage = Stage::with(1, State::Active).await;
    stage.at_once();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let body = json!({ "name": "CarrierService", "url": format!("http://{}/", silent.local_addr().unwrap()) });
    stage.post(&format!("/callbacks/{ACCOUNT}"), &body).await;
    let patch = json!({ "settings": { "callback_patience": 0.1, "callback_resends_after": [1] } });
    stage.own(Method::PATCH, "/support/thingspace/UWSUSER", Some(&patch)).await;
    stage.change_plan(&[device(1)], "LARGE").await;
    let attempts = |wanted: usize| {
        let stage = &stage;
        async move {
            for _ in 0..1_000 {
                let attempts =
                    stage.profile(|profile| profile.callbacks.iter().next().map(|told| told.attempts.clone()));
                if let Some(attempts) = attempts.filter(|attempts| attempts.len() == wanted) {
                    return attempts;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            panic!("no {wanted} attempts")
        }
    };
    assert_eq!(attempts(1).await[0].error, Some("timeout"));
    drop(silent);
    stage.pass(SignedDuration::from_secs(1));
    assert_eq!(attempts(2).await[1].error, Some("connection"));
    assert_eq!(outcomes(&stage), [(Sort::Real, Outcome::GivenUp, 2)]);
}

#[tokio::test]
async fn callbacks_come_after_the_answer_unless_they_are_early() {
    let (stage, listener) = listening(2, State::Active).await;
    stage.at_once();
    let answered = Arc::new(AtomicBool::new(false));
    for (number, early) in [(1, false), (2, true)] {
        if early {
            stage
                .fault(json!({ "provider": "thingspace", "device": iccid(2), "fault": { "kind": "callback_early" } }))
                .await;
        }
        answered.store(false, Ordering::SeqCst);
        let body = json!({ "devices": [device(number)], "servicePlan": "LARGE" });
        let call = stage.call(Method::PUT, "/devices/actions/plan").body(body.to_string()).send();
        let heard_before_answer = async {
            while listener.heard().len() < number {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            !answered.load(Ordering::SeqCst)
        };
        let call = async {
            call.await.unwrap().bytes().await.unwrap();
            answered.store(true, Ordering::SeqCst);
        };
        let ((), before) = tokio::join!(call, heard_before_answer);
        assert_eq!(before, early, "device {number}");
    }
}

#[tokio::test]
async fn a_lost_callback_is_never_heard_though_the_work_is_done() {
    let (stage, listener) = listening(2, State::Active).await;
    stage.at_once();
    let mut lost = rule(json!({ "kind": "callback_lost" }));
    lost["device"] = json!(iccid(1));
    stage.fault(lost).await;
    stage.change_plan(&[device(1), device(2)], "LARGE").await;
    listener.hears(1).await;
    stage.pass(SignedDuration::from_hours(1));
    listener.hears_no_more_than(1).await;
    assert_eq!(outcomes(&stage), [(Sort::Real, Outcome::Lost, 0), (Sort::Real, Outcome::Delivered, 1)]);
    assert_eq!(stage.device(1, |device| device.record.plan.clone()).as_deref(), Some("LARGE"));
}

#[tokio::test]
async fn some_attempts_are_lost_and_the_next_arrives() {
    let (stage, listener) = listening(1, State::Active).await;
    stage.at_once();
    stage.fault(rule(json!({ "kind": "callback_lost", "attempts": 2 }))).await;
    stage.change_plan(&[device(1)], "LARGE").await;
    for _ in 0..2 {
        listener.hears_no_more_than(0).await;
        stage.pass(SignedDuration::from_secs(300));
    }
    assert_eq!(listener.hears(1).await[0]["callbackCount"], json!(3));
}

#[tokio::test]
async fn a_late_callback_comes_later_than_the_work() {
    let (stage, listener) = listening(1, State::Active).await;
    stage.at_once();
    stage.fault(rule(json!({ "kind": "callback_late", "seconds": 60 }))).await;
    stage.change_plan(&[device(1)], "LARGE").await;
    assert_eq!(stage.state(1).await.1, json!("LARGE"));
    stage.pass(SignedDuration::from_secs(59));
    listener.hears_no_more_than(0).await;
    stage.pass(SignedDuration::from_secs(1));
    listener.hears(1).await;
}

#[tokio::test]
async fn a_doubled_callback_comes_twice_the_same() {
    let (stage, listener) = listening(1, State::Active).await;
    stage.at_once();
    stage.fault(rule(json!({ "kind": "callback_doubled", "seconds": 30 }))).await;
    stage.change_plan(&[device(1)], "LARGE").await;
    listener.hears(1).await;
    stage.pass(SignedDuration::from_secs(30));
    let heard = listener.hears(2).await;
    assert_eq!(heard[0], heard[1]);
    stage.settles().await;
    assert_eq!(outcomes(&stage), [(Sort::Real, Outcome::Delivered, 1), (Sort::Double, Outcome::Delivered, 1)]);
}

#[tokio::test]
async fn forged_callbacks_come_before_the_true_one_or_instead() {
    for forgery in ["credentials", "request", "status"] {
        let (stage, listener) = listening(1, State::Active).await;
        stage.at_once();
        stage.fault(rule(json!({ "kind": "callback_forged", "forgery": forgery }))).await;
        let id = stage.change_plan(&[device(1)], "LARGE").await;
        let heard = listener.hears(2).await;
        let forged = heard.iter().find(|callback| {
            callback["password"] != "back" || callback["requestId"] != json!(id) || callback["status"] != "Success"
        });
        let forged = forged.unwrap();
        match forgery {
            "credentials" => assert_ne!((&forged["username"], &forged["password"]), (&json!("call"), &json!("back"))),
            "request" => assert_ne!(forged["requestId"], json!(id)),
            _ => assert!(forged["status"] == "Failed" && forged["faultResponse"].is_object()),
        }
        stage.settles().await;
        assert_eq!(outcomes(&stage)[0].0, Sort::Forged);
        stage.own(Method::DELETE, "/faults", None).await;
        stage.fault(rule(json!({ "kind": "callback_forged", "forgery": forgery, "instead": true }))).await;
        stage.change_plan(&[device(1)], "SMALL").await;
        listener.hears(3).await;
        listener.hears_no_more_than(3).await;
    }
}

#[tokio::test]
async fn a_device_is_refused_or_delayed_by_a_rule() {
    let (stage, listener) = listening(3, State::Active).await;
    stage.at_once();
    let code = "UnifiedWebService.REQUEST_ONHOLD.Credit";
    stage
        .fault(json!([
            { "provider": "thingspace", "device": iccid(1),
              "fault": { "kind": "device_refused", "code": code, "message": "REQUEST_ONHOLD. Credit" } },
            { "provider": "thingspace", "device": iccid(2), "fault": { "kind": "device_delayed", "seconds": 90 } },
        ]))
        .await;
    stage.change_plan(&[device(1), device(2), device(3)], "LARGE").await;
    let heard = listener.hears(2).await;
    let fault = heard.iter().find(|callback| callback["status"] == "Failed").unwrap();
    assert_eq!(fault["faultResponse"], json!({ "faultcode": code, "faultstring": "REQUEST_ONHOLD. Credit" }));
    let plan = |number| stage.device(number, |device| device.record.plan.clone().unwrap());
    assert_eq!([plan(1), plan(2), plan(3)], ["SMALL", "SMALL", "LARGE"]);
    stage.pass(SignedDuration::from_secs(90));
    listener.hears(3).await;
    assert_eq!(plan(2), "LARGE");
    let (_, rules) = stage.own(Method::GET, "/faults", None).await;
    assert_eq!((&rules["items"][0]["matched"], &rules["items"][0]["fired"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn an_activation_that_a_rule_refuses_leaves_the_device_where_it_was() {
    let (stage, listener) = listening(1, State::Preactive).await;
    stage.at_once();
    stage
        .fault(json!({ "provider": "thingspace", "when": { "next": 1 }, "fault": { "kind": "device_refused" } }))
        .await;
    stage.activate(&[device(1), device(2)]).await;
    let heard = listener.hears(2).await;
    assert_eq!(heard.iter().filter(|callback| callback["status"] == "Failed").count(), 1);
    assert_eq!((stage.state(1).await.0.as_str(), stage.state(2).await.0.as_str()), ("preactive", "active"));
}
