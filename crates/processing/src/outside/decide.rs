//! What is to be done next for a row, from what is known of it. One pure function: no clock, no randomness, no socket.
//!
//! The rules are those of DESIGN 6 and `reliability.md` 4.2: one send per intent; what is not known is never sent again before it
//! has settled and was looked for; what was done is taken back newest first, each only with its receipt and only if it is ours.

mod at_carrier;
mod late;

pub use at_carrier::{Awaiting, Noted, Unfit};
pub use late::{decide_landed, decide_late, decide_late_product, decide_unsettled};

use super::saga::{Closing, Direction, Fate, Key, Line, Resolution, Saga, Step, Write};
use jiff::Timestamp;

/// What is decided by the installation and not by the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts at one write that were looked for and not found, before it is given up.
    pub attempts: usize,
    /// Is what was done taken back by itself, or is a person asked first?
    pub asks_before_undo: bool,
    /// When a carrier is asked what has become of a request.
    pub awaiting: Awaiting,
    /// Does a row go on whose SIM was activated and got no static address? It needs attention at its end, then.
    pub keeps_without_ip: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { attempts: 2, asks_before_undo: false, awaiting: Awaiting::default(), keeps_without_ip: false }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this write.
    Send(Key),
    /// Read, and tell what was found.
    Look(Look),
    /// What reading the SIM at its carrier has shown is written down of this write.
    Note(Key, Noted),
    /// Nothing before then.
    Wait(Timestamp),
    /// Everything outside has happened: record the assignment.
    Record,
    /// It cannot be done: take back what was done, from now on.
    GiveUp(Because),
    /// Nothing of it remains outside: the row has failed.
    Failed,
    /// Nothing of it was begun, and nobody wants it any more.
    Cancelled,
    /// Nothing of it was begun, and it is not as it was planned on any more: the device and its assignment, or this line.
    Stale(Option<i64>),
    /// A person has to decide.
    Attention(Attention),
}

/// What to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Has this write happened?
    Back(Key),
    /// Is this what it made?
    Adopt(Key, i64),
    /// How is this line now?
    Line(Step, i64),
    /// How is the SIM at its carrier now?
    Device(Step),
}

/// Why a row is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The provider refused this write.
    Refused(Key),
    /// It was sent as often as it may be, and never arrived.
    NeverArrived(Key),
    /// The line is not as the plan found it.
    LineMoved(i64),
    /// The carrier does not show the SIM as this starts from.
    Unfit(Step, Unfit),
}

/// Why a person has to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// A line of another account was ended, and cannot be opened again from here.
    CannotReopen(i64),
    /// Taking back was refused, or did not arrive.
    UndoNotDone(Key),
    /// The line that is to be taken back or put back is somebody else's now, or is not as the row left it.
    NotOurs(i64),
    /// The installation wants a person to say whether what was done is taken back.
    AskFirst,
    /// The SIM is not at its carrier any more as the row left it.
    NotOursAtCarrier(Key),
    /// The carrier has accepted it, and it has not come about in all the time that it may take.
    Silent(Key),
    /// It was looked for, was not there, and has come about since.
    LandedLate(Key),
    /// Everything else is done, and the static address is not.
    WithoutIp(Key),
}

/// How far a part of a row is.
enum Progress {
    Complete,
    Next(Next),
}

/// Decides. Total: every row that is under way has exactly one next thing.
#[must_use]
pub fn decide(saga: &Saga, policy: &Policy, now: Timestamp) -> Next {
    if saga.resolution == Some(Resolution::Processed) {
        return Next::Record;
    }
    // What was provably not sent has not begun.
    let nothing_sent = saga.attempts.iter().all(|attempt| attempt.fate == Fate::NotSent);
    if saga.is_cancelled && nothing_sent && !saga.giving_up {
        return Next::Cancelled;
    }
    if saga.is_stale && nothing_sent && !saga.giving_up {
        return Next::Stale(None);
    }
    let judge = Judge { saga, policy, now };
    match if saga.giving_up { judge.back() } else { judge.forth() } {
        // Left alone, as whatever has moved before its turn came.
        Next::GiveUp(Because::LineMoved(line)) if nothing_sent => Next::Stale(Some(line)),
        next => next,
    }
}

struct Judge<'a> {
    saga: &'a Saga,
    policy: &'a Policy,
    now: Timestamp,
}

