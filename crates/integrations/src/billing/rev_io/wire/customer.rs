//! Customers: who is billed.

use super::date;
use super::words::CustomerStatus;
use crate::amount::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A customer. It has no name of its own; the name is an address's `company_name`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Customer {
    pub customer_id: i64,
    pub parent_customer_id: Option<i64>,
    pub account_number: Option<String>,
    pub status: Option<CustomerStatus>,
    #[serde(default, deserialize_with = "date::optional")]
    pub activated_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub close_date: Option<Date>,
    pub agent_id: Option<i64>,
    pub email: Option<String>,
    pub is_parent: Option<bool>,
    pub auto_debit: Option<bool>,
    pub suspended: Option<bool>,
    #[serde(default, deserialize_with = "date::optional")]
    pub suspended_date: Option<Date>,
    pub billing_address: Option<Address>,
    pub service_address: Option<Address>,
    pub listing_address: Option<Address>,
    pub finance: Option<Finance>,
    pub profile: Option<Profile>,
    pub fields: Option<Vec<Value>>,
}

/// One of a customer's addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_or_province: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
}

/// How a customer is billed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Finance {
    pub bill_profile_id: Option<i64>,
    pub balance: Option<Amount>,
    #[serde(default, deserialize_with = "date::optional")]
    pub cycle_date: Option<Date>,
}

/// What sort of customer it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Profile {
    pub class: Option<String>,
}

impl Customer {
    /// The name people know it by: the first address's that has one.
    #[must_use]
    pub fn company_name(&self) -> Option<&str> {
        let addresses = [&self.billing_address, &self.service_address, &self.listing_address];
        addresses.into_iter().flatten().find_map(|address| address.company_name.as_deref())
    }
}
