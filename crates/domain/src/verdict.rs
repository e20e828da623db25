//! The plan's one pure function: what will happen to one row, and if nothing, exactly why not.
//! Execution compares versions instead of judging again, so preview and run cannot disagree and no rule is written twice.

use crate::allocation::DataAllocation;
use crate::associate_customer::OnConflict;
use crate::identifier::Identifier;
use crate::ids::{CustomerRatePlanId, CustomerRatePoolId, DeviceId, SiteId};
use crate::reason::{Reason, Refusal};
use crate::rights::Scope;
use crate::target::{RevAccount, Target};
use jiff::Timestamp;
use jiff::civil::Date;

/// What is known of one row of the input when it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFacts {
    /// What the cell was read as.
    pub reading: Result<Identifier, Refusal>,
    /// The earlier row that names the same SIM.
    pub duplicate_of: Option<i32>,
    /// How many SIMs of this service provider the identifier may mean, if more than one.
    pub ambiguous: Option<i32>,
    /// The SIM, if this service provider has it in this tenant.
    pub device: Option<DeviceFacts>,
}

/// What the verdict reads of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// The device.
    pub id: DeviceId,
    /// The carrier's own word.
    pub status: String,
    /// Does the word mean active?
    pub active: bool,
    /// Is it in the archive?
    pub archived: bool,
    /// Does another running change hold it?
    pub locked: bool,
    /// The row's version.
    pub version: i32,
    /// When its carrier last activated it, by its status history.
    pub activated_at: Option<Timestamp>,
    /// Its assignment in this tenant.
    pub assignment: Option<Assignment>,
}

/// An assignment as it is: the before-image of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The site.
    pub site: SiteId,
    /// Is that the tenant's default site, "Unassigned"?
    pub unassigned: bool,
    /// The Rev account.
    pub account: Option<RevAccount>,
    /// The customer rate plan.
    pub plan: Option<CustomerRatePlanId>,
    /// The pool.
    pub pool: Option<CustomerRatePoolId>,
    /// The data allocation.
    pub allocation: Option<DataAllocation>,
    /// The row's version; never 0, which stands for no assignment.
    pub version: i32,
    /// What waits for its date.
    pub scheduled: Option<Scheduled>,
    /// The active lines at Rev.io that bill it, of whatever account.
    pub lines: Vec<ActiveLine>,
}

/// A line at Rev.io that is not disconnected and charges something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveLine {
    /// Who is billed.
    pub account: RevAccount,
    /// The line's id there.
    pub rev_service_id: i64,
}

impl ActiveLine {
    /// Which line, of whom. Who is confined to sites is not told whose customer that is.
    #[must_use]
    pub fn shown(&self, scope: &Scope) -> String {
        match scope {
            Scope::Everything => format!("line {} of customer {}", self.rev_service_id, self.account.rev_customer_id),
            Scope::Sites(_) => String::new(),
        }
    }
}

impl Assignment {
    /// A line that bills somebody else than this account; with none, any line.
    #[must_use]
    pub fn billed_elsewhere(&self, account: Option<&RevAccount>) -> Option<&ActiveLine> {
        self.lines.iter().find(|line| Some(&line.account) != account)
    }
}

/// Plan, pool and allocation that wait for their effective date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The date.
    pub date: Date,
    /// The plan, if it is to change.
    pub plan: Option<CustomerRatePlanId>,
    /// The pool, if it is to change.
    pub pool: Option<CustomerRatePoolId>,
    /// The allocation, if it is to change.
    pub allocation: Option<DataAllocation>,
}

/// What the caller may do with the SIMs of a service provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Assign customers to them at all.
    pub may_assign: bool,
    /// Which sites they may come from, and go to.
    pub scope: Scope,
}

impl Permit {
    /// Is the device within the caller's sites? One that is at no site is within no list of sites.
    #[must_use]
    pub fn scope_has(&self, device: &DeviceFacts) -> bool {
        device.assignment.as_ref().map_or(self.scope == Scope::Everything, |now| self.scope.has(now.site))
    }
}

