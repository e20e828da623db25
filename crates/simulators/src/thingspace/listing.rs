//! `POST /devices/actions/list` (`thingspace.md` 2.1): one device, or a page of those that match everything asked for.

use super::body::{self, KeyValue};
use super::codes::{self, Code};
use super::device::{Device, Record};
use super::identifiers::{IdKind, WireId};
use super::profile::Profile;
use super::refusal::Refusal;
use super::state::State;
use super::wire::{CARRIER, Look, WireRecord};
use crate::call::{Answer, Call};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    account_name: Option<String>,
    device_id: Option<WireId>,
    device_list: Option<Vec<WireId>>,
    filter: Option<Filter>,
    carrier_name_filter: Option<String>,
    current_state: Option<String>,
    custom_fields: Option<Vec<KeyValue>>,
    earliest: Option<String>,
    latest: Option<String>,
    group_name: Option<String>,
    service_plan: Option<String>,
    max_number_of_devices: Option<i64>,
    largest_device_id_seen: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    device_identifier_filters: Vec<IdFilter>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
pub(super) struct IdFilter {
    kind: String,
    contains: Option<String>,
    startswith: Option<String>,
    endswith: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    has_more_data: bool,
    devices: Vec<WireRecord>,
}

/// What a device must match. All of it.
#[derive(Default)]
pub(super) struct Selection {
    pub(super) account: Option<String>,
    pub(super) state: Option<State>,
    pub(super) custom_fields: BTreeMap<String, String>,
    pub(super) group: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) earliest: Option<Timestamp>,
    pub(super) latest: Option<Timestamp>,
    pub(super) ids: Vec<(IdKind, IdFilter)>,
    /// Of these devices only.
    pub(super) only: Option<BTreeSet<i64>>,
}

impl Selection {
    /// Whether a device is one of them.
    pub(super) fn admits(&self, record: &Record, default_group: impl FnOnce() -> String) -> bool {
        let at = record.created_at.unwrap_or(Timestamp::MIN);
        let has = |(name, value): (&String, &String)| record.custom_fields.get(name) == Some(value);
        let plan = |wanted: &String| record.plan.as_ref().is_some_and(|plan| plan.eq_ignore_ascii_case(wanted));
        self.account.as_ref().is_none_or(|account| *account == record.account)
            && self.state.is_none_or(|state| state == record.state)
            && self.plan.as_ref().is_none_or(plan)
            && self.custom_fields.iter().all(has)
            && self.group.as_ref().is_none_or(|group| record.groups.contains(group) || *group == default_group())
            && self.earliest.is_none_or(|earliest| at >= earliest)
            && self.latest.is_none_or(|latest| at <= latest)
            && self.ids.iter().all(|(kind, filter)| record.id_of(*kind).is_some_and(|id| filter.admits(id)))
            && self.only.as_ref().is_none_or(|only| only.contains(&record.id))
    }
}

impl IdFilter {
    fn admits(&self, id: &str) -> bool {
        let holds = |wanted: &Option<String>, test: fn(&str, &str) -> bool| {
            wanted.as_deref().is_none_or(|wanted| test(id, wanted))
        };
        holds(&self.contains, |id, wanted| id.contains(wanted))
            && holds(&self.startswith, |id, wanted| id.starts_with(wanted))
            && holds(&self.endswith, |id, wanted| id.ends_with(wanted))
    }
}

/// A date of a request; without an offset it is UTC (inferred).
pub(super) fn instant(text: &str) -> Result<Timestamp, Code> {
    let text = text.trim();
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    text.parse().ok().or_else(|| civil().map(|zoned| zoned.timestamp())).ok_or(codes::DATE_INVALID)
}

