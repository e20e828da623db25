//! Devices and dates as answers have them (`thingspace.md` 2.1).

use super::account::Account;
use super::device::Record;
use super::identifiers::WireId;
use super::inferred::Inferred;
use jiff::{Timestamp, tz};
use serde::Serialize;
use serde_json::Value;

/// Life's only carrier.
pub(super) const CARRIER: &str = "Verizon Wireless";

/// A date with an offset; that it is the offset of the platform's own zone is inferred from samples.
pub(super) fn date(at: Timestamp) -> String {
    at.to_zoned(zone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn zone() -> tz::TimeZone {
    tz::TimeZone::get("America/New_York").unwrap_or(tz::TimeZone::UTC)
}

/// When the running cycle ends: the first of the next month (inferred; accounts have cycles of their own).
fn cycle_end(now: Timestamp) -> String {
    let local = now.to_zoned(zone());
    let next = local.date().last_of_month().tomorrow().unwrap_or_else(|_| local.date());
    next.to_zoned(zone()).map_or_else(|_| date(now), |zoned| date(zoned.timestamp()))
}

/// `{"key": …, "value": …}`; the value may be left out.
#[derive(Serialize)]
pub(super) struct Attribute {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
}

impl Attribute {
    pub(super) fn new(key: &str, value: impl Into<String>) -> Self {
        Self { key: key.to_owned(), value: Some(value.into()) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CarrierInformation {
    carrier_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_plan: Option<String>,
    state: &'static str,
}

/// A device of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireRecord {
    account_name: String,
    billing_cycle_end_date: String,
    carrier_informations: [CarrierInformation; 1],
    connected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    custom_fields: Vec<Attribute>,
    device_ids: Vec<WireId>,
    extended_attributes: Vec<Attribute>,
    group_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activation_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activation_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_connection_date: Option<String>,
}

/// How a record is shown.
pub(super) struct Look<'a> {
    inferred: &'a Inferred,
    single: bool,
    cycle_end: String,
}

impl<'a> Look<'a> {
    pub(super) fn new(inferred: &'a Inferred, single: bool, now: Timestamp) -> Self {
        Self { inferred, single, cycle_end: cycle_end(now) }
    }

    pub(super) fn at(&self, record: &Record, account: Option<&Account>) -> WireRecord {
        let service_plan = record.plan.clone();
        WireRecord {
            account_name: record.account.clone(),
            billing_cycle_end_date: self.cycle_end.clone(),
            carrier_informations: [CarrierInformation {
                carrier_name: CARRIER,
                service_plan,
                state: record.state.word(),
            }],
            connected: record.connected,
            created_at: record.created_at.map(date),
            custom_fields: record.custom_fields.iter().map(|(key, value)| Attribute::new(key, value)).collect(),
            device_ids: record.wire_ids(),
            extended_attributes: self.attributes(record),
            group_names: groups(record, account),
            ip_address: record.ip_address.map(|address| address.to_string()),
            last_activation_by: record.last_activation_by.clone(),
            last_activation_date: record.last_activation_at.map(date),
            last_connection_date: record.last_connection_at.map(date),
        }
    }

    /// Lists have the cursor alone; a single device has everything.
    fn attributes(&self, record: &Record) -> Vec<Attribute> {
        let id = Attribute::new("DeviceId", record.id.to_string());
        if !(self.single || self.inferred.attributes_in_lists) {
            return vec![id];
        }
        let mut attributes = place_of_use(record.place_of_use.as_ref());
        attributes.push(Attribute { key: "CostCenterCode".to_owned(), value: record.cost_center.clone() });
        attributes.push(Attribute { key: "SkuNumber".to_owned(), value: record.sku.clone() });
        attributes.push(id);
        if !self.inferred.attributes_without_value {
            attributes.retain(|attribute| attribute.value.is_some());
        }
        attributes
    }
}

fn groups(record: &Record, account: Option<&Account>) -> Vec<String> {
    account.map(Account::default_group).into_iter().chain(record.groups.iter().cloned()).collect()
}

fn place_of_use(place: Option<&Value>) -> Vec<Attribute> {
    const NAMES: [(&str, &str); 14] = [
        ("/customerName/title", "Title"),
        ("/customerName/firstName", "FirstName"),
        ("/customerName/middleName", "MiddleName"),
        ("/customerName/lastName", "LastName"),
        ("/customerName/suffix", "Suffix"),
        ("/address/addressLine1", "AddressLine1"),
        ("/address/addressLine2", "AddressLine2"),
        ("/address/city", "City"),
        ("/address/state", "State"),
        ("/address/country", "Country"),
        ("/address/zip", "ZipCode"),
        ("/address/zip4", "ZipCode4"),
        ("/address/phone", "CBRPhone"),
        ("/address/emailAddress", "EmailAddress"),
    ];
    let value = |pointer: &str| {
        let value = place.and_then(|place| place.pointer(pointer)).and_then(Value::as_str);
        value.map(ToOwned::to_owned)
    };
    let attribute =
        |(pointer, name): &(&str, &str)| Attribute { key: format!("PrimaryPlaceOfUse{name}"), value: value(pointer) };
    NAMES.iter().map(attribute).collect()
}
