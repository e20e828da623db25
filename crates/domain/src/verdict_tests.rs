use super::*;
use crate::dates::EffectiveDate;
use crate::identifier::Column;
use crate::ids::{CustomerId, IntegrationAuthenticationId};
use crate::target::Versioned;
use uuid::Uuid;

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
        lines: Vec::new(),
    }
}

fn row(change: impl FnOnce(&mut DeviceFacts)) -> RowFacts {
    let mut device = DeviceFacts {
        id: DeviceId(id(5)),
        status: "active".into(),
        active: true,
        archived: false,
        locked: false,
        version: 1,
        activated_at: None,
        assignment: Some(unassigned()),
    };
    change(&mut device);
    RowFacts {
        reading: Identifier::read("89148000001234567896", Column::Iccids),
        duplicate_of: None,
        ambiguous: None,
        device: Some(device),
    }
}

fn everything() -> Permit {
    Permit { may_assign: true, scope: Scope::Everything }
}

fn judge(row: &RowFacts) -> Verdict {
    verdict(&Ok(target()), OnConflict::Refuse, &everything(), row)
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
    assert_eq!(verdict(&Ok(target()), OnConflict::Replace, &everything(), &other), Verdict::Change);
}

#[test]
fn a_sim_that_is_not_active_can_be_given_back_and_not_given_to_anybody() {
    let suspended = row(|d| {
        d.active = false;
        d.assignment = Some(Assignment { site: SiteId(id(7)), unassigned: false, ..unassigned() });
    });
    let judge = |target: Target| verdict(&Ok(target), OnConflict::Replace, &everything(), &suspended);
    assert_eq!(reason(&judge(target())), Some(Reason::DeviceNotActive));
    assert_eq!(judge(Target { nobody: true, ..target() }), Verdict::Change);
}

#[test]
fn a_sim_that_somebody_else_is_billed_for_moves_to_nobody_but_him() {
    let stranger = RevAccount { integration_authentication: IntegrationAuthenticationId(id(91)), ..account() };
    let billed = |whom: RevAccount, now: Assignment| {
        let lines = vec![ActiveLine { account: whom, rev_service_id: 77 }];
        row(|d| d.assignment = Some(Assignment { lines, ..now }))
    };
    let other =
        || Assignment { site: SiteId(id(7)), unassigned: false, account: Some(stranger.clone()), ..unassigned() };
    for now in [unassigned(), other()] {
        for on_conflict in [OnConflict::Refuse, OnConflict::Replace] {
            let judged = verdict(&Ok(target()), on_conflict, &everything(), &billed(stranger.clone(), now.clone()));
            assert_eq!(reason(&judged), Some(Reason::ActiveServiceLineOtherCustomer), "{now:?}");
            assert!(matches!(judged, Verdict::Refused(refusal) if refusal.detail == "line 77 of customer 9000001"));
        }
        let theirs = Target { rev: Some((account(), 1)), ..target() };
        let judged = verdict(&Ok(theirs), OnConflict::Replace, &everything(), &billed(account(), now));
        assert_eq!(judged, Verdict::Change, "to who is billed it may go");
    }
    // A new plan for the customer who has it is no new customer.
    let same =
        Assignment { site: SiteId(id(2)), unassigned: false, account: target().rev.map(|(a, _)| a), ..unassigned() };
    let plan = Target { plan: Some(Versioned { id: CustomerRatePlanId(id(33)), version: 1 }), ..target() };
    assert_eq!(verdict(&Ok(plan), OnConflict::Refuse, &everything(), &billed(stranger, same)), Verdict::Change);
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
    assert_eq!(verdict(&Ok(plan), OnConflict::Refuse, &everything(), &same), Verdict::Change);
}

#[test]
fn the_rows_own_defect_comes_before_the_targets() {
    let nobody = Err(Refusal::plain(Reason::CustomerNotFound));
    let bad = RowFacts { reading: Identifier::read("12", Column::Iccids), ..row(|_| {}) };
    assert_eq!(reason(&verdict(&nobody, OnConflict::Refuse, &everything(), &bad)), Some(Reason::IccidMalformed));
    assert_eq!(
        reason(&verdict(&nobody, OnConflict::Refuse, &everything(), &row(|_| {}))),
        Some(Reason::CustomerNotFound)
    );
}

#[test]
fn what_the_caller_may_not_change_is_forbidden_before_anything_is_said_of_it() {
    let confined = |sites: &[u128]| Permit {
        may_assign: true,
        scope: Scope::Sites(sites.iter().map(|n| SiteId(id(*n))).collect()),
    };
    let judged = |permit: &Permit, row: &RowFacts| reason(&verdict(&Ok(target()), OnConflict::Refuse, permit, row));
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
    let judged = |target: Target, row: &RowFacts| verdict(&Ok(target), OnConflict::Refuse, &everything(), row);
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
