//! What can go wrong: the kinds of faults with what each takes.

use super::device::Forgery;
use super::rule::Seconds;
use serde::{Deserialize, Serialize};

/// What becomes of a call. "Before" is without having done it, "after" with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The provider's own error: not done.
    Refuse {
        /// 400 unless said.
        #[serde(default = "status_400")]
        status: u16,
        /// The error's code.
        #[serde(default = "error_code")]
        error: String,
        /// The error's text.
        #[serde(default = "error_text")]
        message: String,
    },
    /// An error that is plain text: not done.
    RefuseText {
        /// 400 unless said.
        #[serde(default = "status_400")]
        status: u16,
        /// The text.
        #[serde(default = "error_text")]
        message: String,
    },
    /// Too many calls, with the seconds to wait: not done.
    Throttle {
        /// 30 unless said.
        #[serde(default = "thirty")]
        seconds: u32,
    },
    /// Too many calls, without saying how long.
    GatewayThrottleWithoutSeconds {},
    /// 5xx, not done.
    ServerErrorBefore {
        /// 500 unless said.
        #[serde(default = "status_500")]
        status: u16,
    },
    /// 5xx, and done.
    ServerErrorAfter {
        /// 500 unless said.
        #[serde(default = "status_500")]
        status: u16,
    },
    /// No answer, not done.
    TimeoutBefore {
        /// How long the connection is held: 120 unless said.
        #[serde(default = "hold")]
        seconds: Seconds,
    },
    /// No answer, and done.
    TimeoutAfter {
        /// How long the connection is held: 120 unless said.
        #[serde(default = "hold")]
        seconds: Seconds,
    },
    /// No answer or 5xx now; done later.
    LateLanding {
        /// When it is done.
        seconds: Seconds,
        /// What is answered now; nothing unless said.
        #[serde(default)]
        status: Option<u16>,
        /// How long the connection is held if nothing is answered: 120 unless said.
        #[serde(default = "hold")]
        hold_seconds: Seconds,
    },
    /// Done and answered, and done once more later.
    SecondLanding {
        /// When it is done again.
        seconds: Seconds,
    },
    /// The connection is closed without an answer; not done.
    CutBefore {},
    /// The connection is closed without an answer; done.
    CutAfter {},
    /// Head and half of the body, then the connection is closed; done.
    CutInTheMiddle {},
    /// 200 with a body that is not JSON, though it says so.
    Garbage {
        /// Whether it is done: yes unless said.
        #[serde(default = "yes")]
        applied: bool,
    },
    /// 2xx without a body.
    Empty {
        /// 200 unless said.
        #[serde(default = "status_200")]
        status: u16,
        /// Whether it is done: yes unless said.
        #[serde(default = "yes")]
        applied: bool,
    },
    /// The true answer, a byte at a time; done.
    SlowDrip {
        /// A second unless said.
        #[serde(default = "second")]
        milliseconds_per_byte: u32,
    },
    /// Searches do not find what is younger; single objects are read as they are.
    StaleSearch {
        /// How far the search is behind.
        seconds: Seconds,
    },
    /// 401.
    Unauthorized {},
    /// 403.
    Forbidden {},
    /// 200 with a body without end, or with so many bytes.
    Huge {
        /// Endless unless said.
        #[serde(default)]
        bytes: Option<u64>,
        /// Whether it is done: yes unless said.
        #[serde(default = "yes")]
        applied: bool,
    },
    /// Of an asynchronous request for many devices: the device's part is refused, as its callback tells.
    DeviceRefused {
        /// `UnifiedWebService.REQUEST_FAILED.UnexpectedError` unless said.
        #[serde(default = "device_code")]
        code: String,
        /// The words.
        #[serde(default = "error_text")]
        message: String,
    },
    /// The device's part is done that much later.
    DeviceDelayed {
        /// How much.
        seconds: Seconds,
    },
    /// The device's part is done, and told before the request is answered.
    CallbackEarly {},
    /// The callback is never sent.
    CallbackLost {
        /// So many of its attempts are lost, then it is sent; all of them unless said.
        #[serde(default)]
        attempts: Option<usize>,
    },
    /// The callback is sent that much later.
    CallbackLate {
        /// How much.
        seconds: Seconds,
    },
    /// The callback is sent twice.
    CallbackDoubled {
        /// How much later the second time: at once unless said.
        #[serde(default)]
        seconds: Seconds,
    },
    /// Somebody else sends a callback before the true one.
    CallbackForged {
        /// What is wrong with it.
        forgery: Forgery,
        /// Whether the true one is not sent at all.
        #[serde(default)]
        instead: bool,
    },
}

const fn status_200() -> u16 {
    200
}

const fn status_400() -> u16 {
    400
}

const fn status_500() -> u16 {
    500
}

const fn thirty() -> u32 {
    30
}

const fn second() -> u32 {
    1000
}

const fn yes() -> bool {
    true
}

const fn hold() -> Seconds {
    Seconds::of(120.0)
}

/// What a refusal says if the rule does not.
pub(crate) const ERROR: &str = "INVALID_VALUE";

fn error_code() -> String {
    ERROR.to_owned()
}

fn device_code() -> String {
    "UnifiedWebService.REQUEST_FAILED.UnexpectedError".to_owned()
}

fn error_text() -> String {
    "The request was refused.".to_owned()
}

impl Fault {
    /// Its name, as in a rule.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "refuse",
            Self::RefuseText { .. } => "refuse_text",
            Self::Throttle { .. } => "throttle",
            Self::GatewayThrottleWithoutSeconds {} => "gateway_throttle_without_seconds",
            Self::ServerErrorBefore { .. } => "server_error_before",
            Self::ServerErrorAfter { .. } => "server_error_after",
            Self::TimeoutBefore { .. } => "timeout_before",
            Self::TimeoutAfter { .. } => "timeout_after",
            Self::LateLanding { .. } => "late_landing",
            Self::SecondLanding { .. } => "second_landing",
            Self::CutBefore {} => "cut_before",
            Self::CutAfter {} => "cut_after",
            Self::CutInTheMiddle {} => "cut_in_the_middle",
            Self::Garbage { .. } => "garbage",
            Self::Empty { .. } => "empty",
            Self::SlowDrip { .. } => "slow_drip",
            Self::StaleSearch { .. } => "stale_search",
            Self::Unauthorized {} => "unauthorized",
            Self::Forbidden {} => "forbidden",
            Self::Huge { .. } => "huge",
            Self::DeviceRefused { .. } => "device_refused",
            Self::DeviceDelayed { .. } => "device_delayed",
            Self::CallbackEarly {} => "callback_early",
            Self::CallbackLost { .. } => "callback_lost",
            Self::CallbackLate { .. } => "callback_late",
            Self::CallbackDoubled { .. } => "callback_doubled",
            Self::CallbackForged { .. } => "callback_forged",
        }
    }
}
