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
        /// A SIM without service gets it.
        ActivateAtCarrier = "activate_at_carrier",
        /// It gets a static address.
        ProvisionIp = "provision_ip",
        /// An active SIM gets another plan of the carrier's.
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

/// What is done outside for a row; usually nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// The steps in their order, without the record.
    pub steps: Vec<Step>,
    /// The lines that are closed.
    pub closes: Vec<ActiveLine>,
}

impl Outside {
    /// What has to be done outside to take a row of a finished change back: the line that it opened ends, unless it has.
    #[must_use]
    pub fn of_undo(facts: &UndoFacts) -> Self {
        match facts.billed.opened.as_ref().filter(|opened| !opened.ended) {
            Some(opened) => Self { steps: vec![Step::CloseRevService], closes: vec![opened.line.clone()] },
            None => Self::default(),
        }
    }

    /// What has to be done outside for a row with verdict CHANGE. It follows from what is asked for, and from nothing else.
    #[must_use]
    pub fn of(target: &Target, conflict: Conflict, device: &DeviceFacts) -> Self {
        let others = device.lines_of_others(target.account());
        let closes: Vec<ActiveLine> = others.filter(|_| conflict.closes()).cloned().collect();
        let mut steps = Vec::new();
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

    /// The calls that it takes, by account: a line is made, then each product; of a package its products are read once. A line
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
