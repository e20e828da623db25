//! What is known of a carrier and of a SIM there when a plan is made: what can be done, whether it may be, and how the SIM stands.

use crate::ids::CarrierRatePlanId;
use crate::reason::{Reason, Refusal};
use crate::states::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// What a carrier's word for a SIM's state means.
    Standing {
        /// It may connect, and is billed.
        Active = "active",
        /// Its service is interrupted.
        Suspended = "suspended",
        /// It never had service: it can be activated.
        NotYetActive = "not_yet_active",
        /// It has no service and had some: it can be activated again, under another number.
        Deactivated = "deactivated",
        /// On its way from one to another.
        Pending = "pending",
        /// It is over, or nobody knows what the word means.
        Other = "other",
    }
}

impl Standing {
    /// Can such a SIM be activated?
    #[must_use]
    pub const fn can_be_activated(self) -> bool {
        matches!(self, Self::NotYetActive | Self::Deactivated)
    }
}

/// What can be asked of the carriers of one integration. An integration at which nothing can be changed yet has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierCapabilities {
    /// Another carrier rate plan.
    pub changes_plans: bool,
    /// With a communication plan beside it.
    pub communication_plans: bool,
    /// Service for a SIM that has none.
    pub activates: bool,
    /// A static address of a pool that is named, for a SIM that was activated.
    pub static_ip_of_a_pool: bool,
    /// An activation takes the IMEI, or the kind of device in its place.
    pub activation_wants_imei: bool,
    /// How often the plan of one SIM may change in a calendar month (UTC).
    pub plan_changes_per_month: Option<u32>,
    /// Whether the plan of a suspended SIM may change.
    pub plan_changes_while_suspended: bool,
    /// Characters that it does not take in any text.
    pub refused_characters: &'static str,
    /// How many SIMs one request may name.
    pub devices_per_request: i64,
    /// A request is answered with a promise, which may take so many seconds; None: at once.
    pub done_within_seconds: Option<i64>,
}

/// What the carriers of each integration can be asked, by the integration's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carriers(pub BTreeMap<String, CarrierCapabilities>);

impl Carriers {
    /// What those of one integration can be asked; None: nothing can be changed there from here.
    #[must_use]
    pub fn of(&self, integration: &str) -> Option<&CarrierCapabilities> {
        self.0.get(integration)
    }
}

/// The account at the carrier that is behind a service provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// Why nothing is sent to it now.
    pub paused_because: Option<String>,
    /// Are all credentials there?
    pub has_credentials: bool,
}

/// What a plan may ask of the carrier of its SIMs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtCarrier {
    /// What the carrier can do; None: nothing can be changed there from here.
    pub can: Option<CarrierCapabilities>,
    /// Why nothing may be changed there now, in words.
    pub closed: Option<String>,
    /// Are SIMs without service to be activated?
    pub activates: bool,
}

impl AtCarrier {
    /// What may be asked through a service provider.
    #[must_use]
    pub fn of(
        can: Option<&CarrierCapabilities>,
        (write_enabled, is_partners): (bool, bool),
        account: Option<&AccountFacts>,
        activates: bool,
    ) -> Self {
        let closed = if is_partners {
            Some("the partner has the account at the carrier".to_owned())
        } else if !write_enabled {
            Some("the service provider has write_enabled: false".to_owned())
        } else {
            match account {
                None => Some("the service provider has no account at the carrier".to_owned()),
                Some(AccountFacts { paused_because: Some(why), .. }) => Some(format!("the account is paused: {why}")),
                Some(AccountFacts { has_credentials: false, .. }) => Some("the account lacks credentials".to_owned()),
                Some(_) => None,
            }
        };
        Self { can: can.cloned(), closed, activates }
    }

    /// Why nothing at all can be changed at the carrier, if so.
    #[must_use]
    pub fn refuses_all(&self) -> Option<Refusal> {
        if self.can.is_none() {
            return Some(Refusal::about(
                Reason::CarrierNotSupported,
                "nothing can be changed at this carrier from here",
            ));
        }
        self.closed.as_ref().map(|why| Refusal::about(Reason::CarrierWriteDisabled, why.as_str()))
    }
}

/// What the verdict reads of a SIM at its carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierFacts {
    /// What the carrier's word means.
    pub standing: Standing,
    /// Its carrier rate plan, as far as it is known.
    pub plan: Option<CarrierRatePlanId>,
    /// The radio it is in, as far as it is known.
    pub imei: Option<String>,
    /// How often its plan was changed from here this calendar month (UTC).
    pub plan_changes: i32,
}

/// Reads an IMEI as people and machines write it: 14 to 16 digits, with the spaces, hyphens and quotes of spreadsheets
/// (3GPP TS 23.003, 6.2: 14 digits, and a check digit or two digits of the software's version).
///
/// # Errors
/// `IMEI_MALFORMED`, with what was seen.
pub fn read_imei(text: &str) -> Result<String, Refusal> {
    let bare = text.trim();
    let bare = bare.strip_prefix('=').filter(|rest| rest.starts_with('"')).unwrap_or(bare);
    let digits: String =
        bare.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '-' | '/' | '\u{a0}')).collect();
    if let Some(odd) = digits.chars().find(|c| !c.is_ascii_digit()) {
        return Err(Refusal::about(Reason::ImeiMalformed, format!("{odd:?} is not a digit")));
    }
    if !(14..=16).contains(&digits.len()) {
        return Err(Refusal::about(Reason::ImeiMalformed, format!("{} digits", digits.len())));
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imei_is_read_as_it_is_written() {
        for text in ["356938035643809", " 35-693803-564380-9 ", "'356938035643809", "=\"356938035643809\""] {
            assert_eq!(read_imei(text).as_deref(), Ok("356938035643809"), "{text}");
        }
        assert!(read_imei("35693803564380").is_ok() && read_imei("3569380356438012").is_ok());
        for text in ["", "12", "35693803564380912", "3.57E+14", "35693803564380O"] {
            assert_eq!(read_imei(text).map_err(|r| r.reason), Err(Reason::ImeiMalformed), "{text}");
        }
    }

    #[test]
    fn what_keeps_an_account_closed_is_said() {
        let can = CarrierCapabilities {
            changes_plans: true,
            communication_plans: false,
            activates: true,
            static_ip_of_a_pool: true,
            activation_wants_imei: true,
            plan_changes_per_month: Some(4),
            plan_changes_while_suspended: false,
            refused_characters: "<",
            devices_per_request: 500,
            done_within_seconds: Some(60),
        };
        let open = AccountFacts { paused_because: None, has_credentials: true };
        let closed = |enabled, partners, account: Option<&AccountFacts>| {
            AtCarrier::of(Some(&can), (enabled, partners), account, false).refuses_all().map(|refusal| refusal.reason)
        };
        assert_eq!(closed(true, false, Some(&open)), None);
        let paused = AccountFacts { paused_because: Some("a person".into()), ..open.clone() };
        let bare = AccountFacts { has_credentials: false, ..open.clone() };
        for (enabled, partners, account) in [
            (false, false, Some(&open)),
            (true, true, Some(&open)),
            (true, false, None),
            (true, false, Some(&paused)),
            (true, false, Some(&bare)),
        ] {
            assert_eq!(closed(enabled, partners, account), Some(Reason::CarrierWriteDisabled));
        }
        let nothing = AtCarrier::of(None, (true, false), Some(&open), false);
        assert_eq!(nothing.refuses_all().map(|refusal| refusal.reason), Some(Reason::CarrierNotSupported));
    }
}
