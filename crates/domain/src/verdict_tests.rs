use super::*;
use crate::carrier::Standing;
use crate::carrier_target::{Activation, CarrierPlan, CarrierTarget};
use crate::dates::EffectiveDate;
use crate::identifier::Column;
use crate::ids::{CarrierRatePlanId, CustomerId, IntegrationAuthenticationId};
use crate::line_target::NewLine;
use crate::rate::Rate;
use crate::steps::{Outside, Step};
use crate::target::Versioned;
use uuid::Uuid;

const REFUSE: Conflict = Conflict { on_conflict: OnConflict::Refuse, disconnect_existing: false };
const REPLACE: Conflict = Conflict { on_conflict: OnConflict::Replace, disconnect_existing: false };
const CLOSE: Conflict = Conflict { on_conflict: OnConflict::Replace, disconnect_existing: true };

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn account() -> RevAccount {
    RevAccount { rev_customer_id: "9000001".into(), integration_authentication: IntegrationAuthenticationId(id(90)) }
}

fn target() -> Target {
    Target {
        customer: CustomerId(id(1)),
        nobody: false,
        site: Versioned { id: SiteId(id(2)), version: 1 },
        rev: Some((account(), 1)),
        plan: None,
        pool: None,
        allocation: None,
        effective: None,
        line: None,
        carrier: CarrierTarget::default(),
    }
}

fn unassigned() -> Assignment {
    Assignment {
        site: SiteId(id(9)),
        unassigned: true,
        account: None,
        plan: None,
        pool: None,
        allocation: None,
        version: 1,
        scheduled: None,
    }
}

fn row(change: impl FnOnce(&mut DeviceFacts)) -> RowFacts {
    let mut device = DeviceFacts {
        id: DeviceId(id(5)),
        iccid: "89148000001234567896".into(),
        number: Some("12025550100".into()),
        status: "active".into(),
        active: true,
        archived: false,
        locked: false,
        version: 1,
        activated_at: None,
        assignment: Some(unassigned()),
        lines: Vec::new(),
        carrier: CarrierFacts { standing: Standing::Active, plan: None, imei: None, plan_changes: 0 },
    };
    change(&mut device);
    RowFacts {
        reading: Identifier::read("89148000001234567896", Column::Iccids),
        duplicate_of: None,
        ambiguous: None,
        device: Some(device),
        line_taken_by: None,
        imei: None,
    }
}

fn active(rev_service_id: i64, account: RevAccount) -> ActiveLine {
    ActiveLine { id: RevServiceId(id(rev_service_id.unsigned_abs().into())), account, rev_service_id, products: 2 }
}

fn stranger() -> RevAccount {
    RevAccount { rev_customer_id: "9000009".into(), ..account() }
}

fn everything() -> Permit {
    Permit { may_assign: true, scope: Scope::Everything }
}

/// Nothing can be asked of the carrier: what asks nothing of it does not mind.
fn verdict(target: &Result<Target, Refusal>, conflict: Conflict, permit: &Permit, row: &RowFacts) -> Verdict {
    super::verdict(target, conflict, permit, &AtCarrier::default(), row)
}

fn judge(row: &RowFacts) -> Verdict {
    verdict(&Ok(target()), REFUSE, &everything(), row)
}

fn reason(verdict: &Verdict) -> Option<Reason> {
    match verdict {
        Verdict::Change => None,
        Verdict::NoChange(refusal) | Verdict::Refused(refusal) => Some(refusal.reason),
    }
}

#[test]
fn an_unassigned_active_device_changes() {
    assert_eq!(judge(&row(|_| {})), Verdict::Change);
    assert_eq!(judge(&row(|d| d.assignment = None)), Verdict::Change);
}

#[test]
fn each_defect_of_the_device_has_its_reason() {
    assert_eq!(reason(&judge(&row(|d| d.archived = true))), Some(Reason::DeviceArchived));
    assert_eq!(reason(&judge(&row(|d| d.active = false))), Some(Reason::DeviceNotActive));
    assert_eq!(reason(&judge(&row(|d| d.locked = true))), Some(Reason::LockedByOtherChange));
    assert_eq!(
        reason(&judge(&RowFacts { device: None, ..row(|_| {}) })),
        Some(Identifier::read("89148000001234567896", Column::Iccids).unwrap().explain_miss())
    );
    assert_eq!(reason(&judge(&RowFacts { duplicate_of: Some(1), ..row(|_| {}) })), Some(Reason::DuplicateInInput));
}

