//! What can be set, above all what `thingspace.md` only infers.

use super::contract::{MOST_DEVICES_PER_PAGE, MOST_DEVICES_PER_REQUEST};
use crate::answer::Waits;
use crate::carriers::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How ThingSpace is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThingSpaceSettings {
    /// How long to wait when ThingSpace does not say.
    pub waits: Waits,
    /// How many devices one request names; never more than 10,000. Fewer lose less when the answer is.
    pub devices_per_request: usize,
    /// How many devices a page of the list has; never more than 2,000.
    pub devices_per_page: usize,
    /// What a deactivation says of the fee for ending early; none says nothing.
    pub waives_early_end_fee: Option<bool>,
    /// What is a guess.
    pub inferred: Inferred,
}

impl Default for ThingSpaceSettings {
    fn default() -> Self {
        Self {
            waits: Waits::default(),
            // `reliability.md` 4.5.
            devices_per_request: 500,
            devices_per_page: 1_000,
            waives_early_end_fee: None,
            inferred: Inferred::default(),
        }
    }
}

impl ThingSpaceSettings {
    pub(super) fn devices_per_request(&self) -> usize {
        self.devices_per_request.clamp(1, MOST_DEVICES_PER_REQUEST)
    }

    pub(super) fn devices_per_page(&self) -> usize {
        self.devices_per_page.clamp(1, MOST_DEVICES_PER_PAGE)
    }
}

/// Guesses about the live service. Nobody has tried these; each names the section of `thingspace.md` that leaves it open.
/// `INFERRED` says them to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// Requests about devices name the account, too (2: the pages tell callers to send either, production sends both).
    pub names_the_account_with_devices: bool,
    /// `SessionToken.Invalid` means a session that has run out (1: one public client logs in again).
    pub invalid_session_has_lapsed: bool,
    /// Whatever is said with 4xx while signing in is about the credentials (1: which code a wrong password gets is not
    /// public, and five of them lock the user out).
    pub errors_of_signing_in_refuse: bool,
    /// An `INPUT_INVALID` whose rest is not known refuses (1: codes are not all public; what is not valid was not done).
    pub invalid_input_refuses: bool,
    /// A `REQUEST_FAILED` whose rest is not known refuses a write (1). Off, it leaves the write in doubt until a read has
    /// shown what is so.
    pub unlisted_failure_refuses: bool,
    /// More codes that refuse, without the name of the service: what somebody has learned.
    pub also_refusing: BTreeSet<String>,
    /// A 400 or 404 of the gateway's own refuses (1: the application was not asked). Off, it leaves a write in doubt.
    pub gateway_refuses: bool,
    /// The gateway's codes for being asked too often (2.4: unpublished; these are its maker's).
    pub throttling_faults: BTreeSet<String>,
    /// What the state words mean, in lower case, without hyphens (4; the SDKs' texts spell some of them otherwise).
    pub state_words: BTreeMap<String, Standing>,
    /// An active device moves to another pool by a change to the plan that it has, which counts as one (2.2).
    pub pool_moves_with_the_plan: bool,
    /// `ipAddress` beside a device's ids asks for that address (2.2: one SDK has it).
    pub takes_an_address_that_is_asked_for: bool,
    /// `currentServicePlan` beside a list of devices spares those that have another plan (`reliability.md` 4.3).
    pub current_plan_is_a_condition: bool,
    /// How long after a request that nobody knows of it may still show (`reliability.md` 4.2, a judgement until measured).
    pub settles_within: Duration,
    /// How long an accepted request may take (2.4: minutes, up to 24 hours).
    pub done_within: Duration,
}

