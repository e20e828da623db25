//! What Rev.io is told: the bodies of writes (`rev_io.md` C5). A field that is none is left out, not sent as null.

use super::customer::Address;
use super::date;
use crate::amount::Amount;
use jiff::civil::Date;
use serde::Serialize;

const MOST_NUMBER: usize = 255;
const MOST_DESCRIPTION: usize = 1_000;

/// Opens a service. With a package its products come by themselves, and none are to be created (C5, Rules).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct CreateService {
    pub customer_id: i64,
    /// The SIM's MSISDN; without one the device's identifier (`domain.md` 3.6).
    pub number: String,
    /// The SIM's ICCID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number2: Option<String>,
    /// C5 calls it required; AMOP leaves it out when it has none (`domain.md` 2.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_account_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_plan_group_id: Option<i64>,
    /// Only when products are prorated (`domain.md` 2.5).
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date::serialize_optional")]
    pub effective_date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date::serialize_optional")]
    pub activated_date: Option<Date>,
    /// Whether it shows on bills is open (`reliability.md` 4.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Puts a product on a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct CreateServiceProduct {
    pub customer_id: i64,
    pub service_id: i64,
    pub product_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_id: Option<i64>,
    pub rate: Amount,
    /// AMOP puts 1 (`domain.md` 2.5).
    pub quantity: Amount,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date::serialize_optional")]
    pub effective_date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date::serialize_optional")]
    pub activated_date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub generate_proration: bool,
}

/// Ends a product on a service. Sent as the body of a `DELETE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct DisconnectServiceProduct {
    pub service_product_id: i64,
    #[serde(serialize_with = "date::serialize")]
    pub effective_date: Date,
    pub generate_proration: bool,
}

/// Makes a customer. Which of C6's fields a creation needs is open ("as C6").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct CreateCustomer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_customer_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "date::serialize_optional")]
    pub activated_date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listing_address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finance: Option<NewFinance>,
}

/// How a new customer is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct NewFinance {
    pub bill_profile_id: i64,
}

/// Puts a thing into a customer's stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct CreateInventoryItem {
    pub inventory_type_id: i64,
    pub identifier: String,
    pub customer_id: i64,
    /// `AVAILABLE`.
    pub status: &'static str,
}

impl CreateInventoryItem {
    /// With the one status that a new thing has.
    #[must_use]
    pub const fn available(inventory_type_id: i64, identifier: String, customer_id: i64) -> Self {
        Self { inventory_type_id, identifier, customer_id, status: "AVAILABLE" }
    }
}

/// Puts things on a line. Plain JSON, though it is a `PATCH`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct AssignInventory {
    pub service_id: i64,
    pub identifiers: Vec<String>,
}

/// One operation of a JSON Patch. Custom fields go by their place: `/fields/{index}/value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PatchOperation {
    op: &'static str,
    path: String,
    value: PatchValue,
}

/// What is put there. Amounts keep their digits, dates are written as everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PatchValue {
    /// Text.
    Text(String),
    /// An id or a count.
    Whole(i64),
    /// Money or a quantity.
    Amount(Amount),
    /// A day.
    Date(#[serde(serialize_with = "date::serialize")] Date),
    /// Yes or no.
    Flag(bool),
    /// Nothing.
    Null,
}

impl PatchOperation {
    /// Puts a value in another's place; the path begins with a slash.
    #[must_use]
    pub fn replace(path: &str, value: PatchValue) -> Self {
        Self { op: "replace", path: path.to_owned(), value }
    }
}

/// A body whose documented limits we look at ourselves, because a provider may cut what is too long in silence.
pub(in crate::billing::rev_io) trait Limited {
    /// What is beyond them.
    fn excess(&self) -> Option<&'static str>;
}

fn is_long(text: Option<&String>, most: usize) -> bool {
    text.is_some_and(|text| text.chars().count() > most)
}

impl Limited for CreateService {
    fn excess(&self) -> Option<&'static str> {
        if self.number.trim().is_empty() {
            // Without a number nothing could be read back (C5, Rules).
            Some("number is empty")
        } else if is_long(Some(&self.number), MOST_NUMBER) {
            Some("number is longer than 255 characters")
        } else if is_long(self.number2.as_ref(), MOST_NUMBER) {
            Some("number2 is longer than 255 characters")
        } else if is_long(self.description.as_ref(), MOST_DESCRIPTION) {
            Some("description is longer than 1000 characters")
        } else {
            None
        }
    }
}

impl Limited for CreateServiceProduct {
    fn excess(&self) -> Option<&'static str> {
        self.rate.is_negative().then_some("rate is below zero")
    }
}

impl Limited for [PatchOperation] {
    fn excess(&self) -> Option<&'static str> {
        if self.is_empty() {
            Some("the patch is empty")
        } else if self.iter().any(|operation| !operation.path.starts_with('/')) {
            Some("a patch's path does not begin with a slash")
        } else {
            None
        }
    }
}

impl Limited for AssignInventory {
    fn excess(&self) -> Option<&'static str> {
        self.identifiers.is_empty().then_some("there is no identifier")
    }
}

impl Limited for CreateInventoryItem {
    fn excess(&self) -> Option<&'static str> {
        self.identifier.trim().is_empty().then_some("identifier is empty")
    }
}

impl Limited for CreateCustomer {
    fn excess(&self) -> Option<&'static str> {
        None
    }
}

impl Limited for DisconnectServiceProduct {
    fn excess(&self) -> Option<&'static str> {
        None
    }
}
