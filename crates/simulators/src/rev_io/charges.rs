//! One-time charges (`rev_io.md` C5). Only that the call exists is known; the fields are inferred.

use super::object::{Amount, WireDate, object};

object! {
    /// A one-time charge.
    Charge in Charges by charge_id, indexed [customer_id, service_id] {
        customer_id: i64,
        service_id: Option<i64>,
        product_id: Option<i64>,
        description: Option<String>,
        amount: Option<Amount>,
        quantity: Option<Amount>,
        effective_date: Option<WireDate>,
        created_date: Option<WireDate>,
    }

    fn natural_key(&self) -> String {
        let (service, product) = (self.service_id.unwrap_or_default(), self.product_id.unwrap_or_default());
        let description = self.description.as_deref().unwrap_or_default();
        format!("customer {} service {service} product {product} {description}", self.customer_id)
    }
}
