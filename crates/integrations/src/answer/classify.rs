//! From evidence to answer. Pure; every row of `reliability.md` 4.1 is a row of the test's table.

use super::{Answer, Evidence, Kind, Postponed, Said, Trouble};
use std::time::Duration;

/// How long to wait when nobody says, and how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// After a request that never left.
    pub not_sent: Duration,
    /// After a throttle without a number.
    pub throttled: Duration,
    /// After a spent quota without a number.
    pub quota_spent: Duration,
    /// After a read that failed.
    pub failed_read: Duration,
    /// The longest wait that is believed of a throttle.
    pub most: Duration,
    /// The longest wait that is believed of a spent quota.
    pub most_for_quota: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            not_sent: Duration::from_secs(5),
            throttled: Duration::from_secs(60),
            quota_spent: Duration::from_secs(60 * 60),
            failed_read: Duration::from_secs(10),
            most: Duration::from_secs(60 * 60),
            most_for_quota: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Decides what a call came to.
pub fn classify<T>(kind: Kind, evidence: Evidence<T>, waits: &Waits) -> Answer<T> {
    let (status, said) = match evidence {
        Evidence::NotSent(how) => {
            return Answer::TryLater { after: waits.not_sent, why: Postponed::NotSent(how) };
        }
        Evidence::NoAnswer(trouble) => return in_doubt(kind, trouble, waits),
        Evidence::Answered { status, said } => (status, said),
    };
    match (status, said) {
        (_, Said::Throttled { after }) => throttled(after, waits),
        (429, _) => throttled(None, waits),
        (_, Said::QuotaSpent { after }) => Answer::TryLater {
            after: after.unwrap_or(waits.quota_spent).min(waits.most_for_quota),
            why: Postponed::QuotaSpent,
        },
        (_, Said::SignInLapsed(part)) => Answer::TryLater { after: Duration::ZERO, why: Postponed::SignInLapsed(part) },
        (status, Said::CredentialsRefused(message)) => Answer::CredentialsRefused { status, message },
        (401 | 403, said) => Answer::CredentialsRefused { status, message: words(said) },
        (200..=299, Said::Proof(proof)) => Answer::Done(proof),
        // Three statuses of the four hundreds say that the request may be under way: 408 and 425 by RFC 9110 15.5.9 and
        // RFC 8470, 499 by the custom of proxies.
        (400..=499, Said::KnownError(refusal)) if !matches!(status, 408 | 425 | 499) => Answer::Refused(refusal),
        (_, Said::Incomplete(trouble)) => in_doubt(kind, trouble, waits),
        (_, said) => in_doubt(kind, Trouble::Unproven { status, detail: words(said) }, waits),
    }
}

fn throttled<T>(after: Option<Duration>, waits: &Waits) -> Answer<T> {
    Answer::TryLater { after: after.unwrap_or(waits.throttled).min(waits.most), why: Postponed::Throttled }
}

fn in_doubt<T>(kind: Kind, trouble: Trouble, waits: &Waits) -> Answer<T> {
    match kind {
        Kind::Read => Answer::TryLater { after: waits.failed_read, why: Postponed::ReadFailed(trouble) },
        Kind::Write => Answer::Unknown { why: trouble },
    }
}

fn words<T>(said: Said<T>) -> String {
    match said {
        Said::Proof(_) => "proof under a status that is none".to_owned(),
        Said::KnownError(refusal) => refusal.message,
        Said::Throttled { .. } | Said::QuotaSpent { .. } | Said::SignInLapsed(_) => String::new(),
        Said::CredentialsRefused(words) | Said::Nothing(words) => words,
        Said::Incomplete(trouble) => trouble.to_string(),
    }
}
