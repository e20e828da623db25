//! What webhooks are told of, how long a delivery is tried, and how a body is told apart from a forged one (Standard Webhooks).

use crate::ids::Ids;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::time::Duration;

/// What a webhook may be told of.
pub const EVENTS: [&str; 11] = [
    "plan.ready",
    "plan.failed",
    "bulk_change.started",
    "bulk_change.completed",
    "bulk_change.completed_with_failures",
    "bulk_change.failed",
    "bulk_change.cancelled",
    "bulk_change.paused",
    "bulk_change.resumed",
    "integration.degraded",
    "integration.recovered",
];

/// What somebody sends to see whether it arrives; no webhook has to ask for it.
pub const TEST_EVENT: &str = "webhook.test";

/// What a signing secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// A new signing secret: `whsec_` and the base64 of 32 random bytes.
#[must_use]
pub fn new_secret(ids: &Ids) -> String {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(bytes))
}

/// How many webhooks of a tenant are not archived, at most.
pub const MOST_WEBHOOKS: i64 = 10;

/// How long after its first try a delivery is tried at least.
const TRIED_FOR: Duration = Duration::from_secs(3 * 24 * 3600);

/// The waits after the first tries, in seconds; after those, the last one again and again.
const WAITS: [u32; 10] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800];

/// How long to wait after this many tries (at least one) of which the first was so long ago; None: it has failed for good.
/// `jitter`, from 0 to 1, spreads those that failed together over a fifth of the wait.
#[must_use]
pub fn wait_after(tries: u32, since_the_first: Duration, jitter: f64) -> Option<Duration> {
    if since_the_first >= TRIED_FOR {
        return None;
    }
    let index = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = WAITS.get(index).or(WAITS.last()).copied().unwrap_or_default();
    Some(Duration::from_secs_f64(f64::from(wait) * (0.9 + 0.2 * jitter.clamp(0.0, 1.0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn new_secrets_differ_and_have_32_bytes() {
        let ids = Ids::new(Clock::fixed(jiff::Timestamp::UNIX_EPOCH), [3; 32]);
        let (one, other) = (new_secret(&ids), new_secret(&ids));
        assert_ne!(one, other);
        assert_eq!(BASE64_STANDARD.decode(one.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
    }

    #[test]
    fn waits_grow_and_it_is_tried_for_three_days_and_not_for_ever() {
        for jitter in [0.0, 0.5, 1.0] {
            let (mut at, mut tries, mut before) = (Duration::ZERO, 0, Duration::ZERO);
            loop {
                tries += 1;
                let Some(wait) = wait_after(tries, at, jitter) else { break };
                assert!(wait >= before, "try {tries}");
                (before, at) = (wait, at + wait);
            }
            assert!(at >= TRIED_FOR && at < TRIED_FOR + Duration::from_secs(9 * 3600), "{at:?}");
            assert!((15..30).contains(&tries), "{tries}");
        }
        assert_ne!(wait_after(3, Duration::ZERO, 0.1), wait_after(3, Duration::ZERO, 0.9));
        assert_eq!(wait_after(u32::MAX, Duration::ZERO, 0.5), Some(Duration::from_secs(28_800)));
    }
}
