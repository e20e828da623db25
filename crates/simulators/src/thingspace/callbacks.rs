//! What the carrier tells (`thingspace.md` 3.2): every callback with its attempts, and when the next one is due.

use super::profile::Profile;
use crate::faults::FaultRef;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

/// The most callbacks that are kept; older ones that are over are forgotten, and how many is told.
const MOST_CALLBACKS: usize = 200_000;

/// Where a callback is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is to be sent, or sent again.
    Waiting,
    /// It is being sent.
    UnderWay,
    /// It was answered with 2xx.
    Delivered,
    /// All attempts have failed.
    GivenUp,
    /// A rule has lost it.
    Lost,
}

/// Where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The carrier tells it.
    Real,
    /// The carrier tells it once more.
    Double,
    /// Somebody else tells it.
    Forged,
}

/// One attempt to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// What was answered; nothing if nothing was.
    pub status: Option<u16>,
    /// Why nothing was answered: `lost` by a rule, `timeout`, `connection`.
    pub error: Option<&'static str>,
}

/// A callback.
#[derive(Clone, Debug, Serialize)]
pub struct Callback {
    /// Its number, in the order of telling.
    pub seq: u64,
    /// The request's number.
    #[serde(skip)]
    pub(super) request: u64,
    /// The request it says it is about.
    #[serde(rename = "requestId")]
    pub request_id: String,
    /// The listener's service.
    pub service: &'static str,
    /// The listener's account.
    pub account: String,
    /// The device, by its ICCID if it has one.
    pub device: String,
    /// `Success` or `Failed`.
    pub status: &'static str,
    /// The code of what failed.
    pub code: Option<String>,
    /// Where it comes from.
    pub sort: Sort,
    /// When it was first due.
    pub due: Timestamp,
    /// What has been tried.
    pub attempts: Vec<Attempt>,
    /// Where it is.
    pub outcome: Outcome,
    /// The rule that spoiled it.
    pub fault: Option<FaultRef>,
    /// How many of its first attempts are lost.
    #[serde(skip)]
    pub(super) lost_attempts: usize,
    /// Whether the listener's own credentials are sent with it.
    #[serde(skip)]
    pub(super) with_credentials: bool,
    /// Its body but for the fields that differ from attempt to attempt.
    #[serde(skip)]
    pub(super) body: String,
}

/// What is to be sent now.
pub(crate) struct Sending {
    pub(crate) username: String,
    pub(crate) seq: u64,
    pub(crate) url: String,
    pub(crate) body: String,
    pub(crate) patience: Duration,
}

/// All callbacks of a profile.
#[derive(Debug, Default)]
pub struct Callbacks {
    rows: BTreeMap<u64, Callback>,
    queue: BTreeSet<(Timestamp, u64)>,
    /// Requests whose answer has not left yet, with what waits for that.
    unanswered: HashSet<u64>,
    held: HashMap<u64, Vec<u64>>,
    /// What comes before its request's answer.
    early: HashMap<u64, Vec<u64>>,
    last: u64,
    under_way: usize,
    forgotten: u64,
    untold: u64,
}

