//! One schedule: virtual time, what is on its way, and who is next.

use crate::chance::Chance;
use crate::ledger::Ledger;
use crate::provider::{Found, Provider, Request};
use crate::rest::{Broken, Counts, at_rest};
use crate::rows::{self, Meanwhile};
use crate::rules::{ARRIVES, HOUR, LATEST, Mood, Ms, Rules, SECOND, Times};
use crate::worker::{Answer, Back, Blind, Worker};
use processing::outside::decide::Look;
use std::collections::BTreeMap;

/// Workers.
const WORKERS: usize = 3;
/// More than any schedule takes: one that takes so many does not come to rest.
const MOST_STEPS: u32 = 60_000;

/// Who an answer is for: which worker, in which life of it, and of which attempt.
type For = (usize, u32, i16);

/// What is read.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) row: usize,
    /// None: what came after the end of the row.
    pub(crate) look: Option<Look>,
    pub(crate) line: Option<i64>,
    pub(crate) patch: (i64, i64),
}

enum Event {
    Step(usize, u32),
    Arrives(Request, Option<For>),
    Reads((usize, u32), Read),
    Answers((usize, u32), Back),
    Meanwhile(Meanwhile),
}

pub(crate) struct Schedule {
    pub(crate) now: Ms,
    pub(crate) rules: Rules,
    pub(crate) times: Times,
    pub(crate) mood: Mood,
    pub(crate) chance: Chance,
    pub(crate) ledger: Ledger,
    pub(crate) provider: Provider,
    pub(crate) workers: Vec<Worker>,
    pub(crate) tokens: u64,
    pub(crate) counts: Counts,
    events: BTreeMap<(Ms, u64), Event>,
    put: u64,
}

/// Runs the schedule of a seed to its rest. Answers what was counted, and what is broken.
pub(crate) fn run(seed: u64, rules: Rules) -> (Counts, Vec<Broken>) {
    let mut chance = Chance::of(seed);
    let mood = Mood::draw(&mut chance);
    let mut provider = Provider::default();
    let drawn = rows::draw(&mut chance, &mut provider);
    let times = Times::of_installation();
    let mut schedule = Schedule {
        now: 0,
        rules,
        times,
        mood,
        chance,
        ledger: Ledger::of(drawn.plans, rules, times),
        provider,
        workers: (0..WORKERS).map(|_| Worker::default()).collect(),
        tokens: 0,
        counts: Counts::default(),
        events: BTreeMap::new(),
        put: 0,
    };
    for worker in 0..WORKERS {
        let at = schedule.chance.between(0, SECOND);
        schedule.put(at, Event::Step(worker, 0));
    }
    for (at, event) in drawn.meanwhile {
        schedule.put(at, Event::Meanwhile(event));
    }
    let mut steps = 0;
    while let Some(((at, _), event)) = schedule.events.pop_first() {
        schedule.now = at;
        schedule.happens(event);
        steps += 1;
        if steps > MOST_STEPS {
            break;
        }
    }
    schedule.counts.steps = u64::from(steps);
    let broken = at_rest(&mut schedule, steps <= MOST_STEPS);
    (schedule.counts, broken)
}

