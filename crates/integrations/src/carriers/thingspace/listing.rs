//! Reading devices (`thingspace.md` 2.1): one by its ICCID, or a page of the account's list.

use super::codes;
use super::proof::{self, without_values};
use super::send::{Asked, Body, Keep, Signed};
use super::wire::device as wire;
use super::wire::request::{Filter, IdentifierFilter, ListDevices};
use super::wire::{DeviceId, filled, id_of, instant};
use super::{Inferred, ThingSpace};
use crate::Permit;
use crate::answer::{Answer, Outcome};
use crate::carriers::{
    Cause, Cursor, Device, DevicePage, DeviceRef, Listing, NaturalKey, Operation, SignIn, UnreadableDevice,
};
use reqwest::Method;
use std::collections::HashSet;

impl ThingSpace {
    /// The devices of exactly that ICCID. None, if the platform shows none or says that there is none.
    pub async fn device(&self, permit: Permit, sign_in: &SignIn, device: &DeviceRef) -> Outcome<Vec<Device>> {
        let iccid = NaturalKey::Iccid.of(device);
        let body = ListDevices { device_id: Some(DeviceId::iccid(iccid)), ..ListDevices::default() };
        let asked = list(Operation::ReadDevice, &body, Keep::Bodies);
        if iccid.is_empty() || !is_legal(iccid) {
            return self.refuse(permit, &asked, None, "there is no ICCID");
        }
        let inferred = &self.settings.inferred;
        let prove = |status: u16, text: &str| {
            let page = read_page(inferred, status, text, None)?;
            // What cannot be read could be the one.
            match page.unreadable.first() {
                Some(unreadable) => Err(unreadable.why.clone()),
                None => Ok(page.devices.into_iter().filter(|found| NaturalKey::Iccid.is_of(device, found)).collect()),
            }
        };
        let found = self.call(permit, Signed::InFull(sign_in), asked, prove).await;
        found.map(|answer| match answer {
            Answer::Refused(refusal) if codes::cause(&refusal) == Cause::DeviceNotFound => Answer::Done(Vec::new()),
            answer => answer,
        })
    }

    /// The devices of exactly these ICCIDs, in one request (2.1: `deviceList`). Of one that is not among them nothing is known: it
    /// may not be there, or the list may not have been whole; it is to be asked for by itself.
    pub async fn devices_of(&self, permit: Permit, sign_in: &SignIn, devices: &[DeviceRef]) -> Outcome<Vec<Device>> {
        let inferred = &self.settings.inferred;
        let body = ListDevices {
            device_list: devices.iter().map(|device| DeviceId::iccid(NaturalKey::Iccid.of(device))).collect(),
            account_name: Some(&self.account_name),
            max_number_of_devices: Some(self.settings.devices_per_page()),
            ..ListDevices::default()
        };
        let asked = list(Operation::ReadDevice, &body, Keep::Length);
        if devices.len() > self.settings.devices_per_page() {
            return self.refuse(permit, &asked, None, "more devices are asked for than a page of the list has");
        }
        let is_named = |device: &DeviceRef| {
            let iccid = NaturalKey::Iccid.of(device);
            !iccid.is_empty() && is_legal(iccid)
        };
        if devices.is_empty() || !devices.iter().all(is_named) {
            return self.refuse(permit, &asked, None, "there is no ICCID");
        }
        let wanted: HashSet<&str> = devices.iter().map(|device| NaturalKey::Iccid.of(device)).collect();
        let prove = |status: u16, text: &str| {
            let page = read_page(inferred, status, text, Some(0))?;
            Ok(page.devices.into_iter().filter(|found| wanted.contains(found.iccid.trim())).collect())
        };
        let found = self.call(permit, Signed::InFull(sign_in), asked, prove).await;
        found.map(|answer| match answer {
            Answer::Refused(refusal) if codes::cause(&refusal) == Cause::DeviceNotFound => Answer::Done(Vec::new()),
            answer => answer,
        })
    }

