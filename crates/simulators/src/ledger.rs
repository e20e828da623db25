//! What happened: every call in order, whether it was applied, and what exists now.
//!
//! `GET /ledger/callbacks?account=&request=&cursor=&limit=` gives what was told, with every attempt.
//!
//! `GET /ledger?provider=&account=&since=&cursor=&limit=` gives the calls, `GET /ledger/counts` the sums, `GET
//! /ledger/objects?provider=&account=&kind=&created_at_least=&cursor=&limit=` the objects with how often each was made;
//! `DELETE /ledger` forgets calls and sums.

mod callbacks;
mod counts;
mod objects;

pub use crate::call::ObjectRef;
pub(crate) use callbacks::callbacks;
pub use counts::{Counts, OperationCounts};
pub(crate) use objects::objects;

use crate::World;
use crate::call::{Answer, Call};
use crate::exchange::Ending;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use counts::Meters;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// The most calls that are kept; older ones are forgotten, and how many is told.
const MOST_CALLS: usize = 200_000;
/// The largest body that is kept.
const MOST_BODY_BYTES: usize = 64 * 1024;
const DEFAULT_LIMIT: usize = 100;
const MOST_LIMIT: usize = 1000;

/// A rule that spoiled a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultRef {
    /// Its number.
    pub rule: u64,
    /// Its kind, as in a rule.
    pub kind: &'static str,
}

/// A call that was applied later than it was made, or once more.
#[derive(Clone, Debug, Serialize)]
pub struct Landing {
    /// When.
    pub at: Timestamp,
    /// What would have been answered.
    pub status: u16,
    /// Whether anything was changed.
    pub applied: bool,
    /// What was made or changed.
    pub object: Option<ObjectRef>,
}

/// A call as it is remembered; without headers, and so without credentials.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number, in order.
    pub seq: u64,
    /// When it came.
    pub at: Timestamp,
    /// `rev-io`, `thingspace`.
    pub provider: &'static str,
    /// The account's user name, if it was told rightly.
    pub account: Option<String>,
    /// `POST`.
    pub method: String,
    /// From the version on.
    pub path: String,
    /// Names and values, as they were sent.
    pub query: Vec<(String, String)>,
    /// JSON if it was that, else text; null without one.
    pub body: Value,
    /// What was answered; nothing if nothing was.
    pub status: Option<u16>,
    /// `answered`, `held`, `cut`, `cut_in_the_middle`, `dripped`, `endless`.
    pub ended: &'static str,
    /// The rule that spoiled it.
    pub fault: Option<FaultRef>,
    /// Whether it has changed anything, also by landing later.
    pub applied: bool,
    /// What it made or changed.
    pub object: Option<ObjectRef>,
    /// When it was applied besides.
    pub landings: Vec<Landing>,
    /// The provider's name of what was asked for: `activate`, `plan`, `list`. Rev.io has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// For how many devices it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<usize>,
}

impl Entry {
    pub(crate) fn new(
        call: &Call,
        at: Timestamp,
        account: Option<String>,
        ending: &Ending,
        answer: Option<&Answer>,
        fault: Option<FaultRef>,
    ) -> Self {
        Self {
            seq: 0,
            at,
            provider: call.provider,
            account,
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            body: remembered(call),
            status: answer.filter(|_| ending.shows_status()).map(|answer| answer.status.as_u16()),
            ended: ending.name(),
            fault,
            applied: answer.is_some_and(|answer| answer.applied),
            object: answer.and_then(|answer| answer.object.clone()),
            landings: Vec::new(),
            operation: answer.and_then(|answer| answer.operation),
            devices: answer.and_then(|answer| answer.devices),
        }
    }
}

/// Bodies are kept without the credentials in them; forms are all about credentials.
fn remembered(call: &Call) -> Value {
    const SECRETS: [&str; 3] = ["password", "oldPassword", "newPassword"];
    let form = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    match call.body.len() {
        0 => Value::Null,
        _ if form => Value::String("a form, not kept".to_owned()),
        length if length > MOST_BODY_BYTES => Value::String(format!("{length} bytes, not kept")),
        _ => {
            let text = || Value::String(String::from_utf8_lossy(&call.body).into_owned());
            let mut body = call.json().unwrap_or_else(text);
            for name in SECRETS {
                if let Some(secret) = body.get_mut(name) {
                    *secret = Value::String("not kept".to_owned());
                }
            }
            body
        }
    }
}

/// All calls.
#[derive(Default)]
pub struct Ledger {
    entries: VecDeque<Entry>,
    last_seq: u64,
    forgotten: u64,
    meters: Meters,
}

impl Ledger {
    /// The calls, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The sums, by provider and account.
    #[must_use]
    pub fn counts(&self) -> Vec<Counts> {
        self.meters.counts()
    }

    /// Forgets calls and sums; numbers go on.
    pub fn forget(&mut self) {
        self.entries.clear();
        self.forgotten = 0;
        self.meters = Meters::default();
    }

    pub(crate) fn enter(&mut self, mut entry: Entry) -> u64 {
        self.last_seq += 1;
        entry.seq = self.last_seq;
        self.meters.count(&entry);
        self.entries.push_back(entry);
        if self.entries.len() > MOST_CALLS {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.last_seq
    }

    pub(crate) fn landed(&mut self, seq: u64, at: Timestamp, answer: &Answer) {
        let Ok(place) = self.entries.binary_search_by_key(&seq, |entry| entry.seq) else { return };
        if let Some(entry) = self.entries.get_mut(place) {
            let (applied, object) = (answer.applied, answer.object.clone());
            entry.applied |= applied;
            entry.object = entry.object.take().or_else(|| object.clone());
            entry.landings.push(Landing { at, status: answer.status.as_u16(), applied, object });
        }
    }
}

/// Which calls.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    provider: Option<String>,
    account: Option<String>,
    since: Option<Timestamp>,
    cursor: Option<u64>,
    limit: Option<usize>,
}

impl Which {
    fn admits(&self, entry: &Entry) -> bool {
        self.provider.as_ref().is_none_or(|provider| provider == entry.provider)
            && self.account.as_ref().is_none_or(|account| Some(account) == entry.account.as_ref())
            && self.since.is_none_or(|since| entry.at >= since)
    }
}

pub(crate) async fn list(State(world): State<World>, Query(which): Query<Which>) -> Json<Value> {
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST_LIMIT);
    let after = which.cursor.unwrap_or(0);
    world.ledger(|ledger| {
        let start = ledger.entries.partition_point(|entry| entry.seq <= after);
        let found = ledger.entries.range(start..).filter(|entry| which.admits(entry));
        let mut items: Vec<&Entry> = found.take(limit + 1).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|entry| entry.seq.to_string());
        Json(json!({ "items": items, "next_cursor": next_cursor, "forgotten": ledger.forgotten }))
    })
}

pub(crate) async fn forget(State(world): State<World>) -> StatusCode {
    world.ledger(Ledger::forget);
    StatusCode::NO_CONTENT
}

pub(crate) async fn counts(State(world): State<World>) -> Json<Value> {
    Json(json!({ "items": world.ledger(|ledger| ledger.counts()) }))
}
