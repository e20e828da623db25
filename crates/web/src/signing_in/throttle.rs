//! Slowing down who guesses. Each try counts when it begins, and is taken back when it was right, so that many at once gain
//! nothing.
//!
//! * Account and address together: five tries at once, then each has to wait twice as long as the one before, up to fifteen
//!   minutes. Somebody else's tries never slow down the account's owner, who comes from another address.
//! * The address alone: fifty tries, then up to thirty seconds between them: short, because many people may share it.
//! * The account alone: nothing. Whoever could slow it down from anywhere could lock its owner out. What keeps an attacker with
//!   many addresses slow is that all sign-ins together are hashed four at a time.
//!
//! Kept in this process: several `serve` together let through as many times as many.

use domain::email::Email;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a try it is forgotten that there were any.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);
/// More than so many are not remembered: those with the fewest tries go first.
const MOST: usize = 100_000;

/// How one kind of key is slowed down.
#[derive(Clone, Copy)]
struct Pace {
    free: u32,
    longest: Duration,
}

const ACCOUNT_AND_ADDRESS: Pace = Pace { free: 5, longest: Duration::from_secs(15 * 60) };
const ADDRESS: Pace = Pace { free: 50, longest: Duration::from_secs(30) };

impl Pace {
    /// How long the next try has to wait after so many.
    fn wait_after(self, tries: u32) -> Duration {
        match tries.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(20)).min(self.longest),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    count: u32,
    not_before: Instant,
    last: Instant,
}

/// Who has tried how often.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<[u8; 32], Tries>>);

/// A try that was let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try([u8; 32], [u8; 32]);

impl Throttle {
    /// Lets a try through, or says how long to wait. A try that waits does not count.
    pub(crate) fn begin(&self, email: &Email, address: IpAddr, now: Instant) -> Result<Try, Duration> {
        let from = network(address);
        let keys = [key(&[email.as_str().as_bytes(), &from]), key(&[&from])];
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits =
            keys.iter().filter_map(|key| all.get(key)).map(|tries| tries.not_before.saturating_duration_since(now));
        let wait = waits.max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        for (key, pace) in keys.into_iter().zip([ACCOUNT_AND_ADDRESS, ADDRESS]) {
            let tries = all.entry(key).or_insert(Tries { count: 0, not_before: now, last: now });
            tries.count = tries.count.saturating_add(1);
            tries.last = now;
            tries.not_before = now + pace.wait_after(tries.count);
        }
        if all.len() > MOST {
            forget(&mut all, now, Duration::from_secs(60));
            if all.len() > MOST {
                all.retain(|_, tries| tries.count > 1);
            }
        }
        Ok(Try(keys[0], keys[1]))
    }

    /// The password was right: its account starts anew at this address, and the address has one try less.
    pub(crate) fn was_right(&self, right: Try) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&right.0);
        if let Some(tries) = all.get_mut(&right.1) {
            tries.count = tries.count.saturating_sub(1);
            tries.not_before = tries.last;
        }
    }

    /// Forgets who has not tried for an hour.
    pub(crate) fn forget_the_idle(&self, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut all, now, FORGOTTEN);
    }
}

fn forget(all: &mut HashMap<[u8; 32], Tries>, now: Instant, after: Duration) {
    all.retain(|_, tries| now.saturating_duration_since(tries.last) < after || tries.not_before > now);
}

fn key(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().into()
}

/// One IPv4 address; of IPv6 the /64 that a household has.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        Email::read(text).unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Some moment: what counts is how much later another is.
    #[expect(clippy::disallowed_methods, reason = "a moment can only be had from the machine")]
    fn some_moment() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_wait_grows_for_an_account_at_an_address_and_for_nobody_else() {
        let (throttle, mut now) = (Throttle::default(), some_moment());
        let (victim, attacker) = (email("ops@example.com"), address(1));
        for _ in 0..5 {
            throttle.begin(&victim, attacker, now).unwrap();
        }
        assert_eq!(throttle.begin(&victim, attacker, now).unwrap_err(), Duration::from_secs(1));
        throttle.begin(&victim, address(2), now).unwrap();
        throttle.begin(&email("other@example.com"), attacker, now).unwrap();
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            // Tries that wait count for nothing: the wait is never longer for having asked in vain.
            for _ in 0..3 {
                assert_eq!(throttle.begin(&victim, attacker, now).unwrap_err(), Duration::from_secs(seconds));
            }
            now += Duration::from_secs(seconds);
            throttle.begin(&victim, attacker, now).unwrap();
        }
        now += Duration::from_secs(2 * 60 * 60);
        throttle.forget_the_idle(now);
        for _ in 0..5 {
            throttle.begin(&victim, attacker, now).unwrap();
        }
    }

    #[test]
    fn a_right_password_starts_anew_and_an_address_that_tries_many_accounts_waits_a_little() {
        let (throttle, mut now) = (Throttle::default(), some_moment());
        for _ in 0..3 {
            for _ in 0..4 {
                throttle.begin(&email("ops@example.com"), address(1), now).unwrap();
            }
            let right = throttle.begin(&email("ops@example.com"), address(1), now).unwrap();
            throttle.was_right(right);
        }
        for n in 0..50 {
            throttle.begin(&email(&format!("a{n}@example.com")), address(9), now).unwrap();
        }
        let wait = throttle.begin(&email("a50@example.com"), address(9), now).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        for n in 0..10 {
            now += Duration::from_secs(30);
            throttle.begin(&email(&format!("b{n}@example.com")), address(9), now).unwrap();
        }
        let wait = throttle.begin(&email("c@example.com"), address(9), now).unwrap_err();
        assert_eq!(wait, Duration::from_secs(30), "no longer than that: others may share the address");
        throttle.begin(&email("c@example.com"), address(8), now).unwrap();
    }

    #[test]
    fn of_ipv6_a_household_is_one_and_a_mapped_address_is_the_ipv4_that_it_is() {
        let at = |text: &str| network(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
