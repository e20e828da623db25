//! A rule: which calls, how many of them, and what becomes of them.

use crate::call::Call;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The providers a rule can be about.
const PROVIDERS: [&str; 1] = ["rev-io"];

/// Spoils calls. Everything that is left out matches every call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `rev-io`.
    pub provider: String,
    /// The account's user name.
    #[serde(default)]
    pub account: Option<String>,
    /// `POST`.
    #[serde(default)]
    pub method: Option<String>,
    /// The path below the version in any case, `*` for anything: `/services`, `/serviceproduct/*`.
    #[serde(default)]
    pub path: Option<String>,
    /// Fields of the JSON body and their values, by name or by JSON pointer. A list matches if it holds the value.
    #[serde(default)]
    pub body: BTreeMap<String, Value>,
    /// Fields of the query and their values.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Which of the matching calls.
    #[serde(default)]
    pub when: When,
    /// What becomes of them.
    pub fault: Fault,
}

/// Which of the calls that match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// All.
    #[default]
    Always,
    /// Those with these numbers, the first being 1.
    Nth(Vec<u64>),
    /// So many from now on.
    Next(u64),
    /// Each with this probability, drawn from the world's seed.
    Rate(f64),
}

/// A time, in seconds, from 0 to a day; parts of a second too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(f64);

impl Seconds {
    /// Nothing if it is negative, longer than a day or no number.
    #[must_use]
    pub fn new(seconds: f64) -> Option<Self> {
        (0.0..=86_400.0).contains(&seconds).then_some(Self(seconds))
    }

    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        Self::new(seconds).ok_or("seconds must be from 0 to 86400")
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

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
    Seconds(120.0)
}

fn error_code() -> String {
    "INVALID_VALUE".to_owned()
}

fn error_text() -> String {
    "The request was refused.".to_owned()
}

/// Why a rule is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no such provider.
    #[error("there is no provider {0:?}; there is: rev-io")]
    Provider(String),
    /// A number is out of its range.
    #[error("{field} must be {range}")]
    Range {
        /// Which number.
        field: &'static str,
        /// What it may be.
        range: &'static str,
    },
}

impl Rule {
    /// A rule for all calls of a provider.
    #[must_use]
    pub fn new(provider: &str, fault: Fault) -> Self {
        Self {
            provider: provider.to_owned(),
            account: None,
            method: None,
            path: None,
            body: BTreeMap::new(),
            query: BTreeMap::new(),
            when: When::Always,
            fault,
        }
    }

    pub(super) fn check(&self) -> Result<(), RuleError> {
        if !PROVIDERS.contains(&self.provider.as_str()) {
            return Err(RuleError::Provider(self.provider.clone()));
        }
        let range = |holds: bool, field, range| if holds { Ok(()) } else { Err(RuleError::Range { field, range }) };
        match &self.when {
            When::Rate(rate) => range((0.0..=1.0).contains(rate), "rate", "from 0 to 1")?,
            When::Nth(numbers) => range(!numbers.is_empty() && !numbers.contains(&0), "nth", "numbers from 1")?,
            When::Always | When::Next(_) => {}
        }
        match &self.fault {
            Fault::Refuse { status, .. } | Fault::RefuseText { status, .. } => {
                range((400..500).contains(status), "status", "from 400 to 499")
            }
            Fault::ServerErrorBefore { status }
            | Fault::ServerErrorAfter { status }
            | Fault::LateLanding { status: Some(status), .. } => {
                range((500..600).contains(status), "status", "from 500 to 599")
            }
            Fault::Empty { status, .. } => range((200..300).contains(status), "status", "from 200 to 299"),
            _ => Ok(()),
        }
    }

    pub(super) fn matches(&self, call: &Call, account: &str, body: Option<&Value>) -> bool {
        let method = self.method.as_ref().is_none_or(|method| call.method.as_str().eq_ignore_ascii_case(method));
        let path = self.path.as_ref().is_none_or(|pattern| path_matches(pattern, call.path_below_version()));
        let queried = |(name, wanted): (&String, &String)| {
            call.query.iter().any(|(sent, value)| sent.eq_ignore_ascii_case(name) && value == wanted)
        };
        let written = |(name, wanted): (&String, &Value)| body.is_some_and(|body| holds(body, name, wanted));
        self.provider == call.provider
            && self.account.as_ref().is_none_or(|wanted| wanted == account)
            && method
            && path
            && self.query.iter().all(queried)
            && self.body.iter().all(written)
    }
}

fn holds(body: &Value, name: &str, wanted: &Value) -> bool {
    let found = if name.starts_with('/') { body.pointer(name) } else { body.get(name) };
    match found {
        Some(Value::Array(values)) if !wanted.is_array() => values.contains(wanted),
        found => found == Some(wanted),
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.trim_matches('/').to_ascii_lowercase(), path.trim_matches('/').to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

impl When {
    /// Whether the call with that number, counted from 1, is one of them.
    pub(super) fn fires(&self, number: u64, fired: u64, chance: &mut impl FnMut() -> f64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(numbers) => numbers.contains(&number),
            Self::Next(most) => fired < *most,
            Self::Rate(rate) => chance() < *rate,
        }
    }
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
        }
    }
}
