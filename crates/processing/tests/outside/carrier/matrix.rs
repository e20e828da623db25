//! The crash matrix at a carrier: each list of steps × each write × each fault × each place, run to rest.

use super::at::{NEW, OLD};
use crate::matrix::{PLACES, ends, named_faults, run, some_places};
use crate::stage::Stage;
use processing::outside::Place;
use serde_json::{Value, json};
use simulators::thingspace::State;
use std::ops::Range;

/// Every row ends as the carrier has its SIM: done, or as it was before; and the ledger has the plan that the carrier has.
async fn agrees(stage: &Stage, plan: &Value, places: Range<u32>, (done, before): (State, State), told: &str) {
    let rows = stage.app.rows("bulk-changes", plan).await.unwrap();
    for (row, place) in rows.iter().zip(places) {
        let (state, has) = stage.there(place);
        match row["status"].as_str().unwrap() {
            "PROCESSED" => assert_eq!((state, has.as_deref()), (done, Some(NEW)), "{told}: {row}"),
            "FAILED" => {
                let had = before.has_line().then_some(OLD);
                // What was active and is deactivated, or never was, is both without service.
                assert_eq!((state.has_line(), has.as_deref()), (before.has_line(), had), "{told}: {row}");
            }
            status => assert_eq!(status, "NEEDS_ATTENTION", "{told}: {row}"),
        }
    }
    let otherwise = "select count(*) from app.m2m_device d join app.m2m_device_change c on c.device_id = d.id
        join app.bulk_change_target t on t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
        where c.status = 'PROCESSED' and d.carrier_rate_plan_id is not null
          and d.carrier_rate_plan_id <> coalesce(t.carrier_rate_plan_id, t.activation_carrier_rate_plan_id)";
    assert_eq!(stage.app.database.number(otherwise).await.unwrap(), 0, "{told}");
}

#[tokio::test]
async fn whatever_goes_wrong_with_changing_a_plan_the_ledger_and_the_carrier_agree() {
    let mut stage = Stage::at_carrier(80).await;
    let mut device = 0;
    for (name, fault) in named_faults() {
        for place in PLACES {
            let plan = stage.plan_to_change(device..device + 3).await;
            let change = run(&mut stage, &plan, ("PUT", "/devices/actions/plan"), &fault, place).await;
            let (counts, told) = (&change["counts"], format!("{name} {place:?}: {change}"));
            assert_eq!((&counts["to_do"], &counts["needs_attention"]), (&json!(0), &json!(0)), "{told}");
            let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
            // An attempt that nobody lived to hear of is spent, too: with a fault on the second one there is no third.
            let spent = matches!(place, Some(Place::AfterIntent | Place::AfterCall));
            assert!(counts["ok"] == 3 || spent && counts["failed"] == 3, "{told} {rows:?}");
            agrees(&stage, &plan, device..device + 3, (State::Active, State::Active), &told).await;
            device += 3;
        }
    }
    ends(stage).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_activating_and_giving_an_address_they_agree() {
    let mut stage = Stage::of_devices(120, State::Preactive).await;
    let mut device = 0;
    for (name, fault) in named_faults() {
        for write in [("POST", "/devices/actions/activate"), ("PUT", "/devices/actions/plan")] {
            for place in some_places() {
                let plan = stage.plan_to_activate(device..device + 2, Some("StaticPrivate")).await;
                let change = run(&mut stage, &plan, write, &fault, place).await;
                let (counts, told) = (&change["counts"], format!("{name} {write:?} {place:?}: {change}"));
                assert_eq!((&counts["to_do"], &counts["needs_attention"]), (&json!(0), &json!(0)), "{told}");
                agrees(&stage, &plan, device..device + 2, (State::Active, State::Preactive), &told).await;
                device += 2;
            }
        }
    }
    ends(stage).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_putting_a_plan_back_they_agree() {
    let mut stage = Stage::at_carrier(80).await;
    let mut device = 0;
    for (name, fault) in named_faults() {
        for place in some_places() {
            stage.fault(
                json!({"provider": "rev-io", "method": "POST", "path": "/services", "fault": {"kind": "refuse"}}),
            );
            // The first request gives the plan, the second puts it back.
            if !fault.is_null() {
                stage.fault(json!({"provider": "thingspace", "path": "/devices/actions/plan", "when": {"nth": [2]}, "fault": fault}));
            }
            let plan = stage.plan_to_change_and_open(device..device + 2).await;
            let change = run(&mut stage, &plan, ("PUT", "/devices/actions/plan"), &Value::Null, place).await;
            let (counts, told) = (&change["counts"], format!("{name} {place:?}: {change}"));
            assert_eq!(counts["to_do"], 0, "{told}");
            let spent = place.is_some();
            let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
            assert!(counts["failed"] == 2 || spent, "{told} {rows:?}");
            agrees(&stage, &plan, device..device + 2, (State::Active, State::Active), &told).await;
            device += 2;
        }
    }
    assert!(stage.lines().is_empty());
    stage.finish().await;
}
