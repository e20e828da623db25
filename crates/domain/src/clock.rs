//! Time as an argument: whoever needs "now" is given a [`Clock`].

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where "now" comes from. Cloning shares the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(fn() -> Timestamp),
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that asks the given function; programs pass the machine's clock here, once, in `main`.
    #[must_use]
    pub const fn from_fn(now: fn() -> Timestamp) -> Self {
        Self(Source::System(now))
    }

    /// A clock that stands still until it is advanced; for tests.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(at.as_microsecond()))))
    }

    /// The present instant, to the microsecond for a fixed clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System(now) => now(),
            Source::Fixed(micros) => {
                Timestamp::from_microsecond(micros.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Moves a fixed clock on; does nothing to a system clock.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Fixed(micros) = &self.0 {
            let step = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            micros.fetch_add(step, Ordering::SeqCst);
        }
    }
}
