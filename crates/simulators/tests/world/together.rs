//! Many calls at once, with everything going wrong: what exists is what the ledger says was applied.

use crate::stage::Stage;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use simulators::Fleet;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_exists_is_what_was_applied() {
    let mut fleet = Fleet::example(1, 1, 0);
    fleet.rev_io[0].calls_per_minute = 10_000;
    let stage = Stage::of(fleet).await;
    let spoil = |fault| json!({"provider": "rev-io", "method": "POST", "when": {"rate": 0.1}, "fault": fault});
    let rules = json!([
        spoil(json!({"kind": "cut_before"})),
        spoil(json!({"kind": "cut_after"})),
        spoil(json!({"kind": "server_error_before"})),
        spoil(json!({"kind": "server_error_after"})),
        spoil(json!({"kind": "late_landing", "seconds": 0.2, "status": 500})),
        spoil(json!({"kind": "second_landing", "seconds": 0.2})),
        spoil(json!({"kind": "timeout_after", "seconds": 0.05})),
        spoil(json!({"kind": "garbage"})),
    ]);
    assert_eq!(stage.own(Method::POST, "/faults", Some(&rules)).await.0, 201);
    let stage = &stage;
    let calls = futures_util::stream::iter(0..300).map(|number| async move {
        let body = json!({"customer_id": 100_000_001, "provider_id": 1, "number": number.to_string()});
        let response = stage.call(Method::POST, "Services").json(&body).send().await;
        response.is_ok_and(|response| response.status() == 201)
    });
    let proven = calls.buffer_unordered(20).filter(|proof| std::future::ready(*proof)).count().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (at_once, late, again) = stage.world.ledger(|ledger| {
        let (mut at_once, mut late, mut again) = (0, 0, 0);
        for entry in ledger.entries() {
            let landed = entry.landings.iter().filter(|landing| landing.applied).count();
            match entry.fault.as_ref().map(|fault| fault.kind) {
                Some("late_landing") => late += landed,
                _ => (at_once, again) = (at_once + usize::from(entry.applied), again + landed),
            }
        }
        (at_once, late, again)
    });
    let made = stage.world.rev_io(|state| state.accounts()[0].services.len());
    assert_eq!(made, at_once + late + again);
    assert!(late > 0 && again > 0 && proven < at_once && at_once < 300, "{proven} {at_once} {late} {again}");
    let entries = stage.world.ledger(|ledger| ledger.entries().count());
    assert_eq!(entries, 300, "nobody has sent a call twice");
}
