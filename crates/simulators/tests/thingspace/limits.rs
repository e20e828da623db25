//! Quotas: how much, how often.

use crate::stage::{ACCOUNT, Listener, Stage, device, told};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::State;

fn code(body: &Value) -> String {
    body["errorCode"].as_str().unwrap_or_default().trim_start_matches("UnifiedWebService.").to_owned()
}

#[tokio::test]
async fn a_plan_is_changed_four_times_a_month() {
    let mut stage = Stage::with(1, State::Active).await;
    stage.at_once();
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    for plan in ["LARGE", "SMALL", "SMALL", "LARGE", "SMALL"] {
        stage.change_plan(&[device(1)], plan).await;
        stage.pass(SignedDuration::from_secs(1));
    }
    let heard = listener.hears(5).await;
    let failed: Vec<&Value> = heard.iter().filter(|callback| callback["status"] == "Failed").collect();
    assert_eq!(failed.len(), 1);
    let limit = json!("UnifiedWebService.REQUEST_FAILED.ServicePlanChangeLimit");
    assert_eq!(failed[0]["faultResponse"]["faultcode"], limit);
    assert_eq!(stage.state(1).await.1, json!("LARGE"));
    stage.pass(SignedDuration::from_hours(24 * 17));
    stage.sign_in().await;
    stage.change_plan(&[device(1)], "SMALL").await;
    assert_eq!(stage.state(1).await.1, json!("SMALL"), "another month");
    stage.profile(|profile| profile.inferred.same_plan_counts = false);
    for _ in 0..5 {
        stage.change_plan(&[device(1)], "SMALL").await;
    }
    stage.pass(SignedDuration::from_secs(1));
    let now = stage.world.now();
    assert_eq!(stage.device(1, |device| device.plan_changes_in_month(now)), 1);
}

#[tokio::test]
async fn a_line_is_provisioned_five_times_a_day() {
    let mut stage = Stage::with(1, State::Active).await;
    stage.at_once();
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let body = json!({ "devices": [device(1)] });
    for path in ["suspend", "restore", "suspend", "restore", "suspend", "restore"] {
        stage.order(Method::POST, &format!("/devices/actions/{path}"), &body).await;
        stage.pass(SignedDuration::from_secs(1));
    }
    let heard = listener.hears(6).await;
    let limit = json!("UnifiedWebService.REQUEST_FAILED.ProvisioningLimit");
    let failed = heard.iter().filter(|callback| callback["faultResponse"]["faultcode"] == limit).count();
    assert_eq!((failed, stage.state(1).await.0.as_str()), (1, "suspend"));
    stage.pass(SignedDuration::from_hours(12));
    stage.sign_in().await;
    stage.order(Method::POST, "/devices/actions/restore", &body).await;
    assert_eq!(stage.state(1).await.0, "active", "another day");
}

#[tokio::test]
async fn a_hundred_activations_are_taken_a_minute() {
    let stage = Stage::with(1, State::Active).await;
    stage.profile(|profile| profile.settings.activations_per_minute = 3);
    let body = json!({ "devices": [device(1)], "servicePlan": "SMALL", "mdnZipCode": "36602" });
    let activate = || stage.call(Method::POST, "/devices/actions/activate").body(body.to_string()).send();
    for _ in 0..3 {
        assert_eq!(activate().await.unwrap().status(), 200);
    }
    stage.pass(SignedDuration::from_secs(20));
    let response = activate().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "40");
    let (status, answer) = told(response).await;
    assert_eq!((status, &answer["fault"]["code"]), (429, &json!("900800")));
    assert_eq!(stage.post("/devices/actions/list", &json!({})).await.0, 200, "others are not counted");
    stage.pass(SignedDuration::from_secs(40));
    assert_eq!(activate().await.unwrap().status(), 200);
}

#[tokio::test]
async fn requests_have_a_most_of_devices() {
    let stage = Stage::with(1, State::Active).await;
    let devices: Vec<Value> = (1..=10_001).map(device).collect();
    let plan = json!({ "devices": devices, "servicePlan": "LARGE" });
    let (status, body) = stage.put("/devices/actions/plan", &plan).await;
    assert_eq!((status, code(&body).as_str()), (400, "INPUT_INVALID.MaxRequestsExceeded"));
    let add = json!({ "accountName": ACCOUNT, "state": "preactive", "devicesToAdd": devices });
    assert_eq!(code(&stage.post("/devices/actions/add", &add).await.1), "INPUT_INVALID.MaxRequestsExceeded");
    let delete = json!({ "devicesToDelete": devices[..101] });
    assert_eq!(code(&stage.post("/devices/actions/delete", &delete).await.1), "INPUT_INVALID.NumberofDevices");
    stage.profile(|profile| profile.inferred.number_of_devices = Some(200));
    let plan = json!({ "devices": devices[..201], "servicePlan": "LARGE" });
    assert_eq!(code(&stage.put("/devices/actions/plan", &plan).await.1), "INPUT_INVALID.NumberofDevices");
}

#[tokio::test]
async fn a_line_is_suspended_for_half_a_year_at_most() {
    let mut stage = Stage::with(1, State::Active).await;
    stage.at_once();
    stage.profile(|profile| profile.settings.suspended_days_in_a_year = 2);
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let body = json!({ "devices": [device(1)] });
    stage.order(Method::POST, "/devices/actions/suspend", &body).await;
    stage.pass(SignedDuration::from_hours(36));
    stage.sign_in().await;
    stage.order(Method::POST, "/devices/actions/restore", &body).await;
    stage.pass(SignedDuration::from_secs(1));
    stage.order(Method::POST, "/devices/actions/suspend", &body).await;
    let heard = listener.hears(3).await;
    let limit = json!("UnifiedWebService.REQUEST_FAILED.SuspensionLimit");
    assert_eq!(heard.iter().filter(|callback| callback["faultResponse"]["faultcode"] == limit).count(), 1);
}
