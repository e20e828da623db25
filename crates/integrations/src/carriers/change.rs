//! What a carrier is told to do with a batch of devices, and what it says of it.

use crate::answer::Refusal;
use crate::carriers::{Device, Operation};

/// One request: the same change for each of these devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What each of them is to become.
    pub change: Change,
    /// At most [`super::Capabilities::devices_per_request`] of them, each once.
    pub devices: Vec<DeviceRef>,
}

/// By what a carrier knows a device, and by what it is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NaturalKey {
    /// The SIM.
    Iccid,
    /// The line; the SIM is one of its fields.
    SubscriberNumber,
}

impl NaturalKey {
    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iccid => "its ICCID, equal to the last digit",
            Self::SubscriberNumber => "its subscriber number, equal to the last digit",
        }
    }

    /// What a device is named by; empty if it has nothing of the kind.
    #[must_use]
    pub fn of(self, device: &DeviceRef) -> &str {
        match self {
            Self::Iccid => device.iccid.trim(),
            Self::SubscriberNumber => device.subscriber_number.as_deref().unwrap_or_default().trim(),
        }
    }

    /// Whether what was found is the device: equal to the last digit, after the spaces around it.
    #[must_use]
    pub fn is_of(self, device: &DeviceRef, found: &Device) -> bool {
        let said = match self {
            Self::Iccid => found.iccid.as_str(),
            Self::SubscriberNumber => found.msisdn.as_deref().unwrap_or_default(),
        };
        let wanted = self.of(device);
        !wanted.is_empty() && said.trim() == wanted
    }
}

/// A device, by all that it may be named by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRef {
    /// As the carrier has it.
    pub iccid: String,
    /// Its MSISDN, where a carrier knows devices by that.
    pub subscriber_number: Option<String>,
    /// Of the radio; an activation may need it beside the ICCID.
    pub imei: Option<String>,
    /// An address of the pool that this device is to get; else the carrier chooses one.
    pub ip_address: Option<String>,
}

impl DeviceRef {
    /// By its ICCID alone.
    #[must_use]
    pub const fn of(iccid: String) -> Self {
        Self { iccid, subscriber_number: None, imei: None, ip_address: None }
    }
}

/// What a device is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// To have another carrier rate plan.
    CarrierRatePlan(PlanChange),
    /// To get service. Boxed, because it is much larger than the others.
    Activate(Box<Activation>),
    /// To lose its service for good: what takes an activation back.
    Deactivate,
    /// To have its service interrupted.
    Suspend,
    /// To have it again.
    Restore,
    /// To have a static address, being active already.
    StaticIp(StaticIp),
}

/// Another carrier rate plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanChange {
    /// The plan's code.
    pub plan: String,
    /// The communication plan, at carriers that have any.
    pub communication_plan: Option<String>,
    /// Only devices that have this plan now, where the carrier takes such a condition.
    pub only_from: Option<String>,
}

/// Service for a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// The plan's code.
    pub plan: String,
    /// Where its number is to be from.
    pub zip_code: String,
    /// Its static address, if it is to have one from the beginning.
    pub ip: Option<IpWish>,
    /// Which device it is sold as, where there is no IMEI.
    pub sku: Option<String>,
    /// Who uses it, and where.
    pub place_of_use: Option<PlaceOfUse>,
}

/// Which address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpWish {
    /// The pool's name; none takes the account's default pool.
    pub pool: Option<String>,
    /// For public addresses: whether they are reachable from everywhere.
    pub unrestricted: Option<bool>,
}

/// A static address for a device that is active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticIp {
    /// The pool's name.
    pub pool: String,
    /// The plan that the device has and keeps.
    pub plan: String,
}

/// Who uses a device, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what it is called")]
pub struct PlaceOfUse {
    pub first_name: String,
    pub last_name: String,
    pub address_line_1: String,
    pub address_line_2: Option<String>,
    pub city: String,
    pub state: String,
    pub zip: String,
    /// `US`.
    pub country: String,
}

