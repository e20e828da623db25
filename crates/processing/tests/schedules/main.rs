//! Thousands of simulated schedules of what happens outside: three workers that die, freeze and go on as zombies, and a provider
//! whose requests are refused, throttled, lost, answered to nobody, late, and applied twice, while searches lag behind.
//!
//! What decides is the crate's own `decide`; ledger, provider and workers are models of what surrounds it. Everything is drawn from
//! the seed, time is virtual, nobody sleeps. A seed alone, with what it did:
//!
//! ```text
//! ASCRIBE_SCHEDULE=1234 cargo test -p processing --test schedules -- --nocapture
//! ```
//!
//! `ASCRIBE_DEEP=1` runs ten times as many. The same schedules have to fail with one rule of the protocol taken away: a test that
//! cannot fail proves nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod chance;
mod desk;
mod ledger;
mod provider;
mod rest;
mod rows;
mod rules;
mod schedule;
mod worker;

use rest::{Broken, Counts};
use rules::Rules;
use std::collections::BTreeMap;
use std::ops::Range;

/// Seeds with which a planted bug has to be found.
const PLANTED: Range<u64> = 0..1_000;
/// How many broken seeds are told of.
const TOLD: usize = 10;

struct Ran {
    counts: Counts,
    /// Seeds in which something is broken.
    broken: Vec<(u64, Vec<Broken>)>,
}

/// Runs seeds on two threads.
fn run(seeds: Range<u64>, rules: Rules) -> Ran {
    let halves: Vec<Ran> = std::thread::scope(|scope| {
        let half = |which: u64| {
            let seeds = seeds.clone().filter(move |seed| seed % 2 == which);
            scope.spawn(move || {
                let mut ran = Ran { counts: Counts::default(), broken: Vec::new() };
                for seed in seeds {
                    let (counts, broken) = schedule::run(seed, rules);
                    ran.counts.add(&counts);
                    if !broken.is_empty() {
                        ran.broken.push((seed, broken));
                    }
                }
                ran
            })
        };
        let running = [half(0), half(1)];
        running.into_iter().map(|half| half.join().unwrap()).collect()
    });
    let mut ran = Ran { counts: Counts::default(), broken: Vec::new() };
    for half in halves {
        ran.counts.add(&half.counts);
        ran.broken.extend(half.broken);
    }
    ran.broken.sort_by_key(|(seed, _)| *seed);
    ran
}

impl Ran {
    /// Seeds by what is broken in them.
    fn by_what(&self) -> BTreeMap<&'static str, usize> {
        let mut by = BTreeMap::new();
        for (_, broken) in &self.broken {
            let mut whats: Vec<&str> = broken.iter().map(|broken| broken.what).collect();
            whats.sort_unstable();
            whats.dedup();
            for what in whats {
                *by.entry(what).or_insert(0) += 1;
            }
        }
        by
    }

    fn tell(&self) -> String {
        let seeds = self.broken.iter().take(TOLD).map(|(seed, broken)| {
            let lines: Vec<String> =
                broken.iter().map(|broken| format!("\n    {}: {}", broken.what, broken.seen)).collect();
            format!(
                "\nseed {seed}: ASCRIBE_SCHEDULE={seed} cargo test -p processing --test schedules -- --nocapture{}",
                lines.concat()
            )
        });
        format!("{} seeds are broken: {:#?}{}", self.broken.len(), self.by_what(), seeds.collect::<String>())
    }
}

