//! Services, which are customers' lines, and the products on them, which are what a line costs.

use super::date;
use super::words::ServiceProductStatus;
use crate::amount::Amount;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

/// A service. It has no status: it is active while it has no `disconnected_date` (`rev_io.md` C7).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Service {
    pub service_id: i64,
    pub customer_id: Option<i64>,
    pub provider_id: Option<i64>,
    pub service_type_id: Option<i64>,
    pub package_id: Option<i64>,
    /// By AMOP's habit the SIM's MSISDN. Not unique.
    pub number: Option<String>,
    /// By AMOP's habit the SIM's ICCID.
    pub number2: Option<String>,
    pub pic: Option<String>,
    pub lpic: Option<String>,
    pub provider_account_id: Option<i64>,
    pub provider_account_number: Option<String>,
    pub usage_plan_group_id: Option<i64>,
    pub description: Option<String>,
    #[serde(default, deserialize_with = "date::optional")]
    pub activated_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub disconnected_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub created_date: Option<Date>,
    pub address_id: Option<i64>,
    pub addressz_id: Option<i64>,
    #[serde(default, deserialize_with = "date::optional")]
    pub contract_start: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub contract_end: Option<Date>,
    pub fields: Option<Vec<Value>>,
    pub request_service_id: Option<i64>,
}

impl Service {
    /// Whether it is in force.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.disconnected_date.is_none()
    }
}

/// A product on a service.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct ServiceProduct {
    pub service_product_id: i64,
    pub customer_id: Option<i64>,
    pub product_id: Option<i64>,
    pub package_id: Option<i64>,
    pub service_id: Option<i64>,
    pub description: Option<String>,
    pub code_1: Option<String>,
    pub code_2: Option<String>,
    pub rate: Option<Amount>,
    pub cost: Option<Amount>,
    pub quantity: Option<Amount>,
    #[serde(default, deserialize_with = "date::optional")]
    pub billed_through_date: Option<Date>,
    pub status: Option<ServiceProductStatus>,
    #[serde(default, deserialize_with = "date::optional")]
    pub status_date: Option<Date>,
    pub status_user_id: Option<i64>,
    #[serde(default, deserialize_with = "date::optional")]
    pub activated_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub canceled_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub created_date: Option<Date>,
    pub wholesale_description: Option<String>,
    #[serde(default, deserialize_with = "date::optional")]
    pub free_start_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub free_end_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub contract_start_date: Option<Date>,
    #[serde(default, deserialize_with = "date::optional")]
    pub contract_end_date: Option<Date>,
    pub tax_included: Option<bool>,
    pub group_on_bill: Option<bool>,
    pub itemized: Option<bool>,
    pub fields: Option<Vec<Value>>,
}

impl ServiceProduct {
    /// Whether it is billed or is to be. Without a status it is taken to be: thinking it gone would bill twice.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        !self.status.as_ref().is_some_and(ServiceProductStatus::is_over)
    }
}
