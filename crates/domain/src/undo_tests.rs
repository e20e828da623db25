use super::*;
use crate::carrier::{CarrierFacts, Standing};
use crate::ids::{DeviceId, SiteId};
use crate::rights::Scope;
use crate::steps::{Outside, Step};
use uuid::Uuid;

fn plan(n: u128) -> CarrierRatePlanId {
    CarrierRatePlanId(Uuid::from_u128(n))
}

/// The change gave an active SIM plan 2 in place of plan 1.
fn moved(facts: &mut UndoFacts) {
    let before = PlanBefore { id: plan(1), code: "P-1".into(), active: true };
    facts.carried.plan = Some(PlanMoved { before: Some(before), left_at: plan(2), with_communication_plan: false });
    if let Some(device) = &mut facts.device {
        device.active = true;
        device.carrier.standing = Standing::Active;
        device.carrier.plan = Some(plan(2));
    }
}

fn assignment(site: u128, version: i32) -> Assignment {
    Assignment {
        site: SiteId(Uuid::from_u128(site)),
        unassigned: false,
        account: None,
        plan: None,
        pool: None,
        allocation: None,
        version,
        scheduled: None,
    }
}

fn facts(change: impl FnOnce(&mut UndoFacts)) -> Verdict {
    let device = DeviceFacts {
        id: DeviceId(Uuid::from_u128(5)),
        iccid: "89148000001234567896".into(),
        number: None,
        status: "suspend".into(),
        active: false,
        archived: false,
        locked: false,
        version: 1,
        activated_at: None,
        assignment: Some(assignment(2, 7)),
        lines: Vec::new(),
        carrier: CarrierFacts { standing: Standing::Suspended, plan: None, imei: None, plan_changes: 0 },
    };
    let before = Before {
        assignment: assignment(1, 6),
        site_active: true,
        same_account: true,
        customer_closed: false,
        plan_active: true,
        pool_active: true,
    };
    let mut facts = UndoFacts {
        device: Some(device),
        left_at_version: Some(7),
        before: Some(before),
        billed: Billed::default(),
        carried: Carried::default(),
    };
    change(&mut facts);
    let said = undo_verdict(&facts, &everything(), &open());
    // What is done follows from the same facts.
    let steps = Outside::of_undo(&facts).steps;
    if facts.carried.plan.is_some() && said == Verdict::Change {
        assert_eq!(steps, [Step::ChangeCarrierRatePlan]);
    }
    said
}

fn everything() -> Permit {
    Permit { may_assign: true, scope: Scope::Everything }
}

fn open() -> AtCarrier {
    AtCarrier { can: Some(crate::carrier_target::tests::thingspace()), closed: None, activates: false }
}

#[test]
fn what_is_still_ours_goes_back_even_when_the_sim_is_not_active() {
    assert_eq!(facts(|_| {}), Verdict::Change);
}

#[test]
fn each_row_says_why_it_cannot() {
    let reason = |verdict| match verdict {
        Verdict::Refused(refusal) | Verdict::NoChange(refusal) => refusal.reason,
        Verdict::Change => Reason::PoisonRow,
    };
    let device = |f: &mut UndoFacts, change: fn(&mut DeviceFacts)| f.device.iter_mut().for_each(change);
    let before = |f: &mut UndoFacts, change: fn(&mut Before)| f.before.iter_mut().for_each(change);
    assert_eq!(reason(facts(|f| f.device = None)), Reason::DeviceNotFound);
    assert_eq!(reason(facts(|f| f.before = None)), Reason::NoAssignmentBefore);
    assert_eq!(reason(facts(|f| f.billed.stays = Some("line 5 was ended".into()))), Reason::CannotBeUndone);
    assert_eq!(reason(facts(|f| device(f, |d| d.archived = true))), Reason::DeviceArchived);
    assert_eq!(reason(facts(|f| device(f, |d| d.locked = true))), Reason::LockedByOtherChange);
    assert_eq!(reason(facts(|f| f.left_at_version = Some(6))), Reason::ChangedSince);
    assert_eq!(reason(facts(|f| f.left_at_version = None)), Reason::ChangedSince);
    assert_eq!(reason(facts(|f| device(f, |d| d.assignment = None))), Reason::ChangedSince);
    assert_eq!(reason(facts(|f| device(f, |d| d.assignment = Some(assignment(1, 9))))), Reason::AlreadyAssignedSame);
    assert_eq!(reason(facts(|f| before(f, |b| b.same_account = false))), Reason::ChangedSince);
    assert_eq!(reason(facts(|f| before(f, |b| b.customer_closed = true))), Reason::CustomerClosed);
    assert_eq!(reason(facts(|f| before(f, |b| b.site_active = false))), Reason::SiteNotFound);
    assert_eq!(reason(facts(|f| before(f, |b| b.plan_active = false))), Reason::PlanNotFound);
    assert_eq!(reason(facts(|f| before(f, |b| b.pool_active = false))), Reason::PoolNotFound);
}

