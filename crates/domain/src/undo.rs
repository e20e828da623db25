//! Undo: a finished change planned backwards, row by row, each row saying whether and why it can or cannot.

use crate::carrier::AtCarrier;
use crate::carrier_target::plan_keeps;
use crate::ids::CarrierRatePlanId;
use crate::reason::{Reason, Refusal};
use crate::verdict::{ActiveLine, Assignment, DeviceFacts, Permit, Verdict};

/// What is known of one row of a finished change when its undo is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoFacts {
    /// The device, with its assignment as it is now.
    pub device: Option<DeviceFacts>,
    /// The version that the change left the assignment at, from the history.
    pub left_at_version: Option<i32>,
    /// What the assignment was before the change.
    pub before: Option<Before>,
    /// What the change did at Rev.io for the row.
    pub billed: Billed,
    /// And at the carrier.
    pub carried: Carried,
}

/// What a change did at the carrier for a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// The carrier rate plan that it changed.
    pub plan: Option<PlanMoved>,
    /// Did it activate the SIM?
    pub activated: bool,
}

/// A carrier rate plan that a change gave a SIM in place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanMoved {
    /// The one before; None: it was not known.
    pub before: Option<PlanBefore>,
    /// The one that the change left the SIM with.
    pub left_at: CarrierRatePlanId,
    /// Did it change the communication plan, too? What that was before is in no list.
    pub with_communication_plan: bool,
}

/// The carrier rate plan that a SIM had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanBefore {
    /// The plan.
    pub id: CarrierRatePlanId,
    /// Its code.
    pub code: String,
    /// Is it still offered?
    pub active: bool,
}

/// What is said of a row whose SIM was activated by the change that is taken back.
pub const STAYS_ACTIVE: &str = "The assignment goes back. The SIM stays active at its carrier and is billed for there: deactivating it would lose its \
     number; if that is meant, deactivate it in the carrier's portal.";

impl Carried {
    /// The carrier rate plan that the SIM gets back; None: there is none to go back to, or it has that already.
    #[must_use]
    pub fn plan_goes_back(&self, device: Option<&DeviceFacts>) -> Option<&PlanBefore> {
        let moved = self.plan.as_ref().filter(|moved| device.and_then(|d| d.carrier.plan) == Some(moved.left_at))?;
        moved.before.as_ref().filter(|before| before.id != moved.left_at)
    }

    /// Why the carrier rate plan cannot go back; None also if it need not.
    fn refused(&self, device: &DeviceFacts, at_carrier: &AtCarrier) -> Option<Refusal> {
        let moved = self.plan.as_ref()?;
        let Some(before) = &moved.before else {
            return Some(Refusal::about(
                Reason::CannotBeUndone,
                "which carrier rate plan the SIM had before is not known",
            ));
        };
        if device.carrier.plan == Some(before.id) {
            return None;
        }
        if device.carrier.plan != Some(moved.left_at) {
            return Some(Refusal::about(Reason::ChangedSince, "the carrier rate plan was changed again since"));
        }
        if moved.with_communication_plan {
            return Some(Refusal::about(
                Reason::CannotBeUndone,
                "which communication plan the SIM had before is not known",
            ));
        }
        if !before.active {
            return Some(Refusal::about(Reason::PlanNotFound, format!("carrier rate plan {}", before.code)));
        }
        let Some(can) = at_carrier.can.as_ref().filter(|_| at_carrier.closed.is_none()) else {
            return at_carrier.refuses_all();
        };
        if !can.changes_plans {
            return Some(Refusal::about(Reason::CarrierNotSupported, "it changes no carrier rate plans"));
        }
        plan_keeps(device, can)
    }
}

/// What a change did at Rev.io for a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Billed {
    /// The line that it opened.
    pub opened: Option<Opened>,
    /// What cannot be taken back from here, in words.
    pub stays: Option<String>,
}

/// A line that a change opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The line.
    pub line: ActiveLine,
    /// Has it ended since?
    pub ended: bool,
}

