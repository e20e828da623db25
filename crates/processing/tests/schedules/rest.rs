//! What has to hold when everything has come to rest, and what was counted on the way there.

use crate::ledger::{Row, Status};
use crate::provider::Service;
use crate::rows::{ACME, BROUGHT};
use crate::schedule::Schedule;
use processing::outside::decide::Attention;
use processing::outside::saga::{Fate, Step};
use std::collections::BTreeMap;

/// An invariant that does not hold: its name, and what was seen.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) what: &'static str,
    pub(crate) seen: String,
}

/// What was counted in one schedule, or in many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) steps: u64,
    pub(crate) sent: u64,
    pub(crate) sent_again: u64,
    pub(crate) sent_by_zombies: u64,
    pub(crate) not_written: u64,
    pub(crate) late_arrivals: u64,
    pub(crate) adopted: u64,
    pub(crate) undone: u64,
    pub(crate) late_lines: u64,
    pub(crate) late_products: u64,
    pub(crate) deaths: u64,
    pub(crate) freezes: u64,
    /// Rows whose lines to be ended or taken were written to later than A2 says: nothing is promised of those.
    pub(crate) excused: u64,
    /// Of those, the ones that are not as their row says: what no sweep looks at.
    pub(crate) excused_and_wrong: u64,
    pub(crate) ends: BTreeMap<&'static str, u64>,
    pub(crate) attention: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.sent += other.sent;
        self.sent_again += other.sent_again;
        self.sent_by_zombies += other.sent_by_zombies;
        self.not_written += other.not_written;
        self.late_arrivals += other.late_arrivals;
        self.adopted += other.adopted;
        self.undone += other.undone;
        self.late_lines += other.late_lines;
        self.late_products += other.late_products;
        self.deaths += other.deaths;
        self.freezes += other.freezes;
        self.excused += other.excused;
        self.excused_and_wrong += other.excused_and_wrong;
        for (into, from) in [(&mut self.ends, &other.ends), (&mut self.attention, &other.attention)] {
            for (name, count) in from {
                *into.entry(name).or_default() += count;
            }
        }
    }

    pub(crate) fn end(&self, name: &'static str) -> u64 {
        self.ends.get(name).copied().unwrap_or(0)
    }
}

/// A reason for attention, without what it is about.
pub(crate) const fn word(attention: &Attention) -> &'static str {
    match attention {
        Attention::CannotReopen(_) => "cannot reopen",
        Attention::UndoNotDone(_) => "undo not done",
        Attention::NotOurs(_) => "not ours",
        Attention::AskFirst => "ask first",
        Attention::NotOursAtCarrier(_) => "not ours at the carrier",
        Attention::Silent(_) => "silent",
        Attention::LandedLate(_) => "landed late",
        Attention::WithoutIp(_) => "without an address",
    }
}

/// Everything that does not hold.
pub(crate) fn at_rest(schedule: &mut Schedule, came_to_rest: bool) -> Vec<Broken> {
    let mut broken: Vec<Broken> = Vec::new();
    let mut say = |what: &'static str, seen: String| broken.push(Broken { what, seen });
    for (what, seen) in std::mem::take(&mut schedule.ledger.broken) {
        say(what, seen);
    }
    for seen in &schedule.provider.doubled {
        say("two of one thing at a time, though every request came in time", seen.clone());
    }
    if !came_to_rest || schedule.ledger.next_due().is_some() {
        say("it does not come to rest", format!("at {} ms", schedule.now));
        return broken;
    }
    let rows = schedule.ledger.rows.clone();
    for (at, row) in rows.iter().enumerate() {
        let end = match row.status {
            Status::Waiting => "not begun",
            Status::Processing => "under way",
            Status::Processed => "processed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
            Status::NeedsAttention => "attention",
        };
        *schedule.counts.ends.entry(end).or_default() += 1;
        if row.status == Status::Processing {
            say("a row is forgotten", format!("row {at}: {row:?}"));
        }
        let is_over = matches!(row.status, Status::Processed | Status::Failed | Status::Cancelled);
        let open = row.intents.iter().find(|i| matches!(i.attempt.fate, Fate::Open | Fate::Unknown));
        if is_over && let Some(open) = open {
            say("an attempt is open though its row is over", format!("row {at}: {:?}", open.attempt));
        }
        if is_over {
            for (what, seen) in of_lines(schedule, at, row) {
                say(what, seen);
            }
        }
    }
    for (at, row) in rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.plan.after.is_none() && row.plan.steps.contains(&Step::OpenRevService))
    {
        let same: Vec<usize> =
            (0..rows.len()).filter(|other| *other == at || rows[*other].plan.after == Some(at)).collect();
        if same.iter().any(|row| rows[*row].status == Status::NeedsAttention) {
            continue;
        }
        if let Some((what, seen)) = of_opened(schedule, &rows, &same, row) {
            say(what, seen);
        }
    }
    broken
}

