//! From a request to what became of it: requests are placed, and what is due is done, in an order that depends on the
//! world's clock and seed alone.

use super::announcing::{self, Telling};
use super::body::Wanted;
use super::carrying_out::{self, Part};
use super::codes::Code;
use super::device::Record;
use super::identifiers::{IdKind, WireId};
use super::lot::For;
use super::order::{self, Order, Placed};
use super::paths::OrderKind;
use super::profile::Profile;
use super::refusal::Refusal;
use super::request::{Pending, Request, Work};
use super::state::State;
use crate::World;
use crate::call::{Answer, Call, ObjectRef};
use crate::faults::{DeviceFault, FaultRef, Told};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::sync::Arc;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// Places a request: what is wrong with the whole of it is refused, the rest is done later.
pub(super) fn place(
    profile: &mut Profile,
    kind: OrderKind,
    call: &Call,
    others: &[String],
    world: &World,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    if kind == OrderKind::Activate {
        limit(profile, now)?;
    }
    let Placed { account, order, devices, from } = order::read(profile, kind, call, others)?;
    let number = profile.requests.next_number();
    let id = profile.lot.uuid(For::Request, &[number]).to_string();
    let is_move = matches!(order, Order::Move(_));
    let sent_to = (call.method.to_string(), call.path_below_version().to_owned());
    let request = Request {
        number,
        id: id.clone(),
        at: now,
        account: account.filter(|_| !is_move),
        kind,
        devices: devices.len(),
        left: devices.len(),
        failed: 0,
        order: Arc::new(order),
        sent_to,
    };
    profile.requests.add(request.clone());
    profile.callbacks.hold(number);
    let count = devices.len();
    for (place, wanted) in (0..).zip(devices) {
        enqueue(profile, &request, place, wanted, world, from.unwrap_or(now).max(now), now);
    }
    settle(profile, world, now);
    let mut answer = Answer::json(StatusCode::OK, &json!({ "requestId": id }));
    answer.object = Some(ObjectRef { kind: "Requests".to_owned(), id: i64::try_from(number).unwrap_or(i64::MAX) });
    (answer.applied, answer.devices) = (true, Some(count));
    Ok(answer)
}

/// So many requests to activate in any minute; those that were refused do not count (inferred).
fn limit(profile: &mut Profile, now: Timestamp) -> Result<(), Refusal> {
    let times = &mut profile.activations;
    while times.front().is_some_and(|first| now.duration_since(*first) >= MINUTE || *first > now) {
        times.pop_front();
    }
    if times.len() >= profile.settings.activations_per_minute {
        let wait = times.front().map_or(MINUTE, |first| MINUTE - now.duration_since(*first));
        return Err(Refusal::Throttled { seconds: Some(wait.as_secs().max(1)) });
    }
    times.push_back(now);
    Ok(())
}

fn enqueue(
    profile: &mut Profile,
    request: &Request,
    place: u64,
    wanted: Wanted,
    world: &World,
    from: Timestamp,
    now: Timestamp,
) {
    let pending_since = make_pending(profile, request, &wanted, now);
    let told = |profile: &Profile, fault: fn(&crate::faults::Fault) -> bool| {
        verdict(profile, request, place, &wanted.sent, None, world, fault)
    };
    let early = told(profile, |fault| fault.is_early()).map(|(rule, _)| rule);
    let wait = match told(profile, |fault| fault.is_delay()) {
        Some((_, DeviceFault::Delayed(seconds))) => f64::from(seconds),
        _ => 0.0,
    };
    let activates = matches!(*request.order, Order::Activate(_));
    let delay = if activates { profile.settings.activation_delay } else { profile.settings.delay };
    let part = profile.lot.part(For::Delay, &[request.number, place]);
    let delay = SignedDuration::try_from_secs_f64(delay.at(part) + wait).unwrap_or_default();
    let due = if early.is_some() { now } else { from.checked_add(delay).unwrap_or(from) };
    let request = request.number;
    profile.requests.schedule(due, Work::Order { request, place, wanted, pending_since, early });
}

/// Activations and deactivations show in the list until they are done; devices that nobody knows are added.
fn make_pending(profile: &mut Profile, request: &Request, wanted: &Wanted, now: Timestamp) -> Option<Pending> {
    let found = carrying_out::device(profile, wanted).map(|device| &device.record);
    let found = found.map(|record| (record.id, record.state, record.account.clone()));
    let ours = |account: &str| request.account.as_deref().is_none_or(|named| named == account);
    match (&*request.order, found) {
        (Order::Activate(_), Some((id, before @ (State::Preactive | State::Deactive), account))) if ours(&account) => {
            profile.devices.change(id, now, |record| record.state = State::PendingActivation);
            Some(Pending { device: id, before })
        }
        (Order::Activate(activation), None) if !profile.devices.taken(&wanted.ids, 0) => {
            let (account, state) = (activation.account.clone(), State::PendingActivation);
            let record = Record { account, state, ids: wanted.ids.clone(), ..Record::default() };
            let device = profile.devices.add(record, now);
            Some(Pending { device, before: State::Deactive })
        }
        (Order::Deactivate { .. }, Some((id, before, account))) if ours(&account) => {
            let suspended = before == State::Suspend && profile.inferred.suspended_can_be_deactivated;
            if before != State::Active && !suspended {
                return None;
            }
            profile.devices.change(id, now, |record| record.state = State::PendingDeactivation);
            Some(Pending { device: id, before })
        }
        _ => None,
    }
}

