//! What requests bring: JSON, without the signs that are not allowed (`thingspace.md` 1).

use super::codes::{self, Code};
use super::identifiers::{IdKind, WireId};
use super::refusal::Refusal;
use crate::call::Call;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

const ILLEGAL: [char; 3] = ['\'', '<', '\\'];
const MOST_CUSTOM_FIELD_SIGNS: usize = 50;

/// A body's fields. Fields that the call does not have are ignored (inferred).
pub(super) fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    // A look at the bytes spares most bodies, which may name ten thousand devices, from being read twice.
    if call.body.iter().any(|byte| ILLEGAL.contains(&char::from(*byte))) {
        let value: Value = serde_json::from_slice(&call.body).map_err(|_| codes::DESERIALIZATION)?;
        if has_illegal(&value) {
            return Err(codes::INVALID_CHARACTER.into());
        }
    }
    read_with_any_signs(call)
}

/// The same for passwords, which may have any signs (inferred).
pub(super) fn read_with_any_signs<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    if call.body.trim_ascii().is_empty() {
        return Err(codes::UNDEFINED.into());
    }
    serde_json::from_slice(&call.body).map_err(|error| {
        tracing::debug!(%error, "a body could not be read");
        codes::DESERIALIZATION.into()
    })
}

fn has_illegal(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(ILLEGAL),
        Value::Array(values) => values.iter().any(has_illegal),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains(ILLEGAL) || has_illegal(value)),
        _ => false,
    }
}

/// `{"key": …, "value": …}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct KeyValue {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: Option<String>,
}

/// A device as requests name it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireDevice {
    #[serde(default)]
    pub(super) device_ids: Vec<WireId>,
    #[serde(default)]
    pub(super) ip_address: Option<String>,
}

/// A device that is asked for, understood.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) ids: BTreeMap<IdKind, String>,
    /// As they were sent.
    pub(super) sent: Vec<WireId>,
    pub(super) ip_address: Option<Ipv4Addr>,
}

impl Wanted {
    pub(super) fn read(device: WireDevice) -> Result<Self, Code> {
        let ids = ids(&device.device_ids)?;
        let ip_address = match device.ip_address.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => Some(text.parse().map_err(|_| codes::ADDRESS_TAKEN)?),
            None => None,
        };
        Ok(Self { ids, sent: device.device_ids, ip_address })
    }
}

/// Identifiers by kind; there must be one.
pub(super) fn ids(sent: &[WireId]) -> Result<BTreeMap<IdKind, String>, Code> {
    let mut ids = BTreeMap::new();
    for WireId { id, kind } in sent {
        let kind = IdKind::named(kind).ok_or(codes::KIND_INVALID)?;
        let id = id.trim();
        if !kind.admits(id) {
            return Err(codes::IDENTIFIER_INVALID);
        }
        ids.insert(kind, id.to_owned());
    }
    if ids.is_empty() { Err(codes::IDENTIFIER_INVALID) } else { Ok(ids) }
}

/// Custom fields by name.
pub(super) fn custom_fields(sent: Option<Vec<KeyValue>>) -> Result<BTreeMap<String, String>, Code> {
    let mut fields = BTreeMap::new();
    for KeyValue { key, value } in sent.unwrap_or_default() {
        let name = (1..=5).map(|number| format!("CustomField{number}")).find(|name| name.eq_ignore_ascii_case(&key));
        let (name, value) = (name.ok_or(codes::CUSTOM_FIELD_NAME)?, value.unwrap_or_default());
        if value.chars().count() > MOST_CUSTOM_FIELD_SIGNS {
            return Err(codes::CUSTOM_FIELD_LENGTH);
        }
        fields.insert(name, value);
    }
    Ok(fields)
}
