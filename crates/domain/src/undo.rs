//! Undo: a finished change planned backwards, row by row, each row saying whether and why it can or cannot.

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
/// device that is not active any more can be put back, too: nothing is asked of its carrier.
#[must_use]
pub fn undo_verdict(facts: &UndoFacts, permit: &Permit) -> Verdict {
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
    if same && now.scheduled.is_none() && bills.is_none() {
        return Verdict::NoChange(Refusal::plain(Reason::AlreadyAssignedSame));
    }
    if facts.left_at_version != Some(now.version) {
        return refused(Reason::ChangedSince);
    }
    if let Some(stays) = &facts.billed.stays {
        return Verdict::Refused(Refusal::about(Reason::CannotBeUndone, stays.as_str()));
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
mod tests {
    use super::*;
    use crate::ids::{DeviceId, SiteId};
    use crate::rights::Scope;
    use uuid::Uuid;

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
        };
        change(&mut facts);
        undo_verdict(&facts, &Permit { may_assign: true, scope: Scope::Everything })
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
        assert_eq!(
            reason(facts(|f| device(f, |d| d.assignment = Some(assignment(1, 9))))),
            Reason::AlreadyAssignedSame
        );
        assert_eq!(reason(facts(|f| before(f, |b| b.same_account = false))), Reason::ChangedSince);
        assert_eq!(reason(facts(|f| before(f, |b| b.customer_closed = true))), Reason::CustomerClosed);
        assert_eq!(reason(facts(|f| before(f, |b| b.site_active = false))), Reason::SiteNotFound);
        assert_eq!(reason(facts(|f| before(f, |b| b.plan_active = false))), Reason::PlanNotFound);
        assert_eq!(reason(facts(|f| before(f, |b| b.pool_active = false))), Reason::PoolNotFound);
    }
}
