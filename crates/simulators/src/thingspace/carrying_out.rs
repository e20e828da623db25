//! What an order does to one device (`thingspace.md` 4), when its turn has come.

use super::body::Wanted;
use super::codes::{self, Code};
use super::device::{Device, Record};
use super::identifiers::IdKind;
use super::order::{Activation, Order, Removal};
use super::profile::Profile;
use super::request::Pending;
use super::state::State;
use super::telling;
use super::usage;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A device's part of a request.
pub(super) struct Part<'a> {
    pub(super) order: &'a Order,
    /// The account that the request named.
    pub(super) account: Option<&'a str>,
    pub(super) wanted: &'a Wanted,
    pub(super) pending: Option<Pending>,
    pub(super) now: Timestamp,
}

/// The device an order is about. A card tells it; who names none means whatever has the identifiers.
pub(super) fn device<'a>(profile: &'a Profile, wanted: &Wanted) -> Option<&'a Device> {
    let find = |(kind, id): (&IdKind, &String)| profile.devices.find(*kind, id);
    let mut cards = wanted.ids.iter().filter(|(kind, _)| matches!(kind, IdKind::Iccid | IdKind::Eid)).peekable();
    if cards.peek().is_some() { cards.find_map(find) } else { wanted.ids.iter().find_map(find) }
}

/// Does it. What it says of a success is the `deviceResponse` of its callback.
pub(super) fn carry_out(profile: &mut Profile, part: &Part<'_>) -> Result<Value, Code> {
    if let Order::Availability = part.order {
        return Ok(availability(profile, part.wanted));
    }
    let taken = matches!(part.order, Order::Activate(_)) && profile.devices.taken(&part.wanted.ids, 0);
    let absent = if taken { codes::IDENTIFIER_TAKEN } else { codes::DEVICE_NOT_FOUND };
    let device = device(profile, part.wanted).ok_or(absent)?;
    let is_move = matches!(part.order, Order::Move(_));
    if !is_move && part.account.is_some_and(|account| account != device.record.account) {
        return Err(codes::WRONG_ACCOUNT);
    }
    let before = device.record.clone();
    match part.order {
        Order::Activate(activation) => activate(profile, part, activation, &before),
        Order::Deactivate { and_delete } => deactivate(profile, part, *and_delete, &before),
        Order::Suspend => suspend(profile, part, &before),
        Order::Restore => restore(profile, part, &before),
        Order::Plan { plan, pool } => change_plan(profile, part, plan, pool.as_deref(), &before),
        Order::CustomFields(fields) => change(profile, part, &before, "changeDeviceCustomFieldsResponse", |record| {
            record.custom_fields.extend(fields.clone());
            record.custom_fields.retain(|_, value| !value.is_empty());
        }),
        Order::CostCenter { code, place_of_use } => {
            change(profile, part, &before, "changeDeviceCostCenterResponse", |record| {
                record.cost_center.clone_from(code);
                record.place_of_use = place_of_use.clone().or(record.place_of_use.take());
            })
        }
        Order::ContactInfo(place) => change(profile, part, &before, "changeContactInfoResponse", |record| {
            record.place_of_use = Some(place.clone());
        }),
        Order::ChangeId { to, new_number, plan, zip } => {
            let to = if *new_number { with_new_number(profile, to, zip) } else { to.clone() };
            change_id(profile, part, to, plan.as_deref(), &before)
        }
        Order::Move(removal) => relocate(profile, part, removal, &before),
        Order::SuspensionStatus => Ok(telling::suspension_status(profile, &before, part.now)),
        Order::AggregateUsage { from, to } => Ok(usage::aggregate(profile, &before, *from, *to, part.now)),
        Order::Availability => Err(codes::UNEXPECTED),
    }
}

/// What a pending state goes back to if nothing came of it. A device that was not known before stays, deactive
/// (`thingspace.md` 2.2).
pub(super) fn give_up(profile: &mut Profile, pending: Pending, now: Timestamp) {
    profile.devices.change(pending.device, now, |record| record.state = pending.before);
}

