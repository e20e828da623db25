//! What a carrier is told to do with a batch of devices, and what it says of it.

use crate::answer::Refusal;
use crate::carriers::Operation;

/// One request: the same change for each of these devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What each of them is to become.
    pub change: Change,
    /// At most [`super::Capabilities::devices_per_request`] of them, each once.
    pub devices: Vec<DeviceRef>,
}

/// A device, by its natural key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRef {
    /// As the carrier has it.
    pub iccid: String,
    /// Of the radio; an activation may need it beside the ICCID.
    pub imei: Option<String>,
    /// An address of the pool that this device is to get; else the carrier chooses one.
    pub ip_address: Option<String>,
}

impl DeviceRef {
    /// By its ICCID alone.
    #[must_use]
    pub const fn of(iccid: String) -> Self {
        Self { iccid, imei: None, ip_address: None }
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
}

/// What is known of a batch that the carrier has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It has promised to do it. Of no device is anything known yet: each is read back by its ICCID.
    Accepted {
        /// The carrier's id of the request: callbacks have it, too.
        request_id: String,
    },
    /// Each device's own answer, by ICCID and never by place. Of a device that is not in it nothing is known.
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
