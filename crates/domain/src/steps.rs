//! What is done for a row, in order: outside first, most of all what is refused first, the record last.

use crate::ids::IntegrationAuthenticationId;
use crate::line_target::Line;
use crate::states::words;
use crate::target::{RevAccount, Target};
use crate::undo::UndoFacts;
use crate::verdict::{ActiveLine, Conflict, DeviceFacts};
use serde::{Deserialize, Serialize};

words! {
    /// One thing that is done for a row.
    Step {
        /// The SIM gets service at its carrier, and with that its number.
        ActivateAtCarrier = "activate_at_carrier",
        /// It gets a static address there.
        ProvisionIp = "provision_ip",
        /// It gets another carrier rate plan.
        ChangeCarrierRatePlan = "change_carrier_rate_plan",
        /// Lines of other accounts are closed.
        CloseRevService = "close_rev_service",
        /// A line is opened.
        OpenRevService = "open_rev_service",
        /// An existing line gets the SIM's number and ICCID.
        UpdateRevService = "update_rev_service",
        /// The assignment, its history, the log: always, and last.
        RecordAssignment = "record_assignment",
    }
}

impl Step {
    /// Is it done at the carrier?
    #[must_use]
    pub const fn is_at_carrier(self) -> bool {
        matches!(self, Self::ActivateAtCarrier | Self::ProvisionIp | Self::ChangeCarrierRatePlan)
    }
}

/// What is done outside for a row; usually nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// The steps in their order, without the record.
    pub steps: Vec<Step>,
    /// The lines that are closed.
    pub closes: Vec<ActiveLine>,
}

impl Outside {
    /// What has to be done outside to take a row of a finished change back: the carrier rate plan that it changed goes back, and
    /// the line that it opened ends, unless that is so already.
    #[must_use]
    pub fn of_undo(facts: &UndoFacts) -> Self {
        let plan = facts.carried.plan_goes_back(facts.device.as_ref()).map(|_| Step::ChangeCarrierRatePlan);
        let closes: Vec<ActiveLine> =
            facts.billed.opened.iter().filter(|opened| !opened.ended).map(|opened| opened.line.clone()).collect();
        let close = (!closes.is_empty()).then_some(Step::CloseRevService);
        Self { steps: plan.into_iter().chain(close).collect(), closes }
    }

    /// What has to be done outside for a row with verdict CHANGE. It follows from what is asked for, and from nothing else.
    #[must_use]
    pub fn of(target: &Target, conflict: Conflict, device: &DeviceFacts) -> Self {
        let others = device.lines_of_others(target.account());
        let closes: Vec<ActiveLine> = others.filter(|_| conflict.closes()).cloned().collect();
        let mut steps = target.carrier.steps(&device.carrier);
        if !closes.is_empty() {
            steps.push(Step::CloseRevService);
        }
        match &target.line {
            Some(Line::New(_)) => steps.push(Step::OpenRevService),
            Some(Line::Existing(line)) if !line.bills(device) => steps.push(Step::UpdateRevService),
            Some(Line::Existing(_)) | None => {}
        }
        Self { steps, closes }
    }

    /// The calls that it takes at Rev.io, by account: a line is made, then each product; of a package its products are read once. A line
    /// is read and disconnected, and each product in force before it. An existing one is read and changed.
    pub fn calls<'a>(
        &'a self,
        target: Option<&'a Target>,
    ) -> impl Iterator<Item = (IntegrationAuthenticationId, i64)> + 'a {
        let closing =
            self.closes.iter().map(|line| (line.account.integration_authentication, 2 + i64::from(line.products)));
        let own = match target.and_then(|target| target.line.as_ref()) {
            Some(Line::New(line)) if line.package.is_some() => 2,
            Some(Line::New(line)) => 1 + i64::try_from(line.products.len()).unwrap_or(i64::MAX - 1),
            Some(Line::Existing(_)) if self.steps.contains(&Step::UpdateRevService) => 2,
            Some(Line::Existing(_)) | None => 0,
        };
        let own = target
            .and_then(Target::account)
            .filter(|_| own > 0)
            .map(|account| (account.integration_authentication, own));
        closing.chain(own)
    }

    /// The accounts of whom it takes more than what is known here: who is to be billed, and who is not any more.
    pub fn at_stake<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a RevAccount> {
        let closed = self.closes.iter().map(|line| &line.account);
        closed.chain(target.account().filter(|_| target.line.is_some()))
    }
}

/// How many SIMs are sent or read at a time at a carrier that takes many in one request.
pub const AT_A_TIME: i64 = 500;

/// The calls that a step at a carrier takes: SIMs are read before, sent, and read back twice. `alike` has how many SIMs are to become
/// the same: one request names no others. The carrier takes so many in one request.
pub fn carrier_calls(alike: impl Iterator<Item = i64>, devices_per_request: i64) -> i64 {
    let at_a_time = devices_per_request.clamp(1, AT_A_TIME);
    let requests = |devices: i64| devices.max(0) / at_a_time + i64::from(devices.max(0) % at_a_time > 0);
    let (devices, sends) = alike
        .fold((0_i64, 0_i64), |(devices, sends), n| (devices.saturating_add(n), sends.saturating_add(requests(n))));
    sends.saturating_add(requests(devices).saturating_mul(3))
}

/// How long calls take: at 98 of a hundred of what is allowed in a minute; and a whole day more for each that is waited for,
/// because a day's calls are spent.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "seconds to be read by a person")]
pub fn seconds_for(calls: i64, left_today: i64, per_minute: i64, per_day: i64) -> f64 {
    let (calls, left_today) = (calls.max(0), left_today.max(0));
    let beyond = calls.saturating_sub(left_today).max(0);
    let per_day = per_day.max(1);
    let days = beyond / per_day + i64::from(beyond % per_day > 0);
    // What is sent on the last day; the days before it are whole.
    let last = if days == 0 { calls } else { beyond - (days - 1) * per_day };
    let pace = 0.98 * per_minute.max(1) as f64 / 60.0;
    days as f64 * 86_400.0 + last as f64 / pace
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_goes_in_one_request_and_is_read_once_before_and_twice_after() {
        let calls = |alike: &[i64], most| carrier_calls(alike.iter().copied(), most);
        assert_eq!((calls(&[], 500), calls(&[1], 500), calls(&[500], 500), calls(&[501], 500)), (0, 4, 4, 8));
        // Two plans are two requests for one reading of all.
        assert_eq!(calls(&[250, 250], 500), 2 + 3);
        assert_eq!((calls(&[3], 1), calls(&[500], 10_000), calls(&[-5], 0)), (12, 4, 0));
        assert!(calls(&[i64::MAX, i64::MAX], 1) > 0);
    }

    #[test]
    fn a_hundred_thousand_lines_take_more_than_six_hours_and_a_day_that_is_spent_takes_a_day_more() {
        let hours = |calls, left| seconds_for(calls, left, 500, 150_000) / 3_600.0;
        assert!((6.8..6.81).contains(&hours(200_000, 200_000)), "{}", hours(200_000, 200_000));
        // 150,000 of them today; 50,000 tomorrow.
        assert!((25.7..25.71).contains(&hours(200_000, 150_000)), "{}", hours(200_000, 150_000));
        // Nothing today; 150,000 tomorrow; 50,000 the day after.
        assert!((49.7..49.71).contains(&hours(200_000, 0)), "{}", hours(200_000, 0));
        assert!(seconds_for(0, 0, 500, 150_000) < f64::EPSILON);
        assert!(seconds_for(i64::MAX, 0, 0, 0).is_finite());
    }
}