fn may_provision(profile: &Profile, id: i64, now: Timestamp) -> Result<(), Code> {
    let most = profile.settings.provisionings_per_day;
    let device = profile.devices.get(id).ok_or(codes::DEVICE_NOT_FOUND)?;
    if device.provisionings_on_day(now) >= most { Err(codes::PROVISIONINGS) } else { Ok(()) }
}

/// Remembers that a line was provisioned, and writes its history.
fn provisioned(profile: &mut Profile, before: &Record, event: &'static str, now: Timestamp) {
    let by = profile.username.clone();
    if let Some(device) = profile.devices.remembered(before.id) {
        device.provisionings.push(now);
        device.note(now, "Success", &by, event, before);
    }
}

fn activate(profile: &mut Profile, part: &Part<'_>, order: &Activation, before: &Record) -> Result<Value, Code> {
    let ours = part.pending.is_some_and(|pending| pending.device == before.id);
    match before.state {
        State::PendingActivation if ours => {}
        State::Active | State::PendingActivation => return Err(codes::ALREADY_ACTIVE),
        _ => return Err(codes::STATE_INVALID),
    }
    may_provision(profile, before.id, part.now)?;
    let mut ids = before.ids.clone();
    ids.extend(part.wanted.ids.clone());
    let has = |kind| ids.contains_key(&kind);
    let card = has(IdKind::Iccid) || has(IdKind::Eid);
    let pair = card && (has(IdKind::Imei) || order.sku.is_some() || before.sku.is_some());
    if !(pair || has(IdKind::Meid) || has(IdKind::Esn)) {
        return Err(codes::IDENTIFIER_INVALID);
    }
    if profile.devices.taken(&ids, before.id) {
        return Err(codes::IDENTIFIER_TAKEN);
    }
    let account = profile.account_mut(&order.account).ok_or(codes::ACCOUNT_NOT_FOUND)?;
    account.has_plan(&order.plan)?;
    let address = match &order.pool {
        Some(pool) => Some(account.give_address(pool, part.wanted.ip_address)?),
        None if part.wanted.ip_address.is_some() => return Err(codes::POOL_NOT_FOUND),
        None => None,
    };
    number(profile, &mut ids, &order.zip, before.id);
    let (by, now) = (profile.username.clone(), part.now);
    profile.devices.change(before.id, now, |record| {
        record.state = State::Active;
        record.ids = ids;
        record.plan = Some(order.plan.clone());
        record.ip_address = address;
        record.ip_pool.clone_from(&order.pool);
        record.custom_fields.extend(order.custom_fields.clone());
        record.cost_center = order.cost_center.clone().or(record.cost_center.take());
        record.place_of_use = order.place_of_use.clone().or(record.place_of_use.take());
        record.sku = order.sku.clone().or(record.sku.take());
        record.groups.extend(order.group.clone().filter(|group| !record.groups.contains(group)));
        record.last_activation_by = Some(by);
        record.last_activation_at = Some(now);
        record.last_connection_at = Some(now);
        record.connected = true;
    });
    provisioned(profile, before, "Activate", now);
    Ok(telling::activated(profile, before.id))
}

/// A new number, and what goes with it.
fn number(profile: &mut Profile, ids: &mut std::collections::BTreeMap<IdKind, String>, zip: &str, id: i64) {
    let mdn = profile.next_mdn(zip);
    let subscriber = u64::try_from(id).unwrap_or_default() % 1_000_000_000;
    let imsi = ids.entry(IdKind::Imsi).or_insert_with(|| format!("311480{subscriber:09}")).clone();
    ids.insert(IdKind::Min, imsi.get(imsi.len().saturating_sub(10)..).unwrap_or(&imsi).to_owned());
    ids.insert(IdKind::Msisdn, format!("1{mdn}"));
    ids.insert(IdKind::Mdn, mdn);
}