#[test]
fn a_number_that_several_sims_have_is_ambiguous() {
    let several = RowFacts { ambiguous: Some(2), device: None, ..row(|_| {}) };
    assert_eq!(reason(&judge(&several)), Some(Reason::DeviceAmbiguous));
}

#[test]
fn another_customers_device_needs_replace() {
    let other = row(|d| d.assignment = Some(Assignment { site: SiteId(id(7)), unassigned: false, ..unassigned() }));
    assert_eq!(reason(&judge(&other)), Some(Reason::AlreadyAssignedOther));
    assert_eq!(verdict(&Ok(target()), REPLACE, &everything(), &other), Verdict::Change);
}

#[test]
fn a_sim_that_is_not_active_can_be_given_back_and_not_given_to_anybody() {
    let suspended = row(|d| {
        d.active = false;
        d.assignment = Some(Assignment { site: SiteId(id(7)), unassigned: false, ..unassigned() });
    });
    let judge = |target: Target| verdict(&Ok(target), REPLACE, &everything(), &suspended);
    assert_eq!(reason(&judge(target())), Some(Reason::DeviceNotActive));
    assert_eq!(judge(Target { nobody: true, ..target() }), Verdict::Change);
}

#[test]
fn a_sim_that_somebody_else_is_billed_for_moves_to_nobody_but_him() {
    let stranger = RevAccount { integration_authentication: IntegrationAuthenticationId(id(91)), ..account() };
    let billed = |whom: RevAccount, now: Assignment| {
        let lines = vec![active(77, whom)];
        row(|d| (d.assignment, d.lines) = (Some(now), lines))
    };
    let other =
        || Assignment { site: SiteId(id(7)), unassigned: false, account: Some(stranger.clone()), ..unassigned() };
    for now in [unassigned(), other()] {
        for on_conflict in [REFUSE, REPLACE] {
            let judged = verdict(&Ok(target()), on_conflict, &everything(), &billed(stranger.clone(), now.clone()));
            assert_eq!(reason(&judged), Some(Reason::ActiveServiceLineOtherCustomer), "{now:?}");
            assert!(matches!(judged, Verdict::Refused(refusal) if refusal.detail == "line 77 of customer 9000001"));
        }
        let theirs = Target { rev: Some((account(), 1)), ..target() };
        let judged = verdict(&Ok(theirs), REPLACE, &everything(), &billed(account(), now));
        assert_eq!(judged, Verdict::Change, "to who is billed it may go");
    }
    // A new plan for the customer who has it is no new customer.
    let same =
        Assignment { site: SiteId(id(2)), unassigned: false, account: target().rev.map(|(a, _)| a), ..unassigned() };
    let plan = Target { plan: Some(Versioned { id: CustomerRatePlanId(id(33)), version: 1 }), ..target() };
    assert_eq!(verdict(&Ok(plan), REFUSE, &everything(), &billed(stranger, same)), Verdict::Change);
}

#[test]
fn the_same_site_under_another_account_is_another_customer() {
    let stranger = RevAccount { integration_authentication: IntegrationAuthenticationId(id(91)), ..account() };
    let row = row(|d| {
        d.assignment =
            Some(Assignment { site: SiteId(id(2)), unassigned: false, account: Some(stranger), ..unassigned() })
    });
    assert_eq!(reason(&judge(&row)), Some(Reason::AlreadyAssignedOther));
}

#[test]
fn as_asked_already_is_no_change_and_a_new_plan_for_the_same_customer_is_a_change() {
    let same = row(|d| {
        d.assignment =
            Some(Assignment { site: SiteId(id(2)), unassigned: false, account: Some(account()), ..unassigned() })
    });
    assert_eq!(judge(&same), Verdict::NoChange(Refusal::plain(Reason::AlreadyAssignedSame)));
    let plan = Target { plan: Some(Versioned { id: CustomerRatePlanId(id(3)), version: 1 }), ..target() };
    assert_eq!(verdict(&Ok(plan), REFUSE, &everything(), &same), Verdict::Change);
}

#[test]
fn the_rows_own_defect_comes_before_the_targets() {
    let nobody = Err(Refusal::plain(Reason::CustomerNotFound));
    let bad = RowFacts { reading: Identifier::read("12", Column::Iccids), ..row(|_| {}) };
    assert_eq!(reason(&verdict(&nobody, REFUSE, &everything(), &bad)), Some(Reason::IccidMalformed));
    assert_eq!(reason(&verdict(&nobody, REFUSE, &everything(), &row(|_| {}))), Some(Reason::CustomerNotFound));
}

