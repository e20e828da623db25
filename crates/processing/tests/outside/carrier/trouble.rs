//! What goes wrong on the way to a carrier.

use super::at::{NEW, OLD};
use crate::stage::Stage;
use serde_json::{Value, json};
use testing::iccid;

fn plan_requests(stage: &Stage, when: Value, fault: Value) {
    stage.fault(json!({"provider": "thingspace", "path": "/devices/actions/plan", "when": when, "fault": fault}));
}

fn all_have(stage: &Stage, devices: u32, plan: &str) -> bool {
    (0..devices).all(|place| stage.there(place).1.as_deref() == Some(plan))
}

#[tokio::test]
async fn a_batch_that_is_refused_for_one_sim_is_sent_in_halves_and_that_one_fails_alone() {
    let mut stage = Stage::at_carrier(12).await;
    let bad = json!({"deviceIds": [{"id": iccid(5), "kind": "iccid"}]});
    stage.fault(json!({"provider": "thingspace", "path": "/devices/actions/plan", "body": {"devices": bad},
        "fault": {"kind": "refuse", "error": "UnifiedWebService.INPUT_INVALID.DeviceIdentifier.Value"}}));
    let plan = stage.plan_to_change(0..12).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["failed"]), (&json!(11), &json!(1)), "{change}");
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert_eq!(rows[5]["reason"], "CARRIER_REJECTED", "{}", rows[5]);
    assert_eq!(stage.there(5).1.as_deref(), Some(OLD));
    stage.finish().await;
}

#[tokio::test]
async fn what_nobody_knows_of_is_looked_for_and_sent_again_only_if_it_is_not_there() {
    for (fault, sends) in [("timeout_after", 1), ("cut_after", 1), ("timeout_before", 2), ("server_error_before", 2)] {
        let mut stage = Stage::at_carrier(3).await;
        plan_requests(&stage, json!({"next": 1}), json!({"kind": fault}));
        let plan = stage.plan_to_change(0..3).await;
        stage.apply(&plan).await;
        let change = stage.work_to_rest(&plan).await;
        assert_eq!(change["counts"]["ok"], 3, "{fault}: {change}");
        assert!(all_have(&stage, 3, NEW), "{fault}");
        assert_eq!(stage.asked("/actions/plan"), sends, "{fault}");
        stage.finish().await;
    }
}

#[tokio::test]
async fn a_request_that_is_accepted_and_never_done_is_a_persons_after_a_day() {
    let mut stage = Stage::at_carrier(2).await;
    stage.fault(json!({"provider": "thingspace", "path": "/devices/actions/plan", "device": iccid(0), "fault": {"kind": "device_refused"}}));
    let plan = stage.plan_to_change(0..2).await;
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    for minutes in [2, 3, 10, 45] {
        stage.work_later(minutes).await;
    }
    assert_eq!((stage.rows_in(&plan, "PROCESSED").await, stage.rows_in(&plan, "WAITING_CARRIER").await), (1, 1));
    let looks = stage.asked("/actions/list");
    assert_eq!(looks, 2 + 3, "before, at 2, 5, 15 and 60 minutes");
    for _ in 0..23 {
        stage.work_later(60).await;
    }
    assert_eq!(stage.asked("/actions/list"), looks + 23, "then hourly to 24 hours");
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert_eq!(
        (&rows[0]["status"], &rows[0]["reason"]),
        (&json!("NEEDS_ATTENTION"), &json!("CARRIER_TIMEOUT")),
        "{rows:?}"
    );
    // It was asked for at the carrier's, and has come about there: looked at once more, it is done.
    let id = stage.profile(|profile| profile.devices.iccid(&iccid(0)).unwrap().record.id);
    stage.profile(|profile| {
        profile.devices.change(id, crate::stage::now(), |record| record.plan = Some(NEW.to_owned()))
    });
    let path = format!("/bulk-changes/{}/resolve", plan.as_str().unwrap());
    let body = json!({"rows": [1], "reason": "the carrier did it", "outcome": "look_again"});
    assert_eq!(stage.app.post(&path, &body).await.unwrap().status, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    stage.finish().await;
}

#[tokio::test]
async fn a_session_that_has_run_out_is_renewed_and_refused_credentials_pause_the_account_and_fail_no_row() {
    let mut stage = Stage::at_carrier(4).await;
    let plan = stage.plan_to_change(0..2).await;
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    stage.profile(|profile| profile.end_sessions());
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");

    stage.profile(|profile| {
        profile.end_sessions();
        profile.password = "another".to_owned();
    });
    let plan = stage.plan_to_change(2..4).await;
    stage.apply(&plan).await;
    // The budget's clock has gone on with the work's.
    stage.work_later(1).await;
    let provider = stage.app.fixture.provider;
    let account = stage.app.get(&format!("/service-providers/{provider}/account")).await.unwrap().json;
    assert!(account["paused_because"].as_str().is_some_and(|why| why.contains("refused the credentials")), "{account}");
    stage.work_later(5).await;
    assert_eq!(
        stage.app.get(&format!("/bulk-changes/{}", plan.as_str().unwrap())).await.unwrap().json["counts"]["to_do"],
        2
    );
    assert!(!stage.profile(|profile| profile.is_locked()), "nobody signs in wrongly for ever");
    // Somebody writes the right password and lets it go on.
    let secrets = json!({"password": "another"});
    let kept = stage.app.post(&format!("/service-providers/{provider}/account/credentials"), &secrets).await.unwrap();
    assert!(kept.status.is_success(), "{}", kept.json);
    let put = stage.app.request(reqwest::Method::PUT, &format!("/api/v1/service-providers/{provider}/account"));
    let kept = stage.app.send(put.header("if-match", "*").json(&json!({"paused": false}))).await.unwrap();
    assert!(kept.status.is_success(), "{}", kept.json);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    assert!(all_have(&stage, 4, NEW));
    stage.finish().await;
}

#[tokio::test]
async fn a_list_that_does_not_show_a_sim_concludes_nothing_before_it_was_asked_for_by_itself() {
    let mut stage = Stage::at_carrier(3).await;
    stage.fault(json!({"provider": "thingspace", "path": "/devices/actions/list", "when": {"nth": [1]}, "fault": {"kind": "garbage"}}));
    let plan = stage.plan_to_change(0..3).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 3, "{change}");
    assert!(all_have(&stage, 3, NEW));
    stage.finish().await;
}
