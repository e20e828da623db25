//! `POST /Charges`: a one-time charge (`rev_io.md` C5). Its body is inferred.

use super::{Done, Refusal, billable, exists, fields, required};
use crate::call::Call;
use crate::rev_io::account::Account;
use crate::rev_io::charges::Charge;
use crate::rev_io::kind::Kind;
use crate::rev_io::object::Object as _;
use jiff::Timestamp;
use serde_json::Value;

pub(crate) fn create(account: &mut Account, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let mut fields = fields(call, Charge::has, &account.inferred)?;
    fields.remove("charge_id");
    required(fields.get("customer_id").filter(|id| !id.is_null()), "customer_id")?;
    let charge: Result<Charge, _> = serde_json::from_value(Value::Object(fields));
    let mut charge = charge.map_err(|error| Refusal::invalid(error.to_string()))?;
    required(charge.amount, "amount")?;
    billable(account, charge.customer_id)?;
    exists(&account.services, charge.service_id, "service_id")?;
    exists(&account.products, charge.product_id, "product_id")?;
    charge.created_date = Some(now.into());
    charge.effective_date.get_or_insert(now.into());
    Ok(Done::created(Kind::Charges, account.charges.add(charge, now)))
}