fn deactivate(profile: &mut Profile, part: &Part<'_>, and_delete: bool, before: &Record) -> Result<Value, Code> {
    let ours = part.pending.is_some_and(|pending| pending.device == before.id);
    if !(ours && before.state == State::PendingDeactivation) {
        return Err(codes::STATE_INVALID);
    }
    may_provision(profile, before.id, part.now)?;
    if let Some(account) = profile.account_mut(&before.account) {
        account.take_address_back(before.ip_pool.as_deref(), before.ip_address);
    }
    end_suspension(profile, before, part.now);
    profile.devices.change(before.id, part.now, |record| {
        record.state = State::Deactive;
        record.ids.retain(|kind, _| !matches!(kind, IdKind::Mdn | IdKind::Msisdn | IdKind::Min));
        (record.plan, record.ip_address, record.ip_pool) = (None, None, None);
        (record.connected, record.suspended_at) = (false, None);
    });
    provisioned(profile, before, "Deactivate", part.now);
    if and_delete {
        profile.devices.remove(before.id);
    }
    Ok(json!({ "deactivateResponse": { "deactivated": telling::flag(profile) } }))
}

fn suspend(profile: &mut Profile, part: &Part<'_>, before: &Record) -> Result<Value, Code> {
    if before.state != State::Active {
        return Err(codes::STATE_INVALID);
    }
    let now = part.now;
    may_provision(profile, before.id, now)?;
    let days = profile.devices.get(before.id).map_or(0, |device| device.suspended_days(now));
    if days >= profile.settings.suspended_days_in_a_year {
        return Err(codes::SUSPENDED_DAYS);
    }
    profile.devices.change(before.id, now, |record| {
        (record.state, record.connected, record.suspended_at) = (State::Suspend, false, Some(now));
    });
    provisioned(profile, before, "Suspend", now);
    profile.resume_later(before.id, now);
    Ok(telling::suspended(profile, before.id, now))
}

fn restore(profile: &mut Profile, part: &Part<'_>, before: &Record) -> Result<Value, Code> {
    if before.state != State::Suspend {
        return Err(codes::STATE_INVALID);
    }
    may_provision(profile, before.id, part.now)?;
    resume(profile, before, part.now);
    provisioned(profile, before, "Restore", part.now);
    Ok(json!({ "restoreResponse": { "restored": telling::flag(profile) } }))
}

/// The line is active again.
pub(super) fn resume(profile: &mut Profile, before: &Record, now: Timestamp) {
    end_suspension(profile, before, now);
    profile.devices.change(before.id, now, |record| {
        (record.state, record.connected, record.suspended_at) = (State::Active, true, None);
        record.last_connection_at = Some(now);
    });
}

fn end_suspension(profile: &mut Profile, before: &Record, now: Timestamp) {
    if let (Some(from), Some(device)) = (before.suspended_at, profile.devices.remembered(before.id)) {
        device.suspensions.push((from, now));
    }
}

fn change_plan(
    profile: &mut Profile,
    part: &Part<'_>,
    plan: &str,
    pool: Option<&str>,
    before: &Record,
) -> Result<Value, Code> {
    if before.state != State::Active {
        return Err(codes::STATE_INVALID);
    }
    let now = part.now;
    let same = before.plan.as_deref() == Some(plan);
    let counts = !same || profile.inferred.same_plan_counts;
    let changes = profile.devices.get(before.id).map_or(0, |device| device.plan_changes_in_month(now));
    if counts && changes >= profile.settings.plan_changes_per_month {
        return Err(codes::PLAN_CHANGES);
    }
    let account = profile.account_mut(&before.account).ok_or(codes::ACCOUNT_NOT_FOUND)?;
    account.has_plan(plan)?;
    let address = match pool {
        Some(pool) if before.ip_pool.as_deref() != Some(pool) || part.wanted.ip_address.is_some() => {
            account.has_pool(pool)?;
            let address = account.give_address(pool, part.wanted.ip_address)?;
            account.take_address_back(before.ip_pool.as_deref(), before.ip_address);
            Some((address, pool.to_owned()))
        }
        _ => None,
    };
    profile.devices.change(before.id, now, |record| {
        record.plan = Some(plan.to_owned());
        if let Some((address, pool)) = address {
            (record.ip_address, record.ip_pool) = (Some(address), Some(pool));
        }
    });
    if let Some(device) = profile.devices.remembered(before.id).filter(|_| counts) {
        device.plan_changes.push(now);
    }
    Ok(telling::changed(profile, "changeDeviceServicePlanResponse"))
}

