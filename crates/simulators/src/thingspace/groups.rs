//! Device groups (`thingspace.md` 2): names that devices of an account share. Everything is in the default group (inferred).

use super::accounts;
use super::body;
use super::codes;
use super::identifiers::WireId;
use super::profile::Profile;
use super::refusal::Refusal;
use crate::call::{Answer, Call};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    account_name: Option<String>,
    group_name: Option<String>,
    #[serde(default)]
    group_description: Option<String>,
    #[serde(default)]
    devices_to_add: Option<Vec<WireId>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(default)]
    new_group_name: Option<String>,
    #[serde(default)]
    new_group_description: Option<String>,
    #[serde(default)]
    devices_to_add: Option<Vec<WireId>>,
    #[serde(default)]
    devices_to_remove: Option<Vec<WireId>>,
}

fn done() -> Answer {
    let mut answer = Answer::json(StatusCode::OK, &json!({ "success": true }));
    answer.applied = true;
    answer
}

/// `POST /groups`.
pub(super) fn create(profile: &mut Profile, call: &Call, others: &[String], now: Timestamp) -> Result<Answer, Refusal> {
    let new: New = body::read(call)?;
    let account = new.account_name.ok_or(codes::ACCOUNT_NOT_DEFINED)?;
    let name = new.group_name.filter(|name| !name.is_empty()).ok_or_else(|| codes::Code::not_defined("GroupName"))?;
    let exists = has_group(profile, &account, &name, others)?;
    if exists {
        return Err(codes::GROUP_EXISTS.into());
    }
    let numbers = numbers(profile, &account, new.devices_to_add)?;
    if let Some(account) = profile.account_mut(&account) {
        account.groups.insert(name.clone(), new.group_description.unwrap_or_default());
    }
    for number in numbers {
        profile.devices.change(number, now, |record| record.groups.push(name.clone()));
    }
    Ok(done())
}

/// `GET /groups/{account}`.
pub(super) fn list(profile: &Profile, account: &str, others: &[String]) -> Result<Answer, Refusal> {
    let account = profile.named_account(account, others)?;
    let group = |name: &str, description: &str, is_default: bool| {
        json!({
            "name": name, "description": description, "isDefaultGroup": is_default, "extendedAttributes": [],
        })
    };
    let default = group(&account.default_group(), "Default device group", true);
    let own = account.groups.iter().map(|(name, description)| group(name, description, false));
    let groups: Vec<Value> = std::iter::once(default).chain(own).collect();
    Ok(Answer::json(StatusCode::OK, &groups))
}

/// `GET /groups/{account}/name/{group}?next=`.
pub(super) fn show(
    profile: &Profile,
    account: &str,
    name: &str,
    call: &Call,
    others: &[String],
) -> Result<Answer, Refusal> {
    if !has_group(profile, account, name, others)? {
        return Err(codes::GROUP_NOT_FOUND.into());
    }
    let owner = profile.named_account(account, others)?;
    let is_default = name == owner.default_group();
    let description = owner.groups.get(name).map_or("Default device group", String::as_str);
    let (skip, most) = (accounts::next(call), profile.settings.most_devices_in_a_page);
    let members = profile.devices.iter().map(|device| &device.record).filter(|record| record.account == account);
    let members = members.filter(|record| is_default || record.groups.iter().any(|group| group == name));
    let mut devices: Vec<Value> =
        members.skip(skip).take(most + 1).map(|record| json!({ "deviceIds": record.wire_ids() })).collect();
    let more = devices.len() > most;
    devices.truncate(most);
    let next = more.then_some(skip + most);
    let body = json!({ "name": name, "description": description, "hasMoreData": more, "devices": devices });
    Ok(accounts::page(call, &body, next))
}

/// `PUT /groups/{account}/name/{group}`.
pub(super) fn update(
    profile: &mut Profile,
    (account, name): (&str, &str),
    call: &Call,
    others: &[String],
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let update: Update = body::read(call)?;
    own_group(profile, account, name, others, codes::GROUP_NOT_FOUND)?;
    let new_name = update.new_group_name.filter(|new| !new.is_empty() && new != name);
    if let Some(new) = &new_name
        && has_group(profile, account, new, others)?
    {
        return Err(codes::GROUP_EXISTS.into());
    }
    let added = numbers(profile, account, update.devices_to_add)?;
    let removed = numbers(profile, account, update.devices_to_remove)?;
    for number in removed {
        profile.devices.change(number, now, |record| record.groups.retain(|group| group != name));
    }
    for number in added {
        profile.devices.change(number, now, |record| {
            if !record.groups.iter().any(|group| group == name) {
                record.groups.push(name.to_owned());
            }
        });
    }
    let final_name = new_name.clone().unwrap_or_else(|| name.to_owned());
    if let Some(owner) = profile.account_mut(account) {
        let old = owner.groups.remove(name).unwrap_or_default();
        owner.groups.insert(final_name.clone(), update.new_group_description.unwrap_or(old));
    }
    if new_name.is_some() {
        rename(profile, account, name, Some(&final_name), now);
    }
    Ok(done())
}

/// `DELETE /groups/{account}/name/{group}`: its devices are in the default group again.
pub(super) fn delete(
    profile: &mut Profile,
    account: &str,
    name: &str,
    others: &[String],
    now: Timestamp,
) -> Result<Answer, Refusal> {
    own_group(profile, account, name, others, codes::GROUP_IS_DEFAULT)?;
    if let Some(owner) = profile.account_mut(account) {
        owner.groups.remove(name);
    }
    rename(profile, account, name, None, now);
    Ok(done())
}

fn rename(profile: &mut Profile, account: &str, old: &str, new: Option<&str>, now: Timestamp) {
    let records = profile.devices.iter().map(|device| &device.record);
    let members = records.filter(|record| record.account == account && record.groups.iter().any(|group| group == old));
    let members: Vec<i64> = members.map(|record| record.id).collect();
    for member in members {
        profile.devices.change(member, now, |record| {
            record.groups.retain(|group| group != old);
            record.groups.extend(new.map(ToOwned::to_owned));
        });
    }
}

fn has_group(profile: &Profile, account: &str, name: &str, others: &[String]) -> Result<bool, Refusal> {
    let account = profile.named_account(account, others)?;
    Ok(account.groups.contains_key(name) || account.default_group() == name)
}

/// The group must be there, and must not be the default one.
fn own_group(
    profile: &Profile,
    account: &str,
    name: &str,
    others: &[String],
    if_default: codes::Code,
) -> Result<(), Refusal> {
    let account = profile.named_account(account, others)?;
    if account.default_group() == name {
        return Err(if_default.into());
    }
    if account.groups.contains_key(name) { Ok(()) } else { Err(codes::GROUP_NOT_FOUND.into()) }
}

/// The devices that are named, which must be the account's.
fn numbers(profile: &Profile, account: &str, sent: Option<Vec<WireId>>) -> Result<Vec<i64>, Refusal> {
    let mut numbers = Vec::new();
    for id in sent.unwrap_or_default() {
        let ids = body::ids(std::slice::from_ref(&id))?;
        let device = ids.iter().find_map(|(kind, id)| profile.devices.find(*kind, id));
        let device = device.filter(|device| device.record.account == account).ok_or(codes::DEVICE_NOT_FOUND)?;
        numbers.push(device.record.id);
    }
    Ok(numbers)
}