#[test]
fn what_the_caller_may_not_change_is_forbidden_before_anything_is_said_of_it() {
    let confined = |sites: &[u128]| Permit {
        may_assign: true,
        scope: Scope::Sites(sites.iter().map(|n| SiteId(id(*n))).collect()),
    };
    let judged = |permit: &Permit, row: &RowFacts| reason(&verdict(&Ok(target()), REFUSE, permit, row));
    assert_eq!(judged(&confined(&[9]), &row(|_| {})), None);
    assert_eq!(judged(&confined(&[2]), &row(|d| d.archived = true)), Some(Reason::Forbidden));
    assert_eq!(judged(&confined(&[]), &row(|d| d.assignment = None)), Some(Reason::Forbidden));
    assert_eq!(judged(&Permit { may_assign: false, ..everything() }, &row(|_| {})), Some(Reason::Forbidden));
}

fn scheduled(date: &str) -> Scheduled {
    Scheduled { date: date.parse().unwrap(), plan: Some(CustomerRatePlanId(id(3))), pool: None, allocation: None }
}

fn waiting(date: &str, plan: u128) -> Target {
    let effective = EffectiveDate { date: date.parse().unwrap(), at: Timestamp::MAX, in_future: true };
    let plan = Some(Versioned { id: CustomerRatePlanId(id(plan)), version: 1 });
    Target { plan, effective: Some(effective), ..target() }
}

#[test]
fn what_waits_for_its_date_is_as_asked_only_if_it_is_the_same_on_the_same_date() {
    let same = |scheduled| {
        row(|d| {
            d.assignment = Some(Assignment {
                site: SiteId(id(2)),
                unassigned: false,
                account: Some(account()),
                scheduled,
                ..unassigned()
            })
        })
    };
    let judged = |target: Target, row: &RowFacts| verdict(&Ok(target), REFUSE, &everything(), row);
    let no_change = Verdict::NoChange(Refusal::plain(Reason::AlreadyAssignedSame));
    let pending = same(Some(scheduled("2027-01-01")));
    assert_eq!(judged(waiting("2027-01-01", 3), &pending), no_change);
    assert_eq!(judged(waiting("2027-01-02", 3), &pending), Verdict::Change);
    assert_eq!(judged(waiting("2027-01-01", 4), &pending), Verdict::Change);
    // Asking for the customer alone takes nothing off the schedule; asking for a plan now does.
    assert_eq!(judged(target(), &pending), no_change);
    let now = Target { effective: None, ..waiting("2027-01-01", 3) };
    assert_eq!(judged(now, &pending), Verdict::Change);
    assert_eq!(judged(waiting("2027-01-01", 3), &same(None)), Verdict::Change);
}

fn new_line() -> Target {
    let line = NewLine {
        provider: 1,
        service_type: None,
        package: None,
        products: vec![(7, Rate::parse("5").unwrap()), (8, Rate::parse("0.5").unwrap())],
        usage_plan_group: None,
        prorate: false,
        description: None,
    };
    Target { line: Some(Line::New(line)), ..target() }
}

fn existing(number: Option<&str>) -> Target {
    let line = ExistingLine {
        id: RevServiceId(id(77)),
        rev_service_id: 77,
        number: number.map(str::to_owned),
        number2: number.map(|_| "89148000001234567896".to_owned()),
    };
    Target { line: Some(Line::Existing(line)), ..target() }
}

/// The customer's own SIM, with these lines.
fn own(lines: Vec<ActiveLine>) -> RowFacts {
    row(|d| {
        d.lines = lines;
        d.assignment =
            Some(Assignment { site: SiteId(id(2)), unassigned: false, account: Some(account()), ..unassigned() })
    })
}

fn judged(target: &Target, conflict: Conflict, row: &RowFacts) -> Result<Vec<Step>, Reason> {
    let said = verdict(&Ok(target.clone()), conflict, &everything(), row);
    reason(&said).map_or_else(|| Ok(Outside::of(target, conflict, row.device.as_ref().unwrap()).steps), Err)
}

