//! Many calls at once with everything going wrong, and a world that is stopped in the middle.

use crate::stage::{Listener, Stage, device};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::Running;
use simulators::thingspace::{Outcome, State};
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_for_is_what_was_applied() {
    let stage = Stage::with(200, State::Active).await;
    stage.at_once();
    stage.profile(|profile| profile.settings.plan_changes_per_month = 1_000);
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let spoil = |fault| json!({ "provider": "thingspace", "method": "PUT", "when": { "rate": 0.1 }, "fault": fault });
    stage
        .fault(json!([
            spoil(json!({ "kind": "cut_before" })),
            spoil(json!({ "kind": "cut_after" })),
            spoil(json!({ "kind": "server_error_before" })),
            spoil(json!({ "kind": "server_error_after" })),
            spoil(json!({ "kind": "late_landing", "seconds": 0.2, "status": 500 })),
            spoil(json!({ "kind": "second_landing", "seconds": 0.2 })),
            spoil(json!({ "kind": "timeout_after", "seconds": 0.05 })),
            spoil(json!({ "kind": "garbage" })),
        ]))
        .await;
    let stage = &stage;
    let calls = futures_util::stream::iter(1..=200).map(|number| async move {
        let body = json!({ "devices": [device(number)], "servicePlan": "LARGE" });
        let call = stage.call(Method::PUT, "/devices/actions/plan").body(body.to_string()).send().await;
        let Ok(answer) = call else { return None };
        let answer: Value = answer.json().await.ok()?;
        answer["requestId"].as_str().map(ToOwned::to_owned)
    });
    let proven: BTreeSet<String> = calls.buffer_unordered(20).filter_map(std::future::ready).collect().await;
    // Landings come within a fifth of a second of the last call; a busy machine is given more.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let applied: usize = stage.world.ledger(|ledger| {
        let plans = ledger.entries().filter(|entry| entry.path.ends_with("/plan"));
        let landed =
            |entry: &simulators::ledger::Entry| entry.landings.iter().filter(|landing| landing.applied).count();
        plans
            .map(|entry| {
                landed(entry)
                    + usize::from(
                        entry.applied && entry.fault.as_ref().is_none_or(|fault| fault.kind != "late_landing"),
                    )
            })
            .sum()
    });
    let made: BTreeSet<String> =
        stage.profile(|profile| profile.requests.iter().map(|request| request.id.clone()).collect());
    assert_eq!(made.len(), applied);
    assert!(proven.is_subset(&made) && proven.len() < made.len(), "{} {}", proven.len(), made.len());
    let heard: BTreeSet<String> = listener
        .hears(applied)
        .await
        .iter()
        .map(|callback| callback["requestId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(heard, made, "each is told, proven or not");
}

#[tokio::test]
async fn a_stopped_world_tells_the_rest_when_it_is_served_again() {
    let stage = Stage::with(3, State::Active).await;
    stage.at_once();
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    stage.fault(json!({ "provider": "thingspace", "fault": { "kind": "callback_late", "seconds": 10 } })).await;
    stage.change_plan(&[device(1), device(2), device(3)], "LARGE").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (world, http) = (stage.world.clone(), stage.http.clone());
    stage.pass(jiff::SignedDuration::from_secs(5));
    let clock = stage.stopped().await;
    clock.fetch_add(10, std::sync::atomic::Ordering::SeqCst);
    listener.hears_no_more_than(0).await;
    let again = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    listener.hears(3).await;
    for _ in 0..1_000 {
        if world.thingspace(|state| state.profiles()[0].callbacks.left()) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let outcomes: BTreeSet<_> = world.thingspace(|state| {
        state.profiles()[0].callbacks.iter().map(|callback| callback.outcome == Outcome::Delivered).collect()
    });
    assert_eq!(outcomes, BTreeSet::from([true]));
    assert_eq!(http.get(format!("{}/about", again.url())).send().await.unwrap().status(), 200);
}
