//! What a carrier can do, and within which limits: what a plan asks before it promises anything.

use crate::carriers::{Batch, Change, DeviceRef, NaturalKey, Operation};
use std::collections::HashSet;
use std::time::Duration;

/// The code of a refusal that says that the carrier does not do this.
pub const NOT_SUPPORTED: &str = "CARRIER_NOT_SUPPORTED";

/// What a carrier can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What it can be asked. Everything else is [`NotSupported`].
    pub operations: Vec<Operation>,
    /// How many devices one request may name.
    pub devices_per_request: usize,
    /// How many devices a page of its list has, at most.
    pub devices_per_page: usize,
    /// How it answers a write.
    pub answers: Answers,
    /// By what a device is known and read back, exactly.
    pub natural_key: NaturalKey,
    /// Whether a device has a communication plan besides its rate plan.
    pub communication_plans: bool,
    /// Which static addresses it gives.
    pub static_ips: StaticIps,
    /// Whether an activation wants the IMEI, or the kind of device in its place.
    pub activation_wants_imei: bool,
    /// How often the plan of one device may change in a calendar month.
    pub plan_changes_per_month: Option<u32>,
    /// Whether the plan of a suspended device may change.
    pub plan_changes_while_suspended: bool,
    /// How often one device may be activated, suspended, restored or deactivated in a day.
    pub provisioning_per_day: Option<u32>,
    /// How many activation requests it takes in a minute.
    pub activations_per_minute: Option<u32>,
    /// How long after a write that nobody knows of it may still show its effect.
    pub settles_within: Duration,
    /// How long a request that was accepted may take.
    pub done_within: Duration,
    /// Whether it calls back, so that we read sooner.
    pub calls_back: bool,
}

/// How a carrier answers a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// With an id; what becomes of each device shows by reading it.
    Later,
    /// For each device, at once.
    AtOnce,
}

/// Which static addresses a carrier gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticIps {
    /// An address of a pool that is named.
    pub of_a_pool: bool,
    /// One that is asked for.
    pub asked_for: bool,
}

/// The carrier does not do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the carrier does not support {what}")]
pub struct NotSupported {
    /// The operation.
    pub operation: Operation,
    /// What of it.
    pub what: &'static str,
}

impl Capabilities {
    /// Whether it can be asked for this.
    ///
    /// # Errors
    /// [`NotSupported`]
    pub fn admits(&self, operation: Operation) -> Result<(), NotSupported> {
        let known = self.operations.contains(&operation);
        if known { Ok(()) } else { Err(NotSupported { operation, what: operation.name() }) }
    }

    /// Whether it can be asked for this change, in every part of it.
    ///
    /// # Errors
    /// [`NotSupported`]
    pub fn admits_change(&self, change: &Change) -> Result<(), NotSupported> {
        let operation = change.operation();
        self.admits(operation)?;
        let lacks = |what| Err(NotSupported { operation, what });
        match change {
            Change::CarrierRatePlan(plan) if plan.communication_plan.is_some() && !self.communication_plans => {
                lacks("communication plans")
            }
            Change::Activate(activation) if activation.ip.is_some() && !self.static_ips.of_a_pool => {
                lacks("static addresses with an activation")
            }
            _ => Ok(()),
        }
    }

    /// Whether it can be asked for this change, and for what each device of the batch is to get besides.
    ///
    /// # Errors
    /// [`NotSupported`]
    pub fn admits_batch(&self, batch: &Batch) -> Result<(), NotSupported> {
        self.admits_change(&batch.change)?;
        let asks = batch.devices.iter().any(|device| device.ip_address.is_some());
        let operation = batch.change.operation();
        let what = "addresses that are asked for";
        if asks && !self.static_ips.asked_for { Err(NotSupported { operation, what }) } else { Ok(()) }
    }

