//! What is decided of a row's part at its carrier.

use super::super::super::saga::{AtCarrier, Awaited, CarrierPlan, Saga};
use super::super::{Policy, decide};
use super::*;

const CHANGE: Key = change(Direction::Apply);
const BACK: Key = change(Direction::Undo);

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

fn device(standing: Standing, plan: &str) -> Device {
    let plan = (!plan.is_empty()).then(|| plan.to_owned());
    Device { iccid: "8914".to_owned(), standing, carrier_rate_plan: plan, ..Device::default() }
}

fn row(steps: &[Step]) -> Saga {
    let plan = CarrierPlan { code: "NEW".to_owned(), name: "The new one".to_owned() };
    let at_carrier = AtCarrier { plan: Some(plan.clone()), activation_plan: Some(plan), ..AtCarrier::default() };
    Saga { steps: steps.to_vec(), at_carrier, ..Saga::default() }
}

impl Saga {
    fn shown_as(mut self, devices: &[Device]) -> Self {
        self.shown = Some(devices.to_vec());
        self
    }

    /// One more attempt, sent at 0.
    fn sent(mut self, key: Key, fate: Fate, awaited: Awaited) -> Self {
        let number = self.next_attempt(key);
        let was_unknown = matches!(fate, Fate::Unknown);
        let (began_at, settle_until) = (at(0), at(15));
        self.attempts.push(Attempt {
            key,
            number,
            fate,
            was_unknown,
            began_at,
            settle_until,
            evidence: String::new(),
            awaited,
        });
        self
    }

    fn accepted(self, looked: Option<i64>, heard: Option<i64>) -> Self {
        let awaited = Awaited {
            is_accepted: true,
            looked_at: looked.map(at),
            heard_at: heard.map(at),
            plan_before: Some("OLD".to_owned()),
        };
        self.sent(CHANGE, Fate::Unknown, awaited)
    }
}

fn next(saga: &Saga, minutes: i64) -> Next {
    decide(saga, &Policy::default(), at(minutes))
}

#[test]
fn it_is_read_back_at_2_5_15_and_60_minutes_then_hourly_and_at_last_at_24_hours() {
    let awaiting = Awaiting::default();
    let (mut looks, mut looked) = (Vec::new(), None);
    while let Some(then) = awaiting.next(at(0), looked) {
        looks.push(then.duration_since(at(0)).as_secs() / 60);
        looked = Some(then);
    }
    let hours = (2..=24).map(|hour| hour * 60);
    assert_eq!(looks, [2, 5, 15, 60].into_iter().chain(hours).collect::<Vec<i64>>());
    // Whoever was away for a while does not make up for what he missed.
    assert_eq!(awaiting.next(at(0), Some(at(200))), Some(at(240)));
    let odd = Awaiting { until: SignedDuration::from_mins(100), ..awaiting };
    assert_eq!((odd.next(at(0), Some(at(60))), odd.next(at(0), Some(at(100)))), (Some(at(100)), None));
}

#[test]
fn nothing_is_sent_before_the_sim_was_read_and_only_what_is_fit_is_sent() {
    let row = row(&[Step::ChangeCarrierRatePlan]);
    assert_eq!(next(&row, 0), Next::Look(Look::Device(Step::ChangeCarrierRatePlan)));
    let shown = |devices: &[Device]| next(&row.clone().shown_as(devices), 0);
    assert_eq!(shown(&[device(Standing::Active, "OLD")]), Next::Send(CHANGE));
    for same in ["NEW", " NEW ", "The new one"] {
        assert_eq!(shown(&[device(Standing::Active, same)]), Next::Note(CHANGE, Noted::WasSo), "{same}");
    }
    for (devices, why) in [
        (vec![], Unfit::NotThere),
        (vec![device(Standing::Active, "OLD"); 2], Unfit::Several),
        (vec![device(Standing::Suspended, "OLD")], Unfit::Suspended),
        (vec![device(Standing::Deactivated, "")], Unfit::NotActive),
        (vec![device(Standing::BecomingActive, "OLD")], Unfit::Busy),
        (vec![device(Standing::Unlisted, "OLD")], Unfit::Busy),
    ] {
        let unfit = Because::Unfit(Step::ChangeCarrierRatePlan, why);
        assert_eq!(shown(&devices), Next::GiveUp(unfit), "{devices:?}");
    }
}

#[test]
fn a_callback_makes_us_look_once_and_decides_nothing() {
    let row = row(&[Step::ChangeCarrierRatePlan]);
    assert_eq!(next(&row.clone().accepted(None, None), 1), Next::Wait(at(2)));
    let look = Next::Look(Look::Back(CHANGE));
    assert_eq!(next(&row.clone().accepted(None, None), 2), look);
    assert_eq!(next(&row.clone().accepted(None, Some(0)), 1), look, "it is heard of sooner");
    assert_eq!(next(&row.clone().accepted(Some(1), Some(0)), 1), Next::Wait(at(2)), "and looked at once for it");
    assert_eq!(next(&row.accepted(Some(3), Some(4)), 4), look, "each time anew");
}

#[test]
fn what_has_had_all_its_time_is_looked_at_once_more_and_then_a_persons() {
    let row = row(&[Step::ChangeCarrierRatePlan]).accepted(Some(24 * 60), None);
    assert_eq!(next(&row, 24 * 60), Next::Look(Look::Back(CHANGE)));
    let mut row = row;
    row.looked.insert(CHANGE);
    assert_eq!(next(&row, 24 * 60), Next::Attention(Attention::Silent(CHANGE)));
}

