//! A device as its carrier has it.

use crate::carriers::Cause;
use jiff::Timestamp;

/// A SIM as its carrier shows it now. What the carrier does not say is none; nothing is derived from something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Digits, as the carrier writes them.
    pub iccid: String,
    /// Of the radio that the SIM is in.
    pub imei: Option<String>,
    /// Of an embedded SIM.
    pub eid: Option<String>,
    /// The subscriber's identity in the network.
    pub imsi: Option<String>,
    /// The subscriber's number, with its country code.
    pub msisdn: Option<String>,
    /// The directory number, without one.
    pub mdn: Option<String>,
    /// The carrier's own word for its state; empty if it says none.
    pub status: String,
    /// What that word means.
    pub standing: Standing,
    /// The carrier rate plan, as the carrier writes it.
    pub carrier_rate_plan: Option<String>,
    /// The communication plan, at carriers that have any.
    pub communication_plan: Option<String>,
    /// Its address, if it has one.
    pub ip_address: Option<String>,
    /// The account that it is in.
    pub account: Option<String>,
    /// When it was last activated.
    pub last_activated_at: Option<Timestamp>,
    /// When the carrier came to know it.
    pub created_at: Option<Timestamp>,
    /// When it was last seen in the network.
    pub last_connected_at: Option<Timestamp>,
}

/// What a carrier's word for a device's state means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It may connect, and is billed.
    Active,
    /// Its service is interrupted.
    Suspended,
    /// It has no service, and had one.
    Deactivated,
    /// It never had any.
    NotYetActive,
    /// On the way to [`Self::Active`].
    BecomingActive,
    /// On the way to [`Self::Deactivated`].
    BecomingDeactivated,
    /// A word that is not known. It is taken for none of the others.
    #[default]
    Unlisted,
}

impl Device {
    /// The number that a line is billed by: with its country code if the carrier says that one, else without.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        let numbers = [&self.msisdn, &self.mdn].into_iter().flatten();
        numbers.map(|number| number.trim()).find(|number| !number.is_empty())
    }

    /// Why it does not admit a change of its plan now, if it does not.
    #[must_use]
    pub const fn keeps_its_plan(&self) -> Option<Cause> {
        match self.standing {
            Standing::Suspended => Some(Cause::DeviceSuspended),
            Standing::Deactivated | Standing::NotYetActive => Some(Cause::DeviceNotActive),
            Standing::Active | Standing::BecomingActive | Standing::BecomingDeactivated | Standing::Unlisted => None,
        }
    }
}

/// Where a list goes on. Text of the carrier's own; it is kept as it is, and means something to that carrier only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// As it was kept.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// To be kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page of a list of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePage {
    /// What could be read, in the carrier's order.
    pub devices: Vec<Device>,
    /// What could not. A mirror that skips these is incomplete, and should say so.
    pub unreadable: Vec<UnreadableDevice>,
    /// Where the list goes on; none if it is at its end.
    pub next: Option<Cursor>,
}

/// A record that could not be read, or has no ICCID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableDevice {
    /// Its place on the page, from 0.
    pub index: usize,
    /// What is wrong, without the value.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_that_the_carrier_says() {
        let device = |msisdn: Option<&str>, mdn: Option<&str>| Device {
            msisdn: msisdn.map(str::to_owned),
            mdn: mdn.map(str::to_owned),
            ..Device::default()
        };
        assert_eq!(device(Some("15551230000"), Some("5551230000")).number(), Some("15551230000"));
        assert_eq!(device(Some(" "), Some("5551230000")).number(), Some("5551230000"));
        assert_eq!(device(None, None).number(), None);
    }
}