/// One live line for the SIM if one of its rows is processed, with exactly its products; else none.
fn of_opened(schedule: &Schedule, rows: &[Row], same: &[usize], row: &Row) -> Option<(&'static str, String)> {
    let provider = &schedule.provider;
    let wanted = Service { customer: ACME, number: row.plan.sim, number2: row.plan.sim };
    let live: Vec<i64> =
        provider.lines.iter().filter(|l| l.is_live && l.by.is_some() && l.service == wanted).map(|l| l.id).collect();
    let processed = same.iter().find(|row| rows[**row].status == Status::Processed);
    let seen = || {
        format!(
            "rows {same:?}, {:?}: {live:?}; {:?}",
            same.iter().map(|row| rows[*row].status).collect::<Vec<_>>(),
            provider.lines
        )
    };
    let Some(processed) = processed else {
        return (!live.is_empty()).then(|| ("a row that is not processed has a live line", seen()));
    };
    let [line] = live.as_slice() else { return Some(("a processed row has not exactly one live line", seen())) };
    if schedule.ledger.receipt_of_line(*processed) != Some(*line) {
        return Some(("the live line of a processed row is not its receipt", seen()));
    }
    let mut sold = if row.plan.has_package { BROUGHT.to_vec() } else { row.plan.products.clone() };
    sold.sort_unstable();
    let on = provider.on(*line);
    (on != sold).then(|| ("a line has not exactly its products", format!("rows {same:?}: {on:?} and not {sold:?}")))
}

/// Lines that were to be ended have ended if the row is processed, else they go on as before; the same of a line that was to change.
fn of_lines(schedule: &mut Schedule, at: usize, row: &Row) -> Vec<(&'static str, String)> {
    let provider = &schedule.provider;
    let touched: Vec<i64> = row.plan.closes.iter().chain(&row.plan.updates).map(|closing| closing.line).collect();
    if touched.is_empty() || touched.iter().any(|line| provider.moved.contains(line)) {
        return Vec::new();
    }
    let is_done = row.status == Status::Processed;
    let mut broken = Vec::new();
    for closing in &row.plan.closes {
        let is_live = provider.line(closing.line).is_some_and(|line| line.is_live);
        if is_live == is_done {
            broken.push((
                "a line that was to be ended is not as its row says",
                format!("row {at}, {:?}, line {}", row.status, closing.line),
            ));
        }
    }
    if let Some(closing) = row.plan.updates {
        let is_ours = provider.line(closing.line).is_some_and(|line| line.service.number == row.plan.sim);
        if is_ours != is_done {
            broken.push(("a line that was to change is not as its row says", format!("row {at}, {:?}", row.status)));
        }
    }
    if provider.excused.contains(&at) {
        schedule.counts.excused += 1;
        schedule.counts.excused_and_wrong += u64::from(!broken.is_empty());
        return Vec::new();
    }
    broken
}