/// Setting, what is believed, why it is open: for people.
pub(super) const INFERRED: &[(&str, &str, &str)] = &[
    (
        "names_the_account_with_devices",
        "requests about devices name the account as well",
        "documented as one or the other; clients in production send both",
    ),
    (
        "invalid_session_has_lapsed",
        "an invalid session token is renewed like one that has run out",
        "its documented cause is another",
    ),
    (
        "errors_of_signing_in_refuse",
        "any 4xx while signing in pauses the account",
        "the code of a wrong password is not public, and five wrong ones lock the user out",
    ),
    ("invalid_input_refuses", "an unlisted `INPUT_INVALID` code refuses", "the list of codes is not complete"),
    (
        "unlisted_failure_refuses",
        "off: an unlisted `REQUEST_FAILED` code leaves a write in doubt",
        "the list of codes is not complete",
    ),
    ("also_refusing", "none", "codes that somebody has learned"),
    ("gateway_refuses", "a 400 or 404 of the gateway refuses", "what it stands for is not said"),
    (
        "throttling_faults",
        "the codes that the gateway's maker publishes",
        "what being throttled looks like is not public",
    ),
    ("state_words", "six words, and the SDKs' spellings of them", "texts and samples spell them differently"),
    (
        "pool_moves_with_the_plan",
        "an active device gets a pool by a change to the plan that it has",
        "whether it counts as a change of plan is not said",
    ),
    ("takes_an_address_that_is_asked_for", "`ipAddress` beside a device asks for it", "one SDK has the field"),
    (
        "current_plan_is_a_condition",
        "off: the plan that a device has now is not sent as a condition",
        "it is documented as a selector, not together with a list of devices",
    ),
    ("settles_within", "15 minutes", "a judgement until measured"),
    ("done_within", "24 hours", "documented as minutes, up to 24 hours"),
];

impl Default for Inferred {
    fn default() -> Self {
        let words = [
            ("active", Standing::Active),
            ("activate", Standing::Active),
            ("suspend", Standing::Suspended),
            ("deactive", Standing::Deactivated),
            ("preactive", Standing::NotYetActive),
            ("pending activation", Standing::BecomingActive),
            ("pending deactivation", Standing::BecomingDeactivated),
        ];
        let throttling = ["900800", "900801", "900802", "900803", "900804", "900806", "900807"];
        Self {
            names_the_account_with_devices: true,
            invalid_session_has_lapsed: true,
            errors_of_signing_in_refuse: true,
            invalid_input_refuses: true,
            unlisted_failure_refuses: false,
            also_refusing: BTreeSet::new(),
            gateway_refuses: true,
            throttling_faults: throttling.map(str::to_owned).into(),
            state_words: words.map(|(word, standing)| (word.to_owned(), standing)).into(),
            pool_moves_with_the_plan: true,
            takes_an_address_that_is_asked_for: true,
            current_plan_is_a_condition: false,
            settles_within: Duration::from_secs(15 * 60),
            done_within: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Inferred {
    /// What a state's word means. In any case, with or without the hyphen of `Pre-active`.
    pub(super) fn standing(&self, word: &str) -> Standing {
        let plain = word.trim().to_ascii_lowercase().replace('-', "");
        self.state_words.get(&plain).copied().unwrap_or_default()
    }

    /// The word by which the list is asked for a state.
    pub(super) fn word(&self, standing: Standing) -> Option<&str> {
        // The shortest is the wire's; SDK texts are longer.
        let words = self.state_words.iter().filter(|(_, meant)| **meant == standing);
        words.map(|(word, _)| word.as_str()).min_by_key(|word| word.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guess_is_told_to_people() {
        let shown = format!("{:?}", Inferred::default());
        let fields: Vec<&str> = INFERRED.iter().map(|(setting, _, _)| *setting).collect();
        for field in &fields {
            assert!(shown.contains(&format!("{field}: ")), "{field} is no setting");
        }
        // Each of them begins a field of the struct, in its order; nothing of the struct is left out.
        let source = include_str!("settings.rs");
        let body = source.split("pub struct Inferred {").nth(1).unwrap().split("\n}").next().unwrap();
        let declared: Vec<&str> = body
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub "))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(declared, fields);
    }

    #[test]
    fn states_are_read_in_any_spelling_and_an_unknown_one_is_none_of_them() {
        let inferred = Inferred::default();
        for (word, standing) in [
            ("active", Standing::Active),
            ("Activate", Standing::Active),
            (" Suspend ", Standing::Suspended),
            ("Deactive", Standing::Deactivated),
            ("Pre-active", Standing::NotYetActive),
            ("Pending Activation", Standing::BecomingActive),
            ("pending deactivation", Standing::BecomingDeactivated),
            ("inactive", Standing::Unlisted),
            ("", Standing::Unlisted),
        ] {
            assert_eq!(inferred.standing(word), standing, "{word}");
        }
        assert_eq!(inferred.word(Standing::Active), Some("active"));
        assert_eq!(inferred.word(Standing::Unlisted), None);
    }

    #[test]
    fn no_setting_goes_beyond_what_is_documented() {
        let wild = ThingSpaceSettings {
            devices_per_request: usize::MAX,
            devices_per_page: 0,
            ..ThingSpaceSettings::default()
        };
        assert_eq!((wild.devices_per_request(), wild.devices_per_page()), (10_000, 1));
    }
}
