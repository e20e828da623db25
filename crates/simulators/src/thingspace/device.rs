//! A device: what the list shows of it, and what the carrier remembers besides.

use super::identifiers::{IdKind, WireId};
use super::state::State;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// How many former looks of a device are kept for a list that lags behind.
const MOST_LOOKS: usize = 8;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What the list shows of a device. A fleet's file has devices in this form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// The platform's own number, by which lists are sorted and paged; 0 takes the next one.
    pub id: i64,
    /// `0000123456-00001`.
    pub account: String,
    /// `{"iccid": "8914…", "imei": "35…"}`.
    pub ids: BTreeMap<IdKind, String>,
    /// Where it is in its life.
    pub state: State,
    /// A plan's code.
    pub plan: Option<String>,
    /// Its address.
    pub ip_address: Option<Ipv4Addr>,
    /// The pool of its address.
    pub ip_pool: Option<String>,
    /// `CustomField1` to `CustomField5`.
    pub custom_fields: BTreeMap<String, String>,
    /// Up to 36 characters.
    pub cost_center: Option<String>,
    /// What sort of device it is.
    pub sku: Option<String>,
    /// Groups besides the account's default group.
    pub groups: Vec<String>,
    /// As in an activation: `{"address": {…}, "customerName": {…}}`.
    pub place_of_use: Option<Value>,
    /// Whether it is connected now.
    pub connected: bool,
    /// When it was added; the time of loading if left out.
    pub created_at: Option<Timestamp>,
    /// Who activated it last.
    pub last_activation_by: Option<String>,
    /// When it was activated last.
    pub last_activation_at: Option<Timestamp>,
    /// When it was connected last.
    pub last_connection_at: Option<Timestamp>,
    /// Since when it is suspended.
    pub suspended_at: Option<Timestamp>,
}

impl Record {
    /// Its identifier of that kind.
    #[must_use]
    pub fn id_of(&self, kind: IdKind) -> Option<&str> {
        self.ids.get(&kind).map(String::as_str)
    }

    /// All identifiers as answers have them.
    pub(crate) fn wire_ids(&self) -> Vec<WireId> {
        self.ids.iter().map(|(kind, id)| WireId { id: id.clone(), kind: kind.in_answers().to_owned() }).collect()
    }
}

/// Something that was done to a line, or was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// `Success` or `Failed`.
    pub status: &'static str,
    /// The user.
    pub by: String,
    /// `Activate`, `Suspend`, `Restore`, `Deactivate`, `Device Move`.
    pub event: &'static str,
    /// The plan afterwards, or before if there is none afterwards.
    pub plan: Option<String>,
    /// The number.
    pub mdn: Option<String>,
    /// The number with its country.
    pub msisdn: Option<String>,
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device {
    /// What the list shows.
    pub record: Record,
    /// What happened to its line, oldest first.
    pub history: Vec<Event>,
    /// When its plan was changed.
    pub plan_changes: Vec<Timestamp>,
    /// When its line was activated, suspended, restored or deactivated.
    pub provisionings: Vec<Timestamp>,
    /// From when to when it was suspended.
    pub suspensions: Vec<(Timestamp, Timestamp)>,
    /// The numbers of its callbacks in the ledger.
    pub callbacks: Vec<u64>,
    /// Former looks, with the instant at which each ended.
    past: Vec<(Timestamp, Record)>,
    born: Timestamp,
}

impl Device {
    pub(super) fn new(record: Record, born: Timestamp) -> Self {
        let (history, plan_changes, provisionings) = (Vec::new(), Vec::new(), Vec::new());
        let (suspensions, callbacks, past) = (Vec::new(), Vec::new(), Vec::new());
        Self { record, history, plan_changes, provisionings, suspensions, callbacks, past, born }
    }

    /// When it was added to this world.
    #[must_use]
    pub fn born(&self) -> Timestamp {
        self.born
    }

    /// How often its plan was changed in the month of that instant.
    #[must_use]
    pub fn plan_changes_in_month(&self, now: Timestamp) -> usize {
        let month = month(now);
        self.plan_changes.iter().filter(|at| self::month(**at) == month).count()
    }

    /// How often its line was provisioned on the day of that instant.
    #[must_use]
    pub fn provisionings_on_day(&self, now: Timestamp) -> usize {
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        self.provisionings.iter().filter(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date() == day).count()
    }

    /// For how many days it was suspended in the 365 days before; a day that has begun counts.
    #[must_use]
    pub fn suspended_days(&self, now: Timestamp) -> u32 {
        let since = now.checked_sub(DAY * 365).unwrap_or(Timestamp::MIN);
        let running = self.record.suspended_at.map(|from| (from, now));
        let spans = self.suspensions.iter().copied().chain(running);
        let hours: i64 = spans.map(|(from, to)| to.duration_since(from.max(since)).as_secs().max(0)).sum();
        u32::try_from(hours.div_euclid(86_400) + i64::from(hours % 86_400 > 0)).unwrap_or(u32::MAX)
    }

    /// As it was then; nothing if it was not there yet.
    pub(crate) fn as_of(&self, then: Timestamp) -> Option<&Record> {
        if self.born > then {
            return None;
        }
        Some(self.past.iter().find(|(until, _)| *until > then).map_or(&self.record, |(_, record)| record))
    }

    /// Keeps its look before a change.
    pub(super) fn keep_look(&mut self, now: Timestamp) {
        if self.past.len() == MOST_LOOKS {
            self.past.remove(0);
        }
        self.past.push((now, self.record.clone()));
    }

    /// Writes history.
    pub(super) fn note(&mut self, at: Timestamp, status: &'static str, by: &str, event: &'static str, before: &Record) {
        let id = |kind| self.record.id_of(kind).or(before.id_of(kind)).map(ToOwned::to_owned);
        let (mdn, msisdn) = (id(IdKind::Mdn), id(IdKind::Msisdn));
        let plan = self.record.plan.clone().or_else(|| before.plan.clone());
        self.history.push(Event { at, status, by: by.to_owned(), event, plan, mdn, msisdn });
    }
}

fn month(at: Timestamp) -> (i16, i8) {
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    (date.year(), date.month())
}
