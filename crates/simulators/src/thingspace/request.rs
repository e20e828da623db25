//! Asynchronous requests: what was asked for, when each device's turn is, and what came of it.

use super::body::Wanted;
use super::order::Order;
use super::paths::OrderKind;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A request.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// Its number in this profile, from 1.
    pub number: u64,
    /// Its id on the wire.
    #[serde(rename = "requestId")]
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// The account it named.
    pub account: Option<String>,
    /// What was asked for.
    #[serde(serialize_with = "name")]
    pub kind: OrderKind,
    /// For how many devices.
    pub devices: usize,
    /// How many are not done yet.
    pub left: usize,
    /// How many were refused.
    pub failed: usize,
    #[serde(skip)]
    pub(super) order: Arc<Order>,
    /// Where it was sent, for the rules.
    #[serde(skip)]
    pub(super) sent_to: (String, String),
}

fn name<S: serde::Serializer>(kind: &OrderKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

impl Request {
    /// As polling has it (`thingspace.md` 3.4).
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match (self.left, self.failed) {
            (0, 0) => "Success",
            (0, _) => "Failure",
            _ => "Pending",
        }
    }
}

/// Something that is to be done.
#[derive(Debug)]
pub(super) enum Work {
    /// A device's part of a request.
    Order {
        request: u64,
        /// Its place in the request, from 0.
        place: u64,
        wanted: Wanted,
        /// The device as it was when its state was made a pending one; nothing if it was not.
        pending_since: Option<Pending>,
        /// The rule by which its callback comes before the request's answer.
        early: Option<u64>,
    },
    /// A line that was suspended for as long as it may be.
    Resume { device: i64, suspended_at: Timestamp },
}

/// What a pending state goes back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) device: i64,
    pub(super) before: super::state::State,
}

/// All requests, and the work that is left of them.
#[derive(Debug, Default)]
pub struct Requests {
    rows: BTreeMap<u64, Request>,
    numbers: HashMap<String, u64>,
    work: BTreeMap<(Timestamp, u64), Work>,
    last_work: u64,
}

impl Requests {
    /// The request of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Request> {
        self.numbers.get(id).and_then(|number| self.rows.get(number))
    }

    /// All requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        self.rows.values()
    }

    /// Those with a number above.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = &Request> {
        self.rows.range(number.saturating_add(1)..).map(|(_, request)| request)
    }

    /// How many devices' parts are not done yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.work.values().filter(|work| matches!(work, Work::Order { .. })).count()
    }

    /// Whether anything is left to do, be it that a line is resumed one day.
    pub(crate) fn is_busy(&self) -> bool {
        !self.work.is_empty()
    }

    pub(super) fn next_number(&self) -> u64 {
        self.rows.last_key_value().map_or(0, |(number, _)| *number) + 1
    }

    pub(super) fn add(&mut self, request: Request) {
        self.numbers.insert(request.id.clone(), request.number);
        self.rows.insert(request.number, request);
    }

    pub(super) fn row(&self, number: u64) -> Option<&Request> {
        self.rows.get(&number)
    }

    /// Work for later.
    pub(super) fn schedule(&mut self, due: Timestamp, work: Work) {
        self.last_work += 1;
        self.work.insert((due, self.last_work), work);
    }

    /// The next work that is due.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Work)> {
        let first = self.work.first_entry()?;
        let due = first.key().0;
        (due <= now).then(|| (due, first.remove()))
    }

    /// A device's part is done.
    pub(super) fn done(&mut self, number: u64, failed: bool) {
        if let Some(request) = self.rows.get_mut(&number) {
            request.left = request.left.saturating_sub(1);
            request.failed += usize::from(failed);
        }
    }
}