impl Schedule {
    fn put(&mut self, at: Ms, event: Event) {
        self.put += 1;
        self.events.insert((at.max(self.now), self.put), event);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Step(worker, life) => {
                if self.workers[worker].life != life {
                    return;
                }
                let is_idle = matches!(self.workers[worker].phase, crate::worker::Phase::Idle);
                if !is_idle && self.chance.happens(self.mood.crashes) {
                    self.counts.deaths += 1;
                    self.workers[worker].dies();
                    let back = self.chance.between(SECOND, 120 * SECOND);
                    return self.put(self.now + back, Event::Step(worker, life + 1));
                }
                if let Some(wait) = self.step(worker) {
                    self.wakes(worker, wait);
                }
            }
            Event::Arrives(request, reply) => {
                let plan = &self.ledger.rows[request.row].plan;
                self.counts.late_arrivals += u64::from(self.now > request.began + ARRIVES);
                let id = self.provider.arrive(&request, plan, &self.mood, &mut self.chance, self.now);
                if let Some((worker, life, number)) = reply {
                    let answer = id.map_or(Answer::Refused, Answer::Done);
                    let after = self.chance.between(5, 2 * SECOND);
                    self.answers((worker, life), after, Back::Sent(request.row, request.key, number, answer));
                }
            }
            Event::Reads(to, read) => {
                let plan = &self.ledger.rows[read.row].plan;
                let back = match read.look {
                    Some(look) => Back::Looked(
                        read.row,
                        look,
                        Ok(self.provider.look(look, plan, read.line, read.patch, self.now)),
                    ),
                    None => Back::Late(read.row, Ok(self.provider.late(plan, read.line, self.now))),
                };
                let after = self.chance.between(5, SECOND);
                self.answers(to, after, back);
            }
            Event::Answers((at, life), back) => {
                let worker = &mut self.workers[at];
                if worker.life == life {
                    worker.inbox.push(back);
                    if std::mem::take(&mut worker.waits) {
                        self.wakes(at, 1);
                    }
                }
            }
            Event::Meanwhile(Meanwhile::Cancel(change)) => self.ledger.cancelled[change] = true,
            Event::Meanwhile(Meanwhile::Move(line)) => self.provider.moves(line),
        }
    }

    /// The next step of a worker: soon, or after it was frozen.
    fn wakes(&mut self, worker: usize, wait: Ms) {
        let frozen = if self.chance.happens(self.mood.freezes) {
            self.counts.freezes += 1;
            match self.chance.below(4) {
                0 => self.chance.between(SECOND, 20 * SECOND),
                1 => self.chance.between(20 * SECOND, 120 * SECOND),
                2 => self.chance.between(60 * SECOND, 600 * SECOND),
                _ => self.chance.between(60 * SECOND, HOUR),
            }
        } else {
            0
        };
        self.put(self.now + wait + frozen, Event::Step(worker, self.workers[worker].life));
    }

    fn answers(&mut self, to: (usize, u32), after: Ms, back: Back) {
        self.put(self.now + after, Event::Answers(to, back));
    }

    /// A write leaves. What becomes of it is drawn here, and nobody knows.
    pub(crate) fn send(&mut self, to: For, mut request: Request) {
        let now = self.now;
        let (row, key, (worker, life, number)) = (request.row, request.key, to);
        let chance = &mut self.chance;
        let quick = now + chance.between(50, 3 * SECOND);
        // In time, however late it is sent: what a zombie sends is late by itself.
        let mut in_time = || now.max(request.began + chance.between(1, ARRIVES - 1));
        let (one, other) = (in_time(), in_time());
        let late = now.max(request.began + ARRIVES) + chance.between(1, LATEST - ARRIVES - 2 * HOUR);
        let given_up = if chance.happens(5_000) { self.times.call } else { chance.between(10, self.times.call) };
        let nobody_knows = (given_up, Answer::Unknown);
        let (arrivals, answer) = if chance.happens(self.rules.late) {
            (vec![late], Some(nobody_knows))
        } else if chance.happens(self.rules.doubled_in_silence) {
            (vec![quick, one.max(quick)], None)
        } else if !chance.happens(self.mood.faults) {
            (vec![quick], None)
        } else {
            match chance.below(9) {
                0 => (Vec::new(), Some((chance.between(10, 2 * SECOND), Answer::Refused))),
                1 => {
                    let after = chance.between(1, 30) * SECOND;
                    (Vec::new(), Some((chance.between(10, SECOND), Answer::TryLater(after))))
                }
                2 => (Vec::new(), Some((chance.between(10, 5 * SECOND), Answer::TryLater(5 * SECOND)))),
                3 | 4 => (Vec::new(), Some(nobody_knows)),
                5 => (vec![quick], Some(nobody_knows)),
                6 => (vec![one], Some(nobody_knows)),
                7 => (vec![now + chance.between(SECOND, self.times.call - 3 * SECOND)], None),
                _ => {
                    let second = if chance.happens(1_000) { late } else { other };
                    (vec![one, second], Some(nobody_knows))
                }
            }
        };
        request.twice = arrivals.len() > 1;
        for (place, at) in arrivals.iter().enumerate() {
            let reply = (answer.is_none() && place == 0).then_some(to);
            self.put(*at, Event::Arrives(request.clone(), reply));
        }
        if let Some((after, answer)) = answer {
            self.answers((worker, life), after, Back::Sent(row, key, number, answer));
        }
    }

    /// A read leaves.
    pub(crate) fn look(&mut self, to: (usize, u32), read: Read) {
        if let (Some(look @ Look::Back(_)), true) = (read.look, self.rules.blind) {
            // Planted: nobody looks, and it is not there.
            return self.answers(to, 1, Back::Looked(read.row, look, Ok(Found::These(Vec::new()))));
        }
        let after = self.chance.between(20, 2 * SECOND);
        if self.chance.happens(self.mood.faults / 3) {
            let blind = match self.chance.below(2) {
                0 => Blind::Later(60 * SECOND),
                _ => Blind::Throttled(self.chance.between(1, 10) * SECOND),
            };
            let back = match read.look {
                Some(look) => Back::Looked(read.row, look, Err(blind)),
                None => Back::Late(read.row, Err(blind)),
            };
            return self.answers(to, after, back);
        }
        self.put(self.now + after, Event::Reads(to, read));
    }
}
