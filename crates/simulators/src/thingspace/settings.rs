//! What a profile may do and how long it takes: the limits of life (`thingspace.md` 1, 2.4, 3.2), each of them a number
//! that can be changed, and the delays.

use crate::faults::Seconds;
use serde::{Deserialize, Serialize};

/// From so many seconds to so many, drawn for each device from the seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// At least.
    pub from: Seconds,
    /// At most.
    pub to: Seconds,
}

impl Delay {
    /// Exactly so long; nothing if that is no time (see [`Seconds::new`]).
    #[must_use]
    pub fn exactly(seconds: f64) -> Option<Self> {
        Seconds::new(seconds).map(|seconds| Self { from: seconds, to: seconds })
    }

    /// The time at a part of the range, from 0 to 1.
    pub(super) fn at(self, part: f64) -> f64 {
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        from + (to - from).max(0.0) * part
    }
}

/// Limits and delays. What is left out is as in life, but for the delays: an activation takes minutes to a day there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long an OAuth token is good, from its first issue on.
    pub token_seconds: u32,
    /// How long a session may be idle.
    pub session_seconds: u32,
    /// How many wrong logins in a row lock the user.
    pub wrong_logins: u32,
    /// Devices in a request.
    pub most_devices_in_a_request: usize,
    /// Devices in a page of the list.
    pub most_devices_in_a_page: usize,
    /// Records in a page of provisioning or usage history.
    pub most_records_in_a_page: usize,
    /// Devices in a request to delete.
    pub most_deletions_in_a_request: usize,
    /// Requests to activate in any 60 seconds; above it 429 (the status is inferred).
    pub activations_per_minute: usize,
    /// Plan changes of a device in a calendar month of UTC (that it is the calendar's is inferred).
    pub plan_changes_per_month: usize,
    /// Activations, suspensions, restorations and deactivations of a line in a day of UTC.
    pub provisionings_per_day: usize,
    /// After so many days a suspended line is active again.
    pub suspended_days_running: u32,
    /// A line is not suspended if it was for so many of the last 365 days.
    pub suspended_days_in_a_year: u32,
    /// From sending to doing: activations.
    pub activation_delay: Delay,
    /// From sending to doing: everything else that is asynchronous.
    pub delay: Delay,
    /// How long after a callback that nobody took it is sent again, once for each.
    pub callback_resends_after: Vec<Seconds>,
    /// How long a listener may take to answer.
    pub callback_patience: Seconds,
    /// How many callbacks are under way together.
    pub callbacks_at_once: usize,
    /// Only the ports of life are taken for listeners: 80, 443, 9001-9006, 50551-50559, 28200-28220. No unless said.
    pub callback_ports_of_life: bool,
}

impl Settings {
    /// The same limits, without delays: what is asked for is done before it is answered, and told right after.
    #[must_use]
    pub fn at_once(self) -> Self {
        let none = Delay { from: Seconds::default(), to: Seconds::default() };
        Self { activation_delay: none, delay: none, ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = |seconds| Seconds::new(seconds).unwrap_or_default();
        Self {
            token_seconds: 3_600,
            session_seconds: 1_200,
            wrong_logins: 5,
            most_devices_in_a_request: 10_000,
            most_devices_in_a_page: 2_000,
            most_records_in_a_page: 500,
            most_deletions_in_a_request: 100,
            activations_per_minute: 100,
            plan_changes_per_month: 4,
            provisionings_per_day: 5,
            suspended_days_running: 90,
            suspended_days_in_a_year: 180,
            activation_delay: Delay { from: seconds(2.0), to: seconds(6.0) },
            delay: Delay { from: seconds(0.5), to: seconds(2.0) },
            callback_resends_after: vec![seconds(300.0); 3],
            callback_patience: seconds(30.0),
            callbacks_at_once: 64,
            callback_ports_of_life: false,
        }
    }
}