/// Does what is due.
pub(super) fn settle(profile: &mut Profile, world: &World, now: Timestamp) {
    while let Some((due, work)) = profile.requests.due(now) {
        match work {
            Work::Order { request, place, wanted, pending_since, early } => {
                let Some(request) = profile.requests.row(request).cloned() else { continue };
                finish(profile, &request, (place, &wanted), pending_since, early, world, due);
            }
            Work::Resume { device, suspended_at } => {
                let record = profile.devices.get(device).map(|device| device.record.clone());
                if let Some(record) = record.filter(|record| record.suspended_at == Some(suspended_at)) {
                    carrying_out::resume(profile, &record, due);
                }
            }
        }
    }
}

/// One device's part: a rule's refusal or the deed, then the callback.
fn finish(
    profile: &mut Profile,
    request: &Request,
    (place, wanted): (u64, &Wanted),
    pending: Option<Pending>,
    early: Option<u64>,
    world: &World,
    now: Timestamp,
) {
    let refused = verdict(profile, request, place, &wanted.sent, None, world, |fault| fault.is_refusal());
    let part = Part { order: &request.order, account: request.account.as_deref(), wanted, pending, now };
    let known = carrying_out::device(profile, wanted).map(|device| device.record.id);
    let (result, rule) = match refused {
        Some((rule, DeviceFault::Refused { code, message })) => (Err((code, message)), Some(rule)),
        _ => (carrying_out::carry_out(profile, &part).map_err(|code| words(&code)), None),
    };
    if let (Err(_), Some(pending)) = (&result, pending) {
        carrying_out::give_up(profile, pending, now);
    }
    if result.is_err() {
        note_failure(profile, request, known, now);
    }
    profile.requests.done(request.number, result.is_err());
    let ids = sent_or_all(profile, known, wanted, result.is_ok());
    let rule = rule.map(|rule| FaultRef { rule, kind: "device_refused" });
    let telling = Telling { place, known, ids, result, early, rule };
    announcing::tell(profile, request, &telling, world, now);
}

pub(super) fn words(code: &Code) -> (String, String) {
    (code.code(), code.message())
}

fn note_failure(profile: &mut Profile, request: &Request, known: Option<i64>, now: Timestamp) {
    let event = match &*request.order {
        Order::Activate(_) => "Activate",
        Order::Deactivate { .. } => "Deactivate",
        Order::Suspend => "Suspend",
        Order::Restore => "Restore",
        _ => return,
    };
    let by = profile.username.clone();
    if let Some(device) = known.and_then(|id| profile.devices.remembered(id)) {
        let before = device.record.clone();
        device.note(now, "Failed", &by, event, &before);
    }
}

/// A success names the device by everything it is called (inferred), so that the number is there; a fault as it was sent.
fn sent_or_all(profile: &Profile, known: Option<i64>, wanted: &Wanted, good: bool) -> Vec<WireId> {
    let record = known.and_then(|id| profile.devices.get(id)).map(|device| &device.record);
    match record {
        Some(record) if good => record.wire_ids(),
        _ if good => wanted.sent.clone(),
        _ => {
            let in_faults =
                |(kind, id): (&IdKind, &String)| WireId { id: id.clone(), kind: kind.in_faults().to_owned() };
            wanted.ids.iter().map(in_faults).collect()
        }
    }
}

/// What the rules make of a device's part. The chance is the part's own, whoever came before.
pub(super) fn verdict(
    profile: &Profile,
    request: &Request,
    place: u64,
    ids: &[WireId],
    told: Option<&Told<'_>>,
    world: &World,
    of: fn(&crate::faults::Fault) -> bool,
) -> Option<(u64, DeviceFault)> {
    let bare = Told { request_id: &request.id, ids, status: "" };
    let (method, path) = (request.sent_to.0.as_str(), request.sent_to.1.as_str());
    let chance = |rule| profile.lot.part(For::Rule, &[rule, request.number, place]);
    world.faults(|faults| faults.device_verdict((&profile.username, method, path), told.unwrap_or(&bare), of, chance))
}