#[test]
fn a_carrier_plan_goes_back_only_if_it_is_still_what_the_change_left() {
    let reason = |verdict| match verdict {
        Verdict::Refused(refusal) | Verdict::NoChange(refusal) => Some(refusal.reason),
        Verdict::Change => None,
    };
    let said = |change: fn(&mut UndoFacts)| {
        reason(facts(|f| {
            moved(f);
            change(f);
        }))
    };
    assert_eq!(said(|_| {}), None);
    // Also where the assignment is as it was before.
    let same = |f: &mut UndoFacts| f.device.iter_mut().for_each(|d| d.assignment = Some(assignment(1, 7)));
    assert_eq!(said(same), None);
    let device = |f: &mut UndoFacts, change: fn(&mut DeviceFacts)| f.device.iter_mut().for_each(change);
    let plan_of = |f: &mut UndoFacts, change: fn(&mut PlanMoved)| f.carried.plan.iter_mut().for_each(change);
    assert_eq!(
        reason(facts(|f| {
            moved(f);
            device(f, |d| d.carrier.plan = Some(plan(3)));
        })),
        Some(Reason::ChangedSince)
    );
    for (change, expected) in [
        ((|d| d.carrier.plan = None) as fn(&mut DeviceFacts), Reason::ChangedSince),
        (|d| d.carrier.plan_changes = 4, Reason::CarrierChangeQuota),
        (|d| (d.active, d.carrier.standing) = (false, Standing::Suspended), Reason::CarrierSuspended),
        (|d| (d.active, d.carrier.standing) = (false, Standing::Deactivated), Reason::DeviceNotActive),
    ] {
        let said = facts(|f| {
            moved(f);
            device(f, change);
        });
        assert_eq!(reason(said), Some(expected));
    }
    for (change, expected) in [
        ((|p| p.before = None) as fn(&mut PlanMoved), Reason::CannotBeUndone),
        (|p| p.with_communication_plan = true, Reason::CannotBeUndone),
        (|p| p.before.iter_mut().for_each(|before| before.active = false), Reason::PlanNotFound),
    ] {
        let said = facts(|f| {
            moved(f);
            plan_of(f, change);
        });
        assert_eq!(reason(said), Some(expected));
    }
    // It has its plan back already: the assignment alone goes back.
    let mut back = UndoFacts {
        device: None,
        left_at_version: None,
        before: None,
        billed: Billed::default(),
        carried: Carried::default(),
    };
    moved(&mut back);
    assert_eq!(back.carried.plan_goes_back(None), None);
    let closed = AtCarrier { closed: Some("paused".into()), ..open() };
    for (at, expected) in [(closed, Reason::CarrierWriteDisabled), (AtCarrier::default(), Reason::CarrierNotSupported)]
    {
        let device = DeviceFacts { assignment: Some(assignment(2, 7)), ..device_of_plan(2) };
        assert_eq!(back.carried.refused(&device, &at).map(|refusal| refusal.reason), Some(expected));
        assert_eq!(back.carried.refused(&device_of_plan(1), &at), None, "nothing is asked of the carrier");
    }
}

fn device_of_plan(n: u128) -> DeviceFacts {
    DeviceFacts {
        id: DeviceId(Uuid::from_u128(5)),
        iccid: "89148000001234567896".into(),
        number: None,
        status: "active".into(),
        active: true,
        archived: false,
        locked: false,
        version: 1,
        activated_at: None,
        assignment: None,
        lines: Vec::new(),
        carrier: CarrierFacts { standing: Standing::Active, plan: Some(plan(n)), imei: None, plan_changes: 0 },
    }
}
