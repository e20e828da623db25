//! Services (`rev_io.md` C6): a customer's line. It has no status; it is in force while it has no disconnected date (C7).

use super::object::{WireDate, object};
use serde_json::Value;

object! {
    /// A service.
    Service in Services by service_id, indexed [customer_id, number, number2] {
        customer_id: i64,
        provider_id: Option<i64>,
        service_type_id: Option<i64>,
        package_id: Option<i64>,
        /// The line's number, which is the SIM's MSISDN. Not unique.
        number: Option<String>,
        /// A second number, by habit the SIM's ICCID.
        number2: Option<String>,
        pic: Option<String>,
        lpic: Option<String>,
        provider_account_id: Option<i64>,
        provider_account_number: Option<String>,
        usage_plan_group_id: Option<i64>,
        description: Option<String>,
        activated_date: Option<WireDate>,
        disconnected_date: Option<WireDate>,
        created_date: Option<WireDate>,
        address_id: Option<i64>,
        addressz_id: Option<i64>,
        contract_start: Option<WireDate>,
        contract_end: Option<WireDate>,
        hunt_group: Option<String>,
        circuit_number2: Option<String>,
        circuit_foc_date: Option<WireDate>,
        notes: Option<String>,
        fields: Vec<Value>,
        request_service_id: Option<i64>,
    }

    fn natural_key(&self) -> String {
        format!("customer {} number {}", self.customer_id, self.number.as_deref().unwrap_or_default())
    }

    fn is_open(&self) -> bool {
        self.disconnected_date.is_none()
    }
}
