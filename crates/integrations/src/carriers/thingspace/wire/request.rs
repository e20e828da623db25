//! What ThingSpace is told: the bodies of requests (`thingspace.md` 1 to 3). A field that is none is left out.

use super::DeviceId;
use crate::carriers::PlaceOfUse;
use serde::Serialize;

/// Which devices the list is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ListDevices<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) device_id: Option<DeviceId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) device_list: Vec<DeviceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) account_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) filter: Option<Filter<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) current_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) service_plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) max_number_of_devices: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) largest_device_id_seen: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Filter<'a> {
    pub(in super::super) device_identifier_filters: [IdentifierFilter<'a>; 1],
}

/// `contains` is the one field that is not optional; with the same text in both, the beginning decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in super::super) struct IdentifierFilter<'a> {
    pub(in super::super) kind: &'static str,
    pub(in super::super) contains: &'a str,
    pub(in super::super) startswith: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ListHistory {
    pub(in super::super) device_id: DeviceId,
    pub(in super::super) earliest: String,
    pub(in super::super) latest: String,
}

/// A device in a request, by as many of its ids as it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct AccountDevice {
    pub(in super::super) device_ids: Vec<DeviceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) ip_address: Option<String>,
}

/// Every write to devices: activate, deactivate, suspend, restore, plan. What one of them does not know is none there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct CarrierAction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) account_name: Option<&'a str>,
    pub(in super::super) devices: Vec<AccountDevice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) service_plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) current_service_plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) mdn_zip_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) carrier_ip_pool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) public_ip_restriction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) sku_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) primary_place_of_use: Option<PrimaryPlaceOfUse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) reason_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) etf_waiver: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct PrimaryPlaceOfUse<'a> {
    pub(in super::super) address: Address<'a>,
    pub(in super::super) customer_name: CustomerName<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Address<'a> {
    #[serde(rename = "addressLine1")]
    pub(in super::super) address_line_1: &'a str,
    #[serde(rename = "addressLine2", skip_serializing_if = "Option::is_none")]
    pub(in super::super) address_line_2: Option<&'a str>,
    pub(in super::super) city: &'a str,
    pub(in super::super) state: &'a str,
    pub(in super::super) zip: &'a str,
    pub(in super::super) country: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct CustomerName<'a> {
    pub(in super::super) first_name: &'a str,
    pub(in super::super) last_name: &'a str,
}

impl<'a> PrimaryPlaceOfUse<'a> {
    pub(in super::super) fn of(place: &'a PlaceOfUse) -> Self {
        Self {
            address: Address {
                address_line_1: &place.address_line_1,
                address_line_2: place.address_line_2.as_deref(),
                city: &place.city,
                state: &place.state,
                zip: &place.zip,
                country: &place.country,
            },
            customer_name: CustomerName { first_name: &place.first_name, last_name: &place.last_name },
        }
    }
}

/// The user of the session.
#[derive(Serialize)]
pub(in super::super) struct LogIn<'a> {
    pub(in super::super) username: &'a str,
    pub(in super::super) password: &'a str,
}

/// A listener that is to be registered.
#[derive(Serialize)]
pub(in super::super) struct Register<'a> {
    pub(in super::super) name: &'a str,
    pub(in super::super) url: &'a str,
    pub(in super::super) username: &'a str,
    pub(in super::super) password: &'a str,
}