/// Fields that change without a rule but one: the device has a line (that a suspended one is let be is inferred).
fn change(
    profile: &mut Profile,
    part: &Part<'_>,
    before: &Record,
    member: &str,
    change: impl FnOnce(&mut Record),
) -> Result<Value, Code> {
    if !matches!(before.state, State::Active | State::Suspend) {
        return Err(codes::STATE_INVALID);
    }
    profile.devices.change(before.id, part.now, change);
    Ok(telling::changed(profile, member))
}

fn with_new_number(
    profile: &mut Profile,
    to: &std::collections::BTreeMap<IdKind, String>,
    zip: &str,
) -> std::collections::BTreeMap<IdKind, String> {
    let mut to = to.clone();
    let mdn = to.get(&IdKind::Mdn).cloned().unwrap_or_else(|| profile.next_mdn(zip));
    to.insert(IdKind::Msisdn, format!("1{mdn}"));
    to.insert(IdKind::Mdn, mdn);
    to
}

fn change_id(
    profile: &mut Profile,
    part: &Part<'_>,
    to: std::collections::BTreeMap<IdKind, String>,
    plan: Option<&str>,
    before: &Record,
) -> Result<Value, Code> {
    if before.state != State::Active {
        return Err(codes::STATE_INVALID);
    }
    if profile.devices.taken(&to, before.id) {
        return Err(codes::IDENTIFIER_TAKEN);
    }
    if let Some(plan) = plan.filter(|plan| !plan.is_empty()) {
        profile.account(&before.account).ok_or(codes::ACCOUNT_NOT_FOUND)?.has_plan(plan)?;
    }
    profile.devices.change(before.id, part.now, |record| {
        record.ids.extend(to);
        record.plan = plan.filter(|plan| !plan.is_empty()).map(ToOwned::to_owned).or(record.plan.take());
    });
    Ok(telling::identified(profile, before.id))
}

fn relocate(profile: &mut Profile, part: &Part<'_>, to: &Removal, before: &Record) -> Result<Value, Code> {
    if matches!(before.state, State::PendingActivation | State::PendingDeactivation) {
        return Err(codes::STATE_INVALID);
    }
    if before.account == to.account {
        return Ok(telling::changed(profile, "moveDeviceResponse"));
    }
    let account = profile.account_mut(&to.account).ok_or(codes::ACCOUNT_NOT_FOUND)?;
    let plan = to.plan.clone().or_else(|| before.plan.clone());
    if let Some(plan) = &plan {
        account.has_plan(plan)?;
    }
    let pool = to.pool.clone().filter(|_| before.state.has_line());
    let address = pool.as_deref().map(|pool| account.give_address(pool, part.wanted.ip_address)).transpose()?;
    if let Some(old) = profile.account_mut(&before.account) {
        old.take_address_back(before.ip_pool.as_deref(), before.ip_address);
    }
    profile.devices.change(before.id, part.now, |record| {
        record.account.clone_from(&to.account);
        record.plan = plan.filter(|_| before.state.has_line());
        (record.ip_address, record.ip_pool) = (address, pool);
        record.groups = to.group.clone().into_iter().collect();
        record.custom_fields.extend(to.custom_fields.clone());
    });
    let by = profile.username.clone();
    if let Some(device) = profile.devices.remembered(before.id) {
        device.note(part.now, "Success", &by, "Device Move", before);
    }
    Ok(telling::changed(profile, "moveDeviceResponse"))
}

fn availability(profile: &Profile, wanted: &Wanted) -> Value {
    let device = device(profile, wanted);
    let with_number = device.is_some_and(|device| device.record.id_of(IdKind::Mdn).is_some());
    json!({ "deviceAvailabilityResponse": { "deviceFound": device.is_some(), "associatedWithMTN": with_number } })
}