/// Answers the call. `as_of` shows what the list knew then.
pub(super) fn list(
    profile: &Profile,
    call: &Call,
    others: &[String],
    now: Timestamp,
    as_of: Option<Timestamp>,
) -> Result<Answer, Refusal> {
    let asked: Asked = body::read(call)?;
    if let Some(id) = &asked.device_id {
        return one(profile, id, now, as_of);
    }
    let most = profile.settings.most_devices_in_a_page;
    let wished =
        asked.max_number_of_devices.and_then(|wished| usize::try_from(wished).ok()).filter(|wished| *wished > 0);
    let most = wished.map_or(most, |wished| wished.min(most));
    let after = asked.largest_device_id_seen.unwrap_or(0);
    let by_date = asked.earliest.is_some() && asked.largest_device_id_seen.is_none();
    let selection = selection(profile, asked, others)?;
    let group = |record: &Record| profile.account(&record.account).map(|account| account.default_group());
    let admits = |record: &&Record| selection.admits(record, || group(record).unwrap_or_default());
    let found = profile.devices.after(after).filter_map(|device| seen(device, as_of)).filter(admits);
    let mut records: Vec<&Record> = if by_date {
        let mut all: Vec<&Record> = found.collect();
        all.sort_by_key(|record| (record.created_at, record.id));
        all
    } else {
        found.take(most.saturating_add(1)).collect()
    };
    let has_more_data = records.len() > most;
    records.truncate(most);
    let look = Look::new(&profile.inferred, false, now);
    let devices = records.iter().map(|record| look.at(record, profile.account(&record.account))).collect();
    let status = if has_more_data { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(Answer::json(status, &Page { has_more_data, devices }))
}

fn one(profile: &Profile, id: &WireId, now: Timestamp, as_of: Option<Timestamp>) -> Result<Answer, Refusal> {
    let ids = body::ids(std::slice::from_ref(id))?;
    let found = ids.iter().find_map(|(kind, id)| profile.devices.find(*kind, id));
    let record = found.and_then(|device| seen(device, as_of)).ok_or(codes::DEVICE_NOT_FOUND)?;
    let look = Look::new(&profile.inferred, true, now);
    let devices = vec![look.at(record, profile.account(&record.account))];
    Ok(Answer::json(StatusCode::OK, &Page { has_more_data: false, devices }))
}

/// A device as the list knows it.
fn seen(device: &Device, as_of: Option<Timestamp>) -> Option<&Record> {
    as_of.map_or(Some(&device.record), |then| device.as_of(then))
}

fn selection(profile: &Profile, asked: Asked, others: &[String]) -> Result<Selection, Refusal> {
    if let Some(name) = &asked.account_name {
        profile.named_account(name, others)?;
    }
    let state = match asked.current_state.as_deref().filter(|state| !state.is_empty()) {
        Some(name) => Some(State::named(name).ok_or(codes::STATE_INVALID)?),
        None => None,
    };
    let instant = |text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| instant(&text)).transpose();
    let filters = asked.filter.unwrap_or_default().device_identifier_filters;
    let filters = filters.into_iter().map(|filter| {
        let kind = IdKind::named(&filter.kind).ok_or(codes::KIND_INVALID)?;
        Ok::<_, Code>((kind, filter))
    });
    let mut only = asked.device_list.map(|list| numbers(profile, &list)).transpose()?;
    if asked.carrier_name_filter.is_some_and(|name| !name.eq_ignore_ascii_case(CARRIER)) {
        only = Some(BTreeSet::new());
    }
    Ok(Selection {
        account: asked.account_name,
        state,
        custom_fields: body::custom_fields(asked.custom_fields)?,
        group: asked.group_name.filter(|name| !name.is_empty()),
        plan: asked.service_plan.filter(|plan| !plan.is_empty()),
        earliest: instant(asked.earliest)?,
        latest: instant(asked.latest)?,
        ids: filters.collect::<Result<_, _>>()?,
        only,
    })
}

/// The numbers of listed devices; those that are not there are left out (inferred).
fn numbers(profile: &Profile, list: &[WireId]) -> Result<BTreeSet<i64>, Code> {
    let mut numbers = BTreeSet::new();
    for id in list {
        let ids = body::ids(std::slice::from_ref(id))?;
        numbers.extend(ids.iter().filter_map(|(kind, id)| profile.devices.number(*kind, id)));
    }
    Ok(numbers)
}