#[test]
fn ten_thousand_schedules_come_to_rest_with_ledger_and_world_agreeing() {
    let one = std::env::var("ASCRIBE_SCHEDULE").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = match one {
        Some(seed) => seed..seed + 1,
        None if testing::in_deep_run() => 0..100_000,
        None => 0..10_000,
    };
    let ran = run(seeds.clone(), Rules::sound());
    println!("{:#?}", ran.counts);
    assert!(ran.broken.is_empty(), "{}", ran.tell());
    if one.is_some() {
        return;
    }
    let counts = &ran.counts;
    // What never happened was not tried.
    for (what, count) in [
        ("second attempts", counts.sent_again),
        ("sends by zombies", counts.sent_by_zombies),
        ("answers that were not taken", counts.not_written),
        ("late arrivals", counts.late_arrivals),
        ("adopted", counts.adopted),
        ("taken back", counts.undone),
        ("late lines swept", counts.late_lines),
        ("late products swept", counts.late_products),
        ("deaths", counts.deaths),
        ("failed", counts.end("failed")),
        ("cancelled", counts.end("cancelled")),
    ] {
        assert!(count > 100, "{what}: {count}");
    }
    // A person is asked now and then: were it always, nothing of this would say anything. Half of it is lines of somebody else that
    // were ended before the rest was refused, which is planted often.
    let begun = counts.ends.values().sum::<u64>() - counts.end("not begun");
    assert!(counts.end("attention") * 7 < begun, "{} of {begun} rows need attention", counts.end("attention"));
    assert!(counts.end("processed") * 2 > begun, "{} of {begun} rows are processed", counts.end("processed"));
}

/// The schedules fail with this bug planted. Says in how many seeds, and how.
fn is_found(bug: &str, rules: Rules, whats: &[&str]) {
    let ran = run(PLANTED, rules);
    let by = ran.by_what();
    println!("{bug}: {} of {} seeds are broken: {by:#?}", ran.broken.len(), PLANTED.end);
    assert!(!ran.broken.is_empty(), "{bug}: not found in {} seeds", PLANTED.end);
    for what in whats {
        assert!(by.contains_key(what), "{bug}: not found as \"{what}\", only as {by:?}");
    }
}

const DOUBLED: &str = "two of one thing at a time, though every request came in time";
const NOT_ONE: &str = "a processed row has not exactly one live line";
const STILL_THERE: &str = "a row that is not processed has a live line";
const NOT_AS_ITS_ROW_SAYS: &str = "a line that was to be ended is not as its row says";
const NO_CLAIM: &str = "a claim that is not valid changed the ledger";

#[test]
fn without_settle_time_and_without_sweeps_they_fail() {
    let rules = Rules { settle: 0, sweeps: false, ..Rules::sound() };
    is_found("settle = 0, no sweeps", rules, &[DOUBLED, NOT_ONE, STILL_THERE]);
}

#[test]
fn without_sweeps_alone_they_fail() {
    is_found("no sweeps", Rules { sweeps: false, ..Rules::sound() }, &[NOT_ONE, STILL_THERE]);
}

#[test]
fn without_sweeps_of_what_ends_or_changes_something_they_fail() {
    // Two requests in a row have to be late for it: more of them are than in life.
    let late = Rules { late: 2_500, ..Rules::sound() };
    is_found("no sweeps of endings", Rules { sweeps_endings: false, ..late }, &[NOT_AS_ITS_ROW_SAYS]);
    let with = run(PLANTED, late).by_what();
    assert!(!with.contains_key(NOT_AS_ITS_ROW_SAYS), "{with:?}");
}

#[test]
fn with_a_blind_retry_they_fail() {
    // The sweeps repair what is left at rest; for a while there are two all the same.
    is_found("blind retry", Rules { blind: true, ..Rules::sound() }, &[DOUBLED]);
    let rules = Rules { blind: true, sweeps: false, ..Rules::sound() };
    is_found("blind retry, no sweeps", rules, &[DOUBLED, NOT_ONE, STILL_THERE]);
}

#[test]
fn without_a_fence_they_fail() {
    is_found("no fence", Rules { fence: false, ..Rules::sound() }, &[NO_CLAIM]);
}

#[test]
fn with_sweeps_that_ask_for_no_receipt_they_fail() {
    is_found("sweeps without receipts", Rules { receipts: false, ..Rules::sound() }, &[NOT_ONE]);
}

#[test]
fn when_taking_back_is_believed_without_a_receipt_they_fail() {
    is_found("undo without a receipt", Rules { trusting: true, ..Rules::sound() }, &[STILL_THERE]);
}

/// A limit of the protocol, written down: what was answered was never unknown, so no sweep looks whether it came twice.
#[test]
fn what_is_answered_and_arrives_twice_all_the_same_is_not_found() {
    let rules = Rules { doubled_in_silence: 100, ..Rules::sound() };
    is_found("doubled in silence", rules, &[NOT_ONE]);
}
