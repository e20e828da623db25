//! Another carrier rate plan.

use super::at::{NEW, OLD};
use crate::stage::Stage;
use serde_json::json;
use simulators::thingspace::State;

#[tokio::test]
async fn sims_get_another_plan_in_one_request_and_are_assigned_when_the_carrier_shows_it() {
    let mut stage = Stage::at_carrier(200).await;
    let plan = stage.plan_to_change(0..200).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 200, "{change}");
    assert!((0..200).all(|place| stage.there(place) == (State::Active, Some(NEW.to_owned()))));
    let rows = stage.app.database.number("select count(*) from app.m2m_device d join app.carrier_rate_plan p on p.id = d.carrier_rate_plan_id where p.rate_plan_code = 'M2M50MB'");
    assert_eq!(rows.await.unwrap(), 200, "what the carrier has is what the ledger has");
    assert_eq!((stage.asked("/actions/plan"), stage.asked("/actions/list")), (1, 2));
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