    /// A page of the account's devices, in the order of the platform's own numbers.
    pub async fn devices(&self, permit: Permit, sign_in: &SignIn, listing: &Listing) -> Outcome<DevicePage> {
        let inferred = &self.settings.inferred;
        let after = listing.after.as_ref().map(|cursor| cursor.as_str().parse::<u64>());
        let most = self.settings.devices_per_page();
        let body = ListDevices {
            device_id: None,
            device_list: Vec::new(),
            account_name: Some(&self.account_name),
            filter: listing.iccid_prefix.as_deref().map(|prefix| Filter {
                device_identifier_filters: [IdentifierFilter { kind: "iccid", contains: prefix, startswith: prefix }],
            }),
            current_state: listing.standing.and_then(|standing| inferred.word(standing)),
            service_plan: listing.plan.as_deref(),
            max_number_of_devices: Some(listing.most.unwrap_or(most).clamp(1, most)),
            largest_device_id_seen: after.as_ref().and_then(|after| after.as_ref().ok()).copied(),
        };
        let asked = list(Operation::ListDevices, &body, Keep::Length);
        let texts = [listing.iccid_prefix.as_deref(), listing.plan.as_deref()];
        if matches!(after, Some(Err(_))) {
            return self.refuse(permit, &asked, None, "the list goes on at a place that is none of this carrier's");
        }
        if listing.standing.is_some() && body.current_state.is_none() {
            return self.refuse(permit, &asked, None, "the list cannot be asked for a state that has no word");
        }
        if texts.into_iter().flatten().any(|text| !is_legal(text) || text.trim().is_empty()) {
            return self.refuse(permit, &asked, None, "the platform does not take the characters ' < and \\");
        }
        let after = body.largest_device_id_seen;
        let prove = |status: u16, text: &str| read_page(inferred, status, text, Some(after.unwrap_or(0)));
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }
}

fn list(operation: Operation, body: &ListDevices<'_>, keep: Keep) -> Asked {
    Asked {
        operation,
        method: Method::POST,
        path: "/m2m/v1/devices/actions/list".to_owned(),
        body: serde_json::to_string(body).ok().map(Body::Json),
        keep,
        secrets: Vec::new(),
    }
}

/// The characters that are illegal in input (`thingspace.md` 1), and those that no request has.
pub(super) fn is_legal(text: &str) -> bool {
    !text.contains(['\'', '<', '\\']) && !text.contains(char::is_control)
}

/// `after` is where a list that goes on was begun; none, where there is only this page.
fn read_page(inferred: &Inferred, status: u16, text: &str, after: Option<u64>) -> Result<DevicePage, String> {
    if !matches!(status, 200 | 202) {
        return Err("a list is answered by 200 or 202".to_owned());
    }
    proof::object::<serde::de::IgnoredAny>(text)?;
    let page: wire::Devices<'_> = serde_json::from_str(text).map_err(|error| without_values(&error))?;
    let (mut devices, mut unreadable, mut largest) = (Vec::with_capacity(page.devices.len()), Vec::new(), None);
    for (index, record) in page.devices.iter().enumerate() {
        match read_device(inferred, record.get()) {
            Ok((device, number)) => {
                largest = largest.max(number);
                devices.push(device);
            }
            Err((why, number)) => {
                largest = largest.max(number);
                unreadable.push(UnreadableDevice { index, why });
            }
        }
    }
    // 202 says it as well; whoever goes on after the end is shown an empty page.
    let has_more = page.has_more_data || status == 202;
    let next = match (has_more, after, largest) {
        (false, _, _) => None,
        (true, None, _) => return Err("there are more devices than one page of that identifier".to_owned()),
        (true, Some(after), Some(largest)) if largest > after => Some(Cursor::new(largest.to_string())),
        // Following it could go on for ever.
        (true, Some(_), _) => return Err("there are more devices, and the page does not say after which".to_owned()),
    };
    Ok(DevicePage { devices, unreadable, next })
}

fn read_device(inferred: &Inferred, record: &str) -> Result<(Device, Option<u64>), (String, Option<u64>)> {
    if !record.trim_start().starts_with('{') {
        return Err(("expected an object".to_owned(), None));
    }
    if record.contains(char::REPLACEMENT_CHARACTER) {
        return Err(("text that is not UTF-8".to_owned(), None));
    }
    let device: wire::Device = serde_json::from_str(record).map_err(|error| (without_values(&error), None))?;
    let number = device.number();
    let ids = device.device_ids.unwrap_or_default();
    let Some(iccid) = id_of(&ids, "iccid") else {
        return Err(("the device has no ICCID".to_owned(), number));
    };
    let carrier = device.carrier_informations.and_then(|all| all.into_iter().next()).unwrap_or_default();
    let status = carrier.state.unwrap_or_default();
    let read = Device {
        imei: id_of(&ids, "imei"),
        eid: id_of(&ids, "eid"),
        imsi: id_of(&ids, "imsi"),
        msisdn: id_of(&ids, "msisdn"),
        mdn: id_of(&ids, "mdn"),
        iccid,
        standing: inferred.standing(&status),
        status,
        carrier_rate_plan: filled(carrier.service_plan),
        communication_plan: None,
        ip_address: filled(device.ip_address),
        account: filled(device.account_name),
        last_activated_at: instant(device.last_activation_date.as_deref()),
        created_at: instant(device.created_at.as_deref()),
        last_connected_at: instant(device.last_connection_date.as_deref()),
    };
    Ok((read, number))
}

#[cfg(test)]
mod tests;
