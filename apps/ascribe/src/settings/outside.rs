//! What happens outside: how long calls take, when is looked again, and what follows from a refusal.

use super::Settings;
use anyhow::Context as _;
use jiff::SignedDuration;
use processing::outside::OutsideSettings;
use processing::outside::decide::{Awaiting, Policy};
use std::time::Duration;

impl Settings {
    /// A claim of due rows lasts for two calls and a little: renewed after a third of it, what is left is longer than one call.
    pub(super) fn outside_lease(&self) -> Duration {
        Duration::from_secs_f64(self.call_seconds * 2.0 + 8.0)
    }

    /// From the minutes after the end of a row to the wait before each look.
    fn sweeps(&self) -> anyhow::Result<[Duration; 3]> {
        let minutes: Result<Vec<f64>, _> = self.sweep_minutes.split(',').map(|text| text.trim().parse()).collect();
        let sound = |m: &[f64]| m.len() == 3 && m.iter().all(|m| m.is_finite() && *m > 0.0 && *m < 1e6);
        let minutes = minutes.ok().filter(|minutes| sound(minutes) && minutes.is_sorted());
        let minutes = minutes.context("sweep_minutes must be three growing numbers, such as 15,60,1440")?;
        let mut before = 0.0;
        let mut waits = [Duration::ZERO; 3];
        for (wait, minute) in waits.iter_mut().zip(minutes) {
            *wait = Duration::from_secs_f64((minute - before) * 60.0);
            before = minute;
        }
        Ok(waits)
    }

    pub(crate) fn outside(&self) -> anyhow::Result<OutsideSettings> {
        let call_timeout = Duration::from_secs_f64(self.call_seconds);
        Ok(OutsideSettings {
            call_timeout,
            lease: self.outside_lease(),
            settle_for: call_timeout + Duration::from_secs_f64(self.settle_seconds),
            sweeps: self.sweeps()?,
            carrier_settle_for: Duration::from_secs_f64(self.carrier_settle_seconds.clamp(0.0, 86_400.0)),
            policy: Policy {
                asks_before_undo: self.compensation == "ask",
                awaiting: self.awaiting()?,
                keeps_without_ip: self.static_ip_failure == "keep",
                ..Policy::default()
            },
            ..OutsideSettings::default()
        })
    }

    /// When a carrier is asked what has become of what it has accepted.
    fn awaiting(&self) -> anyhow::Result<Awaiting> {
        let minutes: Result<Vec<f64>, _> =
            self.carrier_look_minutes.split(',').map(|text| text.trim().parse()).collect();
        let sound = |m: &[f64]| m.len() == 6 && m.iter().all(|m| m.is_finite() && *m > 0.0 && *m < 1e6);
        let minutes = minutes.ok().filter(|m| sound(m) && m[..4].is_sorted());
        let minutes = minutes.context(
            "carrier_look_minutes must be four growing numbers, then every how many and until how many, such as 2,5,15,60,60,1440",
        )?;
        let span = |minutes: f64| SignedDuration::try_from_secs_f64(minutes * 60.0);
        let [first, second, third, fourth, every, until] = minutes[..] else { anyhow::bail!("six numbers") };
        Ok(Awaiting {
            first: [span(first)?, span(second)?, span(third)?, span(fourth)?],
            then_every: span(every)?,
            until: span(until)?,
        })
    }
}
