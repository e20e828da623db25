//! Each change from its request to what the device has become.

use crate::stage::{Stage, batch, iccid, imei, permit, to_large};
use integrations::answer::Answer;
use integrations::carriers::meaning::{Before, Meaning, Receipt, Strange};
use integrations::carriers::{Activation, Batch, Cause, Change, DeviceRef, IpWish, PlanChange, Standing, StaticIp};
use jiff::{SignedDuration, Timestamp};
use simulators::thingspace::State;

fn receipt(meaning: Meaning) -> Receipt {
    let Meaning::Done(receipt) = meaning else { panic!("{meaning:?}") };
    receipt
}

fn activating(numbers: &[usize], pool: Option<&str>) -> Batch {
    let activation = Activation {
        plan: "LARGE".to_owned(),
        zip_code: "36602".to_owned(),
        ip: pool.map(|pool| IpWish { pool: Some(pool.to_owned()), unrestricted: None }),
        ..Activation::default()
    };
    let mut batch = batch(Change::Activate(Box::new(activation)), numbers.iter().copied());
    for (device, number) in batch.devices.iter_mut().zip(numbers) {
        device.imei = Some(imei(*number));
    }
    batch
}

#[tokio::test]
async fn a_hundred_plans_change_in_one_request_and_each_is_read_back() {
    let mut states = vec![State::Active; 100];
    states[6] = State::Suspend;
    let stage = Stage::of(&states).await;
    let batch = to_large((1..=100).chain([999]));
    let (before, suspended) = (stage.before(1).await, stage.before(7).await);
    stage.accepted(&batch).await;
    assert_eq!(stage.calls("/devices/actions/plan"), 1);
    assert_eq!(stage.means(&batch, 1, &before).await, Meaning::NotYet, "accepted is not done");
    stage.pass_a_while();
    for number in [1, 2, 50, 100] {
        let receipt = receipt(stage.means(&batch, number, &before).await);
        assert_eq!(receipt.carrier_rate_plan.as_deref(), Some("LARGE"));
        assert!(receipt.msisdn.is_some());
    }
    assert_eq!(stage.means(&batch, 7, &suspended).await, Meaning::NotYet);
    let settled = stage.means_having_heard(&batch, 7, &suspended, true, None).await;
    assert_eq!(settled, Meaning::Refused(Cause::DeviceSuspended));
    assert_eq!(stage.means(&batch, 999, &before).await, Meaning::SomebodyElses(Strange::Gone));
    stage.stop().await;
}

#[tokio::test]
async fn a_plan_is_put_back_and_what_is_somebody_elses_is_told() {
    let stage = Stage::of(&[State::Active]).await;
    let (large, before) = (to_large([1]), stage.before(1).await);
    stage.accepted(&large).await;
    stage.pass_a_while();
    drop(receipt(stage.means(&large, 1, &before).await));
    let back = large.change.taken_back(before.carrier_rate_plan.as_deref()).unwrap();
    let (back, then) = (batch(back, [1]), stage.before(1).await);
    assert_eq!(stage.means(&back, 1, &then).await, Meaning::NotYet);
    stage.accepted(&back).await;
    stage.pass_a_while();
    assert_eq!(receipt(stage.means(&back, 1, &then).await).carrier_rate_plan, before.carrier_rate_plan);
    // As if the device had had a third plan when the intent was written.
    let third = Before { carrier_rate_plan: Some("HUGE".to_owned()), ..before };
    let found = stage.means(&large, 1, &third).await;
    assert_eq!(found, Meaning::SomebodyElses(Strange::Plan(Some("SMALL".to_owned()))));
    stage.stop().await;
}

#[tokio::test]
async fn an_activation_gives_a_number_and_an_address_of_its_pool() {
    let stage = Stage::of(&[State::Preactive, State::Deactive, State::Preactive]).await;
    let mut batch = activating(&[1, 2, 3, 4], Some("fixed"));
    batch.devices[2].ip_address = Some("10.0.0.4".to_owned());
    let before = stage.before(1).await;
    stage.accepted(&batch).await;
    assert!(matches!(stage.means(&batch, 1, &before).await, Meaning::Pending | Meaning::NotYet));
    stage.pass_a_while();
    for number in [1, 2, 3, 4] {
        let receipt = receipt(stage.means(&batch, number, &before).await);
        assert_eq!((receipt.carrier_rate_plan.as_deref(), receipt.status.as_str()), (Some("LARGE"), "active"));
        assert!(receipt.msisdn.is_some_and(|number| number.len() == 11) && receipt.activated_at.is_some());
        let address = receipt.ip_address.unwrap();
        assert!(address.starts_with("10.0.0."), "{address}");
        assert!(number != 3 || address == "10.0.0.4", "{address}");
    }
    let between = (Timestamp::UNIX_EPOCH, "2030-01-01T00:00:00Z".parse().unwrap());
    let read = stage.carrier.history(permit(), &stage.sign_in, &DeviceRef::of(iccid(1)), between).await.answer;
    let Answer::Done(history) = read else { panic!("{read:?}") };
    assert!(history.activated_at().is_some(), "{history:?}");
    stage.stop().await;
}

