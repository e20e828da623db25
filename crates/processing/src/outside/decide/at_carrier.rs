//! The part of a row that happens at a carrier: asynchronous, absolute, and known by reading the device (`reliability.md` 4.5).

use super::super::saga::{Attempt, Direction, Fate, Key, Resolution, Step, WAS_SO, Write};
use super::{Attention, Because, Judge, Look, Next, Progress};
use integrations::carriers::{Device, Standing};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// When the device of an accepted request is read back, counted from its sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// The first times.
    pub first: [SignedDuration; 4],
    /// After the last of them, again and again.
    pub then_every: SignedDuration,
    /// For how long in all.
    pub until: SignedDuration,
}

impl Default for Awaiting {
    /// 2, 5, 15 and 60 minutes, then hourly, to 24 hours (`reliability.md` 4.5).
    fn default() -> Self {
        Self {
            first: [2, 5, 15, 60].map(SignedDuration::from_mins),
            then_every: SignedDuration::from_hours(1),
            until: SignedDuration::from_hours(24),
        }
    }
}

impl Awaiting {
    /// The first time after `looked` at which what was sent at `began` is read back. None: it has had all its time.
    #[must_use]
    pub fn next(&self, began: Timestamp, looked: Option<Timestamp>) -> Option<Timestamp> {
        let after = looked.map_or(SignedDuration::ZERO, |looked| looked.duration_since(began));
        let first = self.first.into_iter().find(|time| *time > after);
        let time = first.unwrap_or_else(|| {
            let every = self.then_every.as_secs().max(1);
            let last = self.first.last().copied().unwrap_or_default();
            let times = (after - last).as_secs().max(0) / every + 1;
            last + SignedDuration::from_secs(times.saturating_mul(every))
        });
        // The last look is at the very end, wherever the times before it lie.
        match (after >= self.until, time > self.until) {
            (true, _) => None,
            (false, true) => began.checked_add(self.until).ok(),
            (false, false) => began.checked_add(time).ok(),
        }
    }
}

/// What reading a SIM has shown of a write, before or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It was so before anything was sent.
    WasSo,
    /// It was looked for and not there, and has landed since.
    Landed,
    /// It is not there, and a person waits for it no more.
    NotThere,
}

/// Why a SIM, as its carrier shows it, is none that this can be done to. Nothing is sent, then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The carrier shows none.
    NotThere,
    /// It shows several.
    Several,
    /// It is suspended.
    Suspended,
    /// It has no service.
    NotActive,
    /// It has service already.
    Active,
    /// Something else is under way with it, or its state is a word that nobody knows.
    Busy,
    /// It has another plan than the change that is taken back has left.
    Moved,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotThere => "the carrier shows no such SIM in this account",
            Self::Several => "the carrier shows several SIMs of this ICCID",
            Self::Suspended => "the SIM is suspended at the carrier, and its plan is not changed meanwhile",
            Self::NotActive => "the SIM is not active at the carrier",
            Self::Active => "the SIM is active at the carrier already, with what somebody else has given it",
            Self::Busy => "something else is under way with the SIM at the carrier",
            Self::Moved => "the SIM has another plan at the carrier than the change has left, and keeps it",
        })
    }
}

/// What the carrier shows of the SIM, seen from what is to be done.
enum Fit {
    /// It can be done.
    ToDo,
    /// It is so already.
    AsAsked,
    /// It cannot be.
    Not(Unfit),
}

const fn change(direction: Direction) -> Key {
    Key::new(Step::ChangeCarrierRatePlan, direction, Write::ChangeCarrierRatePlan, 0)
}

const ACTIVATE: Key = Key::new(Step::ActivateAtCarrier, Direction::Apply, Write::Activate, 0);
const DEACTIVATE: Key = Key::new(Step::ActivateAtCarrier, Direction::Undo, Write::Deactivate, 0);
const PROVISION: Key = Key::new(Step::ProvisionIp, Direction::Apply, Write::ProvisionIp, 0);

