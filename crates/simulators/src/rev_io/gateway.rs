//! What stands before the application: credentials and limits (`rev_io.md` C1, C2).

use super::RevIo;
use super::account::Account;
use super::refusal::Refusal;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Counts calls in windows that are fixed: one begins with the first call after the last one's end. That the real one
/// does the same is inferred.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    minute: Window,
    day: Window,
}

#[derive(Clone, Debug, Default)]
struct Window {
    began: Option<Timestamp>,
    calls: u64,
}

impl Window {
    /// How long until the window ends, if it is full; a new window begins if the last has ended.
    fn full(&mut self, now: Timestamp, length: SignedDuration, most: u64) -> Option<SignedDuration> {
        let ends = self.began.and_then(|began| began.checked_add(length).ok());
        match ends {
            // A clock that was set back begins a window too: it would else be full for as long as it was set back.
            Some(ends) if now < ends && self.began.is_some_and(|began| began <= now) => {
                (self.calls >= most).then(|| ends.duration_since(now))
            }
            _ => {
                *self = Self { began: Some(now), calls: 0 };
                (most == 0).then_some(length)
            }
        }
    }
}

impl Meter {
    /// Counts the call or refuses it. Refused calls do not count (inferred).
    fn admit(&mut self, now: Timestamp, per_minute: u64, per_day: u64) -> Result<(), Refusal> {
        if let Some(wait) = self.day.full(now, DAY, per_day) {
            return Err(quota_exceeded(seconds_up(wait)));
        }
        if let Some(wait) = self.minute.full(now, MINUTE, per_minute) {
            return Err(Refusal::throttled(Some(seconds_up(wait))));
        }
        self.minute.calls += 1;
        self.day.calls += 1;
        Ok(())
    }
}

/// Azure's words for a spent quota, and its header (inferred).
fn quota_exceeded(seconds: i64) -> Refusal {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let message = format!("Out of call volume quota. Quota will be replenished in {hours:02}:{minutes:02}:{rest:02}.");
    Refusal::Gateway { status: StatusCode::FORBIDDEN, message, retry_after: Some(seconds) }
}

fn seconds_up(wait: SignedDuration) -> i64 {
    (wait.as_secs() + i64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Tells which account calls, and counts the call. The user name is known even of some who are refused.
pub(crate) fn admit(state: &mut RevIo, headers: &HeaderMap, now: Timestamp) -> (Option<String>, Result<(), Refusal>) {
    let Some((username, password)) = basic(headers) else {
        return (None, Err(denied()));
    };
    let account = state.account_mut(&username).filter(|account| account.password == password);
    let Some(account) = account else {
        return (None, Err(denied()));
    };
    let admitted = key(account, headers).and_then(|()| {
        let (per_minute, per_day) = (account.calls_per_minute, account.calls_per_day);
        account.meter.admit(now, per_minute, per_day)
    });
    (Some(username), admitted)
}

/// Azure's words (inferred). The older host wants no key; a key that is given must still be right.
fn key(account: &Account, headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("ocp-apim-subscription-key").map(|value| value.to_str().unwrap_or_default()) {
        Some(key) if key == account.subscription_key => Ok(()),
        Some(_) => Err(unauthorized(
            "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
        )),
        None if account.accept_without_key => Ok(()),
        None => Err(unauthorized(
            "Access denied due to missing subscription key. Make sure to include subscription key when making requests \
             to an API.",
        )),
    }
}

/// Wrong user or password.
pub(crate) fn denied() -> Refusal {
    unauthorized("Authorization has been denied for this request.")
}

fn unauthorized(message: &str) -> Refusal {
    Refusal::gateway(StatusCode::UNAUTHORIZED, message)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (username, password) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (username.to_owned(), password.to_owned()))
}
