//! The reference model of the ledger: exactly the rules of `claim_due_work`, `record_intents`, `settle_outside_rows` and what is in
//! their files, one function each, and nothing else.

use crate::rows::{ACME, Plan};
use crate::rules::{Ms, NEVER, Rules, Times, moment, ms};
use processing::outside::saga::{Attempt, Awaited, Direction, Fate, Key, Saga, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Its SIM is held by the row before it, which has not failed yet.
    Waiting,
    Processing,
    Processed,
    Failed,
    Cancelled,
    NeedsAttention,
}

/// What is due of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) at: Ms,
    pub(crate) sweeps: Option<usize>,
    giving_up: bool,
    /// The claim, and until when it holds.
    pub(crate) claim: Option<(u64, Ms)>,
}

/// An intent: the attempt, and what was there before.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) attempt: Attempt,
    pub(crate) before: Option<(i64, i64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) plan: Plan,
    pub(crate) status: Status,
    pub(crate) due: Option<Due>,
    pub(crate) intents: Vec<Intent>,
}

/// What an answer or a look says of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) row: usize,
    pub(crate) key: Key,
    pub(crate) number: i16,
    pub(crate) fate: Fate,
    /// Was it found out by looking?
    pub(crate) looked: bool,
}

pub(crate) struct Ledger {
    pub(crate) rows: Vec<Row>,
    pub(crate) cancelled: [bool; 2],
    served: [u64; 2],
    turns: u64,
    rules: Rules,
    times: Times,
    /// Rules of the ledger that were broken.
    pub(crate) broken: Vec<(&'static str, String)>,
}

impl Ledger {
    pub(crate) fn of(plans: Vec<Plan>, rules: Rules, times: Times) -> Self {
        let due = Due { at: 0, sweeps: None, giving_up: false, claim: None };
        let row = |plan: Plan| {
            let (status, due) =
                if plan.after.is_some() { (Status::Waiting, None) } else { (Status::Processing, Some(due)) };
            Row { plan, status, due, intents: Vec::new() }
        };
        let rows = plans.into_iter().map(row).collect();
        Self { rows, cancelled: [false; 2], served: [0; 2], turns: 0, rules, times, broken: Vec::new() }
    }

    /// `claim_due_work`: leases that ran out are given back; then rows of the change that was served least recently.
    pub(crate) fn claim(&mut self, token: u64, most: usize, now: Ms) -> Vec<usize> {
        for due in self.rows.iter_mut().filter_map(|row| row.due.as_mut()) {
            if due.claim.is_some_and(|(_, until)| until <= now) {
                (due.claim, due.at) = (None, now);
            }
        }
        let mut changes = [0, 1];
        changes.sort_by_key(|change| self.served[*change]);
        for change in changes {
            let is_due = |row: &Row| {
                row.plan.change == change && row.due.is_some_and(|due| due.claim.is_none() && due.at <= now)
            };
            let mut rows: Vec<usize> = (0..self.rows.len()).filter(|row| is_due(&self.rows[*row])).collect();
            rows.sort_by_key(|row| self.rows[*row].due.map(|due| due.at));
            rows.truncate(most);
            if !rows.is_empty() {
                let until = now + self.times.lease;
                rows.iter()
                    .for_each(|row| self.rows[*row].due.iter_mut().for_each(|due| due.claim = Some((token, until))));
                self.turns += 1;
                self.served[change] = self.turns;
                return rows;
            }
        }
        Vec::new()
    }

    /// `hold_due_work`: is the row still this claim's, for so long at least?
    fn holds(&mut self, row: usize, token: u64, least: Ms, now: Ms) -> bool {
        let Some(due) = self.rows[row].due else { return false };
        let held = due.claim.is_some_and(|(claim, until)| claim == token && until > now + least);
        if !held && !self.rules.fence {
            // Planted: nobody asks. What a claim would have stopped is noted, whatever comes of it.
            let valid = due.claim.is_some_and(|(claim, until)| claim == token && until > now);
            if !valid {
                self.broken.push(("a claim that is not valid changed the ledger", format!("row {row} at {now}")));
            }
            return true;
        }
        held
    }