impl Judge<'_> {
    pub(super) fn carrier_plan_changed(&self) -> Progress {
        let Some(plan) = &self.saga.at_carrier.plan else { return Progress::Complete };
        let has_both = self.saga.at_carrier.has_communication_plan;
        self.done_at_carrier(change(Direction::Apply), |device| match device.standing {
            // Whether the communication plan is the one that was asked for is not compared: setting it again changes nothing.
            Standing::Active if !has_both && device.carrier_rate_plan.as_deref().is_some_and(|has| plan.is(has)) => {
                Fit::AsAsked
            }
            // Only what the change has left is taken back.
            Standing::Active if self.has_moved_since(device) => Fit::Not(Unfit::Moved),
            Standing::Active => Fit::ToDo,
            Standing::Suspended => Fit::Not(Unfit::Suspended),
            Standing::Deactivated | Standing::NotYetActive => Fit::Not(Unfit::NotActive),
            Standing::BecomingActive | Standing::BecomingDeactivated | Standing::Unlisted => Fit::Not(Unfit::Busy),
        })
    }

    fn has_moved_since(&self, device: &Device) -> bool {
        let has = device.carrier_rate_plan.as_deref().unwrap_or_default();
        self.saga.takes_back && self.saga.at_carrier.left_at.as_ref().is_some_and(|left| !left.is(has))
    }

    pub(super) fn activated(&self) -> Progress {
        let plan = self.saga.at_carrier.activation_plan.as_ref();
        let is_asked_for = |device: &Device| {
            let has_plan = device.carrier_rate_plan.as_deref().is_some_and(|has| plan.is_some_and(|plan| plan.is(has)));
            has_plan && device.number().is_some()
        };
        self.done_at_carrier(ACTIVATE, |device| match device.standing {
            Standing::NotYetActive | Standing::Deactivated => Fit::ToDo,
            Standing::Active if is_asked_for(device) => Fit::AsAsked,
            Standing::Active => Fit::Not(Unfit::Active),
            Standing::Suspended => Fit::Not(Unfit::Suspended),
            Standing::BecomingActive | Standing::BecomingDeactivated | Standing::Unlisted => Fit::Not(Unfit::Busy),
        })
    }

    pub(super) fn ip_provisioned(&self) -> Progress {
        if self.lacks_its_ip().is_some() {
            // Told at the end of the row.
            return Progress::Complete;
        }
        self.done_at_carrier(PROVISION, |device| match device.standing {
            Standing::Active => Fit::ToDo,
            Standing::Suspended => Fit::Not(Unfit::Suspended),
            Standing::Deactivated | Standing::NotYetActive => Fit::Not(Unfit::NotActive),
            Standing::BecomingActive | Standing::BecomingDeactivated | Standing::Unlisted => Fit::Not(Unfit::Busy),
        })
    }

    /// The address that could not be had, where the row goes on without it.
    pub(super) fn lacks_its_ip(&self) -> Option<Key> {
        let goes_on = self.policy.keeps_without_ip && !self.saga.giving_up;
        let wanted = self.saga.steps.contains(&Step::ProvisionIp);
        let lost = self.attempts_lost(PROVISION) >= self.policy.attempts;
        let is_hopeless = self.saga.fate(PROVISION) == Some(Fate::Refused) || lost;
        (goes_on && wanted && is_hopeless && self.saga.resolution != Some(Resolution::SendAgain)).then_some(PROVISION)
    }

    fn attempts_lost(&self, key: Key) -> usize {
        self.saga.attempts_at(key).filter(|attempt| attempt.fate == Fate::NotApplied).count()
    }

    /// One write at the carrier, to its end. Before each send the SIM is read: what it is then is what an undo puts back.
    fn done_at_carrier(&self, key: Key, fit: impl Fn(&Device) -> Fit) -> Progress {
        let next = match self.written(key) {
            Progress::Next(next @ Next::Send(_)) => next,
            progress => return progress,
        };
        let Some(shown) = &self.saga.shown else { return Progress::Next(Next::Look(Look::Device(key.step))) };
        let unfit = |why| Progress::Next(Next::GiveUp(Because::Unfit(key.step, why)));
        let fit = match shown.as_slice() {
            // A carrier adds what it does not know (`thingspace.md` 2.2).
            [] if key.write == Write::Activate => Fit::ToDo,
            [] => return unfit(Unfit::NotThere),
            [device] => fit(device),
            _ => return unfit(Unfit::Several),
        };
        let was_sent = self.saga.attempts_at(key).any(|attempt| attempt.fate == Fate::NotApplied);
        match fit {
            Fit::ToDo => Progress::Next(next),
            Fit::AsAsked if was_sent => Progress::Next(Next::Note(key, Noted::Landed)),
            // It may be somebody's who has activated it for something else.
            Fit::AsAsked if key.write == Write::Activate => unfit(Unfit::Active),
            Fit::AsAsked => Progress::Next(Next::Note(key, Noted::WasSo)),
            Fit::Not(Unfit::Active) if was_sent => Progress::Next(Next::Attention(Attention::LandedLate(key))),
            // What is under way may be ours, come late.
            Fit::Not(Unfit::Busy) if was_sent => Progress::Next(self.until_it_is_over(key)),
            Fit::Not(why) => unfit(why),
        }
    }

    fn until_it_is_over(&self, key: Key) -> Next {
        let began = self.saga.attempts_at(key).next_back().map(|attempt| attempt.began_at);
        let is_over = began.is_none_or(|began| self.now.duration_since(began) > self.policy.awaiting.until);
        match self.now.checked_add(self.policy.awaiting.first[1]) {
            Ok(then) if !is_over => Next::Wait(then),
            _ => Next::Attention(Attention::Silent(key)),
        }
    }

    /// A request of which it is not known yet what has become of the device.
    pub(super) fn awaited(&self, key: Key) -> Next {
        let Some(attempt) = self.saga.attempts_at(key).next_back() else { return Next::Send(key) };
        let looked = attempt.awaited.looked_at;
        let is_news = |heard: &Timestamp| looked.is_none_or(|looked| looked < *heard);
        if attempt.awaited.heard_at.as_ref().is_some_and(is_news) {
            return Next::Look(Look::Back(key));
        }
        match self.policy.awaiting.next(attempt.began_at, looked) {
            Some(then) if self.now < then => Next::Wait(then),
            // A person may have it looked at once more, or wait for it no more.
            None if self.saga.looked.contains(&key) => match self.saga.resolution {
                Some(Resolution::TakeBack | Resolution::SendAgain) => Next::Note(key, Noted::NotThere),
                _ => Next::Attention(Attention::Silent(key)),
            },
            _ => Next::Look(Look::Back(key)),
        }
    }

    /// Only where the SIM still has the plan that the row gave it.
    pub(super) fn carrier_plan_put_back(&self) -> Progress {
        let (done, undo) = (change(Direction::Apply), change(Direction::Undo));
        let Some(receipt) = self.receipt_of(done) else { return Progress::Complete };
        let ours = |device: &Device| {
            let plan = self.saga.at_carrier.plan.as_ref();
            device.carrier_rate_plan.as_deref().is_some_and(|has| plan.is_some_and(|plan| plan.is(has)))
        };
        let before = receipt.awaited.plan_before.as_deref().map(str::trim).filter(|plan| !plan.is_empty());
        let can_be = before.is_some() && !self.saga.at_carrier.has_communication_plan;
        let is_before = |device: &Device| device.carrier_rate_plan.as_deref().map(str::trim) == before;
        self.undone_at_carrier(undo, can_be, is_before, ours)
    }

    pub(super) fn deactivated(&self) -> Progress {
        let Some(receipt) = self.receipt_of(ACTIVATE) else { return Progress::Complete };
        // A SIM that was found active is not known to be active by us, and a deactivated one loses its number.
        let can_be = receipt.awaited.is_accepted;
        let is_over = |device: &Device| matches!(device.standing, Standing::Deactivated | Standing::NotYetActive);
        self.undone_at_carrier(DEACTIVATE, can_be, is_over, |device| device.standing == Standing::Active)
    }

    fn receipt_of(&self, key: Key) -> Option<&Attempt> {
        self.saga.attempts_at(key).find(|attempt| matches!(attempt.fate, Fate::Done(done) if done != WAS_SO))
    }

    /// What the row did is taken back, if the SIM is still as it left it.
    fn undone_at_carrier(
        &self,
        undo: Key,
        can_be: bool,
        is_before: impl Fn(&Device) -> bool,
        is_ours: impl Fn(&Device) -> bool,
    ) -> Progress {
        if self.saga.receipt(undo).is_some() {
            return Progress::Complete;
        }
        if let Some(next) = self.asks_first() {
            return Progress::Next(next);
        }
        if !can_be {
            return Progress::Next(Next::Attention(Attention::UndoNotDone(undo)));
        }
        let next = match self.written(undo) {
            Progress::Next(next @ Next::Send(_)) => next,
            progress => return progress,
        };
        let Some(shown) = &self.saga.shown else { return Progress::Next(Next::Look(Look::Device(undo.step))) };
        match shown.as_slice() {
            [device] if is_before(device) => Progress::Complete,
            [device] if is_ours(device) => Progress::Next(next),
            _ => Progress::Next(Next::Attention(Attention::NotOursAtCarrier(undo))),
        }
    }
}

#[cfg(test)]
#[path = "at_carrier_tests.rs"]
mod tests;