/// The before-image, and whether what it names can still be gone back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// The assignment as it was; its version is of no use any more.
    pub assignment: Assignment,
    /// Is the site still there?
    pub site_active: bool,
    /// Has that site the account at Rev.io that the SIM had? It is not put under another.
    pub same_account: bool,
    /// Is its customer closed at Rev.io?
    pub customer_closed: bool,
    /// Is the customer rate plan still offered? True if there was none.
    pub plan_active: bool,
    /// Is the pool still there? True if there was none.
    pub pool_active: bool,
}

/// Judges the undo of one row. Total, and the same for the same arguments.
///
/// A value is put back only if it is still what the change made of it: anything else would undo somebody else's work. A
/// device that is not active any more can be put back, too, unless its carrier rate plan is to go back; one that the change
/// activated stays active ([`STAYS_ACTIVE`]).
#[must_use]
pub fn undo_verdict(facts: &UndoFacts, permit: &Permit, at_carrier: &AtCarrier) -> Verdict {
    let refused = |reason| Verdict::Refused(Refusal::plain(reason));
    let Some(device) = &facts.device else { return refused(Reason::DeviceNotFound) };
    if !permit.may_assign || !permit.scope_has(device) {
        return refused(Reason::Forbidden);
    }
    let Some(before) = &facts.before else { return refused(Reason::NoAssignmentBefore) };
    if device.archived {
        return refused(Reason::DeviceArchived);
    }
    if device.locked {
        return refused(Reason::LockedByOtherChange);
    }
    let was = &before.assignment;
    let Some(now) = &device.assignment else { return refused(Reason::ChangedSince) };
    let same = (now.site, &now.account, now.plan, now.pool, now.allocation)
        == (was.site, &was.account, was.plan, was.pool, was.allocation);
    // What the change put on the schedule is taken off it, too.
    let bills = facts.billed.opened.as_ref().filter(|opened| !opened.ended);
    let plan = facts.carried.refused(device, at_carrier);
    let plan_is = plan.is_none() && facts.carried.plan_goes_back(Some(device)).is_none();
    if same && now.scheduled.is_none() && bills.is_none() && plan_is {
        return Verdict::NoChange(Refusal::plain(Reason::AlreadyAssignedSame));
    }
    if facts.left_at_version != Some(now.version) {
        return refused(Reason::ChangedSince);
    }
    if let Some(stays) = &facts.billed.stays {
        return Verdict::Refused(Refusal::about(Reason::CannotBeUndone, stays.as_str()));
    }
    if let Some(refusal) = plan {
        return Verdict::Refused(refusal);
    }
    if let Some(opened) = bills.filter(|opened| now.account.as_ref() != Some(&opened.line.account)) {
        let moved = format!("line {} is another customer's now", opened.line.rev_service_id);
        return Verdict::Refused(Refusal::about(Reason::CannotBeUndone, moved));
    }
    // The line that the change opened ends with its undo.
    let ours = |line: &ActiveLine| bills.is_some_and(|opened| opened.line.id == line.id);
    let elsewhere = device.lines_of_others(was.account.as_ref()).find(|line| !ours(line));
    if let Some(line) = elsewhere.filter(|_| now.account != was.account) {
        return Verdict::Refused(Refusal::about(Reason::ActiveServiceLineOtherCustomer, line.shown(&permit.scope)));
    }
    if !permit.scope.has(was.site) {
        return refused(Reason::CustomerNotPermitted);
    }
    if !before.same_account {
        return Verdict::Refused(Refusal::about(Reason::ChangedSince, "the site has another account at Rev.io now"));
    }
    if before.customer_closed {
        return refused(Reason::CustomerClosed);
    }
    if !before.site_active {
        return refused(Reason::SiteNotFound);
    }
    if !before.plan_active {
        return refused(Reason::PlanNotFound);
    }
    if !before.pool_active {
        return refused(Reason::PoolNotFound);
    }
    Verdict::Change
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
