//! The ledger's view: devices with what was told of them, requests, callbacks.

use super::ThingSpace;
use super::callbacks::Callback;
use super::device::Device;
use super::devices::natural_key;
use super::identifiers::IdKind;
use super::profile::Profile;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The kinds of objects.
pub(crate) const KINDS: [&str; 2] = ["Devices", "Requests"];

/// Behind which object a page begins: places of the profile and of the kind, and a number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) profile: usize,
    pub(crate) kind: usize,
    pub(crate) id: i64,
}

/// Which objects.
pub(crate) struct Wanted<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) kind: Option<usize>,
    pub(crate) created_at_least: u32,
}

/// At most so many objects from a place on.
pub(crate) fn found(
    state: &ThingSpace,
    wanted: &Wanted<'_>,
    from: Place,
    most: usize,
    now: Timestamp,
) -> Vec<(Place, Value)> {
    let mut items = Vec::new();
    for (place, profile) in state.profiles().iter().enumerate().skip(from.profile) {
        if wanted.account.is_some_and(|account| account != profile.username) {
            continue;
        }
        for kind in 0..KINDS.len() {
            let begun = (place, kind) == (from.profile, from.kind);
            if (place, kind) < (from.profile, from.kind) || wanted.kind.is_some_and(|only| only != kind) {
                continue;
            }
            let after = if begun { from.id } else { 0 };
            let left = most.saturating_sub(items.len());
            let at = |id| Place { profile: place, kind, id };
            if kind == 0 {
                let devices =
                    profile.devices.after(after).map(|device| (device.record.id, shown(profile, device, now)));
                let often = |value: &Value| value["times_created"].as_u64() >= Some(wanted.created_at_least.into());
                items.extend(devices.filter(|(_, value)| often(value)).take(left).map(|(id, value)| (at(id), value)));
            } else if wanted.created_at_least <= 1 {
                let after = u64::try_from(after).unwrap_or_default();
                let requests = profile.requests.after(after).take(left).map(|request| {
                    let item = json!({
                        "provider": super::NAME, "account": profile.username, "kind": KINDS[1], "id": request.number,
                        "natural_key": request.id, "times_created": 1, "open_alike": u8::from(request.left > 0),
                        "open": request.left > 0, "born": request.at, "object": request,
                    });
                    (at(i64::try_from(request.number).unwrap_or(i64::MAX)), item)
                });
                items.extend(requests);
            }
        }
    }
    items
}

fn shown(profile: &Profile, device: &Device, now: Timestamp) -> Value {
    let record = &device.record;
    let told = |seq: &u64| {
        let callback = profile.callbacks.get(*seq)?;
        Some(json!({
            "seq": callback.seq, "requestId": callback.request_id, "status": callback.status, "code": callback.code,
            "sort": callback.sort, "outcome": callback.outcome, "attempts": callback.attempts.len(),
        }))
    };
    let callbacks: Vec<Value> = device.callbacks.iter().filter_map(told).collect();
    json!({
        "provider": super::NAME, "account": profile.username, "kind": KINDS[0], "id": record.id,
        "natural_key": natural_key(record), "times_created": profile.devices.times_added(record), "open_alike": 1,
        "open": record.state.has_line(), "born": device.born(),
        "object": {
            "account": record.account, "iccid": record.id_of(IdKind::Iccid), "msisdn": record.id_of(IdKind::Msisdn),
            "ids": record.ids, "state": record.state, "plan": record.plan, "ip_address": record.ip_address,
            "ip_pool": record.ip_pool, "custom_fields": record.custom_fields, "cost_center": record.cost_center,
            "groups": record.groups, "plan_changes": device.plan_changes.len(),
            "plan_changes_this_month": device.plan_changes_in_month(now),
            "provisionings_today": device.provisionings_on_day(now), "history": device.history, "callbacks": callbacks,
        },
    })
}

/// At most so many callbacks behind a place, those of one request if one is named.
pub(crate) fn callbacks(
    state: &ThingSpace,
    account: Option<&str>,
    request: Option<&str>,
    from: Place,
    most: usize,
) -> Vec<(Place, Value)> {
    let mut items = Vec::new();
    for (place, profile) in state.profiles().iter().enumerate().skip(from.profile) {
        if account.is_some_and(|account| account != profile.username) {
            continue;
        }
        let after = if place == from.profile { u64::try_from(from.id).unwrap_or_default() } else { 0 };
        let wanted = |callback: &&Callback| request.is_none_or(|request| callback.request_id == request);
        let left = most.saturating_sub(items.len());
        let found = profile.callbacks.after(after).filter(wanted).take(left).map(|callback| {
            let id = i64::try_from(callback.seq).unwrap_or(i64::MAX);
            let mut item = json!(callback);
            if let Some(fields) = item.as_object_mut() {
                fields.insert("profile".to_owned(), json!(profile.username));
            }
            (Place { profile: place, kind: 0, id }, item)
        });
        items.extend(found);
    }
    items
}
