//! Twenty thousand devices through activation, with a tenth of the callbacks spoiled.

use crate::stage::{Listener, Stage, device};
use serde_json::{Value, json};
use simulators::thingspace::State;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const DEVICES: usize = 20_000;

#[expect(clippy::disallowed_methods, reason = "how long it took is the machine's own waiting")]
fn stopwatch() -> Instant {
    Instant::now()
}

/// The bound is far above what is measured (see the printed times): it is to catch callbacks that go one after the other, or
/// a scan of everything for each, and not a busy machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_devices_are_activated() {
    let stage = Stage::with(DEVICES, State::Preactive).await;
    stage.at_once();
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let at = |kind: &str| json!({ "provider": "thingspace", "when": { "rate": 0.05 }, "fault": { "kind": kind } });
    stage.fault(json!([at("callback_lost"), at("callback_doubled")])).await;
    let begun = stopwatch();
    for first in [1, DEVICES / 2 + 1] {
        let devices: Vec<Value> = (first..first + DEVICES / 2).map(device).collect();
        stage.activate(&devices).await;
    }
    println!("two requests answered: {:?}", begun.elapsed());
    for _ in 0..18_000 {
        if stage.profile(|profile| profile.callbacks.left()) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("callbacks delivered: {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(180), "{:?}", begun.elapsed());
    let fired = |place: usize| stage.world.faults(|faults| usize::try_from(faults.standing()[place].fired).unwrap());
    let (lost, doubled) = (fired(0), fired(1));
    assert!((800..1_200).contains(&lost) && (750..1_200).contains(&doubled), "{lost} {doubled}");
    let heard = listener.heard();
    assert_eq!(heard.len(), DEVICES - lost + doubled);
    assert!(heard.iter().all(|callback| callback["status"] == "Success"));
    let active = |profile: &mut simulators::thingspace::Profile| {
        let records = profile.devices.iter().map(|device| &device.record);
        records
            .filter(|record| record.state == State::Active)
            .filter_map(|record| record.ids.values().next().cloned())
            .collect::<BTreeSet<_>>()
            .len()
    };
    assert_eq!(stage.profile(active), DEVICES, "each with a number of its own");
    let (_, counts) = stage.own(reqwest::Method::GET, "/ledger/counts", None).await;
    let activations = json!({ "calls": 2, "applied": 2, "devices": 20_000, "most_devices_in_a_call": 10_000 });
    assert_eq!(counts["items"][0]["operations"]["activate"], activations);
}
