//! Another carrier rate plan.

use super::at::{NEW, OLD};
use crate::stage::Stage;
use serde_json::json;
use simulators::thingspace::State;

#[tokio::test]
async fn sims_get_another_plan_with_less_than_a_request_per_hundred_and_are_assigned_when_the_carrier_shows_it() {
    let mut stage = Stage::at_carrier(1_000).await;
    let plan = stage.plan_to_change(0..1_000).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 1_000, "{change}");
    assert!((0..1_000).all(|place| stage.there(place) == (State::Active, Some(NEW.to_owned()))));
    let rows = stage.app.database.number("select count(*) from app.m2m_device d join app.carrier_rate_plan p on p.id = d.carrier_rate_plan_id where p.rate_plan_code = 'M2M50MB'");
    assert_eq!(rows.await.unwrap(), 1_000, "what the carrier has is what the ledger has");
    let all = stage.world.ledger(|ledger| ledger.entries().filter(|call| call.provider == "thingspace").count());
    assert!(all <= 10, "{all} requests for 1,000 SIMs, signing in and reading included");
    stage.finish().await;
}

#[tokio::test]
async fn a_sim_that_is_not_fit_is_refused_with_the_reason_and_the_others_go_on() {
    let mut stage = Stage::at_carrier(6).await;
    let plan = stage.plan_to_change(0..6).await;
    let ids: Vec<i64> = stage.profile(|profile| profile.devices.iter().map(|device| device.record.id).collect());
    stage.profile(|profile| {
        profile.devices.change(ids[1], crate::stage::now(), |record| record.state = State::Suspend);
        profile.devices.remove(ids[2]);
        profile.devices.change(ids[3], crate::stage::now(), |record| record.plan = Some(NEW.to_owned()));
    });
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["failed"]), (&json!(4), &json!(2)), "{change}");
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    for (place, words) in [(1, "suspended"), (2, "shows no such SIM")] {
        assert_eq!(rows[place]["reason"], "CARRIER_REJECTED");
        assert!(rows[place]["detail"].as_str().unwrap().contains(words), "{}", rows[place]);
    }
    assert_eq!(stage.there(1).1, Some(OLD.to_owned()));
    stage.finish().await;
}