impl Callbacks {
    /// All that are remembered, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Callback> {
        self.rows.values()
    }

    /// The callback of that number.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<&Callback> {
        self.rows.get(&seq)
    }

    /// Those with a number above.
    pub(crate) fn after(&self, seq: u64) -> impl Iterator<Item = &Callback> {
        self.rows.range(seq.saturating_add(1)..).map(|(_, callback)| callback)
    }

    /// How many wait for their time or for an answer.
    #[must_use]
    pub fn left(&self) -> usize {
        let held: usize = self.held.values().map(Vec::len).sum();
        self.queue.len() + self.under_way + held
    }

    /// How many were not told, because nobody listened.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.untold
    }

    /// How many are not remembered any more.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn nobody_listens(&mut self) {
        self.untold += 1;
    }

    /// Its number, before it is told.
    pub(super) const fn next(&self) -> u64 {
        self.last + 1
    }

    /// Tells, once the request's answer has left unless it is early.
    pub(super) fn tell(&mut self, mut callback: Callback, early: bool) -> u64 {
        self.last += 1;
        callback.seq = self.last;
        let (seq, due, request) = (callback.seq, callback.due, callback.request);
        if early {
            self.early.entry(request).or_default().push(seq);
        }
        if callback.outcome == Outcome::Waiting {
            if self.unanswered.contains(&request) && !early {
                self.held.entry(request).or_default().push(seq);
            } else {
                self.queue.insert((due, seq));
            }
        }
        self.rows.insert(seq, callback);
        self.forget_some();
        seq
    }

    fn forget_some(&mut self) {
        while self.rows.len() > MOST_CALLBACKS {
            let Some(first) = self.rows.first_entry() else { return };
            if matches!(first.get().outcome, Outcome::Waiting | Outcome::UnderWay) {
                return;
            }
            first.remove();
            self.forgotten += 1;
        }
    }

    /// A request has come, and its answer has not left yet.
    pub(super) fn hold(&mut self, request: u64) {
        self.unanswered.insert(request);
    }

    /// A request's answer has left.
    pub(crate) fn release(&mut self, request: u64) {
        self.unanswered.remove(&request);
        self.early.remove(&request);
        for seq in self.held.remove(&request).unwrap_or_default() {
            if let Some(callback) = self.rows.get(&seq) {
                self.queue.insert((callback.due, seq));
            }
        }
    }

    /// Whether callbacks of a request that is not answered yet are still to be sent for the first time.
    pub(crate) fn has_early(&self, request: u64) -> bool {
        let early = self.early.get(&request).into_iter().flatten().filter_map(|seq| self.rows.get(seq));
        let mut early = early.filter(|callback| callback.attempts.is_empty());
        early.any(|callback| matches!(callback.outcome, Outcome::Waiting | Outcome::UnderWay))
    }

    /// An attempt is over.
    pub(crate) fn attempted(&mut self, seq: u64, attempt: Attempt, resends_after: &[Duration]) {
        self.under_way = self.under_way.saturating_sub(1);
        self.note(seq, attempt, resends_after);
    }

    fn note(&mut self, seq: u64, attempt: Attempt, resends_after: &[Duration]) {
        let Some(callback) = self.rows.get_mut(&seq) else { return };
        let good = attempt.status.is_some_and(|status| (200..300).contains(&status));
        let at = attempt.at;
        callback.attempts.push(attempt);
        let resends = if callback.sort == Sort::Forged { &[] } else { resends_after };
        let pause = resends.get(callback.attempts.len() - 1).and_then(|pause| SignedDuration::try_from(*pause).ok());
        callback.outcome = match pause.and_then(|pause| at.checked_add(pause).ok()) {
            _ if good => Outcome::Delivered,
            Some(again) => {
                self.queue.insert((again, seq));
                Outcome::Waiting
            }
            None => Outcome::GivenUp,
        };
    }

    /// An attempt was broken off by our own end, and does not count.
    pub(crate) fn put_back(&mut self, seq: u64) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(callback) = self.rows.get_mut(&seq) {
            callback.outcome = Outcome::Waiting;
            self.queue.insert((callback.due, seq));
        }
    }
}

impl Profile {
    /// What is due, as much of it as may be under way.
    pub(super) fn sendings(&mut self, now: Timestamp) -> Vec<Sending> {
        let resends_after: Vec<Duration> = self.resends_after();
        let most_attempts = resends_after.len() + 1;
        let mut sendings = Vec::new();
        while self.callbacks.under_way < self.settings.callbacks_at_once.max(1) {
            let callbacks = &mut self.callbacks;
            let Some((_, seq)) = callbacks.queue.first().copied().filter(|(due, _)| *due <= now) else { break };
            callbacks.queue.pop_first();
            let Some(callback) = callbacks.rows.get_mut(&seq) else { continue };
            if callback.attempts.len() < callback.lost_attempts {
                let lost = Attempt { at: now, status: None, error: Some("lost") };
                callbacks.note(seq, lost, &resends_after);
                continue;
            }
            let account = self.accounts.iter().find(|account| account.name == callback.account);
            let Some(listener) = account.and_then(|account| account.listeners.get(callback.service)) else {
                callback.outcome = Outcome::GivenUp;
                continue;
            };
            let credentials = if callback.with_credentials {
                let (username, password) = (listener.username.as_deref(), listener.password.as_deref());
                (username.unwrap_or_default(), password.unwrap_or_default())
            } else {
                ("nobody", "guessed")
            };
            let body = whole_body(callback, credentials, most_attempts);
            callback.outcome = Outcome::UnderWay;
            let (username, url) = (self.username.clone(), listener.url.clone());
            let patience = self.settings.callback_patience.duration();
            self.callbacks.under_way += 1;
            sendings.push(Sending { username, seq, url, body, patience });
        }
        sendings
    }

    pub(super) fn resends_after(&self) -> Vec<Duration> {
        self.settings.callback_resends_after.iter().map(|pause| pause.duration()).collect()
    }
}

/// The credentials and the count differ from attempt to attempt; the rest was written when it was told.
fn whole_body(callback: &Callback, (username, password): (&str, &str), most_attempts: usize) -> String {
    let text = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    let count = callback.attempts.len() + 1;
    format!(
        "{{\"username\":{},\"password\":{},\"callbackCount\":{count},\"maxCallbackThreshold\":{most_attempts},{}}}",
        text(username),
        text(password),
        callback.body,
    )
}
