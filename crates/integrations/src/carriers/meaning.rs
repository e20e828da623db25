//! What a device that was read back means for what was asked of it. Pure: no clock, no socket.
//!
//! Only what the carrier shows decides. A callback is heard in one case: the device was read and is still as before, and what
//! was sent has settled. Then the carrier's word that it failed ends the waiting, because nothing contradicts it; before it
//! has settled, a forged or an early word ends nothing (`reliability.md` 4.5, promise P12).

use crate::carriers::device::Device;
use crate::carriers::{CallbackWord, Cause, Change, DeviceRef, NaturalKey, PlanChange, Standing, StaticIp};
use jiff::Timestamp;
use std::net::IpAddr;

#[cfg(test)]
mod tests;

/// What was asked of a device, and what else is known.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What it was to become.
    pub change: &'a Change,
    /// Which device.
    pub device: &'a DeviceRef,
    /// By what its carrier knows it.
    pub key: NaturalKey,
    /// How it was when the intent was written.
    pub before: &'a Before,
    /// The name of the plan asked for, where it has one besides its code. Whether a carrier's list says the code or the name
    /// may be open (ThingSpace: inferred to be the code).
    pub plan_name: Option<&'a str>,
    /// Whether what was sent has had the time to show (`Capabilities::settles_within`).
    pub settled: bool,
    /// What a callback of this very request has said of this very device.
    pub heard: Option<&'a CallbackWord>,
}

/// How a device was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Its carrier rate plan.
    pub carrier_rate_plan: Option<String>,
    /// Its address.
    pub ip_address: Option<String>,
    /// Its state.
    pub standing: Standing,
}

/// What was found of what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is so.
    Done(Receipt),
    /// It is on its way, by what the carrier shows, or the carrier says a word that nobody knows. Read again later.
    Pending,
    /// It is as it was. It may still come: read again later.
    NotYet,
    /// It will not be.
    Refused(Cause),
    /// It is neither as it was nor as was asked: somebody else has changed it, and a person has to look.
    SomebodyElses(Strange),
}

/// What a device has got, as the carrier shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Its number, with the country code.
    pub msisdn: Option<String>,
    /// Its number, without.
    pub mdn: Option<String>,
    /// Its address.
    pub ip_address: Option<String>,
    /// Its carrier rate plan.
    pub carrier_rate_plan: Option<String>,
    /// The carrier's own word for its state.
    pub status: String,
    /// When it was last activated.
    pub activated_at: Option<Timestamp>,
}

/// What is not as anybody here has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strange {
    /// The carrier does not show the device any more.
    Gone,
    /// It shows so many of that key.
    Several(usize),
    /// The device has this plan.
    Plan(Option<String>),
    /// The device is in this state.
    Status(String),
    /// The device has this address.
    Address(String),
}

/// What the devices that were found mean for what was asked; only those of exactly that key count.
#[must_use]
pub fn meaning(asked: &Asked<'_>, found: &[Device]) -> Meaning {
    let mut ours = found.iter().filter(|device| asked.key.is_of(asked.device, device));
    match (ours.next(), ours.count()) {
        (Some(device), 0) => of_device(asked, device),
        (Some(_), others) => Meaning::SomebodyElses(Strange::Several(others + 1)),
        // Before an activation a carrier may not know the device at all (`thingspace.md` 2.2).
        (None, _) if matches!(asked.change, Change::Activate(_)) => as_before(asked, None),
        (None, _) => Meaning::SomebodyElses(Strange::Gone),
    }
}

