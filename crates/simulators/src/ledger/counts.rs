//! Sums of calls, and the busiest minute.

use super::Entry;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const TOO_MANY_REQUESTS: u16 = 429;

/// One account's sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// `rev-io`, `thingspace`.
    pub provider: &'static str,
    /// The account's user name; nothing for calls that told none rightly.
    pub account: Option<String>,
    /// All calls.
    pub calls: u64,
    /// By status; by how it ended where there was none.
    pub by_status: BTreeMap<String, u64>,
    /// Answered with 429.
    pub throttled: u64,
    /// The most calls in any 60 seconds.
    pub most_in_60_seconds: usize,
    /// The same without those answered with 429.
    pub most_admitted_in_60_seconds: usize,
    /// By what was asked for, where the provider has a name for it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<&'static str, OperationCounts>,
}

/// One operation's sums, over the calls that were applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OperationCounts {
    /// Calls of it, also those that were not applied.
    pub calls: u64,
    /// Those that were applied.
    pub applied: u64,
    /// For how many devices, all together.
    pub devices: u64,
    /// For how many at most in one call.
    pub most_devices_in_a_call: u64,
}

/// The busiest 60 seconds so far, by a window that ends with each call.
#[derive(Default)]
struct Busiest {
    window: VecDeque<Timestamp>,
    most: usize,
}

impl Busiest {
    fn count(&mut self, at: Timestamp) {
        self.window.push_back(at);
        while self.window.front().is_some_and(|first| at.duration_since(*first) >= MINUTE) {
            self.window.pop_front();
        }
        self.most = self.most.max(self.window.len());
    }
}

#[derive(Default)]
struct Meter {
    calls: u64,
    by_status: BTreeMap<String, u64>,
    throttled: u64,
    all: Busiest,
    admitted: Busiest,
    operations: BTreeMap<&'static str, OperationCounts>,
}

/// The sums of all accounts.
#[derive(Default)]
pub(super) struct Meters(BTreeMap<(&'static str, Option<String>), Meter>);

impl Meters {
    pub(super) fn count(&mut self, entry: &Entry) {
        let meter = self.0.entry((entry.provider, entry.account.clone())).or_default();
        let status = entry.status.map_or_else(|| entry.ended.to_owned(), |status| status.to_string());
        meter.calls += 1;
        *meter.by_status.entry(status).or_default() += 1;
        meter.all.count(entry.at);
        if let Some(operation) = entry.operation {
            let counts = meter.operations.entry(operation).or_default();
            let devices = entry.devices.filter(|_| entry.applied).and_then(|devices| u64::try_from(devices).ok());
            counts.calls += 1;
            counts.applied += u64::from(entry.applied);
            counts.devices += devices.unwrap_or_default();
            counts.most_devices_in_a_call = counts.most_devices_in_a_call.max(devices.unwrap_or_default());
        }
        if entry.status == Some(TOO_MANY_REQUESTS) {
            meter.throttled += 1;
        } else {
            meter.admitted.count(entry.at);
        }
    }

    pub(super) fn counts(&self) -> Vec<Counts> {
        let counts = |((provider, account), meter): (&(&'static str, Option<String>), &Meter)| Counts {
            provider,
            account: account.clone(),
            calls: meter.calls,
            by_status: meter.by_status.clone(),
            throttled: meter.throttled,
            most_in_60_seconds: meter.all.most,
            most_admitted_in_60_seconds: meter.admitted.most,
            operations: meter.operations.clone(),
        };
        self.0.iter().map(counts).collect()
    }
}
