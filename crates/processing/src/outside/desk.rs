//! The rows of a claim while they are worked on, and what is next for each.

use super::decide::{
    Attention, Because, Look, Next, Noted, Policy, decide, decide_landed, decide_late, decide_late_product,
    decide_unsettled,
};
use super::saga::{Attempt, Closing, Direction, Fate, Key, Resolution, Saga, Step, Write};
use super::told;
use database::outside::OutsideRow;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// A row that is worked on.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) row: OutsideRow,
    pub(super) saga: Saga,
    /// What a package brought, as it is mirrored.
    pub(super) brought: Vec<Value>,
    /// Since its end: what is looked at again.
    pub(super) late: Late,
    /// Nothing of it before then; the provider, or what is between, said so.
    pub(super) not_before: Option<Timestamp>,
    /// A person has to decide, for a reason that reading has shown.
    pub(super) attention: Option<(&'static str, String)>,
    /// What was there before each write that this claim has meant.
    pub(super) before: HashMap<Key, Value>,
    /// A list of several has not shown the SIM: it is asked for by itself before anything is concluded.
    pub(super) is_read_alone: bool,
    /// How many SIMs a request with it may have: a batch was refused for one of its SIMs, and is sent in halves.
    pub(super) most_together: usize,
}

/// What came late, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Late {
    /// The row is under way: nothing is late yet.
    NotYet,
    /// It is to be looked for.
    ToLook,
    /// These came late, and are to end.
    Found(Vec<LateThing>),
}

/// Something that no receipt accounts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LateThing {
    Line(Closing),
    Product(i64),
}

/// What is to be done for a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Todo {
    Send(Key),
    Look(Look),
    LookForLate,
    Note(Key, Noted),
    Release(Timestamp, Uuid),
    Record,
    GiveUp(Because),
    Fail,
    Cancel,
    Stale(Option<i64>),
    Attention(Attention),
    AskPerson,
    Swept,
}

impl Working {
    pub(super) fn new(row: OutsideRow) -> Self {
        let saga = told::saga(&row);
        let late = if row.sweeps.is_some() { Late::ToLook } else { Late::NotYet };
        Self {
            row,
            saga,
            brought: Vec::new(),
            late,
            not_before: None,
            attention: None,
            before: HashMap::new(),
            is_read_alone: false,
            most_together: usize::MAX,
        }
    }

    /// What is next, at the gate of this account.
    pub(super) fn next(&mut self, account: Uuid, policy: &Policy, now: Timestamp) -> Todo {
        if self.attention.is_some() {
            return Todo::AskPerson;
        }
        if let Some(then) = self.not_before.filter(|then| *then > now) {
            return Todo::Release(then, account);
        }
        let next = match &mut self.late {
            Late::NotYet => decide(&self.saga, policy, now),
            Late::ToLook => match decide_unsettled(&self.saga, policy, now) {
                Some(next) => next,
                // At the gate of Rev.io the carrier was asked already, or will be with another sweep: a row does not go to and fro.
                None => match decide_landed(&self.saga).filter(|look| {
                    let is_there = account == self.row.at_carrier.service_provider;
                    !self.row.was_processed
                        && (is_there || !matches!(look, Look::Back(key) if key.write.is_at_carrier()))
                }) {
                    Some(look) => Next::Look(look),
                    None if self.made_anything() => {
                        return self.at_gate(account, now, Step::OpenRevService, Todo::LookForLate);
                    }
                    None => return Todo::Swept,
                },
            },
            Late::Found(things) => loop {
                let Some(thing) = things.last().copied() else { return Todo::Swept };
                let next = match thing {
                    LateThing::Line(line) => decide_late(&self.saga, line, policy, now),
                    LateThing::Product(product) => decide_late_product(&self.saga, product, policy, now),
                };
                if next != Next::Record {
                    break next;
                }
                things.pop();
            },
        };
        match next {
            Next::Send(key) => self.at_gate(account, now, key.step, Todo::Send(key)),
            Next::Look(look) => {
                let step = match look {
                    Look::Back(key) | Look::Adopt(key, _) => key.step,
                    Look::Line(step, _) | Look::Device(step) => step,
                };
                self.at_gate(account, now, step, Todo::Look(look))
            }
            Next::Note(key, noted) => self.at_gate(account, now, key.step, Todo::Note(key, noted)),
            Next::Wait(then) => Todo::Release(then, account),
            Next::Record => Todo::Record,
            Next::GiveUp(because) => Todo::GiveUp(because),
            Next::Failed => Todo::Fail,
            Next::Cancelled => Todo::Cancel,
            Next::Stale(line) => Todo::Stale(line),
            Next::Attention(attention) => Todo::Attention(attention),
        }
    }

    /// A call is made at the gate of its own account; if that is another one, the row goes there.
    fn at_gate(&self, account: Uuid, now: Timestamp, step: Step, todo: Todo) -> Todo {
        match self.account_of(step) {
            Some(of) if of != account => Todo::Release(now, of),
            _ => todo,
        }
    }

