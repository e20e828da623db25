//! The crash matrix: every place × every fault, run to rest.

use crate::stage::{DiesOnceAt, Stage};
use processing::outside::Place;
use serde_json::{Value, json};

/// Every way in which a write can go wrong on the wire.
fn faults() -> Vec<(&'static str, Value)> {
    vec![
        ("none", Value::Null),
        ("refuse", json!({"kind": "refuse"})),
        ("try later", json!({"kind": "throttle", "seconds": 1})),
        ("server error before", json!({"kind": "server_error_before"})),
        ("server error after", json!({"kind": "server_error_after"})),
        ("timeout before", json!({"kind": "timeout_before", "seconds": 1.5})),
        ("timeout after", json!({"kind": "timeout_after", "seconds": 1.5})),
        ("cut before", json!({"kind": "cut_before"})),
        ("cut after", json!({"kind": "cut_after"})),
        ("garbage", json!({"kind": "garbage"})),
        ("empty", json!({"kind": "empty"})),
    ]
}

const PLACES: [Option<Place>; 5] =
    [None, Some(Place::AfterIntent), Some(Place::AfterCall), Some(Place::AfterRecord), Some(Place::BeforeSettle)];

#[tokio::test]
async fn whatever_goes_wrong_with_opening_a_line_the_ledger_and_the_world_agree() {
    let mut stage = Stage::of(400).await;
    let mut place_of_device = 0;
    for (name, fault) in faults() {
        for path in ["/services", "/serviceproduct"] {
            for place in PLACES {
                let plan = stage.plan_to_open(place_of_device..place_of_device + 3).await;
                place_of_device += 3;
                if !fault.is_null() {
                    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": path, "when": {"next": 1}, "fault": fault}));
                }
                if let Some(place) = place {
                    stage.outside().witness = DiesOnceAt::new(place);
                }
                stage.apply(&plan).await;
                let change = stage.work_to_rest(&plan).await;
                let counts = &change["counts"];
                assert_eq!(counts["to_do"], 0, "{name} {path} {place:?}: {change}");
                assert_eq!(counts["needs_attention"], 0, "{name} {path} {place:?}: {change}");
                let failed = counts["failed"].as_i64().unwrap();
                let wanted = i64::from(name == "refuse");
                match place {
                    // An attempt that nobody lived to hear of is spent, too: with the fault on the second one there is no third,
                    // and with the refusal on the first one the second is not refused.
                    Some(Place::AfterIntent | Place::AfterCall) => {
                        assert!(failed <= 1, "{name} {path} {place:?}: {change}")
                    }
                    _ => assert_eq!(failed, wanted, "{name} {path} {place:?}: {change}"),
                }
                stage.agrees(&plan).await;
                stage.world.faults(|faults| faults.clear());
            }
        }
    }
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    stage.sweep().await;
    assert_eq!(stage.app.database.number("select count(*) from app.due_work").await.unwrap(), 0);
    stage.finish().await;
}
