//! Adding devices without service and deleting them (`thingspace.md` 2): both answer at once, for each device.

use super::body::{self, KeyValue, Wanted, WireDevice};
use super::carrying_out;
use super::codes::{self, Code};
use super::device::Record;
use super::identifiers::IdKind;
use super::profile::Profile;
use super::refusal::Refusal;
use super::state::State;
use crate::call::{Answer, Call};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    account_name: Option<String>,
    state: Option<String>,
    devices_to_add: Option<Vec<WireDevice>>,
    #[serde(default)]
    custom_fields: Option<Vec<KeyValue>>,
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    sku_number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Old {
    #[serde(default)]
    account_name: Option<String>,
    devices_to_delete: Option<Vec<WireDevice>>,
}

/// `POST /devices/actions/add`.
pub(super) fn add(profile: &mut Profile, call: &Call, others: &[String], now: Timestamp) -> Result<Answer, Refusal> {
    let new: New = body::read(call)?;
    let account = match new.account_name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => profile.named_account(name, others)?,
        None => profile.only_account()?,
    };
    let group = new.group_name.filter(|name| !name.is_empty() && *name != account.default_group());
    if group.as_ref().is_some_and(|group| !account.groups.contains_key(group)) {
        return Err(codes::GROUP_NOT_FOUND.into());
    }
    if new.state.as_deref().and_then(State::named) != Some(State::Preactive) {
        return Err(codes::STATE_INVALID.into());
    }
    let template = Record {
        account: account.name.clone(),
        custom_fields: body::custom_fields(new.custom_fields)?,
        groups: group.into_iter().collect(),
        sku: new.sku_number,
        ..Record::default()
    };
    let devices = wanted(new.devices_to_add, profile.settings.most_devices_in_a_request, codes::TOO_MANY_DEVICES)?;
    let mut answers = Vec::with_capacity(devices.len());
    let mut applied = false;
    for device in devices {
        let card = device.ids.contains_key(&IdKind::Iccid) || device.ids.contains_key(&IdKind::Eid);
        let other = device.ids.contains_key(&IdKind::Meid) || device.ids.contains_key(&IdKind::Esn);
        let good = (card || other) && !profile.devices.taken(&device.ids, 0);
        if good {
            profile.devices.add(Record { ids: device.ids, ..template.clone() }, now);
            applied = true;
        }
        answers.push(json!({ "deviceIds": device.sent, "response": if good { "Success" } else { "Failed" } }));
    }
    Ok(each(&answers, applied))
}

/// `POST /devices/actions/delete`: only what is deactive.
pub(super) fn delete(profile: &mut Profile, call: &Call, others: &[String]) -> Result<Answer, Refusal> {
    let old: Old = body::read(call)?;
    if let Some(name) = old.account_name.as_deref().filter(|name| !name.is_empty()) {
        profile.named_account(name, others)?;
    }
    let most = profile.settings.most_deletions_in_a_request;
    let devices = wanted(old.devices_to_delete, most, codes::NUMBER_OF_DEVICES)?;
    let mut answers = Vec::with_capacity(devices.len());
    let mut applied = false;
    for device in devices {
        let found = carrying_out::device(profile, &device).map(|found| (found.record.id, found.record.state));
        let answer = match found {
            Some((id, State::Deactive)) => {
                profile.devices.remove(id);
                applied = true;
                json!({ "deviceIds": device.sent, "status": "Success" })
            }
            Some(_) => failed(&device, "The device is not in deactive state."),
            None => failed(&device, &codes::DEVICE_NOT_FOUND.message()),
        };
        answers.push(answer);
    }
    Ok(each(&answers, applied))
}

fn failed(device: &Wanted, message: &str) -> Value {
    json!({ "deviceIds": device.sent, "status": "Failed", "message": message })
}

fn wanted(sent: Option<Vec<WireDevice>>, most: usize, too_many: Code) -> Result<Vec<Wanted>, Refusal> {
    let sent = sent.filter(|devices| !devices.is_empty()).ok_or(codes::UNDEFINED)?;
    if sent.len() > most {
        return Err(too_many.into());
    }
    Ok(sent.into_iter().map(Wanted::read).collect::<Result<_, _>>()?)
}

fn each(answers: &[Value], applied: bool) -> Answer {
    let mut answer = Answer::json(StatusCode::OK, &answers);
    (answer.applied, answer.devices) = (applied, Some(answers.len()));
    answer
}
