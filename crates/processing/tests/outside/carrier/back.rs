//! What was done at the carrier is taken back, if it is still ours.

use super::at::{NEW, OLD};
use crate::stage::{Stage, now};
use serde_json::{Value, json};
use testing::iccid;

/// A plan with a line at Rev.io, which will not have it.
async fn refused_by_billing(stage: &Stage, devices: u32) -> Value {
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "fault": {"kind": "refuse", "message": "no credit"}}));
    let plan = stage.plan_to_change_and_open(0..devices).await;
    stage.apply(&plan).await;
    plan
}

#[tokio::test]
async fn what_billing_refuses_has_its_carrier_rate_plan_put_back() {
    let mut stage = Stage::at_carrier(3).await;
    let plan = refused_by_billing(&stage, 3).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["failed"], 3, "{change}");
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert!(rows.iter().all(|row| row["reason"] == "BILLING_REJECTED"), "{rows:?}");
    assert!((0..3).all(|place| stage.there(place).1.as_deref() == Some(OLD)));
    assert!(stage.lines().is_empty());
    assert_eq!(stage.asked("/actions/plan"), 2, "one there, one back");
    let times = stage.app.database.number("select max(times)::bigint from app.carrier_plan_change").await.unwrap();
    assert_eq!(times, 2, "both count against the month's four");
    stage.finish().await;
}

#[tokio::test]
async fn what_somebody_else_has_changed_since_is_left_to_a_person() {
    let mut stage = Stage::at_carrier(2).await;
    // The SIMs have the new plan, and billing is busy; meanwhile somebody gives one of them a third plan.
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 2}, "fault": {"kind": "throttle", "seconds": 90}}));
    let plan = refused_by_billing(&stage, 2).await;
    stage.app.work().await.unwrap();
    stage.work_later(3).await;
    assert!((0..2).all(|place| stage.there(place).1.as_deref() == Some(NEW)));
    assert_eq!(
        stage.rows_in(&plan, "PROCESSING").await,
        2,
        "what is done at the carrier does not wait for it any more"
    );
    let id = stage.profile(|profile| profile.devices.iccid(&iccid(0)).unwrap().record.id);
    stage.profile(|profile| profile.devices.change(id, now(), |record| record.plan = Some("M2M1GB".to_owned())));
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["needs_attention"], &change["counts"]["failed"]), (&json!(1), &json!(1)), "{change}");
    assert_eq!(stage.there(0).1.as_deref(), Some("M2M1GB"), "it is not ours to change");
    assert_eq!(stage.there(1).1.as_deref(), Some(OLD));
    stage.finish().await;
}