#[test]
fn a_line_is_opened_for_who_has_none_and_nobody_is_billed_twice() {
    assert_eq!(judged(&new_line(), REFUSE, &row(|_| {})), Ok(vec![Step::OpenRevService]));
    assert_eq!(judged(&new_line(), REFUSE, &row(|d| d.assignment = None)), Ok(vec![Step::OpenRevService]));
    // The customer who has the SIM already gets his line.
    assert_eq!(judged(&new_line(), REFUSE, &own(vec![])), Ok(vec![Step::OpenRevService]));
    let twice = own(vec![active(5, account())]);
    assert_eq!(judged(&new_line(), CLOSE, &twice), Err(Reason::ActiveServiceLineSameCustomer));
    // Also where the SIM is nobody's here, and billed there.
    let billed = row(|d| d.lines = vec![active(5, account())]);
    assert_eq!(judged(&new_line(), CLOSE, &billed), Err(Reason::ActiveServiceLineSameCustomer));
    assert_eq!(judged(&target(), REFUSE, &billed), Ok(vec![]));
    // Or is not known here at all.
    let unknown = row(|d| (d.assignment, d.lines) = (None, vec![active(5, account())]));
    assert_eq!(judged(&new_line(), REFUSE, &unknown), Err(Reason::ActiveServiceLineSameCustomer));
    assert_eq!(judged(&new_line(), REFUSE, &row(|d| d.number = None)), Err(Reason::NumberMissing));
    assert_eq!(judged(&target(), REFUSE, &row(|d| d.number = None)), Ok(vec![]));
}

#[test]
fn others_lines_are_closed_only_if_that_was_asked_for_and_only_by_who_may() {
    let other = Assignment { site: SiteId(id(7)), unassigned: false, account: Some(stranger()), ..unassigned() };
    let lines = vec![active(5, stranger()), active(6, stranger())];
    let billed = row(|d| (d.assignment, d.lines) = (Some(other), lines.clone()));
    for target in [target(), new_line()] {
        assert_eq!(judged(&target, REFUSE, &billed), Err(Reason::ActiveServiceLineOtherCustomer));
        assert_eq!(judged(&target, REPLACE, &billed), Err(Reason::ActiveServiceLineOtherCustomer));
    }
    assert_eq!(judged(&target(), CLOSE, &billed), Ok(vec![Step::CloseRevService]));
    assert_eq!(judged(&new_line(), CLOSE, &billed), Ok(vec![Step::CloseRevService, Step::OpenRevService]));
    let outside = Outside::of(&new_line(), CLOSE, billed.device.as_ref().unwrap());
    assert_eq!(outside.closes, lines);
    assert_eq!(outside.calls(Some(&new_line())).map(|(_, calls)| calls).sum::<i64>(), 2 * 4 + 3);
    // Beside the customer's own: asked for, a stray line of somebody else is closed, and that is a change.
    let stray = own(vec![active(5, stranger())]);
    assert_eq!(judged(&target(), REPLACE, &stray), Err(Reason::AlreadyAssignedSame));
    assert_eq!(judged(&target(), CLOSE, &stray), Ok(vec![Step::CloseRevService]));
    assert_eq!(judged(&new_line(), REFUSE, &stray), Err(Reason::ActiveServiceLineOtherCustomer));
    // Who is confined closes lines of the account the SIM is under, and not those of a customer he has nothing to do with.
    let confined = Permit { may_assign: true, scope: Scope::Sites([2, 7, 9].map(|n| SiteId(id(n))).into()) };
    let by = |row: &RowFacts| reason(&verdict(&Ok(target()), CLOSE, &confined, row));
    assert_eq!(by(&billed), None);
    assert_eq!(by(&stray), Some(Reason::ActiveServiceLineOtherCustomer));
}

#[test]
fn an_existing_line_is_taken_by_one_sim_and_only_if_it_bills_no_other() {
    let open = row(|_| {});
    assert_eq!(judged(&existing(None), REFUSE, &open), Ok(vec![Step::UpdateRevService]));
    assert_eq!(judged(&existing(Some("12025550199")), REFUSE, &open), Err(Reason::ServiceInUse));
    let taken = RowFacts { line_taken_by: Some(3), ..row(|_| {}) };
    assert_eq!(judged(&existing(None), REFUSE, &taken), Err(Reason::ServiceInUse));
    assert_eq!(judged(&existing(None), REFUSE, &row(|d| d.number = None)), Err(Reason::NumberMissing));
    assert_eq!(
        judged(&existing(None), REFUSE, &own(vec![active(5, account())])),
        Err(Reason::ActiveServiceLineSameCustomer)
    );
    // The line that bills it already, with or without the leading 1, is left as it is.
    for number in ["12025550100", "2025550100"] {
        assert_eq!(judged(&existing(Some(number)), REFUSE, &open), Ok(vec![]));
        let same = own(vec![active(77, account())]);
        assert_eq!(judged(&existing(Some(number)), REFUSE, &same), Err(Reason::AlreadyAssignedSame));
    }
    let swapped = row(|d| d.iccid = "89148000001234567888".into());
    assert_eq!(judged(&existing(Some("12025550100")), REFUSE, &swapped), Ok(vec![Step::UpdateRevService]));
}