#[tokio::test]
async fn an_activation_that_fails_leaves_the_device_as_it_was() {
    let stage = Stage::of(&[State::Preactive; 5]).await;
    // The pool has four addresses.
    let batch = activating(&[1, 2, 3, 4, 5], Some("fixed"));
    let before = stage.before(1).await;
    stage.accepted(&batch).await;
    stage.pass_a_while();
    let mut found = Vec::new();
    for number in 1..=5 {
        found.push(stage.means_having_heard(&batch, number, &before, true, None).await);
    }
    let (done, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| matches!(found, Meaning::Done(_)));
    assert_eq!((done.len(), others), (4, vec![Meaning::NotYet]));
    // A pool that is not there is refused at once, by a code that is not public: nobody knows, until it was read.
    let sent = stage.send(&activating(&[1], Some("nowhere"))).await;
    assert!(matches!(sent, Answer::Unknown { .. }), "{sent:?}");
    stage.stop().await;
}

#[tokio::test]
async fn service_is_interrupted_given_back_and_ended() {
    let stage = Stage::of(&[State::Active]).await;
    for (change, standing) in [
        (Change::Suspend, Standing::Suspended),
        (Change::Restore, Standing::Active),
        (Change::Deactivate, Standing::Deactivated),
    ] {
        let batch = batch(change, [1]);
        let before = stage.before(1).await;
        stage.accepted(&batch).await;
        let at_once = stage.means(&batch, 1, &before).await;
        assert!(matches!(at_once, Meaning::NotYet | Meaning::Pending), "{at_once:?}");
        stage.pass_a_while();
        drop(receipt(stage.means(&batch, 1, &before).await));
        assert_eq!(stage.before(1).await.standing, standing);
    }
    let ended = stage.device(1).await.remove(0);
    assert_eq!((ended.carrier_rate_plan, ended.msisdn), (None, None));
    stage.stop().await;
}

#[tokio::test]
async fn an_active_device_gets_a_static_address() {
    let stage = Stage::of(&[State::Active, State::Active]).await;
    let wish = StaticIp { pool: "fixed".to_owned(), plan: "SMALL".to_owned() };
    let mut batch = batch(Change::StaticIp(wish), [1, 2]);
    batch.devices[1].ip_address = Some("10.0.0.3".to_owned());
    let before = stage.before(1).await;
    stage.accepted(&batch).await;
    stage.pass_a_while();
    let one = receipt(stage.means(&batch, 1, &before).await).ip_address.unwrap();
    assert!(one.starts_with("10.0.0."), "{one}");
    let two = receipt(stage.means(&batch, 2, &before).await);
    assert_eq!((two.ip_address.as_deref(), two.carrier_rate_plan.as_deref()), (Some("10.0.0.3"), Some("SMALL")));
    stage.stop().await;
}

#[tokio::test]
async fn the_fifth_change_of_a_month_is_not_made() {
    let stage = Stage::of(&[State::Active]).await;
    let plans = ["LARGE", "SMALL", "LARGE", "SMALL", "LARGE"];
    for (time, plan) in plans.iter().enumerate() {
        let wish = PlanChange { plan: (*plan).to_owned(), ..Default::default() };
        let batch = batch(Change::CarrierRatePlan(wish), [1]);
        let before = stage.before(1).await;
        stage.accepted(&batch).await;
        stage.pass(SignedDuration::from_mins(10));
        let found = stage.means_having_heard(&batch, 1, &before, true, None).await;
        match time {
            0..=3 => drop(receipt(found)),
            // Nothing that is read says so: without the callback's word it stays open until its time is up.
            _ => assert_eq!(found, Meaning::NotYet),
        }
        drop(stage.device(1).await);
    }
    assert_eq!(stage.carrier.capabilities().plan_changes_per_month, Some(4));
    stage.stop().await;
}
