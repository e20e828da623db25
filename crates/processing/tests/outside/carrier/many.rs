//! Many activations, while callbacks are lost and doubled: 1,000 in the gate, 20,000 in the deep run.

use super::at::NEW;
use crate::stage::Stage;
use serde_json::json;
use simulators::thingspace::State;
use std::time::Duration;
use testing::in_deep_run;

#[tokio::test]
async fn many_activations_end_right_though_callbacks_are_lost_and_doubled() {
    let devices = if in_deep_run() { 20_000 } else { 1_000 };
    let mut stage = Stage::of_devices(devices, State::Preactive).await;
    let _words = stage.is_called_back().await;
    for (kind, rate) in [("callback_lost", 0.05), ("callback_doubled", 0.05), ("device_refused", 0.01)] {
        let path = "/devices/actions/activate";
        stage.fault(json!({"provider": "thingspace", "path": path, "when": {"rate": rate}, "fault": {"kind": kind}}));
    }
    let plan = stage.plan_to_activate(0..devices, None).await;
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    // The carrier tells what it tells; what it has lost, the timer finds.
    for _ in 0..1_200 {
        if stage.profile(|profile| profile.callbacks.left()) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What was refused, and told in a callback that was lost, is waited for as long as it may take.
    for minutes in [2, 3, 10, 45].into_iter().chain([60; 24]) {
        stage.work_later(minutes).await;
    }
    let change = stage.work_to_rest(&plan).await;
    let (mut active, mut not) = (0_u32, 0_u32);
    for place in 0..devices {
        match stage.there(place) {
            (State::Active, Some(has)) if has == NEW => active += 1,
            _ => not += 1,
        }
    }
    let counts = &change["counts"];
    assert!(active > devices * 9 / 10 && not > 0, "{active} {not}");
    assert_eq!((&counts["ok"], &counts["to_do"]), (&json!(active), &json!(0)), "{change}");
    let ended = counts["failed"].as_u64().unwrap() + counts["needs_attention"].as_u64().unwrap();
    assert_eq!(ended, u64::from(not), "{change}");
    // What the ledger calls done has the carrier's number, and nothing else has one.
    let told =
        stage.app.database.number("select count(*) from app.m2m_device where status = 'active' and msisdn is not null");
    assert_eq!(told.await.unwrap(), i64::from(active));
    let requests = stage.asked("/devices/actions/activate");
    assert!(requests <= usize::try_from(devices).unwrap() / 100, "{requests} requests to activate {devices}");
    stage.finish().await;
}