    /// What is wrong with a batch before it is sent, besides what it asks for.
    #[must_use]
    pub fn excess(&self, batch: &Batch) -> Option<&'static str> {
        let mut seen = HashSet::new();
        if batch.devices.is_empty() {
            Some("there is no device in the batch")
        } else if batch.devices.len() > self.devices_per_request {
            Some("the batch has more devices than one request may name")
        } else if let Some(excess) = batch.devices.iter().find_map(|device| self.excess_of_key(device)) {
            Some(excess)
        } else if !batch.devices.iter().all(|device| seen.insert(self.natural_key.of(device))) {
            Some("a device is in the batch twice")
        } else {
            None
        }
    }

    fn excess_of_key(&self, device: &DeviceRef) -> Option<&'static str> {
        let (lengths, excess) = match self.natural_key {
            NaturalKey::Iccid => (18..=22, "an ICCID is not of 18 to 22 digits"),
            NaturalKey::SubscriberNumber => (7..=15, "a subscriber number is not of 7 to 15 digits"),
        };
        let key = self.natural_key.of(device);
        let fits = lengths.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_digit());
        (!fits).then_some(excess)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::{Activation, IpWish, PlanChange};

    /// A carrier that can do next to nothing.
    fn plain() -> Capabilities {
        Capabilities {
            operations: vec![Operation::ChangeCarrierRatePlan, Operation::Activate],
            devices_per_request: 2,
            devices_per_page: 50,
            answers: Answers::AtOnce,
            natural_key: NaturalKey::Iccid,
            communication_plans: false,
            static_ips: StaticIps { of_a_pool: false, asked_for: false },
            activation_wants_imei: false,
            plan_changes_per_month: None,
            plan_changes_while_suspended: true,
            provisioning_per_day: None,
            activations_per_minute: None,
            settles_within: Duration::ZERO,
            done_within: Duration::ZERO,
            calls_back: false,
        }
    }

    fn batch(iccids: &[&str]) -> Batch {
        let devices = iccids.iter().map(|iccid| DeviceRef::of((*iccid).to_owned())).collect();
        Batch { change: Change::Suspend, devices }
    }

    #[test]
    fn what_a_carrier_lacks_has_a_name() {
        let plain = plain();
        assert_eq!(plain.admits(Operation::Activate), Ok(()));
        let refused = plain.admits_change(&Change::Suspend).unwrap_err();
        assert_eq!(refused.to_string(), "the carrier does not support suspend");
        let mut plan = PlanChange { plan: "P".to_owned(), ..PlanChange::default() };
        assert_eq!(plain.admits_change(&Change::CarrierRatePlan(plan.clone())), Ok(()));
        plan.communication_plan = Some("C".to_owned());
        let refused = plain.admits_change(&Change::CarrierRatePlan(plan)).unwrap_err();
        assert_eq!(refused.what, "communication plans");
        let ip = Activation { ip: Some(IpWish::default()), ..Activation::default() };
        assert!(plain.admits_change(&Change::Activate(Box::new(ip))).is_err());
    }

    #[test]
    fn a_batch_names_each_device_once_and_not_more_than_it_may() {
        let plain = plain();
        let (one, two, three) = ("89148000000000000001", "89148000000000000002", "89148000000000000003");
        assert_eq!(plain.excess(&batch(&[one, two])), None);
        for iccids in [&[] as &[&str], &[one, two, three], &[one, one], &["1"], &["8914800000000000000'"]] {
            assert!(plain.excess(&batch(iccids)).is_some(), "{iccids:?}");
        }
        let by_number = Capabilities { natural_key: NaturalKey::SubscriberNumber, ..plain.clone() };
        let mut named = batch(&[one, two]);
        assert!(by_number.excess(&named).is_some());
        for device in &mut named.devices {
            device.subscriber_number = Some("15551230000".to_owned());
        }
        assert_eq!(by_number.excess(&named), Some("a device is in the batch twice"));
        named.devices[1].subscriber_number = Some("15551230001".to_owned());
        assert_eq!(by_number.excess(&named), None);
        let activate = Change::Activate(Box::default());
        let mut asking = Batch { change: activate, ..batch(&[one]) };
        assert_eq!(plain.admits_batch(&asking), Ok(()));
        asking.devices[0].ip_address = Some("10.0.0.1".to_owned());
        assert_eq!(plain.admits_batch(&asking).unwrap_err().what, "addresses that are asked for");
    }
}
