//! The plan's one pure function: what will happen to one row, and if nothing, exactly why not.
//! Execution compares versions instead of judging again, so preview and run cannot disagree and no rule is written twice.

use crate::allocation::DataAllocation;
use crate::associate_customer::{AssociateCustomer, OnConflict};
use crate::carrier::{AtCarrier, CarrierFacts};
use crate::carrier_target::suspended;
use crate::identifier::Identifier;
use crate::ids::{CustomerRatePlanId, CustomerRatePoolId, DeviceId, RevServiceId, SiteId};
use crate::line_target::{ExistingLine, Line};
use crate::reason::{Reason, Refusal};
use crate::rights::Scope;
use crate::steps::Step;
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
    /// The earlier row that takes the existing line that this one asks for.
    pub line_taken_by: Option<i32>,
    /// The IMEI that the row names, as it was written.
    pub imei: Option<String>,
}

/// What the verdict reads of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// The device.
    pub id: DeviceId,
    /// Its ICCID.
    pub iccid: String,
    /// Its number: what a line at Rev.io is known by.
    pub number: Option<String>,
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
    /// The active lines at Rev.io that bill it, of whatever account.
    pub lines: Vec<ActiveLine>,
    /// How it stands at its carrier.
    pub carrier: CarrierFacts,
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
}

/// A line at Rev.io that is not disconnected and charges something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveLine {
    /// The mirror's row.
    pub id: RevServiceId,
    /// Who is billed.
    pub account: RevAccount,
    /// The line's id there.
    pub rev_service_id: i64,
    /// How many products are in force on it.
    pub products: i32,
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
    /// Is it this customer's, with this account?
    fn is_of(&self, target: &Target) -> bool {
        self.site == target.site.id && self.account.as_ref() == target.account()
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

/// What may be taken from other customers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    /// The SIM.
    pub on_conflict: OnConflict,
    /// Their lines at Rev.io, too: they are closed.
    pub disconnect_existing: bool,
}

impl Conflict {
    /// What a request says of it.
    #[must_use]
    pub const fn of(request: &AssociateCustomer) -> Self {
        Self { on_conflict: request.on_conflict, disconnect_existing: request.line.disconnect_existing }
    }

    /// Are other accounts' lines closed?
    #[must_use]
    pub fn closes(self) -> bool {
        self.disconnect_existing && self.on_conflict == OnConflict::Replace
    }
}

