//! What can be sold, by whom, and the short lists beside it. `rev_io.md` C6 has the fields of providers, packages,
//! service types and bill profiles; those of the others are inferred from the names of the same things elsewhere, and are
//! all optional.

use super::date;
use crate::amount::Amount;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

/// Who carries a service.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Provider {
    pub provider_id: i64,
    pub description: Option<String>,
    pub provider_code: Option<String>,
    pub active: Option<bool>,
    #[serde(default, deserialize_with = "date::optional")]
    pub created_date: Option<Date>,
    /// A user's id or name.
    pub created_by: Option<Value>,
    pub bill_profile_id: Option<i64>,
    pub order_types: Option<Value>,
}

/// The reseller's account at a provider. Fields inferred.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct ProviderAccount {
    pub provider_account_id: i64,
    pub provider_id: Option<i64>,
    pub description: Option<String>,
    pub account_number: Option<String>,
    pub active: Option<bool>,
}

/// What can be put on a service. Fields inferred from service products'.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Product {
    pub product_id: i64,
    pub product_type_id: Option<i64>,
    pub provider_id: Option<i64>,
    pub description: Option<String>,
    pub code_1: Option<String>,
    pub code_2: Option<String>,
    pub rate: Option<Amount>,
    pub cost: Option<Amount>,
    pub active: Option<bool>,
}

/// A sort of product. Fields inferred.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct ProductType {
    pub product_type_id: i64,
    pub product_type_code: Option<String>,
    pub description: Option<String>,
    pub active: Option<bool>,
}

/// Several products sold as one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Package {
    pub package_id: i64,
    pub provider_id: Option<i64>,
    pub description: Option<String>,
    pub description_on_bill: Option<String>,
    pub usage_plan_group_id: Option<i64>,
    pub service_type_id: Option<i64>,
    pub active: Option<bool>,
}

/// A product's place in a package. Only that it links the two is known; the fields are inferred.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct PackageProduct {
    pub package_product_id: i64,
    pub package_id: Option<i64>,
    pub product_id: Option<i64>,
    pub description: Option<String>,
    pub rate: Option<Amount>,
    pub cost: Option<Amount>,
    pub quantity: Option<Amount>,
}

/// A sort of service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct ServiceType {
    pub service_type_id: i64,
    pub active: Option<bool>,
    pub description: Option<String>,
    pub service_code: Option<String>,
}

/// How usage is rated. Fields inferred.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct UsagePlanGroup {
    pub usage_plan_group_id: i64,
    pub description: Option<String>,
    pub active: Option<bool>,
}

/// How a bill looks and when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct BillProfile {
    pub bill_profile_id: i64,
    pub description: Option<String>,
    pub active: Option<bool>,
}

/// Who sold to a customer. Fields inferred.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Agent {
    pub agent_id: i64,
    pub name: Option<String>,
    pub description: Option<String>,
    pub status: Option<String>,
    pub active: Option<bool>,
}