    /// `outside_rows`: what is decided on, and what was there before each write.
    pub(crate) fn read(&self, rows: &[usize], token: u64) -> Vec<(usize, Saga, Option<usize>)> {
        let ours =
            |row: &&usize| self.rows[**row].due.is_some_and(|due| due.claim.is_some_and(|(claim, _)| claim == token));
        let saga = |row: &usize| {
            let (row, of) = (*row, &self.rows[*row]);
            let plan = &of.plan;
            let saga = Saga {
                steps: plan.steps.clone(),
                closes: plan.closes.clone(),
                customer: ACME,
                products: plan.products.len(),
                has_package: plan.has_package,
                updates: plan.updates.map(|closing| (closing, plan.sim.to_string(), plan.sim.to_string())),
                attempts: of.intents.iter().map(|intent| intent.attempt.clone()).collect(),
                giving_up: of.due.is_some_and(|due| due.giving_up),
                is_cancelled: self.cancelled[plan.change],
                ..Saga::default()
            };
            (row, saga, of.due.and_then(|due| due.sweeps))
        };
        rows.iter().filter(ours).map(saga).collect()
    }

    pub(crate) fn extend(&mut self, rows: &[usize], token: u64, now: Ms) -> Vec<usize> {
        let until = now + self.times.lease;
        let mut ours = Vec::new();
        for row in rows {
            if let Some(due) = self.rows[*row].due.as_mut()
                && due.claim.is_some_and(|(claim, until)| claim == token && until > now)
            {
                due.claim = Some((token, until));
                ours.push(*row);
            }
        }
        ours
    }

    /// `record_intents`: refused without a claim that lasts, and where an attempt at the same key is open, or has a receipt.
    pub(crate) fn mean(
        &mut self,
        row: usize,
        token: u64,
        key: Key,
        number: i16,
        before: Option<(i64, i64)>,
        now: Ms,
    ) -> Option<Intent> {
        let least = self.times.call + crate::rules::SPARE;
        if !self.holds(row, token, least, now) {
            return None;
        }
        let intents = &mut self.rows[row].intents;
        let same = |intent: &Intent| intent.attempt.key == key;
        let stands = |intent: &Intent| {
            matches!(intent.attempt.fate, Fate::Open | Fate::Unknown) || intent.attempt.number == number
        };
        if intents.iter().any(|intent| same(intent) && stands(intent)) {
            return None;
        }
        let attempt = Attempt {
            key,
            number,
            fate: Fate::Open,
            was_unknown: false,
            began_at: moment(now),
            settle_until: moment(now + self.rules.settle),
            evidence: String::new(),
            awaited: Awaited::default(),
        };
        let intent = Intent { attempt, before };
        intents.push(intent.clone());
        let open = intents.iter().filter(|i| same(i) && matches!(i.attempt.fate, Fate::Open | Fate::Unknown)).count();
        if open > 1 {
            self.broken.push(("two attempts at one thing are open", format!("row {row}, {key:?} at {now}")));
        }
        Some(intent)
    }

    /// `finish_intents`. Answers what was written, or nothing.
    pub(crate) fn finish(&mut self, told: Told, token: u64, now: Ms) -> Option<Fate> {
        if !self.holds(told.row, token, 0, now) {
            return None;
        }
        let mut fate = told.fate;
        if let Fate::Done(id) = fate
            && told.key.write.duplicates()
            && self.receipts(told.key.write).any(|receipt| receipt == id)
        {
            fate = Fate::Unknown;
        }
        let of = |i: &&mut Intent| i.attempt.key == told.key && i.attempt.number == told.number;
        let intent = self.rows[told.row].intents.iter_mut().find(of)?;
        if !matches!(intent.attempt.fate, Fate::Open | Fate::Unknown) {
            return None;
        }
        intent.attempt.fate = fate;
        intent.attempt.was_unknown |= fate == Fate::Unknown || told.looked;
        Some(fate)
    }

    fn receipts(&self, write: Write) -> impl Iterator<Item = i64> {
        let all = self.rows.iter().flat_map(|row| &row.intents).filter(move |intent| intent.attempt.key.write == write);
        all.filter_map(|intent| match intent.attempt.fate {
            Fate::Done(id) => Some(id),
            _ => None,
        })
    }

    /// `receipts_among`: which of these are receipts, and is another row's attempt at the same line not settled?
    pub(crate) fn receipts_among(&self, row: usize, write: Write, ids: &[i64]) -> (Vec<i64>, bool) {
        let receipts = self.receipts(write).filter(|receipt| ids.contains(receipt)).collect();
        let sim = self.rows[row].plan.sim;
        let is_open = |intent: &Intent| {
            intent.attempt.key.write == Write::CreateService
                && matches!(intent.attempt.fate, Fate::Open | Fate::Unknown)
        };
        let other = |(at, of): (usize, &Row)| at != row && of.plan.sim == sim && of.intents.iter().any(is_open);
        (receipts, write == Write::CreateService && self.rows.iter().enumerate().any(other))
    }

