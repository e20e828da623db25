//! Products on services (`rev_io.md` C6): what a line costs. Disconnected by `DELETE` with a body (C5).

use super::object::{Amount, WireDate, object};
use jiff::Timestamp;
use serde_json::Value;

/// Waits for its date.
pub const PENDING: &str = "PENDING";
/// Is billed.
pub const ACTIVE: &str = "ACTIVE";
/// Was turned down.
pub const DENIED: &str = "DENIED";
/// Is not billed any more.
pub const DISCONNECTED: &str = "DISCONNECTED";

object! {
    /// A product on a service.
    ServiceProduct in ServiceProduct by service_product_id, indexed [service_id, customer_id, product_id] {
        customer_id: i64,
        product_id: i64,
        package_id: Option<i64>,
        service_id: Option<i64>,
        description: Option<String>,
        code_1: Option<String>,
        code_2: Option<String>,
        rate: Option<Amount>,
        cost: Option<Amount>,
        quantity: Option<Amount>,
        billed_through_date: Option<WireDate>,
        /// `PENDING`, `ACTIVE`, `DENIED`, `DISCONNECTED` (C7).
        status: Option<String>,
        status_date: Option<WireDate>,
        status_user_id: Option<i64>,
        activated_date: Option<WireDate>,
        canceled_date: Option<WireDate>,
        created_date: Option<WireDate>,
        wholesale_description: Option<String>,
        free_start_date: Option<WireDate>,
        free_end_date: Option<WireDate>,
        contract_start_date: Option<WireDate>,
        contract_end_date: Option<WireDate>,
        tax_included: bool,
        group_on_bill: bool,
        itemized: bool,
        fields: Vec<Value>,
    }

    fn natural_key(&self) -> String {
        format!("service {} product {}", self.service_id.unwrap_or_default(), self.product_id)
    }

    fn is_open(&self) -> bool {
        self.status.as_deref() != Some(DISCONNECTED)
    }
}

impl ServiceProduct {
    /// Starts it from that date on, which may lie ahead.
    pub(crate) fn begin(&mut self, at: WireDate, now: Timestamp) {
        self.status = Some(if at.0 > now { PENDING } else { ACTIVE }.to_owned());
        self.status_date = Some(at);
        self.activated_date = Some(at);
    }

    /// Ends it from that date on.
    pub fn disconnect(&mut self, at: WireDate) {
        self.status = Some(DISCONNECTED.to_owned());
        self.canceled_date = Some(at);
        self.status_date = Some(at);
    }
}
