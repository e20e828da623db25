//! The rows of a claim in a worker's memory: `desk.rs` and `read_back.rs` of the crate, without their database and their words.

use crate::ledger::{Ledger, Status, Told};
use crate::provider::Found;
use crate::rows::ACME;
use crate::rules::{Ms, OTHERS_SETTLE, Rules, moment, ms};
use processing::outside::decide::{
    Attention, Look, Next, Policy, decide, decide_landed, decide_late, decide_late_product, decide_unsettled,
};
use processing::outside::saga::{Attempt, Closing, Direction, Fate, Key, Saga, Step, Write};

#[derive(Clone, Debug)]
pub(crate) enum Late {
    NotYet,
    ToLook,
    Found(Vec<LateThing>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum LateThing {
    Line(Closing),
    Product(i64),
}

#[derive(Clone, Debug)]
pub(crate) enum Todo {
    Send(Key),
    Look(Look),
    LookForLate,
    Release(Ms),
    Record,
    GiveUp,
    Fail,
    Cancel,
    Attention(Option<Attention>),
    Swept,
}

#[derive(Clone, Debug)]
pub(crate) struct Working {
    pub(crate) row: usize,
    pub(crate) saga: Saga,
    pub(crate) late: Late,
    pub(crate) not_before: Option<Ms>,
    /// A person has to decide, for a reason that reading has shown.
    pub(crate) attention: bool,
    /// What was there before each write of it, as the ledger has it.
    pub(crate) before: Vec<(Key, (i64, i64))>,
    /// Is this the last look after its end?
    is_last: bool,
    /// Has it ended, and well?
    was_processed: bool,
}

impl Working {
    pub(crate) fn of(ledger: &Ledger, (row, saga, sweeps): (usize, Saga, Option<usize>)) -> Self {
        let late = if sweeps.is_some() { Late::ToLook } else { Late::NotYet };
        let kept = ledger.rows[row].intents.iter().filter_map(|intent| Some((intent.attempt.key, intent.before?)));
        Self {
            row,
            saga,
            late,
            not_before: None,
            attention: false,
            before: kept.collect(),
            is_last: sweeps.is_some_and(|done| done >= 2),
            was_processed: ledger.rows[row].status == Status::Processed,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.late, Late::NotYet)
    }

    pub(crate) fn next(&mut self, rules: &Rules, policy: &Policy, now: Ms) -> Todo {
        if self.attention {
            return Todo::Attention(None);
        }
        if let Some(then) = self.not_before.filter(|then| *then > now) {
            return Todo::Release(then);
        }
        if rules.trusting {
            let is_open =
                |a: &&mut Attempt| matches!(a.fate, Fate::Open | Fate::Unknown) && a.key.direction == Direction::Undo;
            self.saga
                .attempts
                .iter_mut()
                .filter(is_open)
                .for_each(|attempt| attempt.fate = Fate::Done(attempt.key.item));
        }
        // Blind, nothing is waited for.
        let at = moment(if rules.blind { now + rules.settle } else { now });
        let next = match &mut self.late {
            Late::NotYet => decide(&self.saga, policy, at),
            Late::ToLook => match decide_unsettled(&self.saga, policy, at) {
                Some(next) => next,
                None => match decide_landed(&self.saga).filter(|_| !self.was_processed && rules.sweeps_endings) {
                    Some(look) => Next::Look(look),
                    None => return Todo::LookForLate,
                },
            },
            Late::Found(things) => loop {
                let Some(thing) = things.last().copied() else { return Todo::Swept };
                let next = match thing {
                    LateThing::Line(line) => decide_late(&self.saga, line, policy, at),
                    LateThing::Product(product) => decide_late_product(&self.saga, product, policy, at),
                };
                if next != Next::Record {
                    break next;
                }
                things.pop();
            },
        };
        match next {
            Next::Send(key) => Todo::Send(key),
            Next::Look(look) => Todo::Look(look),
            Next::Note(..) => unreachable!("no row of this model has steps at a carrier"),
            Next::Wait(then) => Todo::Release(ms(then)),
            Next::Record => Todo::Record,
            Next::GiveUp(_) => Todo::GiveUp,
            Next::Failed => Todo::Fail,
            Next::Cancelled => Todo::Cancel,
            // Its rows know no versions; a line that moved before anything was sent ends them as one that moved later does.
            Next::Stale(_) => Todo::GiveUp,
            Next::Attention(attention) => Todo::Attention(Some(attention)),
        }
    }

    pub(crate) fn line(&self) -> Option<i64> {
        self.saga.receipt(Key::new(Step::OpenRevService, Direction::Apply, Write::CreateService, 0))
    }

    /// What was there before a patch: kept with it, or read just now.
    pub(crate) fn before(&self, key: Key) -> Option<(i64, i64)> {
        if key.write != Write::PatchService {
            return None;
        }
        let apply = Key { direction: Direction::Apply, ..key };
        let kept = self.before.iter().rev().find(|(of, _)| *of == apply).map(|(_, before)| *before);
        let read = || {
            let line = self.saga.lines.get(&key.item)?;
            Some((line.number.as_ref()?.parse().ok()?, line.number2.as_ref()?.parse().ok()?))
        };
        kept.or_else(read)
    }

    /// What a patch sets, or is looked for as.
    pub(crate) fn patch(&self, key: Key, sim: i64) -> (i64, i64) {
        match key.direction {
            Direction::Apply => (sim, sim),
            Direction::Undo => self.before(key).unwrap_or((0, 0)),
        }
    }

    /// What the ledger has taken down of an attempt.
    pub(crate) fn take_down(&mut self, key: Key, fate: Fate) {
        if let Some(attempt) = self.saga.attempts.iter_mut().rev().find(|attempt| attempt.key == key) {
            attempt.fate = fate;
            attempt.was_unknown |= fate == Fate::Unknown;
        }
        match (key.write, fate) {
            (Write::DisconnectServiceProduct, Fate::Done(_)) => {
                self.saga.lines.values_mut().for_each(|line| line.products.retain(|product| *product != key.item));
            }
            (Write::CloseService, Fate::Done(_)) => {
                self.saga.lines.entry(key.item).and_modify(|line| line.closed = true);
            }
            (Write::DisconnectServiceProduct | Write::CloseService | Write::PatchService, _) => self.saga.lines.clear(),
            _ => {}
        }
    }

    /// When the oldest attempt that nobody knows of was begun.
    pub(crate) fn unknown_since(&self) -> Option<Ms> {
        let unknown = self.saga.attempts.iter().filter(|a| matches!(a.fate, Fate::Open | Fate::Unknown));
        unknown.map(|attempt| ms(attempt.began_at)).min()
    }

    /// What a look at a write means. None: it is not told yet.
    pub(crate) fn meaning(&mut self, ledger: &Ledger, key: Key, found: Found, now: Ms) -> Option<Told> {
        let ids = match found {
            Found::These(ids) => ids,
            Found::SomebodyElses => {
                self.attention = true;
                return None;
            }
            Found::Line(_) => return None,
        };
        if self.is_over() && !matches!(self.saga.fate(key), Some(Fate::Open | Fate::Unknown)) {
            if ids.is_empty() || ledger.another_has_done(self.row, key, &ids) {
                self.saga.looked.insert(key);
            } else {
                self.attention = true;
            }
            return None;
        }
        let ids = if key.write.duplicates() && !ids.is_empty() {
            let (receipts, others) = ledger.receipts_among(self.row, key.write, &ids);
            if others {
                self.not_before = Some(now + OTHERS_SETTLE);
                return None;
            }
            ids.into_iter().filter(|id| !receipts.contains(id)).collect()
        } else {
            ids
        };
        let number = self.saga.attempts_at(key).next_back().map_or(1, |attempt| attempt.number);
        let told = |fate| Some(Told { row: self.row, key, number, fate, looked: true });
        match ids.as_slice() {
            [] => told(Fate::NotApplied),
            [one] => told(Fate::Done(*one)),
            _ => {
                self.attention = true;
                None
            }
        }
    }

    /// What a look after the end has found: what no receipt accounts for is to end.
    pub(crate) fn late(&mut self, ledger: &Ledger, rules: &Rules, (lines, products): (Vec<i64>, Vec<(i64, i64)>)) {
        let doubted = |write: Write| self.saga.attempts.iter().any(|a| a.key.write == write && a.was_unknown);
        let mut things = Vec::new();
        if doubted(Write::CreateService) && !lines.is_empty() {
            let (receipts, others) = ledger.receipts_among(self.row, Write::CreateService, &lines);
            let accounted = |line: &i64| rules.receipts && receipts.contains(line);
            let unaccounted: Vec<i64> = lines.into_iter().filter(|line| !accounted(line)).collect();
            if !others {
                things.extend(unaccounted.into_iter().map(|line| LateThing::Line(Closing { line, customer: ACME })));
            } else if self.is_last && !unaccounted.is_empty() {
                self.attention = true;
            }
        }
        if doubted(Write::CreateServiceProduct) && !products.is_empty() {
            let ids: Vec<i64> = products.iter().map(|(id, _)| *id).collect();
            let (receipts, _) = ledger.receipts_among(self.row, Write::CreateServiceProduct, &ids);
            let sold = |product: i64| ledger.rows[self.row].plan.products.contains(&product);
            let accounted = |id: i64| rules.receipts && receipts.contains(&id);
            let unaccounted = products.into_iter().filter(|(id, product)| !accounted(*id) && sold(*product));
            things.extend(unaccounted.map(|(id, _)| LateThing::Product(id)));
        }
        self.late = Late::Found(things);
    }
}
