//! Every change in every state that a device may be found in.

use super::*;
use crate::carriers::Activation;

const ICCID: &str = "89148000000000000001";
const OLD: &str = "84777";
const NEW: &str = "84888";

const STANDINGS: [Standing; 7] = [
    Standing::Active,
    Standing::Suspended,
    Standing::Deactivated,
    Standing::NotYetActive,
    Standing::BecomingActive,
    Standing::BecomingDeactivated,
    Standing::Unlisted,
];

fn device(standing: Standing, plan: Option<&str>) -> Device {
    Device {
        iccid: ICCID.to_owned(),
        msisdn: Some("15551230000".to_owned()),
        standing,
        status: format!("{standing:?}"),
        carrier_rate_plan: plan.map(str::to_owned),
        ..Device::default()
    }
}

fn to_new_plan() -> Change {
    Change::CarrierRatePlan(PlanChange { plan: NEW.to_owned(), ..PlanChange::default() })
}

fn activation() -> Change {
    Change::Activate(Box::new(Activation { plan: NEW.to_owned(), ..Activation::default() }))
}

fn before(standing: Standing, plan: Option<&str>, ip: Option<&str>) -> Before {
    Before { carrier_rate_plan: plan.map(str::to_owned), ip_address: ip.map(str::to_owned), standing }
}

struct Case<'a> {
    change: Change,
    before: Before,
    device: DeviceRef,
    settled: bool,
    heard: Option<&'a CallbackWord>,
}

impl Case<'_> {
    fn of(change: Change) -> Self {
        let before = match &change {
            Change::Activate(_) => before(Standing::NotYetActive, None, None),
            Change::Restore => before(Standing::Suspended, Some(OLD), None),
            _ => before(Standing::Active, Some(OLD), None),
        };
        Self { change, before, device: DeviceRef::of(ICCID.to_owned()), settled: false, heard: None }
    }

    fn means(&self, found: &[Device]) -> Meaning {
        let asked = Asked {
            change: &self.change,
            device: &self.device,
            key: NaturalKey::Iccid,
            before: &self.before,
            plan_name: Some("The new plan"),
            settled: self.settled,
            heard: self.heard,
        };
        meaning(&asked, found)
    }

    /// One letter for each state in the order of [`STANDINGS`].
    fn letters(&self, plan: Option<&str>) -> String {
        let letter = |standing: &Standing| match self.means(&[device(*standing, plan)]) {
            Meaning::Done(_) => 'D',
            Meaning::Pending => 'p',
            Meaning::NotYet => 'n',
            Meaning::Refused(_) => 'R',
            Meaning::SomebodyElses(_) => 'S',
        };
        STANDINGS.iter().map(letter).collect()
    }
}

fn failed(code: Option<&str>) -> CallbackWord {
    CallbackWord::Failed { code: code.map(str::to_owned), cause: Cause::DeviceNotActive }
}

#[test]
fn every_change_in_every_state() {
    // Active, suspended, deactivated, not yet active, becoming active, becoming deactivated, unlisted.
    for (change, plan, settled, expected) in [
        (to_new_plan(), Some(NEW), false, "DDSDppp"),
        (to_new_plan(), Some("The new plan"), false, "DDSDppp"),
        (to_new_plan(), Some(OLD), false, "nnSnppp"),
        (to_new_plan(), Some(OLD), true, "nRSRppp"),
        (to_new_plan(), Some("another"), true, "SSSSppp"),
        (to_new_plan(), None, true, "SSSSppp"),
        (activation(), Some(NEW), false, "DSnnpSp"),
        (activation(), Some(OLD), false, "SSnnpSp"),
        (activation(), None, true, "pSnnpSp"),
        (Change::Deactivate, Some(OLD), true, "nnDSppp"),
        (Change::Suspend, Some(OLD), true, "nDSSppp"),
        (Change::Restore, Some(OLD), true, "DnSSppp"),
    ] {
        let case = Case { settled, ..Case::of(change) };
        assert_eq!(case.letters(plan), expected, "{:?} {plan:?} {settled}", case.change.operation());
    }
}

#[test]
fn a_receipt_says_what_the_device_has_got() {
    let mut found = device(Standing::Active, Some(NEW));
    found.ip_address = Some("10.1.2.3".to_owned());
    found.last_activated_at = Timestamp::from_second(7).ok();
    let Meaning::Done(receipt) = Case::of(activation()).means(&[found.clone()]) else { panic!() };
    assert_eq!(receipt.msisdn.as_deref(), Some("15551230000"));
    assert_eq!((receipt.ip_address, receipt.activated_at), (found.ip_address.clone(), found.last_activated_at));
    // A number may come later than the state.
    found.msisdn = None;
    assert_eq!(Case::of(activation()).means(&[found.clone()]), Meaning::Pending);
    found.mdn = Some("5551230000".to_owned());
    assert!(matches!(Case::of(activation()).means(&[found]), Meaning::Done(_)));
}