    fn account_of(&self, step: Step) -> Option<Uuid> {
        match step {
            Step::ActivateAtCarrier | Step::ProvisionIp | Step::ChangeCarrierRatePlan => {
                Some(self.row.at_carrier.service_provider)
            }
            Step::OpenRevService | Step::RecordAssignment => self.row.sold.account,
            Step::UpdateRevService => self.row.sold.existing.as_ref().map(|line| line.account),
            Step::CloseRevService => {
                let is_over = |line: i64| {
                    let close = Key::new(Step::CloseRevService, Direction::Apply, Write::CloseService, line);
                    self.saga.receipt(close).is_some()
                        || self.saga.over.contains(&line)
                        || self.saga.lines.get(&line).is_some_and(|line| line.closed || !line.exists)
                };
                let current = self.row.closes.iter().find(|line| !is_over(line.rev_service_id));
                current.or_else(|| self.row.closes.last()).map(|line| line.account)
            }
        }
    }

    /// Was anything sent that makes a thing, so that there may be one too many?
    fn made_anything(&self) -> bool {
        let doubted = |attempt: &Attempt| attempt.was_unknown || matches!(attempt.fate, Fate::Open | Fate::Unknown);
        self.saga.attempts.iter().any(|attempt| attempt.key.write.duplicates() && doubted(attempt))
    }

    /// The line that products of the row are put on.
    pub(super) fn line(&self) -> Option<i64> {
        self.saga.receipt(Key::new(Step::OpenRevService, Direction::Apply, Write::CreateService, 0))
    }

    /// What was there before a write, as an undo puts it back: kept with the write, or read just now.
    pub(super) fn before(&self, key: Key) -> Option<Value> {
        if key.write.is_at_carrier() {
            return self.before_at_carrier(key);
        }
        if key.write != Write::PatchService {
            return None;
        }
        let apply = Key { direction: Direction::Apply, ..key };
        if let Some(before) = self.before.get(&apply) {
            return Some(before.clone());
        }
        let kept = self.row.attempts.iter().rev().find(|attempt| {
            Key::from_words(&attempt.step, &attempt.direction, &attempt.call, attempt.item) == Some(apply)
                && attempt.before_image.is_some()
        });
        let read = || {
            let line = self.saga.lines.get(&key.item)?;
            Some(serde_json::json!({ "number": line.number, "number2": line.number2 }))
        };
        kept.and_then(|attempt| attempt.before_image.clone()).or_else(read)
    }

    /// How the SIM was at its carrier before the attempt at a write that is open, or was the last to leave: each has its own.
    fn before_at_carrier(&self, key: Key) -> Option<Value> {
        if let Some(before) = self.before.get(&key) {
            return Some(before.clone());
        }
        let kept = self.row.attempts.iter().rev().find(|attempt| {
            attempt.outcome != "NOT_SENT"
                && Key::from_words(&attempt.step, &attempt.direction, &attempt.call, attempt.item) == Some(key)
        });
        kept.and_then(|attempt| attempt.before_image.clone())
    }

    /// What is there before a write that is about to be sent.
    pub(super) fn before_sending(&self, key: Key) -> Option<Value> {
        match (key.write.is_at_carrier(), key.direction) {
            (true, _) => Some(super::at_carrier::before_image(self.saga.shown.as_deref()?)),
            (false, Direction::Apply) => self.before(key),
            // Of an undo at Rev.io what was there before is that of the doing.
            (false, Direction::Undo) => None,
        }
    }

    /// What the ledger has taken down of an attempt.
    pub(super) fn take_down(&mut self, key: Key, fate: Fate, evidence: &str) {
        if let Some(attempt) = self.saga.attempts.iter_mut().rev().find(|attempt| attempt.key == key) {
            attempt.fate = fate;
            attempt.was_unknown |= fate == Fate::Unknown;
            if matches!(fate, Fate::Done(_)) && matches!(self.saga.resolution, Some(Resolution::Adopt(_))) {
                self.saga.resolution = None;
            }
            evidence.clone_into(&mut attempt.evidence);
        }
        if key.write.is_at_carrier() {
            // How it is by now has to be read again.
            self.saga.shown = None;
        }
        match (key.write, fate) {
            (Write::DisconnectServiceProduct, Fate::Done(_)) => {
                self.saga.lines.values_mut().for_each(|line| line.products.retain(|product| *product != key.item));
            }
            (Write::CloseService, Fate::Done(_)) => {
                self.saga.lines.entry(key.item).and_modify(|line| line.closed = true);
            }
            // What it is like has to be read again.
            (Write::DisconnectServiceProduct | Write::CloseService | Write::PatchService, _) => self.saga.lines.clear(),
            _ => {}
        }
    }

    /// The carrier has accepted the request.
    pub(super) fn accepted(&mut self, key: Key) {
        if let Some(attempt) = self.saga.attempts.iter_mut().rev().find(|attempt| attempt.key == key) {
            attempt.awaited.is_accepted = true;
        }
    }

    /// When the oldest attempt that nobody knows of was begun.
    pub(super) fn unknown_since(&self) -> Option<Timestamp> {
        let unknown = self.saga.attempts.iter().filter(|a| matches!(a.fate, Fate::Open | Fate::Unknown));
        unknown.map(|attempt| attempt.began_at).min()
    }
}