impl Change {
    /// Which operation it is.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::CarrierRatePlan(_) => Operation::ChangeCarrierRatePlan,
            Self::Activate(_) => Operation::Activate,
            Self::Deactivate => Operation::Deactivate,
            Self::Suspend => Operation::Suspend,
            Self::Restore => Operation::Restore,
            Self::StaticIp(_) => Operation::ProvisionIp,
        }
    }

    /// What takes it back, for a device that had `plan_before`; nothing, where the carrier does not say what was before.
    ///
    /// Whoever sends it has read the device first: only what is still ours is taken back.
    #[must_use]
    pub fn taken_back(&self, plan_before: Option<&str>) -> Option<Self> {
        match self {
            Self::CarrierRatePlan(change) => Some(Self::CarrierRatePlan(PlanChange {
                plan: plan_before.filter(|plan| !plan.trim().is_empty())?.to_owned(),
                // What it was before is in no list; where there are any, the plan alone is not the way back.
                communication_plan: change.communication_plan.is_none().then_some(None)?,
                only_from: Some(change.plan.clone()),
            })),
            Self::Activate(_) => Some(Self::Deactivate),
            Self::Suspend => Some(Self::Restore),
            Self::Restore => Some(Self::Suspend),
            // Another activation may give another number, and of which pool an address was is not known.
            Self::Deactivate | Self::StaticIp(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_key_is_the_device() {
        let named = DeviceRef {
            subscriber_number: Some("15551230000".to_owned()),
            ..DeviceRef::of("89148000000000000001".to_owned())
        };
        let found = |iccid: &str, msisdn: Option<&str>| Device {
            iccid: iccid.to_owned(),
            msisdn: msisdn.map(str::to_owned),
            ..Device::default()
        };
        let (by_iccid, by_number) = (NaturalKey::Iccid, NaturalKey::SubscriberNumber);
        assert!(by_iccid.is_of(&named, &found(" 89148000000000000001 ", None)));
        for other in ["", " ", "8914800000000000000", "891480000000000000011", "89148000000000000002"] {
            assert!(!by_iccid.is_of(&named, &found(other, Some("15551230000"))), "{other}");
        }
        assert!(by_number.is_of(&named, &found("", Some("15551230000"))));
        for other in [None, Some(""), Some("5551230000"), Some("155512300001")] {
            assert!(!by_number.is_of(&named, &found("89148000000000000001", other)), "{other:?}");
        }
        let nameless = DeviceRef::default();
        assert!(!by_iccid.is_of(&nameless, &found("", None)) && !by_number.is_of(&nameless, &found("", Some(""))));
    }

    #[test]
    fn only_what_has_a_way_back_is_taken_back() {
        let plan = |plan: &str, only_from: Option<&str>| {
            Change::CarrierRatePlan(PlanChange {
                plan: plan.to_owned(),
                communication_plan: None,
                only_from: only_from.map(str::to_owned),
            })
        };
        assert_eq!(plan("new", None).taken_back(Some("old")), Some(plan("old", Some("new"))));
        assert_eq!(plan("new", None).taken_back(None), None);
        assert_eq!(plan("new", None).taken_back(Some(" ")), None);
        let both = PlanChange { communication_plan: Some("c".to_owned()), ..PlanChange::default() };
        assert_eq!(Change::CarrierRatePlan(both).taken_back(Some("old")), None);
        assert_eq!(Change::Activate(Box::default()).taken_back(None), Some(Change::Deactivate));
        assert_eq!(Change::Suspend.taken_back(None), Some(Change::Restore));
        assert_eq!(Change::Restore.taken_back(None), Some(Change::Suspend));
        assert_eq!(Change::Deactivate.taken_back(Some("old")), None);
        assert_eq!(Change::StaticIp(StaticIp::default()).taken_back(Some("old")), None);
    }
}

/// What is known of a batch that the carrier has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It has promised to do it. Of no device is anything known yet: each is read back by its natural key.
    Accepted {
        /// The carrier's id of the request: callbacks have it, too.
        request_id: String,
    },
    /// Each device's own answer, by its natural key and never by place. Of a device that is not in it nothing is known.
    Answered(Vec<(String, DeviceAnswer)>),
}

/// What a carrier says of one device of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceAnswer {
    /// It is so now, and the carrier has proved it.
    Done,
    /// The carrier will not.
    Refused(Refusal),
}