fn of_device(asked: &Asked<'_>, device: &Device) -> Meaning {
    let strange_state = || Meaning::SomebodyElses(Strange::Status(device.status.clone()));
    match (asked.change, device.standing) {
        (_, Standing::Unlisted) => Meaning::Pending,
        (
            Change::CarrierRatePlan(_) | Change::StaticIp(_),
            Standing::BecomingActive | Standing::BecomingDeactivated,
        ) => Meaning::Pending,
        (Change::CarrierRatePlan(_) | Change::StaticIp(_), standing)
            if standing == Standing::Deactivated && asked.before.standing != standing =>
        {
            strange_state()
        }
        (Change::CarrierRatePlan(change), _) => of_plan(asked, change, device),
        (Change::StaticIp(change), _) => of_address(asked, change, device),
        (Change::Activate(activation), Standing::Active) => match &device.carrier_rate_plan {
            // A number is what the rest of the row waits for; it may come later than the state.
            None => Meaning::Pending,
            Some(plan) if is_plan(asked, plan, &activation.plan) => match device.number() {
                Some(_) => Meaning::Done(receipt(device)),
                None => Meaning::Pending,
            },
            Some(plan) => Meaning::SomebodyElses(Strange::Plan(Some(plan.clone()))),
        },
        (Change::Activate(_), Standing::BecomingActive) => Meaning::Pending,
        (Change::Activate(_), Standing::NotYetActive | Standing::Deactivated) => as_before(asked, None),
        (Change::Deactivate, Standing::Deactivated)
        | (Change::Suspend, Standing::Suspended)
        | (Change::Restore, Standing::Active) => Meaning::Done(receipt(device)),
        (Change::Deactivate, Standing::Active | Standing::Suspended)
        | (Change::Suspend, Standing::Active)
        | (Change::Restore, Standing::Suspended) => as_before(asked, None),
        (
            Change::Deactivate | Change::Suspend | Change::Restore,
            Standing::BecomingActive | Standing::BecomingDeactivated,
        ) => Meaning::Pending,
        (Change::Activate(_), Standing::Suspended | Standing::BecomingDeactivated)
        | (Change::Deactivate, Standing::NotYetActive)
        | (Change::Suspend | Change::Restore, Standing::Deactivated | Standing::NotYetActive) => strange_state(),
    }
}

fn of_plan(asked: &Asked<'_>, change: &PlanChange, device: &Device) -> Meaning {
    let has = device.carrier_rate_plan.as_deref();
    let other_communication = |wanted: &String| device.communication_plan.as_ref() != Some(wanted);
    if has.is_some_and(|plan| is_plan(asked, plan, &change.plan)) {
        // Half of it: the other half is on its way, or will not come.
        return match change.communication_plan.as_ref().is_some_and(other_communication) {
            true => as_before(asked, None),
            false => Meaning::Done(receipt(device)),
        };
    }
    if has.map(str::trim) == asked.before.carrier_rate_plan.as_deref().map(str::trim) {
        return as_before(asked, device.keeps_its_plan());
    }
    Meaning::SomebodyElses(Strange::Plan(device.carrier_rate_plan.clone()))
}

/// Of which pool an address is cannot be read (`thingspace.md` 2.2): without one that was asked for by itself, another address
/// than before is taken for the pool's.
fn of_address(asked: &Asked<'_>, change: &StaticIp, device: &Device) -> Meaning {
    if !device.carrier_rate_plan.as_deref().is_none_or(|plan| is_plan(asked, plan, &change.plan)) {
        return Meaning::SomebodyElses(Strange::Plan(device.carrier_rate_plan.clone()));
    }
    let (has, before) = (device.ip_address.as_deref(), asked.before.ip_address.as_deref());
    match (has, asked.device.ip_address.as_deref()) {
        (Some(has), Some(wanted)) if is_address(has, wanted) => Meaning::Done(receipt(device)),
        (Some(has), None) if !before.is_some_and(|before| is_address(before, has)) => Meaning::Done(receipt(device)),
        (Some(has), Some(_)) if !before.is_some_and(|before| is_address(before, has)) => {
            Meaning::SomebodyElses(Strange::Address(has.to_owned()))
        }
        _ => as_before(asked, device.keeps_its_plan()),
    }
}

/// Nothing has happened so far. `never` is why nothing will, by the state that the device is in.
fn as_before(asked: &Asked<'_>, never: Option<Cause>) -> Meaning {
    match (asked.settled, asked.heard, never) {
        (false, _, _) => Meaning::NotYet,
        (true, Some(CallbackWord::Failed { code: Some(_), cause }), _) => Meaning::Refused(*cause),
        (true, _, Some(never)) => Meaning::Refused(never),
        (true, _, None) => Meaning::NotYet,
    }
}

fn is_plan(asked: &Asked<'_>, said: &str, code: &str) -> bool {
    let said = said.trim();
    !said.is_empty() && (said == code.trim() || asked.plan_name.is_some_and(|name| said == name.trim()))
}

fn is_address(one: &str, other: &str) -> bool {
    match (one.trim().parse::<IpAddr>(), other.trim().parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.trim() == other.trim(),
    }
}

fn receipt(device: &Device) -> Receipt {
    Receipt {
        msisdn: device.msisdn.clone(),
        mdn: device.mdn.clone(),
        ip_address: device.ip_address.clone(),
        carrier_rate_plan: device.carrier_rate_plan.clone(),
        status: device.status.clone(),
        activated_at: device.last_activated_at,
    }
}
