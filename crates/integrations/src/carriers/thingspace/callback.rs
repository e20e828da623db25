//! Letting ThingSpace's callbacks in (`thingspace.md` 3.2, 3.3): JSON whose credentials stand in it, in clear.

use super::codes;
use super::proof;
use super::wire::{DeviceId, id_of};
use crate::carriers::{Admitted, CallbackGate, CallbackWord, Cause, MOST_CALLBACK_BYTES, NotAdmitted};
use crate::depth::{self, MOST_DEPTH};
use crate::exchange::Secrets;
use secrecy::SecretString;
use serde_json::{Map, Value};

/// The most devices that one callback is heard about; documented is one.
const MOST_DEVICES: usize = 100;
/// The longest word or code that is kept beside the body.
const MOST_WORD: usize = 200;

/// A pure function. All that is secret is compared, in constant time, also where the body is none.
pub(in crate::carriers) fn admit(gate: &CallbackGate, token: &str, body: &[u8]) -> Result<Admitted, NotAdmitted> {
    let read = read(body);
    let said = |field: &str| match &read {
        Ok((object, _)) => object.get(field).and_then(Value::as_str).unwrap_or_default(),
        Err(_) => "",
    };
    let compared = gate.compare(token, said("username"), said("password"));
    if compared == Err(NotAdmitted::WrongToken) {
        return Err(NotAdmitted::WrongToken);
    }
    let words = [token, said("username"), said("password")].map(SecretString::from);
    let (object, text) = read?;
    compared?;
    let request_id = object.get("requestId").and_then(Value::as_str).map(str::trim);
    let request_id = request_id.filter(|id| proof::is_request_id(id)).ok_or(NotAdmitted::NoRequest)?;
    let devices = devices(&object);
    if devices.is_empty() {
        return Err(NotAdmitted::NoDevice);
    }
    // They were right: what was brought is what is secret.
    let secrets = Secrets::new(words.to_vec());
    Ok(Admitted {
        request_id: request_id.to_owned(),
        iccids: devices.into_iter().filter(|iccid| !iccid.is_empty()).take(MOST_DEVICES).collect(),
        word: word(&object),
        told: object.get("callbackCount").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()),
        body: secrets.json(&text).ok_or(NotAdmitted::NotJson)?,
    })
}

fn read(body: &[u8]) -> Result<(Map<String, Value>, String), NotAdmitted> {
    if body.len() > MOST_CALLBACK_BYTES {
        return Err(NotAdmitted::TooLong);
    }
    let text = std::str::from_utf8(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body));
    let text = text.map_err(|_| NotAdmitted::NotJson)?;
    if !depth::is_at_most(text, MOST_DEPTH) || !text.trim_start().starts_with('{') {
        return Err(NotAdmitted::NotJson);
    }
    let object = serde_json::from_str(text).map_err(|_| NotAdmitted::NotJson)?;
    Ok((object, text.to_owned()))
}

/// The ICCID of the device that it is about; empty where it is named by other ids only. The ids of one callback are one
/// device's; those within the response say the same again (3.3).
fn devices(object: &Map<String, Value>) -> Vec<String> {
    let Some(Value::Array(ids)) = object.get("deviceIds") else { return Vec::new() };
    let read = |id: &Value| serde_json::from_value::<DeviceId>(id.clone()).ok();
    let ids: Vec<DeviceId> = ids.iter().filter(|id| id.is_object()).filter_map(read).collect();
    let is_named = ids.iter().any(|id| id.id.is_some() && id.kind.is_some());
    let iccids: Vec<String> = ids.iter().filter_map(|id| id_of(std::slice::from_ref(id), "iccid")).collect();
    match (iccids.is_empty(), is_named) {
        (false, _) => iccids,
        (true, true) => vec![String::new()],
        (true, false) => Vec::new(),
    }
}

/// `status` is documented as Success or Failed; the request's own status says Failure (3.4).
fn word(object: &Map<String, Value>) -> CallbackWord {
    let status = object.get("status").and_then(Value::as_str).unwrap_or_default().trim();
    let has_fault = object.get("faultResponse").is_some_and(Value::is_object);
    if status.eq_ignore_ascii_case("success") && !has_fault {
        CallbackWord::Success
    } else if ["failed", "failure"].iter().any(|known| status.eq_ignore_ascii_case(known)) {
        let fault = object.get("faultResponse").and_then(|fault| fault.get("faultcode")).and_then(Value::as_str);
        let code = fault.map(|code| codes::bare(code).chars().take(MOST_WORD).collect::<String>());
        let code = code.filter(|code| codes::is_code(code));
        let cause = code.as_deref().map_or(Cause::Unlisted, codes::cause_of);
        CallbackWord::Failed { code, cause }
    } else {
        CallbackWord::Unlisted(status.chars().take(MOST_WORD).collect())
    }
}

#[cfg(test)]
mod tests;
