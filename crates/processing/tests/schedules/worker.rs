//! A worker: `carry.rs` and `wave.rs` of the crate, cut into steps before each of which it may die, or be frozen and go on later
//! as if nothing had been.

use crate::desk::{LateThing, Todo, Working};
use crate::ledger::{Status, Told};
use crate::provider::{CameLate, Found, Request};
use crate::rules::{FRESH, Ms, SECOND, ms};
use crate::schedule::{Read, Schedule};
use processing::outside::decide::Look;
use processing::outside::saga::{Direction, Fate, Key};

/// Where it is.
#[derive(Clone, Debug, Default)]
pub(crate) enum Phase {
    #[default]
    Idle,
    /// Rows are claimed.
    Claimed(Vec<usize>),
    /// At the top of the loop.
    Top,
    /// What was decided is written down, one statement after the other; then the calls.
    Writing(Vec<(usize, Todo)>, Vec<(usize, Todo)>),
    /// The calls are meant, and it is looked at the clock.
    Meant(Vec<(usize, Key, i16)>, Vec<(usize, Todo)>),
    /// It was fresh enough.
    Sending(Vec<(usize, Key, i16)>, Vec<(usize, Todo)>),
    /// Answers are waited for.
    Hearing,
    /// What they say is written down.
    Telling(Vec<Told>),
}