    pub(crate) fn give_up(&mut self, row: usize, token: u64, now: Ms) {
        if self.holds(row, token, 0, now)
            && let Some(due) = self.rows[row].due.as_mut()
        {
            due.giving_up = true;
        }
    }

    pub(crate) fn release(&mut self, row: usize, token: u64, at: Ms, now: Ms) {
        if self.holds(row, token, 0, now)
            && let Some(due) = self.rows[row].due.as_mut()
        {
            (due.claim, due.at) = (None, at);
        }
    }

    /// `settle_outside_rows`, `end_outside_rows`: only rows under way.
    pub(crate) fn end(&mut self, row: usize, token: u64, status: Status, now: Ms) {
        if !self.holds(row, token, 0, now) || self.rows[row].status != Status::Processing {
            return;
        }
        self.rows[row].status = status;
        if status == Status::NeedsAttention {
            self.attention(row);
            return;
        }
        // `leave_outside`
        let is_done = status == Status::Processed;
        let doubted = |intent: &Intent| {
            let (attempt, key) = (&intent.attempt, intent.attempt.key);
            let may_have_landed = !is_done
                && self.rules.sweeps_endings
                && key.direction == Direction::Apply
                && !matches!(attempt.fate, Fate::Done(_));
            attempt.was_unknown && (key.write.duplicates() || may_have_landed)
        };
        let swept = self.rules.sweeps && self.rows[row].intents.iter().any(doubted);
        let giving_up = self.rows[row].due.is_some_and(|due| due.giving_up);
        self.rows[row].due =
            swept.then_some(Due { at: now + self.times.sweeps[0], sweeps: Some(0), giving_up, claim: None });
        if status == Status::Failed {
            for waiting in self.rows.iter_mut().filter(|waiting| waiting.plan.after == Some(row)) {
                waiting.status = Status::Processing;
                waiting.due = Some(Due { at: now, sweeps: None, giving_up: false, claim: None });
            }
        }
    }

    /// Has another row of the same SIM done this to one of these things?
    pub(crate) fn another_has_done(&self, row: usize, key: Key, things: &[i64]) -> bool {
        let sim = self.rows[row].plan.sim;
        let of_sim = self.rows.iter().enumerate().filter(|(at, other)| *at != row && other.plan.sim == sim);
        of_sim.flat_map(|(_, other)| &other.intents).any(|intent| {
            intent.attempt.key.write == key.write
                && matches!(intent.attempt.fate, Fate::Done(thing) if things.contains(&thing))
        })
    }

    fn attention(&mut self, row: usize) {
        if let Some(due) = self.rows[row].due.as_mut() {
            (due.at, due.claim) = (NEVER, None);
        }
    }

    pub(crate) fn reopen(&mut self, row: usize, token: u64, now: Ms) {
        if self.holds(row, token, 0, now) {
            self.rows[row].status = Status::NeedsAttention;
            self.attention(row);
        }
    }

    pub(crate) fn next_sweep(&mut self, row: usize, token: u64, now: Ms) {
        if !self.holds(row, token, 0, now) {
            return;
        }
        let sweeps = self.times.sweeps;
        let Some(due) = self.rows[row].due.as_mut() else { return };
        let done = due.sweeps.unwrap_or(0) + 1;
        match sweeps.get(done) {
            Some(wait) => *due = Due { at: now + wait, sweeps: Some(done), claim: None, ..*due },
            None => self.rows[row].due = None,
        }
    }

    /// When something is due again, or a lease ends; none: everything is at rest.
    pub(crate) fn next_due(&self) -> Option<Ms> {
        let times = self.rows.iter().filter_map(|row| row.due).map(|due| due.claim.map_or(due.at, |(_, until)| until));
        times.filter(|at| *at < NEVER).min()
    }

    pub(crate) fn any_claimed(&self) -> bool {
        self.rows.iter().any(|row| row.due.is_some_and(|due| due.claim.is_some()))
    }

    /// The line that a row's products go on, by its receipts.
    pub(crate) fn receipt_of_line(&self, row: usize) -> Option<i64> {
        self.rows[row].intents.iter().find_map(|intent| match (intent.attempt.key, intent.attempt.fate) {
            (Key { direction: Direction::Apply, write: Write::CreateService, .. }, Fate::Done(id)) => Some(id),
            _ => None,
        })
    }

    /// How long after its begin each attempt that was looked for was looked for: never before it had settled.
    pub(crate) fn began(&self, row: usize, key: Key, number: i16) -> Ms {
        let of = |intent: &&Intent| intent.attempt.key == key && intent.attempt.number == number;
        self.rows[row].intents.iter().find(of).map_or(0, |intent| ms(intent.attempt.began_at))
    }
}