impl Judge<'_> {
    fn forth(&self) -> Next {
        for step in &self.saga.steps {
            let progress = match step {
                Step::ActivateAtCarrier => self.activated(),
                Step::ProvisionIp => self.ip_provisioned(),
                Step::ChangeCarrierRatePlan => self.carrier_plan_changed(),
                Step::CloseRevService => self.each_closed(),
                Step::OpenRevService => self.opened(),
                Step::UpdateRevService => self.updated(),
                // It always follows, and is not one of these.
                Step::RecordAssignment => Progress::Complete,
            };
            if let Progress::Next(next) = progress {
                return next;
            }
        }
        match self.lacks_its_ip() {
            Some(key) => Next::Attention(Attention::WithoutIp(key)),
            None => Next::Record,
        }
    }

    /// Newest first. What may have happened is settled before anything is taken back.
    fn back(&self) -> Next {
        for step in self.saga.steps.iter().rev() {
            if let Some(next) = self.unsettled(*step) {
                return next;
            }
            let progress = match step {
                Step::OpenRevService => self.unopened(),
                Step::UpdateRevService => self.put_back(),
                Step::CloseRevService => self.not_reopened(),
                Step::ChangeCarrierRatePlan => self.carrier_plan_put_back(),
                Step::ActivateAtCarrier => self.deactivated(),
                // The address goes with the activation, which is taken back next.
                Step::ProvisionIp => Progress::Complete,
                Step::RecordAssignment => Progress::Complete,
            };
            if let Progress::Next(next) = progress {
                return next;
            }
        }
        Next::Failed
    }

    fn opened(&self) -> Progress {
        let create = Key::new(Step::OpenRevService, Direction::Apply, Write::CreateService, 0);
        if let Progress::Next(next) = self.written(create) {
            return Progress::Next(next);
        }
        let Some(line) = self.saga.receipt(create) else { return Progress::Complete };
        for item in (1_i64..).take(self.saga.products) {
            let product = Key::new(Step::OpenRevService, Direction::Apply, Write::CreateServiceProduct, item);
            if let Progress::Next(next) = self.written(product) {
                return Progress::Next(next);
            }
        }
        // What a package brought is read, so that it is billed and mirrored, and not only believed.
        if self.saga.has_package {
            let Some(read) = self.saga.lines.get(&line) else {
                return Progress::Next(Next::Look(Look::Line(Step::OpenRevService, line)));
            };
            // A list that lags behind shows nothing yet: it is read once more when everything shows.
            if read.products.is_empty()
                && let Some(then) = self.shows_from(create)
            {
                return Progress::Next(Next::Wait(then));
            }
        }
        Progress::Complete
    }

    fn each_closed(&self) -> Progress {
        for closing in &self.saga.closes {
            if let Progress::Next(next) = self.closed(Step::CloseRevService, Direction::Apply, *closing) {
                return Progress::Next(next);
            }
        }
        Progress::Complete
    }

    fn updated(&self) -> Progress {
        let Some((closing, number, iccid)) = &self.saga.updates else { return Progress::Complete };
        let key = Key::new(Step::UpdateRevService, Direction::Apply, Write::PatchService, closing.line);
        if self.saga.receipt(key).is_some() {
            return Progress::Complete;
        }
        if matches!(self.saga.fate(key), Some(Fate::Open | Fate::Unknown)) {
            return self.written(key);
        }
        // Read first: what is there is what an undo puts back.
        let Some(line) = self.saga.lines.get(&closing.line) else {
            return Progress::Next(Next::Look(Look::Line(Step::UpdateRevService, closing.line)));
        };
        if !line.exists || line.closed || line.customer != closing.customer {
            return Progress::Next(Next::GiveUp(Because::LineMoved(closing.line)));
        }
        if line.number.as_ref() == Some(number) && line.number2.as_ref() == Some(iccid) {
            return Progress::Complete;
        }
        // It was free when it was planned; whoever has it now keeps it.
        let others = line.number.as_deref().map(str::trim).filter(|other| !other.is_empty() && other != number);
        // A SIM that this row has activated has another number now: a line with its ICCID is still its own.
        let is_its_own = self.is_renumbered() && line.number2.as_ref() == Some(iccid);
        let taken = !is_its_own && others.is_some_and(|other| number.strip_prefix('1') != Some(other));
        if taken {
            return Progress::Next(Next::GiveUp(Because::LineMoved(closing.line)));
        }
        self.written(key)
    }

    /// Only what is still as the row left it is put back.
    fn put_back(&self) -> Progress {
        let Some((closing, number, iccid)) = &self.saga.updates else { return Progress::Complete };
        let done = Key::new(Step::UpdateRevService, Direction::Apply, Write::PatchService, closing.line);
        let undo = Key { direction: Direction::Undo, ..done };
        if self.saga.receipt(done).is_none() || self.saga.receipt(undo).is_some() {
            return Progress::Complete;
        }
        if let Some(next) = self.asks_first() {
            return Progress::Next(next);
        }
        let Some(line) = self.saga.lines.get(&closing.line) else {
            return Progress::Next(Next::Look(Look::Line(Step::UpdateRevService, closing.line)));
        };
        let is_ours = line.customer == closing.customer
            && (line.number.as_ref(), line.number2.as_ref()) == (Some(number), Some(iccid));
        if !line.exists || line.closed || !is_ours {
            return Progress::Next(Next::Attention(Attention::NotOurs(closing.line)));
        }
        self.written(undo)
    }

    fn unopened(&self) -> Progress {
        let create = Key::new(Step::OpenRevService, Direction::Apply, Write::CreateService, 0);
        let Some(line) = self.saga.receipt(create) else { return Progress::Complete };
        if let Some(next) = self.asks_first() {
            return Progress::Next(next);
        }
        // What a package brought has no receipts: only a list names it, and only when everything shows.
        if self.saga.has_package
            && let Some(then) = self.shows_from(create)
        {
            return Progress::Next(Next::Wait(then));
        }
        self.closed(Step::OpenRevService, Direction::Undo, Closing { line, customer: self.saga.customer })
    }

    /// When a list shows what the latest attempt at this write has made, if that is still to come.
    fn shows_from(&self, key: Key) -> Option<Timestamp> {
        self.saga.attempts_at(key).next_back().map(|attempt| attempt.settle_until).filter(|then| self.now < *then)
    }

    /// The products that the row has put on this line, by its receipts.
    fn put_on(&self, line: i64) -> impl Iterator<Item = i64> {
        let create = Key::new(Step::OpenRevService, Direction::Apply, Write::CreateService, 0);
        let is_ours = self.saga.receipt(create) == Some(line);
        self.saga.attempts.iter().filter_map(move |attempt| match attempt.fate {
            Fate::Done(product) if is_ours && attempt.key.write == Write::CreateServiceProduct => Some(product),
            _ => None,
        })
    }

    /// A line of another account that was ended, or half of it, is not opened again: that would be another line.
    fn not_reopened(&self) -> Progress {
        let ended = self
            .saga
            .attempts
            .iter()
            .find(|attempt| attempt.key.step == Step::CloseRevService && matches!(attempt.fate, Fate::Done(_)));
        match ended {
            Some(_) => {
                let line = self.saga.closes.first().map_or(0, |closing| closing.line);
                Progress::Next(Next::Attention(Attention::CannotReopen(line)))
            }
            None => Progress::Complete,
        }
    }

    /// A line is ended: its products, then itself, for it is refused while they go on.
    fn closed(&self, step: Step, direction: Direction, closing: Closing) -> Progress {
        let close = Key::new(step, direction, Write::CloseService, closing.line);
        if self.saga.receipt(close).is_some() || self.saga.over.contains(&closing.line) {
            return Progress::Complete;
        }
        let unsettled = self.saga.attempts.iter().rev().find(|attempt| {
            attempt.key.step == step
                && attempt.key.direction == direction
                && matches!(attempt.fate, Fate::Open | Fate::Unknown)
        });
        if let Some(attempt) = unsettled {
            return self.written(attempt.key);
        }
        let Some(line) = self.saga.lines.get(&closing.line) else {
            return Progress::Next(Next::Look(Look::Line(step, closing.line)));
        };
        if !line.exists || line.closed {
            return Progress::Complete;
        }
        if line.customer != closing.customer || direction == Direction::Apply && !self.bills_the_sim(line) {
            return Progress::Next(match direction {
                Direction::Apply => Next::GiveUp(Because::LineMoved(closing.line)),
                Direction::Undo => Next::Attention(Attention::NotOurs(closing.line)),
            });
        }
        let mut products = line.products.clone();
        if direction == Direction::Undo {
            products.extend(self.put_on(closing.line));
        }
        products.sort_unstable_by(|a, b| b.cmp(a));
        products.dedup();
        for product in products {
            // A receipt is believed more than a list, which may be old: what was ended is, and what was put on the line is there.
            let disconnect = Key::new(step, direction, Write::DisconnectServiceProduct, product);
            if let Progress::Next(next) = self.written(disconnect) {
                return Progress::Next(next);
            }
        }
        self.written(close)
    }

    /// A line that is to be closed was found by the SIM's number when that was planned. One that has another SIM's by now goes on.
    fn bills_the_sim(&self, line: &Line) -> bool {
        let Some((number, iccid)) = &self.saga.sim else { return true };
        let billed = line.number.as_deref().map(str::trim).unwrap_or_default();
        let has_iccid = line.number2.as_deref() == Some(iccid);
        let has_number = billed == number || number.strip_prefix('1') == Some(billed);
        // What the row takes back was opened with the SIM's ICCID, whatever number the SIM has by now.
        has_number || has_iccid && (self.saga.takes_back || self.is_renumbered() || billed.is_empty())
    }

    /// Does the SIM get its number by this row? What was found of it before was under another one, or none.
    fn is_renumbered(&self) -> bool {
        self.saga.steps.contains(&Step::ActivateAtCarrier)
    }

    /// Something of a step that may have happened, while the row is taken back.
    fn unsettled(&self, step: Step) -> Option<Next> {
        let open = self
            .saga
            .attempts
            .iter()
            .rev()
            .find(|attempt| attempt.key.step == step && matches!(attempt.fate, Fate::Open | Fate::Unknown))?;
        match self.written(open.key) {
            Progress::Next(next) => Some(next),
            Progress::Complete => None,
        }
    }

    fn asks_first(&self) -> Option<Next> {
        let asks = self.policy.asks_before_undo && self.saga.resolution != Some(Resolution::TakeBack);
        // What was begun to be taken back goes on.
        let begun = self.saga.attempts.iter().any(|attempt| attempt.key.direction == Direction::Undo);
        (asks && !begun).then_some(Next::Attention(Attention::AskFirst))
    }

    /// One write, to its end.
    fn written(&self, key: Key) -> Progress {
        Progress::Next(match self.saga.fate(key) {
            Some(Fate::Done(_)) => return Progress::Complete,
            None | Some(Fate::NotSent) => Next::Send(key),
            Some(Fate::Open | Fate::Unknown) if key.write.is_at_carrier() => self.awaited(key),
            Some(Fate::Open | Fate::Unknown) => match self.saga.resolution {
                // A person may say so at any time; it is still looked at first.
                Some(Resolution::Adopt(found)) if key.write.duplicates() => Next::Look(Look::Adopt(key, found)),
                _ => {
                    let settles = self.saga.attempts_at(key).next_back().map(|attempt| attempt.settle_until);
                    match settles {
                        Some(then) if self.now < then => Next::Wait(then),
                        _ => Next::Look(Look::Back(key)),
                    }
                }
            },
            // A person says that it is to be sent again: not before a look has shown that it is not there by now.
            Some(Fate::Refused | Fate::NotApplied)
                if self.saga.resolution == Some(Resolution::SendAgain)
                    && key.write.duplicates()
                    && !self.saga.looked.contains(&key) =>
            {
                Next::Look(Look::Back(key))
            }
            Some(Fate::Refused) if self.saga.resolution == Some(Resolution::SendAgain) => Next::Send(key),
            Some(Fate::Refused) => self.hopeless(key, Because::Refused(key)),
            Some(Fate::NotApplied) => {
                let lost = self.saga.attempts_at(key).filter(|attempt| attempt.fate == Fate::NotApplied).count();
                let allowed = self.policy.attempts + usize::from(self.saga.resolution == Some(Resolution::SendAgain));
                if lost < allowed { Next::Send(key) } else { self.hopeless(key, Because::NeverArrived(key)) }
            }
        })
    }

    fn hopeless(&self, key: Key, because: Because) -> Next {
        match key.direction {
            Direction::Apply if !self.saga.giving_up => Next::GiveUp(because),
            Direction::Apply | Direction::Undo => Next::Attention(Attention::UndoNotDone(key)),
        }
    }
}

#[cfg(test)]
#[path = "decide_rows.rs"]
mod rows;

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