impl Permit {
    /// May this line of another account be closed? Who is confined to sites closes those of the account that the SIM is under at
    /// one of them, and nobody else's.
    fn may_close(&self, line: &ActiveLine, device: &DeviceFacts) -> bool {
        let under = device.assignment.as_ref().and_then(|now| now.account.as_ref());
        self.scope == Scope::Everything || under == Some(&line.account)
    }

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
pub fn verdict(
    target: &Result<Target, Refusal>,
    conflict: Conflict,
    permit: &Permit,
    at_carrier: &AtCarrier,
    row: &RowFacts,
) -> Verdict {
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
    if let Some(refusal) = not_active(target, at_carrier, device) {
        return Verdict::Refused(refusal);
    }
    let target = match target {
        Ok(target) => target,
        Err(refusal) => return Verdict::Refused(refusal.clone()),
    };
    if device.locked {
        return Verdict::Refused(Refusal::plain(Reason::LockedByOtherChange));
    }
    if is_as_asked(target, conflict, device) {
        return Verdict::NoChange(Refusal::plain(Reason::AlreadyAssignedSame));
    }
    let refusal = target
        .carrier
        .refused(device, row.imei.as_deref(), at_carrier)
        .or_else(|| no_number(target, device))
        .or_else(|| held_by_others(target, device, conflict, permit))
        .or_else(|| line_refused(target, device, row.line_taken_by));
    refusal.map_or(Verdict::Change, Verdict::Refused)
}

/// A SIM that is not active can be activated, if that is asked for and its carrier can; and given back: nobody uses it. One that is
/// suspended is restored first, if its plan is to change.
fn not_active(target: &Result<Target, Refusal>, at_carrier: &AtCarrier, device: &DeviceFacts) -> Option<Refusal> {
    if device.active {
        return None;
    }
    let target = target.as_ref().ok();
    let steps = target.map(|target| target.carrier.steps(&device.carrier)).unwrap_or_default();
    let can = at_carrier.can.as_ref().filter(|_| steps.contains(&Step::ChangeCarrierRatePlan));
    if let Some(refusal) = can.and_then(|can| suspended(device, can)) {
        return Some(refusal);
    }
    if at_carrier.activates && device.carrier.standing.can_be_activated() || target.is_some_and(|target| target.nobody)
    {
        return None;
    }
    let cannot = if at_carrier.activates { ": a SIM that stands so cannot be activated" } else { "" };
    Some(Refusal::about(Reason::DeviceNotActive, format!("status {}{cannot}", device.status)))
}

/// Is everything as asked, here, at its carrier and at Rev.io?
fn is_as_asked(target: &Target, conflict: Conflict, device: &DeviceFacts) -> bool {
    let line_is = match &target.line {
        None => true,
        Some(Line::New(_)) => false,
        Some(Line::Existing(line)) => line.bills(device),
    };
    let closes = conflict.closes() && device.lines_of_others(target.account()).next().is_some();
    let is_so = |now: &Assignment| now.is_of(target) && offers_are_as_asked(target, now);
    let carrier_is = target.carrier.steps(&device.carrier).is_empty();
    device.assignment.as_ref().is_some_and(is_so) && carrier_is && line_is && !closes
}

/// A line is found again by the SIM's number; one that is activated gets its number before it gets a line.
fn no_number(target: &Target, device: &DeviceFacts) -> Option<Refusal> {
    let lacks = target.line.is_some() && device.number.is_none() && !target.carrier.activates(device.carrier.standing);
    lacks.then(|| Refusal::plain(Reason::NumberMissing))
}

/// What another customer has of it. A new plan for the customer who has the SIM is no new customer; a line for him is a second
/// bill.
fn held_by_others(target: &Target, device: &DeviceFacts, conflict: Conflict, permit: &Permit) -> Option<Refusal> {
    let now = device.assignment.as_ref();
    let same_customer = now.is_some_and(|now| now.is_of(target));
    let mut others = device.lines_of_others(target.account());
    let stays = if conflict.closes() {
        others.find(|line| !permit.may_close(line, device))
    } else {
        others.next().filter(|_| !same_customer || target.line.is_some())
    };
    if let Some(line) = stays {
        return Some(Refusal::about(Reason::ActiveServiceLineOtherCustomer, line.shown(&permit.scope)));
    }
    let is_nobodys = now.is_none_or(|now| now.unassigned);
    let taken = !same_customer && !is_nobodys && conflict.on_conflict == OnConflict::Refuse;
    taken.then(|| Refusal::plain(Reason::AlreadyAssignedOther))
}

/// Nobody is billed twice: no line beside another of the same customer, and no line for two SIMs.
fn line_refused(target: &Target, device: &DeviceFacts, taken_by: Option<i32>) -> Option<Refusal> {
    let asked = target.line.as_ref()?;
    if let Line::Existing(line) = asked {
        if let Some(number) = line.number.as_ref().filter(|_| !line.is_of_number(device)) {
            return Some(Refusal::about(Reason::ServiceInUse, format!("it bills {number}")));
        }
        if let Some(row) = taken_by {
            return Some(Refusal::about(Reason::ServiceInUse, format!("row {row} takes it")));
        }
    }
    let is_asked = |line: &&ActiveLine| matches!(asked, Line::Existing(existing) if existing.id == line.id);
    let own = device.own_lines(target.account()).find(|line| !is_asked(line))?;
    let detail = format!("line {}", own.rev_service_id);
    Some(Refusal::about(Reason::ActiveServiceLineSameCustomer, detail))
}

impl DeviceFacts {
    /// Its active lines of this account.
    pub(crate) fn own_lines<'a>(&'a self, account: Option<&'a RevAccount>) -> impl Iterator<Item = &'a ActiveLine> {
        self.lines.iter().filter(move |line| Some(&line.account) == account)
    }

    /// Lines that bill somebody else than this account; with none, all lines.
    pub fn lines_of_others<'a>(&'a self, account: Option<&'a RevAccount>) -> impl Iterator<Item = &'a ActiveLine> {
        self.lines.iter().filter(move |line| Some(&line.account) != account)
    }
}

impl ExistingLine {
    /// Does it bill this SIM's number? Rev.io may have it without the leading 1.
    fn is_of_number(&self, device: &DeviceFacts) -> bool {
        let has = |number: &String| {
            device.number.as_ref().is_some_and(|own| own == number || own.strip_prefix('1') == Some(number))
        };
        self.number.as_ref().is_some_and(has)
    }

    /// Does it bill this SIM already, by its number and its ICCID?
    pub(crate) fn bills(&self, device: &DeviceFacts) -> bool {
        self.is_of_number(device) && self.number2.as_ref() == Some(&device.iccid)
    }
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
