//! `POST /Customers`: a customer as it is read (`rev_io.md` C6). Nothing is required (inferred).

use super::{Done, Refusal, exists, fields};
use crate::call::Call;
use crate::rev_io::account::Account;
use crate::rev_io::customers::Customer;
use crate::rev_io::kind::Kind;
use crate::rev_io::object::Object as _;
use jiff::Timestamp;
use serde_json::Value;

/// What a new customer's status is (inferred).
const NEW: &str = "ACTIVE";

pub(crate) fn create(account: &mut Account, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let mut fields = fields(call, Customer::has, &account.inferred)?;
    fields.remove("customer_id");
    let customer: Result<Customer, _> = serde_json::from_value(Value::Object(fields));
    let mut customer = customer.map_err(|error| Refusal::invalid(error.to_string()))?;
    exists(&account.customers, customer.parent_customer_id, "parent_customer_id")?;
    exists(&account.agents, customer.agent_id, "agent_id")?;
    let bill_profile = customer.finance.as_ref().and_then(|finance| finance.bill_profile_id);
    exists(&account.bill_profiles, bill_profile, "bill_profile_id")?;
    customer.status.get_or_insert_with(|| NEW.to_owned());
    customer.activated_date.get_or_insert(now.into());
    Ok(Done::created(Kind::Customers, account.customers.add(customer, now)))
}
