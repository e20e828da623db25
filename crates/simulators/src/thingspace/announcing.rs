//! Who is told of a device's part, in which words, and what the rules make of it (`thingspace.md` 3).

use super::account::Account;
use super::callbacks::{Callback, Outcome, Sort};
use super::codes;
use super::devices::natural_key;
use super::identifiers::WireId;
use super::lot::For;
use super::paths::OrderKind;
use super::profile::Profile;
use super::request::Request;
use super::settling::{verdict, words};
use crate::World;
use crate::faults::{DeviceFault, FaultRef, Forgery, Seconds, Told};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

/// What came of a device's part: the `deviceResponse`, or code and words of the fault.
pub(super) type Part = Result<Value, (String, String)>;

/// What is to be told of a device.
pub(super) struct Telling {
    pub(super) place: u64,
    pub(super) known: Option<i64>,
    pub(super) ids: Vec<WireId>,
    pub(super) result: Part,
    /// The rule by which it is told before its request's answer.
    pub(super) early: Option<u64>,
    /// The rule by which the device was refused.
    pub(super) rule: Option<FaultRef>,
}

/// Tells it, if somebody listens.
pub(super) fn tell(profile: &mut Profile, request: &Request, telling: &Telling, world: &World, now: Timestamp) {
    let Some(callback) = truth(profile, request, telling, now) else {
        profile.callbacks.nobody_listens();
        return;
    };
    let told = Told { request_id: &request.id, ids: &telling.ids, status: callback.status };
    let about_telling = |fault: &crate::faults::Fault| fault.is_about_telling();
    let fault = verdict(profile, request, telling.place, &telling.ids, Some(&told), world, about_telling);
    let callbacks = match fault {
        Some((rule, fault)) => spoiled(profile, callback, rule, &fault, telling, now),
        None => vec![callback],
    };
    let early = telling.early.is_some();
    let seqs: Vec<u64> = callbacks.into_iter().map(|callback| profile.callbacks.tell(callback, early)).collect();
    if let Some(device) = telling.known.and_then(|id| profile.devices.remembered(id)) {
        device.callbacks.extend(seqs);
    }
}

/// The callback as it should be; nothing if nobody listens.
fn truth(profile: &Profile, request: &Request, telling: &Telling, now: Timestamp) -> Option<Callback> {
    let record = telling.known.and_then(|id| profile.devices.get(id)).map(|device| &device.record);
    let device = record.map(|record| natural_key(record).to_owned());
    let account = request.account.clone().or_else(|| record.map(|record| record.account.clone()));
    let service = request.kind.service();
    let account = listening(profile, account.as_deref(), request.kind, service)?;
    let status = if telling.result.is_ok() { "Success" } else { "Failed" };
    let early = telling.early.map(|rule| FaultRef { rule, kind: "callback_early" });
    Some(Callback {
        seq: 0,
        request: request.number,
        request_id: request.id.clone(),
        service,
        account,
        device: device.or_else(|| telling.ids.first().map(|id| id.id.clone())).unwrap_or_default(),
        status,
        code: telling.result.as_ref().err().map(|(code, _)| code.clone()),
        sort: Sort::Real,
        due: now,
        attempts: Vec::new(),
        outcome: Outcome::Waiting,
        fault: early.or_else(|| telling.rule.clone()),
        lost_attempts: 0,
        with_credentials: true,
        body: body(&request.id, &telling.ids, status, &telling.result),
    })
}

/// What is told instead, in order.
fn spoiled(
    profile: &Profile,
    mut callback: Callback,
    rule: u64,
    fault: &DeviceFault,
    telling: &Telling,
    now: Timestamp,
) -> Vec<Callback> {
    let later = |seconds: Seconds| {
        SignedDuration::try_from(seconds.duration()).ok().and_then(|pause| now.checked_add(pause).ok()).unwrap_or(now)
    };
    callback.fault = Some(FaultRef { rule, kind: fault.name() });
    match fault {
        DeviceFault::Lost { attempts: None } => callback.outcome = Outcome::Lost,
        DeviceFault::Lost { attempts: Some(attempts) } => callback.lost_attempts = *attempts,
        DeviceFault::Late(seconds) => callback.due = later(*seconds),
        DeviceFault::Doubled(seconds) => {
            let double = Callback { sort: Sort::Double, due: later(*seconds), ..callback.clone() };
            return vec![callback, double];
        }
        DeviceFault::Forged { forgery, instead } => {
            let forged = forged(profile, &callback, *forgery, telling);
            if *instead {
                callback.outcome = Outcome::Lost;
            }
            return vec![forged, callback];
        }
        DeviceFault::Delayed(_) | DeviceFault::Refused { .. } | DeviceFault::Early => {}
    }
    vec![callback]
}

/// The account whose listener is told. A move, and a device that nobody knows, are told to any of the user's accounts that
/// listens if their own does not (inferred).
fn listening(profile: &Profile, account: Option<&str>, kind: OrderKind, service: &str) -> Option<String> {
    let listens = |account: &&Account| account.listeners.contains_key(service);
    let own = account.and_then(|name| profile.account(name));
    let any = || profile.accounts.iter().find(listens).filter(|_| own.is_none() || kind == OrderKind::Move);
    own.filter(listens).or_else(any).map(|account| account.name.clone())
}

/// A callback's body but for credentials and count.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    request_id: &'a str,
    device_ids: &'a [WireId],
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_response: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault_response: Option<FaultResponse<'a>>,
}

/// Its names are all in small letters (`thingspace.md` 3.3).
#[derive(Serialize)]
struct FaultResponse<'a> {
    faultcode: &'a str,
    faultstring: &'a str,
}

/// The body without its braces.
fn body(request_id: &str, device_ids: &[WireId], status: &str, result: &Result<Value, (String, String)>) -> String {
    let fault = |(code, message)| FaultResponse { faultcode: code, faultstring: message };
    let fault_response = result.as_ref().err().map(|(code, message)| fault((code.as_str(), message.as_str())));
    let body = Body { request_id, device_ids, status, device_response: result.as_ref().ok(), fault_response };
    // Only a map with keys that are no text cannot be written; there is none.
    let text = serde_json::to_string(&body).unwrap_or_default();
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// A callback that nobody of ThingSpace has sent.
fn forged(profile: &Profile, real: &Callback, forgery: Forgery, telling: &Telling) -> Callback {
    let mut forged = Callback { sort: Sort::Forged, ..real.clone() };
    match forgery {
        Forgery::Credentials => forged.with_credentials = false,
        Forgery::Request => {
            forged.request_id = profile.lot.uuid(For::Forgery, &[profile.callbacks.next()]).to_string();
            forged.body = body(&forged.request_id, &telling.ids, forged.status, &telling.result);
        }
        Forgery::Status => {
            let contrary = match telling.result {
                Ok(_) => Err(words(&codes::UNEXPECTED)),
                Err(_) => Ok(json!({})),
            };
            forged.status = if contrary.is_ok() { "Success" } else { "Failed" };
            forged.code = contrary.as_ref().err().map(|(code, _)| code.clone());
            forged.body = body(&forged.request_id, &telling.ids, forged.status, &contrary);
        }
    }
    forged
}
