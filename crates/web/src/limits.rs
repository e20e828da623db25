//! How often a key may ask: so many requests a second, and a burst. 429 says when to come back, and every answer how much is
//! left (draft-ietf-httpapi-ratelimit-headers).

use crate::problem::Problem;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use domain::ids::{ApiKeyId, ServiceProviderId};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

type Keyed = RateLimiter<ApiKeyId, DefaultKeyedStateStore<ApiKeyId>, DefaultClock, StateInformationMiddleware>;

type ByAccount = RateLimiter<ServiceProviderId, DefaultKeyedStateStore<ServiceProviderId>, DefaultClock>;

/// Callbacks of an account that are kept in a minute, by this process: 300 in a second and bursts of 10,000 are to be taken
/// (`reliability.md` 6). More would only fill the ledger: what is not heard is read back all the same.
const CALLBACKS_A_MINUTE: u32 = 30_000;

/// The limits of each API key and of each account's callbacks, kept in this process.
#[derive(Clone)]
pub struct Limits(Option<Arc<(Keyed, u32, u32)>>, Arc<ByAccount>);

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rates = self.0.as_ref().map(|limits| (limits.1, limits.2));
        f.debug_tuple("Limits").field(&rates).finish()
    }
}

impl Limits {
    /// So many requests a second, after a burst of so many; 0 of either: no limit.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let rates = NonZeroU32::new(per_second).zip(NonZeroU32::new(burst));
        let keys = rates.map(|(per_second, burst)| {
            let quota = Quota::per_second(per_second).allow_burst(burst);
            let limiter = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
            Arc::new((limiter, per_second.get(), burst.get()))
        });
        let callbacks = Quota::per_minute(NonZeroU32::new(CALLBACKS_A_MINUTE).unwrap_or(NonZeroU32::MIN));
        Self(keys, Arc::new(RateLimiter::keyed(callbacks)))
    }

    /// Takes one request of this key. Answers how many are left at once.
    pub(crate) fn take(&self, key: ApiKeyId) -> Result<Option<u32>, Problem> {
        let Some(limits) = &self.0 else { return Ok(None) };
        match limits.0.check_key(&key) {
            Ok(state) => Ok(Some(state.remaining_burst_capacity())),
            Err(not_yet) => {
                let wait = not_yet.wait_time_from(DefaultClock::default().now());
                // Whole seconds, rounded up: who comes back then is let in.
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", self.sentence())
                    .retry_after(seconds.max(1)))
            }
        }
    }

    /// The same with another limit of callbacks, so that a test can come to it.
    #[must_use]
    pub fn with_callbacks(self, a_minute: NonZeroU32) -> Self {
        Self(self.0, Arc::new(RateLimiter::keyed(Quota::per_minute(a_minute))))
    }

    /// Takes one callback of this account that was let in.
    pub(crate) fn take_callback(&self, account: ServiceProviderId) -> Result<(), Problem> {
        self.1.check_key(&account).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(DefaultClock::default().now());
            let detail =
                "So many callbacks of this account are not taken in a minute. Come back when Retry-After says.";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", detail)
                .retry_after(wait.as_secs().saturating_add(1))
        })
    }

    /// Writes what is left into an answer.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, left: Option<u32>) {
        let (Some(limits), Some(left)) = (&self.0, left) else { return };
        let policy = format!("\"per-key\";q={};w={}", limits.2, limits.2.div_ceil(limits.1));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", format!("\"per-key\";r={left}"))] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    /// Keys that asked long ago are forgotten.
    pub fn forget_the_idle(&self) {
        if let Some(limits) = &self.0 {
            limits.0.retain_recent();
        }
        self.1.retain_recent();
    }

    fn sentence(&self) -> String {
        let rates = self.0.as_ref().map_or((0, 0), |limits| (limits.1, limits.2));
        format!(
            "A key may ask {} times a second, after a burst of {}. Come back when Retry-After says.",
            rates.0, rates.1
        )
    }
}
