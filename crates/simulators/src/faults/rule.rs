//! A rule: which calls, how many of them, and what becomes of them.

use super::fault::Fault;
use crate::call::Call;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The providers a rule can be about.
const PROVIDERS: [&str; 2] = ["rev-io", "thingspace"];

/// Spoils calls. Everything that is left out matches every call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `rev-io`, `thingspace`.
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
    /// Any identifier of the device; for faults of devices and callbacks only. Those match by the request's method and
    /// path, and by the fields of the callback: `requestId`, `status`, `deviceIds`.
    #[serde(default)]
    pub device: Option<String>,
    /// Which of the matching calls, or devices.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(f64);

impl Seconds {
    /// Nothing if it is negative, longer than a day or no number.
    #[must_use]
    pub fn new(seconds: f64) -> Option<Self> {
        (0.0..=86_400.0).contains(&seconds).then_some(Self(seconds))
    }

    /// The same for what is written here, and so is in the range.
    pub(super) const fn of(seconds: f64) -> Self {
        Self(seconds)
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

/// Why a rule is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no such provider.
    #[error("there is no provider {0:?}; there are: rev-io, thingspace")]
    Provider(String),
    /// A rule about devices that names a thing which only calls have, or the reverse.
    #[error("{0} does not go with this fault")]
    Field(&'static str),
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
            device: None,
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
        self.check_fields()?;
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

    fn check_fields(&self) -> Result<(), RuleError> {
        match (self.fault.is_about_devices(), &self.device) {
            (true, _) if self.provider != "thingspace" => Err(RuleError::Field("provider")),
            (true, _) if !self.query.is_empty() => Err(RuleError::Field("query")),
            (false, Some(_)) => Err(RuleError::Field("device")),
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
        !self.fault.is_about_devices()
            && self.provider == call.provider
            && self.account.as_ref().is_none_or(|wanted| wanted == account)
            && method
            && path
            && self.query.iter().all(queried)
            && self.body.iter().all(written)
    }
}

pub(super) fn holds(body: &Value, name: &str, wanted: &Value) -> bool {
    let found = if name.starts_with('/') { body.pointer(name) } else { body.get(name) };
    match found {
        Some(Value::Array(values)) if !wanted.is_array() => values.contains(wanted),
        found => found == Some(wanted),
    }
}

pub(super) fn path_matches(pattern: &str, path: &str) -> bool {
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
