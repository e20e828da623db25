//! The states of a device (`thingspace.md` 4) as the wire has them.

use serde::{Deserialize, Serialize};

/// A state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the state of that name")]
pub enum State {
    #[default]
    Preactive,
    #[serde(rename = "pending activation")]
    PendingActivation,
    Active,
    Suspend,
    #[serde(rename = "pending deactivation")]
    PendingDeactivation,
    Deactive,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Preactive,
        Self::PendingActivation,
        Self::Active,
        Self::Suspend,
        Self::PendingDeactivation,
        Self::Deactive,
    ];

    /// On the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Preactive => "preactive",
            Self::PendingActivation => "pending activation",
            Self::Active => "active",
            Self::Suspend => "suspend",
            Self::PendingDeactivation => "pending deactivation",
            Self::Deactive => "deactive",
        }
    }

    /// The state of that name, in any case and also as texts print it: `Activate`, `Pre-active`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name: String = name.trim().to_ascii_lowercase().chars().filter(|sign| *sign != '-').collect();
        match name.as_str() {
            "activate" => Some(Self::Active),
            "suspended" => Some(Self::Suspend),
            "deactivate" | "deactivated" => Some(Self::Deactive),
            name => Self::ALL.into_iter().find(|state| state.word() == name),
        }
    }

    /// Whether the line has a number, a plan and an address.
    #[must_use]
    pub const fn has_line(self) -> bool {
        matches!(self, Self::Active | Self::Suspend | Self::PendingDeactivation)
    }
}
