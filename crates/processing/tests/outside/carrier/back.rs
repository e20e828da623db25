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

/// It has the plan already: nothing is sent there, the row goes on to its line, and is not looked at for ever.
#[tokio::test]
async fn a_sim_that_has_the_plan_already_goes_on_to_billing_and_keeps_it_when_that_refuses() {
    for refuses in [false, true] {
        let mut stage = Stage::at_carrier(3).await;
        if refuses {
            stage.fault(
                json!({"provider": "rev-io", "method": "POST", "path": "/services", "fault": {"kind": "refuse"}}),
            );
        }
        let plan = stage.plan_to_change_and_open(0..3).await;
        let ids: Vec<i64> = stage.profile(|profile| profile.devices.iter().map(|device| device.record.id).collect());
        for id in ids {
            stage.profile(|profile| profile.devices.change(id, now(), |record| record.plan = Some(NEW.to_owned())));
        }
        stage.apply(&plan).await;
        let change = stage.work_to_rest(&plan).await;
        let ended = if refuses { "failed" } else { "ok" };
        assert_eq!(change["counts"][ended], 3, "{change}");
        assert!((0..3).all(|place| stage.there(place).1.as_deref() == Some(NEW)), "it was not ours to put back");
        assert_eq!((stage.asked("/actions/plan"), stage.asked("/actions/list")), (0, 1));
        let has = "select count(*) from app.m2m_device d join app.carrier_rate_plan p on p.id = d.carrier_rate_plan_id where p.rate_plan_code = 'M2M50MB'";
        assert_eq!(stage.app.database.number(has).await.unwrap(), 3, "the ledger has what was read");
        assert_eq!(stage.app.database.number("select count(*) from app.carrier_plan_change").await.unwrap(), 0);
        stage.finish().await;
    }
}

/// The first row failed, a retry did it: the sweeps of the first leave the second's work alone.
#[tokio::test]
async fn a_row_that_was_retried_with_success_is_not_opened_again_by_the_sweeps_of_the_one_that_failed() {
    let mut stage = Stage::at_carrier(2).await;
    stage.fault(json!({"provider": "thingspace", "path": "/devices/actions/plan", "when": {"next": 2}, "fault": {"kind": "timeout_before"}}));
    let plan = stage.plan_to_change(0..2).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["failed"], 2, "{change}");
    let again =
        stage.app.post(&format!("/bulk-changes/{}/retry", plan.as_str().unwrap()), &json!({})).await.unwrap().json;
    stage.apply(&again["id"]).await;
    let change = stage.work_to_rest(&again["id"]).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    stage.sweep().await;
    assert_eq!(stage.rows_in(&plan, "FAILED").await, 2, "of the first nothing shows");
    assert_eq!(stage.app.database.number("select count(*) from app.due_work").await.unwrap(), 0);
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    stage.finish().await;
}

/// The undo of a finished change puts the plan back that the carrier showed, and only where it is still as the change left it.
#[tokio::test]
async fn an_undo_puts_the_carrier_rate_plan_back_where_it_is_still_ours() {
    let mut stage = Stage::at_carrier(3).await;
    let plan = stage.plan_to_change(0..3).await;
    stage.apply(&plan).await;
    assert_eq!(stage.work_to_rest(&plan).await["counts"]["ok"], 3);
    let id = stage.profile(|profile| profile.devices.iccid(&iccid(1)).unwrap().record.id);
    stage.profile(|profile| profile.devices.change(id, now(), |record| record.plan = Some("M2M1GB".to_owned())));
    let undo =
        stage.app.post(&format!("/bulk-changes/{}/undo", plan.as_str().unwrap()), &json!({})).await.unwrap().json;
    assert_eq!(undo["counts"]["change"], 3, "{undo}");
    stage.apply(&undo["id"]).await;
    let change = stage.work_to_rest(&undo["id"]).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["failed"]), (&json!(2), &json!(1)), "{change}");
    assert_eq!([0, 1, 2].map(|place| stage.there(place).1.unwrap()), [OLD, "M2M1GB", OLD]);
    stage.finish().await;
}