fn carrier_target() -> Target {
    let plan = CarrierRatePlanId(id(40));
    let activation = Activation {
        plan,
        code: "P".into(),
        zip_code: "10001".into(),
        sku: None,
        place_of_use: None,
        static_ip_pool: Some("blue".into()),
    };
    let carrier = CarrierTarget {
        plan: Some(CarrierPlan { id: plan, code: "P".into(), communication_plan: None }),
        activation: Some(activation),
    };
    Target { carrier, ..new_line() }
}

#[test]
fn a_sim_without_service_is_activated_and_billed_and_one_with_service_keeps_its_number() {
    let at = AtCarrier { can: Some(crate::carrier_target::tests::thingspace()), closed: None, activates: true };
    let said = |target: &Result<Target, Refusal>, at: &AtCarrier, row: &RowFacts| {
        let said = super::verdict(target, REFUSE, &everything(), at, row);
        let steps = target.as_ref().map(|t| Outside::of(t, REFUSE, row.device.as_ref().unwrap()).steps);
        reason(&said).map_or_else(|| Ok(steps.unwrap()), Err)
    };
    let target = Ok(carrier_target());
    let fresh = |standing: Standing| {
        let mut fresh = row(|d| (d.active, d.status, d.number) = (false, standing.word().into(), None));
        fresh.device.as_mut().unwrap().carrier.standing = standing;
        RowFacts { imei: Some("356938035643809".into()), ..fresh }
    };
    let steps = vec![Step::ActivateAtCarrier, Step::ProvisionIp, Step::OpenRevService];
    for standing in [Standing::NotYetActive, Standing::Deactivated] {
        assert_eq!(said(&target, &at, &fresh(standing)), Ok(steps.clone()));
        let without = RowFacts { imei: None, ..fresh(standing) };
        assert_eq!(said(&target, &at, &without), Err(Reason::ImeiMissing));
        // Not asked for: the SIM is what it was.
        let not_asked = AtCarrier { activates: false, ..at.clone() };
        assert_eq!(said(&Ok(new_line()), &not_asked, &fresh(standing)), Err(Reason::DeviceNotActive));
        // What cannot be resolved is what is to be put right first.
        let unresolved = Err(Refusal::plain(Reason::ActivationInvalid));
        assert_eq!(said(&unresolved, &at, &fresh(standing)), Err(Reason::ActivationInvalid));
    }
    let alone = Target { carrier: CarrierTarget { plan: None, ..carrier_target().carrier }, ..new_line() };
    for standing in [Standing::Suspended, Standing::Pending, Standing::Other] {
        assert_eq!(said(&Ok(alone.clone()), &at, &fresh(standing)), Err(Reason::DeviceNotActive));
    }
    assert_eq!(said(&target, &at, &fresh(Standing::Suspended)), Err(Reason::CarrierSuspended));
    // A SIM that is active: its plan changes, and its line is by the number that it has.
    assert_eq!(said(&target, &at, &row(|_| {})), Ok(vec![Step::ChangeCarrierRatePlan, Step::OpenRevService]));
    assert_eq!(said(&target, &at, &row(|d| d.number = None)), Err(Reason::NumberMissing));
    let same = |d: &mut DeviceFacts| d.carrier.plan = Some(CarrierRatePlanId(id(40)));
    assert_eq!(said(&target, &at, &row(same)), Ok(vec![Step::OpenRevService]));
    // Everything is so already.
    let mut own = own(vec![]);
    same(own.device.as_mut().unwrap());
    let plain = Target { line: None, ..carrier_target() };
    assert_eq!(said(&Ok(plain.clone()), &at, &own), Err(Reason::AlreadyAssignedSame));
    own.device.as_mut().unwrap().carrier.plan = None;
    assert_eq!(said(&Ok(plain), &at, &own), Ok(vec![Step::ChangeCarrierRatePlan]));
}