/// What a plan says of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It will be changed.
    Change,
    /// It is already as asked.
    NoChange(Refusal),
    /// It will be left alone, and why.
    Refused(Refusal),
}

/// Judges one row. Total, and the same for the same arguments.
///
/// The row's own defects come first, then the device's, then the target's, then what the two make of each other: so the
/// reason a person reads is the first thing that has to be put right.
#[must_use]
pub fn verdict(target: &Result<Target, Refusal>, on_conflict: OnConflict, permit: &Permit, row: &RowFacts) -> Verdict {
    let identifier = match &row.reading {
        Ok(identifier) => identifier,
        Err(refusal) => return Verdict::Refused(refusal.clone()),
    };
    if let Some(first) = row.duplicate_of {
        return Verdict::Refused(Refusal::about(Reason::DuplicateInInput, format!("first in row {first}")));
    }
    if let Some(count) = row.ambiguous {
        return Verdict::Refused(Refusal::about(Reason::DeviceAmbiguous, format!("{count} SIMs")));
    }
    let Some(device) = &row.device else { return Verdict::Refused(Refusal::plain(identifier.explain_miss())) };
    if !permit.may_assign || !permit.scope_has(device) {
        return Verdict::Refused(Refusal::plain(Reason::Forbidden));
    }
    if device.archived {
        return Verdict::Refused(Refusal::plain(Reason::DeviceArchived));
    }
    // A SIM that is not active can still be given back: nothing is asked of its carrier, and nobody uses it.
    if !device.active && !target.as_ref().is_ok_and(|target| target.nobody) {
        return Verdict::Refused(Refusal::about(Reason::DeviceNotActive, format!("status {}", device.status)));
    }
    let target = match target {
        Ok(target) => target,
        Err(refusal) => return Verdict::Refused(refusal.clone()),
    };
    if device.locked {
        return Verdict::Refused(Refusal::plain(Reason::LockedByOtherChange));
    }
    let Some(now) = &device.assignment else { return Verdict::Change };
    let same_customer =
        now.site == target.site.id && now.account.as_ref() == target.rev.as_ref().map(|(account, _)| account);
    if same_customer && offers_are_as_asked(target, now) {
        return Verdict::NoChange(Refusal::plain(Reason::AlreadyAssignedSame));
    }
    let account = target.rev.as_ref().map(|(account, _)| account);
    if let Some(line) = now.billed_elsewhere(account).filter(|_| !same_customer) {
        return Verdict::Refused(Refusal::about(Reason::ActiveServiceLineOtherCustomer, line.shown(&permit.scope)));
    }
    if !same_customer && !now.unassigned && on_conflict == OnConflict::Refuse {
        return Verdict::Refused(Refusal::plain(Reason::AlreadyAssignedOther));
    }
    Verdict::Change
}

/// Are plan, pool and allocation as asked, today or on their date? What waits for its date counts only where a plan, a pool
/// or an allocation is asked for: asking again for the customer alone takes nothing off the schedule.
fn offers_are_as_asked(target: &Target, now: &Assignment) -> bool {
    if !target.asks_for_an_offer() {
        return true;
    }
    let today = as_asked(target.plan.map(|p| p.id), now.plan)
        && as_asked(target.pool.map(|p| p.id), now.pool)
        && as_asked(target.allocation, now.allocation);
    match (&now.scheduled, target.effective.filter(|_| target.waits())) {
        (None, _) => today,
        (Some(_), None) => false,
        (Some(scheduled), Some(effective)) => {
            scheduled.date == effective.date
                && scheduled.plan == target.plan.map(|p| p.id)
                && scheduled.pool == target.pool.map(|p| p.id)
                && scheduled.allocation == target.allocation
        }
    }
}

/// Nothing asked for is as asked.
fn as_asked<T: PartialEq>(asked: Option<T>, now: Option<T>) -> bool {
    asked.is_none() || asked == now
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "verdict_properties.rs"]
mod properties;
