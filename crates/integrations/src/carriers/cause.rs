//! Why a carrier will not, in words that every carrier's codes come down to.

use std::fmt;

/// Why a carrier will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// It has no such device, or does not show it to us.
    DeviceNotFound,
    /// The identifier's kind or value is not one that it takes.
    DeviceInvalid,
    /// The device is not in the state that the change starts from.
    DeviceNotActive,
    /// The device is active already.
    DeviceAlreadyActive,
    /// The device is suspended, and that is not changed meanwhile.
    DeviceSuspended,
    /// The device is in another of its accounts.
    DeviceOfAnotherAccount,
    /// There is no such carrier rate plan.
    PlanNotFound,
    /// No pool was named, and there is no default one.
    NoDefaultPool,
    /// The account named does not exist, is not ours, or must be named.
    AccountNotUsable,
    /// More devices than one request may have.
    TooManyDevices,
    /// The request is not as the carrier wants it: a mistake of ours, or a character that it does not take.
    Malformed,
    /// A group of devices is not there, or may not be changed.
    Group,
    /// The carrier has cancelled it.
    Cancelled,
    /// The carrier does not do this.
    NotSupported,
    /// What stands before the carrier knows no such address.
    WrongAddress,
    /// It failed, for a reason that is not one of these; the carrier's code is in the refusal.
    Unlisted,
}

/// Whom a refusal is about: what follows for the rest of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerns {
    /// One device, and nobody says which if there are several, or how many they are: nothing was done, so send the halves.
    Device,
    /// All of the request alike.
    Request,
    /// The account, and so everything that it is asked: tell somebody before more rows are refused.
    Account,
}

impl Cause {
    /// Every one of them.
    pub const ALL: [Self; 16] = [
        Self::DeviceNotFound,
        Self::DeviceInvalid,
        Self::DeviceNotActive,
        Self::DeviceAlreadyActive,
        Self::DeviceSuspended,
        Self::DeviceOfAnotherAccount,
        Self::PlanNotFound,
        Self::NoDefaultPool,
        Self::AccountNotUsable,
        Self::TooManyDevices,
        Self::Malformed,
        Self::Group,
        Self::Cancelled,
        Self::NotSupported,
        Self::WrongAddress,
        Self::Unlisted,
    ];

    /// Whom it is about.
    #[must_use]
    pub const fn concerns(self) -> Concerns {
        match self {
            Self::DeviceNotFound
            | Self::DeviceInvalid
            | Self::DeviceNotActive
            | Self::DeviceAlreadyActive
            | Self::DeviceSuspended
            | Self::DeviceOfAnotherAccount
            | Self::TooManyDevices
            | Self::Malformed
            | Self::Unlisted => Concerns::Device,
            Self::PlanNotFound | Self::NoDefaultPool | Self::Group | Self::Cancelled | Self::NotSupported => {
                Concerns::Request
            }
            Self::AccountNotUsable | Self::WrongAddress => Concerns::Account,
        }
    }

    /// For the person who reads the row.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::DeviceNotFound => "the carrier has no such SIM in this account",
            Self::DeviceInvalid => "the carrier does not take this as a SIM's identifier",
            Self::DeviceNotActive => "the SIM is not active at the carrier",
            Self::DeviceAlreadyActive => "the SIM is active at the carrier already",
            Self::DeviceSuspended => "the SIM is suspended at the carrier, and its plan is not changed meanwhile",
            Self::DeviceOfAnotherAccount => "the SIM is in another account at the carrier",
            Self::PlanNotFound => "the carrier has no such rate plan for this account",
            Self::NoDefaultPool => "the account has no default pool of addresses, and none was named",
            Self::AccountNotUsable => "the account does not exist at the carrier, or its user may not use it",
            Self::TooManyDevices => "the request names more SIMs than the carrier takes at once",
            Self::Malformed => "the carrier does not take the request as it is",
            Self::Group => "the group of SIMs is not there, or may not be changed",
            Self::Cancelled => "the carrier has cancelled it",
            Self::NotSupported => "the carrier does not do this",
            Self::WrongAddress => "there is no such address at the carrier; look at the account's base URL",
            Self::Unlisted => "the carrier says that it failed",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_sentence_of_its_own() {
        let sentences: std::collections::BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.to_string()).collect();
        assert_eq!(sentences.len(), Cause::ALL.len());
    }

    #[test]
    fn only_what_names_no_device_is_not_tried_in_halves() {
        for cause in Cause::ALL {
            let is_about_devices = cause.sentence().contains("the SIM ") || cause.sentence().contains("a SIM");
            assert!(!is_about_devices || cause.concerns() == Concerns::Device, "{cause:?}");
        }
    }
}