#[test]
fn only_the_device_of_that_iccid_counts_and_it_counts_once() {
    let other = Device { iccid: "89148000000000000002".to_owned(), ..device(Standing::Active, Some(NEW)) };
    let ours = device(Standing::Active, Some(NEW));
    let plan = Case::of(to_new_plan());
    assert!(matches!(plan.means(&[other.clone(), ours.clone()]), Meaning::Done(_)));
    assert_eq!(plan.means(&[ours.clone(), other.clone(), ours]), Meaning::SomebodyElses(Strange::Several(2)));
    for found in [&[] as &[Device], &[other]] {
        assert_eq!(plan.means(found), Meaning::SomebodyElses(Strange::Gone));
        assert_eq!(Case::of(Change::Deactivate).means(found), Meaning::SomebodyElses(Strange::Gone));
        assert_eq!(Case::of(activation()).means(found), Meaning::NotYet);
    }
}

#[test]
fn a_callback_decides_only_over_a_device_that_is_as_before_and_has_settled() {
    let success = CallbackWord::Success;
    let odd = CallbackWord::Unlisted("Done?".to_owned());
    let (known, unknown) = (failed(Some("REQUEST_FAILED.DeviceNotFound")), failed(None));
    let changes = [to_new_plan(), activation(), Change::Deactivate, Change::Suspend, Change::Restore, ip(None).change];
    for change in changes {
        for standing in STANDINGS {
            for plan in [None, Some(OLD), Some(NEW), Some("another")] {
                let found = [device(standing, plan)];
                let by = |settled, heard| Case { settled, heard, ..Case::of(change.clone()) }.means(&found);
                for heard in [&success, &odd, &unknown] {
                    assert_eq!(by(true, Some(heard)), by(true, None), "{standing:?} {plan:?} {heard:?}");
                }
                for heard in [&success, &odd, &known, &unknown] {
                    assert_eq!(by(false, Some(heard)), by(false, None), "{standing:?} {plan:?} {heard:?}");
                }
                let expected = match by(true, None) {
                    Meaning::NotYet | Meaning::Refused(_) => Meaning::Refused(Cause::DeviceNotActive),
                    other => other,
                };
                assert_eq!(by(true, Some(&known)), expected, "{standing:?} {plan:?}");
            }
        }
    }
}

fn ip(wanted: Option<&str>) -> Case<'static> {
    let change = Change::StaticIp(StaticIp { pool: "pool".to_owned(), plan: OLD.to_owned() });
    let mut case = Case::of(change);
    case.before.ip_address = Some("10.0.0.1".to_owned());
    case.device.ip_address = wanted.map(str::to_owned);
    case
}

#[test]
fn an_address_is_done_when_it_is_the_one_or_another_than_before() {
    let found = |address: Option<&str>| {
        [Device { ip_address: address.map(str::to_owned), ..device(Standing::Active, Some(OLD)) }]
    };
    let (any, asked) = (ip(None), ip(Some("10.0.0.9")));
    for address in [None, Some("10.0.0.1"), Some(" 10.0.0.1 ")] {
        assert_eq!(any.means(&found(address)), Meaning::NotYet);
        assert_eq!(asked.means(&found(address)), Meaning::NotYet);
    }
    assert!(matches!(any.means(&found(Some("10.0.0.9"))), Meaning::Done(_)));
    assert!(matches!(asked.means(&found(Some("10.0.0.9"))), Meaning::Done(_)));
    let other = Meaning::SomebodyElses(Strange::Address("10.0.0.8".to_owned()));
    assert_eq!(asked.means(&found(Some("10.0.0.8"))), other);
    let moved = [Device { ip_address: Some("10.0.0.9".to_owned()), ..device(Standing::Active, Some(NEW)) }];
    assert_eq!(any.means(&moved), Meaning::SomebodyElses(Strange::Plan(Some(NEW.to_owned()))));
}

#[test]
fn a_communication_plan_is_part_of_the_change() {
    let change = PlanChange { plan: NEW.to_owned(), communication_plan: Some("C".to_owned()), only_from: None };
    let case = Case::of(Change::CarrierRatePlan(change));
    let mut found = device(Standing::Active, Some(NEW));
    assert_eq!(case.means(&[found.clone()]), Meaning::NotYet);
    found.communication_plan = Some("C".to_owned());
    assert!(matches!(case.means(&[found]), Meaning::Done(_)));
}