#[test]
fn what_was_lost_is_sent_once_more_and_what_landed_after_all_is_taken_for_done() {
    let lost = row(&[Step::ChangeCarrierRatePlan]).sent(CHANGE, Fate::NotApplied, Awaited::default());
    let shown = |saga: &Saga, plan: &str| next(&saga.clone().shown_as(&[device(Standing::Active, plan)]), 20);
    assert_eq!(shown(&lost, "OLD"), Next::Send(CHANGE));
    assert_eq!(shown(&lost, "NEW"), Next::Note(CHANGE, Noted::Landed));
    let twice = lost.sent(CHANGE, Fate::NotApplied, Awaited::default());
    assert_eq!(shown(&twice, "OLD"), Next::GiveUp(Because::NeverArrived(CHANGE)));
}

#[test]
fn only_what_is_still_ours_is_put_back() {
    let before = Awaited { plan_before: Some("OLD".to_owned()), ..Awaited::default() };
    let mut done = row(&[Step::ChangeCarrierRatePlan]).sent(CHANGE, Fate::Done(0), before);
    done.giving_up = true;
    assert_eq!(next(&done, 5), Next::Look(Look::Device(Step::ChangeCarrierRatePlan)));
    let shown = |plan: &str| next(&done.clone().shown_as(&[device(Standing::Active, plan)]), 5);
    assert_eq!(shown("NEW"), Next::Send(BACK));
    assert_eq!(shown("OLD"), Next::Failed, "somebody has done it");
    assert_eq!(shown("THIRD"), Next::Attention(Attention::NotOursAtCarrier(BACK)));
    let mut unknown = row(&[Step::ChangeCarrierRatePlan]).sent(CHANGE, Fate::Done(0), Awaited::default());
    unknown.giving_up = true;
    assert_eq!(next(&unknown, 5), Next::Attention(Attention::UndoNotDone(BACK)), "what it had before is not known");
}

#[test]
fn an_activation_is_taken_back_by_deactivating_and_an_address_goes_with_it() {
    let steps = [Step::ActivateAtCarrier, Step::ProvisionIp];
    let accepted = Awaited { is_accepted: true, ..Awaited::default() };
    let active = row(&steps).sent(ACTIVATE, Fate::Done(0), accepted);
    let refused = active.sent(PROVISION, Fate::Refused, Awaited::default());
    assert_eq!(next(&refused, 5), Next::GiveUp(Because::Refused(PROVISION)));
    let keeps = Policy { keeps_without_ip: true, ..Policy::default() };
    assert_eq!(decide(&refused, &keeps, at(5)), Next::Attention(Attention::WithoutIp(PROVISION)));
    let mut given_up = refused;
    given_up.giving_up = true;
    let shown = |standing| next(&given_up.clone().shown_as(&[device(standing, "NEW")]), 5);
    assert_eq!(shown(Standing::Active), Next::Send(DEACTIVATE));
    assert_eq!(shown(Standing::Deactivated), Next::Failed);
    assert_eq!(shown(Standing::Suspended), Next::Attention(Attention::NotOursAtCarrier(DEACTIVATE)));
}

#[test]
fn what_was_so_before_is_not_taken_back_and_the_row_does_not_look_for_it_again() {
    let row =
        row(&[Step::ChangeCarrierRatePlan, Step::OpenRevService]).sent(CHANGE, Fate::Done(WAS_SO), Awaited::default());
    assert!(
        matches!(next(&row, 1), Next::Send(key) if key.step == Step::OpenRevService),
        "at another gate it is known"
    );
    let mut given_up = row;
    given_up.giving_up = true;
    assert_eq!(next(&given_up, 1), Next::Failed);
}

#[test]
fn a_change_that_is_taken_back_leaves_a_sim_alone_that_has_another_plan_by_now() {
    let mut back = row(&[Step::ChangeCarrierRatePlan]);
    back.takes_back = true;
    back.at_carrier.left_at = Some(CarrierPlan { code: "LEFT".to_owned(), name: "Left".to_owned() });
    let shown = |plan: &str| next(&back.clone().shown_as(&[device(Standing::Active, plan)]), 0);
    assert_eq!(shown("LEFT"), Next::Send(CHANGE));
    assert_eq!(shown("NEW"), Next::Note(CHANGE, Noted::WasSo));
    assert_eq!(shown("THIRD"), Next::GiveUp(Because::Unfit(Step::ChangeCarrierRatePlan, Unfit::Moved)));
}

#[test]
fn an_activation_that_was_never_accepted_is_not_taken_back_by_itself() {
    let mut adopted = row(&[Step::ActivateAtCarrier]).sent(ACTIVATE, Fate::Done(0), Awaited::default());
    adopted.giving_up = true;
    assert_eq!(next(&adopted, 5), Next::Attention(Attention::UndoNotDone(DEACTIVATE)));
}

#[test]
fn a_person_who_waits_no_more_has_it_taken_for_not_done() {
    let mut silent = row(&[Step::ChangeCarrierRatePlan]).accepted(Some(24 * 60), None);
    silent.looked.insert(CHANGE);
    silent.giving_up = true;
    assert_eq!(next(&silent, 24 * 60), Next::Attention(Attention::Silent(CHANGE)));
    silent.resolution = Some(Resolution::TakeBack);
    assert_eq!(next(&silent, 24 * 60), Next::Note(CHANGE, Noted::NotThere));
}
