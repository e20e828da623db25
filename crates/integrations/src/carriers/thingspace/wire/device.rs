//! Devices (`thingspace.md` 2.1).

use super::DeviceId;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A page of the list. Records are read one by one, so that one that cannot be read does not lose the others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Devices<'a> {
    pub(in super::super) has_more_data: bool,
    #[serde(borrow)]
    pub(in super::super) devices: Vec<&'a RawValue>,
}

/// A device. State and plan are in its first carrier's information, and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Device {
    pub(in super::super) account_name: Option<String>,
    pub(in super::super) carrier_informations: Option<Vec<CarrierInformation>>,
    pub(in super::super) created_at: Option<String>,
    pub(in super::super) device_ids: Option<Vec<DeviceId>>,
    pub(in super::super) extended_attributes: Option<Vec<Attribute>>,
    pub(in super::super) ip_address: Option<String>,
    pub(in super::super) last_activation_date: Option<String>,
    pub(in super::super) last_connection_date: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct CarrierInformation {
    pub(in super::super) service_plan: Option<String>,
    pub(in super::super) state: Option<String>,
}

/// A key, and often no value.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in super::super) struct Attribute {
    pub(in super::super) key: Option<String>,
    pub(in super::super) value: Option<Value>,
}

impl Device {
    /// The platform's own number of it, by which the list goes on.
    pub(in super::super) fn number(&self) -> Option<u64> {
        let attributes = self.extended_attributes.as_deref().unwrap_or_default();
        let is_number =
            |attribute: &&Attribute| attribute.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case("DeviceId"));
        match attributes.iter().find(is_number)?.value.as_ref()? {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.as_u64(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}
