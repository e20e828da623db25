//! What is asked without changing anything: availability, suspension, usage.

use crate::stage::{ACCOUNT, Listener, START, Stage, device, iccid, profile, record};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::State;

#[tokio::test]
async fn availability_is_told_for_each_device() {
    let mut profile = profile();
    profile.devices = vec![record(1, State::Active), record(2, State::Preactive)];
    let stage = Stage::of(profile).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "DeviceService").await;
    let body = json!({ "accountName": ACCOUNT, "devices": [device(1), device(2), device(3)] });
    stage.order(Method::POST, "/devices/availability/actions/list", &body).await;
    stage.pass_a_while();
    let heard = listener.hears(3).await;
    let told = |number: usize| {
        let of = |callback: &&Value| callback["deviceIds"].to_string().contains(&iccid(number));
        let response = &heard.iter().find(of).unwrap()["deviceResponse"]["deviceAvailabilityResponse"];
        (response["deviceFound"].as_bool().unwrap(), response["associatedWithMTN"].as_bool().unwrap())
    };
    assert_eq!([told(1), told(2), told(3)], [(true, true), (true, false), (false, false)]);
    assert!(heard.iter().all(|callback| callback["status"] == "Success"));
}

#[tokio::test]
async fn suspension_is_told_with_its_days() {
    let stage = Stage::with(1, State::Suspend).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "DeviceSuspensionStatus").await;
    let body = json!({ "deviceIds": [{ "id": iccid(1), "kind": "iccid" }] });
    stage.order(Method::POST, "/devices/suspension/status", &body).await;
    stage.pass_a_while();
    let heard = listener.hears(1).await;
    let response = &heard[0]["deviceResponse"]["deviceSuspensionStatusResponse"];
    assert_eq!((&response["currentState"], &response["maxSuspendDaysAllowed"]), (&json!("suspend"), &json!("90")));
    assert_eq!(response["numDaysSuspendAllowedCurrent12Months"], json!("179"));
    assert_eq!(response["expectedResumeDate"], json!("2026-04-15T08:00:00-04:00"));
}

#[tokio::test]
async fn usage_is_daily_the_same_each_time_and_summed() {
    let mut profile = profile();
    let mut one = record(1, State::Active);
    one.last_activation_at = "2025-12-01T00:00:00Z".parse::<Timestamp>().ok();
    profile.devices.push(one);
    let stage = Stage::of(profile).await;
    let path = "/devices/usage/actions/list";
    let ask = |earliest: &str, latest: &str| json!({ "deviceId": { "id": iccid(1), "kind": "ICCID" }, "earliest": earliest, "latest": latest });
    let (status, usage) = stage.post(path, &ask("2025-01-01T00:00:00Z", START)).await;
    let days = usage["usageHistory"].as_array().unwrap();
    assert_eq!(
        (status, days.len(), &usage["hasMoreData"]),
        (200, 45, &json!(false)),
        "from activation until yesterday"
    );
    assert_eq!(days[0]["timestamp"], json!("2025-12-01T00:00:00Z"));
    assert!(days[0]["bytesUsed"].is_u64() && days[0]["smsUsed"].is_u64() && days[0]["source"].is_string());
    assert_eq!(days[0]["servicePlan"], json!("SMALL"));
    assert_eq!(stage.post(path, &ask("2025-01-01T00:00:00Z", START)).await.1, usage);
    stage.profile(|profile| profile.settings.most_records_in_a_page = 10);
    let (status, first) = stage.post(path, &ask("2025-01-01T00:00:00Z", START)).await;
    assert_eq!((status, first["usageHistory"].as_array().unwrap().len()), (202, 10));
    let listener = Listener::start().await;
    stage.listen(&listener, "DeviceUsage").await;
    let sum = json!({ "accountName": ACCOUNT, "deviceIds": [{ "id": iccid(1), "kind": "iccid" }],
        "startTime": "2025-12-01T00:00:00Z", "endTime": "2025-12-02T23:00:00Z" });
    stage.order(Method::POST, "/devices/usage/actions/list/aggregate", &sum).await;
    stage.pass_a_while();
    let heard = listener.hears(1).await;
    let bytes = |day: usize| days[day]["bytesUsed"].as_u64().unwrap();
    assert_eq!(heard[0]["deviceResponse"]["usageResponse"]["bytesUsed"], json!(bytes(0) + bytes(1)));
}