/// What came back of a call.
#[derive(Clone, Debug)]
pub(crate) enum Back {
    Sent(usize, Key, i16, Answer),
    Looked(usize, Look, Result<Found, Blind>),
    Late(usize, Result<CameLate, Blind>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Done(i64),
    Refused,
    TryLater(Ms),
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Blind {
    Later(Ms),
    Throttled(Ms),
}

#[derive(Default)]
pub(crate) struct Worker {
    /// Answers to a life before are told to nobody.
    pub(crate) life: u32,
    pub(crate) phase: Phase,
    pub(crate) inbox: Vec<Back>,
    /// Answers that are waited for.
    pub(crate) flying: usize,
    /// Does it wait for an answer, and for nothing else?
    pub(crate) waits: bool,
    token: u64,
    desk: Vec<Working>,
    lost: Vec<usize>,
    extended: Ms,
    wave_began: Ms,
}

impl Worker {
    pub(crate) fn dies(&mut self) {
        *self = Self { life: self.life + 1, ..Self::default() };
    }

    fn row(&mut self, row: usize) -> Option<&mut Working> {
        self.desk.iter_mut().find(|working| working.row == row)
    }
}

impl Schedule {
    /// One step of a worker. Answers after how long the next one is, or none if it waits for an answer.
    pub(crate) fn step(&mut self, at: usize) -> Option<Ms> {
        let mut worker = std::mem::take(&mut self.workers[at]);
        let wait = self.go_on(at, &mut worker);
        worker.waits = wait.is_none();
        self.workers[at] = worker;
        wait
    }

    fn go_on(&mut self, at: usize, worker: &mut Worker) -> Option<Ms> {
        let now = self.now;
        match std::mem::take(&mut worker.phase) {
            Phase::Idle => {
                self.tokens += 1;
                worker.token = self.tokens;
                let most = usize::try_from(self.chance.between(1, 4)).unwrap();
                let rows = self.ledger.claim(worker.token, most, now);
                if rows.is_empty() {
                    return self.until_something_is_due();
                }
                worker.phase = Phase::Claimed(rows);
            }
            Phase::Claimed(rows) => {
                let read = self.ledger.read(&rows, worker.token);
                worker.desk = read.into_iter().map(|row| Working::of(&self.ledger, row)).collect();
                (worker.extended, worker.phase) = (now, Phase::Top);
            }
            Phase::Top => {
                self.keep(worker);
                if worker.desk.is_empty() {
                    return Some(self.chance.between(0, SECOND));
                }
                worker.phase = self.decided(worker);
            }
            Phase::Writing(mut writes, calls) => match writes.pop() {
                Some(write) => {
                    self.write(worker, write);
                    worker.phase = Phase::Writing(writes, calls);
                }
                None if calls.is_empty() => worker.phase = Phase::Top,
                None => worker.phase = self.mean(worker, calls),
            },
            Phase::Meant(sends, looks) => {
                if now - worker.wave_began > FRESH {
                    let unsent = |(row, key, number): (usize, Key, i16)| Told {
                        row,
                        key,
                        number,
                        fate: Fate::NotSent,
                        looked: false,
                    };
                    let unsent: Vec<Told> = sends.into_iter().map(unsent).collect();
                    self.tell(worker, unsent);
                    worker.phase = Phase::Sending(Vec::new(), looks);
                } else {
                    worker.phase = Phase::Sending(sends, looks);
                }
            }
            Phase::Sending(sends, looks) => {
                self.call(at, worker, sends, looks);
                worker.phase = Phase::Hearing;
            }
            Phase::Hearing => {
                let backs = std::mem::take(&mut worker.inbox);
                if backs.is_empty() && worker.flying > 0 {
                    worker.phase = Phase::Hearing;
                    return None;
                }
                worker.flying -= backs.len();
                let told = backs.into_iter().filter_map(|back| self.hear(worker, back)).collect();
                worker.phase = Phase::Telling(told);
            }
            Phase::Telling(told) => {
                self.tell(worker, told);
                worker.phase = if worker.flying > 0 { Phase::Hearing } else { Phase::Top };
            }
        }
        Some(self.chance.between(1, 40))
    }

    fn until_something_is_due(&mut self) -> Option<Ms> {
        let due = self.ledger.next_due()?;
        let soon = self.chance.between(1, 2 * SECOND);
        let wait = (due - self.now).max(0);
        // What is given back early is found by whoever looks now and then.
        Some(soon + if self.ledger.any_claimed() { wait.min(20 * SECOND) } else { wait })
    }

    fn keep(&mut self, worker: &mut Worker) {
        let (now, token) = (self.now, worker.token);
        if now - worker.extended > self.times.lease / 3 {
            let rows: Vec<usize> = worker.desk.iter().map(|working| working.row).collect();
            let ours = self.ledger.extend(&rows, token, now);
            worker.extended = now;
            if self.rules.fence {
                worker.desk.retain(|working| ours.contains(&working.row));
            }
        }
        for row in std::mem::take(&mut worker.lost) {
            self.ledger.release(row, token, now + SECOND, now);
            worker.desk.retain(|working| working.row != row);
        }
        if self.chance.happens(20) {
            // It is asked to stop: everything is given back.
            for working in std::mem::take(&mut worker.desk) {
                let due = working.not_before.map_or(now, |then| then.max(now));
                self.ledger.release(working.row, token, due, now);
            }
        }
    }

    /// Decides for every row: what needs no call, in the order in which it is written down, last first; and the calls.
    fn decided(&mut self, worker: &mut Worker) -> Phase {
        let (mut writes, mut calls) = (Vec::new(), Vec::new());
        for working in &mut worker.desk {
            let todo = working.next(&self.rules, &self.mood.policy, self.now);
            match todo {
                Todo::Send(_) | Todo::Look(_) | Todo::LookForLate => calls.push((working.row, todo)),
                _ => writes.push((working.row, todo)),
            }
        }
        let turn = |todo: &Todo| match todo {
            Todo::GiveUp => 0,
            Todo::Record => 1,
            Todo::Fail | Todo::Cancel | Todo::Attention(_) => 2,
            Todo::Release(_) => 3,
            _ => 4,
        };
        writes.sort_by_key(|(_, todo)| std::cmp::Reverse(turn(todo)));
        // The gate does not grant everything.
        if self.chance.happens(2_000) {
            calls.truncate(1);
        }
        Phase::Writing(writes, calls)
    }

    fn write(&mut self, worker: &mut Worker, (row, todo): (usize, Todo)) {
        let (now, token) = (self.now, worker.token);
        let is_over = worker.row(row).is_some_and(|working| working.is_over());
        match todo {
            Todo::GiveUp if !is_over => {
                self.ledger.give_up(row, token, now);
                return worker.row(row).into_iter().for_each(|working| working.saga.giving_up = true);
            }
            Todo::Record if self.ledger.rows[row].plan.is_poison => {
                self.ledger.give_up(row, token, now);
                return worker.row(row).into_iter().for_each(|working| working.saga.giving_up = true);
            }
            Todo::Record => self.ledger.end(row, token, Status::Processed, now),
            Todo::Fail => self.ledger.end(row, token, Status::Failed, now),
            Todo::Cancel => self.ledger.end(row, token, Status::Cancelled, now),
            Todo::Attention(_) | Todo::GiveUp if is_over => self.ledger.reopen(row, token, now),
            Todo::Attention(why) => {
                *self
                    .counts
                    .attention
                    .entry(why.map_or("what was found", |why| crate::rest::word(&why)))
                    .or_default() += 1;
                self.ledger.end(row, token, Status::NeedsAttention, now);
            }
            Todo::Release(then) => self.ledger.release(row, token, then, now),
            Todo::Swept => self.ledger.next_sweep(row, token, now),
            Todo::Send(_) | Todo::Look(_) | Todo::LookForLate | Todo::GiveUp => {}
        }
        worker.desk.retain(|working| working.row != row);
    }

    fn mean(&mut self, worker: &mut Worker, calls: Vec<(usize, Todo)>) -> Phase {
        let (now, token) = (self.now, worker.token);
        worker.wave_began = now;
        let (mut sends, mut looks) = (Vec::new(), Vec::new());
        for (row, todo) in calls {
            let Todo::Send(key) = todo else {
                looks.push((row, todo));
                continue;
            };
            let Some(working) = worker.row(row) else { continue };
            let number = working.saga.next_attempt(key);
            let before = working.before(key).filter(|_| key.direction == Direction::Apply);
            match self.ledger.mean(row, token, key, number, before, now) {
                Some(intent) => {
                    working.saga.attempts.push(intent.attempt);
                    working.before.extend(before.map(|before| (key, before)));
                    sends.push((row, key, number));
                }
                None => worker.lost.push(row),
            }
        }
        Phase::Meant(sends, looks)
    }

    fn call(&mut self, at: usize, worker: &mut Worker, sends: Vec<(usize, Key, i16)>, looks: Vec<(usize, Todo)>) {
        for (row, key, number) in sends {
            let claim = self.ledger.rows[row].due.and_then(|due| due.claim);
            self.counts.sent += 1;
            self.counts.sent_again += u64::from(number > 1);
            self.counts.sent_by_zombies +=
                u64::from(claim.is_none_or(|(token, until)| token != worker.token || until <= self.now));
            let Some(working) = worker.row(row) else { continue };
            let patch = working.patch(key, self.ledger.rows[row].plan.sim);
            let line = working.line().unwrap_or(0);
            let began = working.saga.attempts_at(key).next_back().map_or(self.now, |attempt| ms(attempt.began_at));
            worker.flying += 1;
            self.send((at, worker.life, number), Request { row, key, began, line, patch, twice: false });
        }
        for (row, todo) in looks {
            let sim = self.ledger.rows[row].plan.sim;
            let Some(working) = worker.row(row) else { continue };
            let line = working.line();
            let look = match todo {
                Todo::Look(look) => Some(look),
                _ => None,
            };
            let patch = match look {
                Some(Look::Back(key)) => working.patch(key, sim),
                _ => (0, 0),
            };
            worker.flying += 1;
            self.look((at, worker.life), Read { row, look, line, patch });
        }
    }

    fn hear(&mut self, worker: &mut Worker, back: Back) -> Option<Told> {
        let now = self.now;
        let (row, blind) = match &back {
            Back::Sent(row, ..) => (*row, None),
            Back::Looked(row, _, found) => (*row, found.as_ref().err().copied()),
            Back::Late(row, found) => (*row, found.as_ref().err().copied()),
        };
        let working = worker.row(row)?;
        match blind {
            Some(Blind::Throttled(after)) => working.not_before = Some(now + after),
            Some(Blind::Later(after)) => {
                if working.unknown_since().is_some_and(|since| now - since > self.times.blind_for) {
                    working.attention = true;
                } else {
                    working.not_before = Some(now + after);
                }
            }
            None => {}
        }
        match back {
            Back::Sent(row, key, number, answer) => {
                let fate = match answer {
                    Answer::Done(id) => Fate::Done(id),
                    Answer::Refused => Fate::Refused,
                    Answer::Unknown => Fate::Unknown,
                    Answer::TryLater(after) => {
                        working.not_before = Some(now + after);
                        Fate::NotSent
                    }
                };
                Some(Told { row, key, number, fate, looked: false })
            }
            Back::Looked(_, Look::Line(_, id), Ok(Found::Line(line))) => {
                working.saga.lines.insert(id, line);
                None
            }
            Back::Looked(_, Look::Back(key) | Look::Adopt(key, _), Ok(found)) => {
                let told = working.meaning(&self.ledger, key, found, now)?;
                let settled = self.ledger.began(row, key, told.number) + self.rules.settle <= now;
                assert!(settled || self.rules.blind, "row {row}: looked at before it had settled");
                self.counts.adopted += u64::from(matches!(told.fate, Fate::Done(_)) && key.write.duplicates());
                Some(told)
            }
            Back::Late(_, Ok(found)) => {
                working.late(&self.ledger, &self.rules, found);
                if let crate::desk::Late::Found(things) = &working.late {
                    let lines = things.iter().filter(|thing| matches!(thing, LateThing::Line(_))).count();
                    self.counts.late_lines += u64::try_from(lines).unwrap();
                    self.counts.late_products += u64::try_from(things.len() - lines).unwrap();
                }
                None
            }
            Back::Looked(..) | Back::Late(..) => None,
        }
    }

    fn tell(&mut self, worker: &mut Worker, told: Vec<Told>) {
        for told in told {
            match self.ledger.finish(told, worker.token, self.now) {
                Some(fate) => {
                    let undone = told.key.direction == Direction::Undo && matches!(fate, Fate::Done(_));
                    self.counts.undone += u64::from(undone);
                    worker.row(told.row).into_iter().for_each(|working| working.take_down(told.key, fate));
                }
                None => {
                    self.counts.not_written += 1;
                    worker.lost.push(told.row);
                }
            }
        }
    }
}
