//! `POST`, `PATCH`, `PUT` and `DELETE` of `/ServiceProduct` (`rev_io.md` C5).

use super::{Done, Refusal, billable, body, exists, fields, nonzero, required};
use crate::call::Call;
use crate::rev_io::account::Account;
use crate::rev_io::json_patch::{self, Allowed};
use crate::rev_io::kind::Kind;
use crate::rev_io::object::{Amount, Object as _, WireDate};
use crate::rev_io::service_products::{ACTIVE, DENIED, DISCONNECTED, PENDING, ServiceProduct};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Belong to a change, and are no fields.
const BESIDES: [&str; 2] = ["effective_date", "generate_proration"];
/// What `PATCH` and `PUT` may change (inferred).
const CHANGEABLE: [&str; 18] = [
    "description",
    "code_1",
    "code_2",
    "rate",
    "cost",
    "quantity",
    "status",
    "activated_date",
    "wholesale_description",
    "free_start_date",
    "free_end_date",
    "contract_start_date",
    "contract_end_date",
    "tax_included",
    "group_on_bill",
    "itemized",
    "fields",
    "package_id",
];
/// To what it belongs; `PUT` may repeat it.
const OWNERS: [&str; 3] = ["customer_id", "service_id", "product_id"];
const KNOWN: [&str; 10] = [
    "customer_id",
    "service_id",
    "product_id",
    "package_id",
    "rate",
    "quantity",
    "effective_date",
    "activated_date",
    "description",
    "generate_proration",
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewServiceProduct {
    customer_id: Option<i64>,
    service_id: Option<i64>,
    product_id: Option<i64>,
    package_id: Option<i64>,
    rate: Option<Amount>,
    quantity: Option<Amount>,
    effective_date: Option<WireDate>,
    activated_date: Option<WireDate>,
    description: Option<String>,
    generate_proration: Option<bool>,
}

/// The customer is the service's, if it is not said; a product without a service hangs on the customer (inferred).
pub(crate) fn create(account: &mut Account, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let new: NewServiceProduct = body(call, &KNOWN, &account.inferred)?;
    required(new.generate_proration, "generate_proration")?;
    let product_id = required(new.product_id, "product_id")?;
    let product = account.products.get(product_id).ok_or_else(|| Refusal::dangling("product_id", product_id))?;
    let customer_id = customer(account, &new)?;
    exists(&account.packages, nonzero(new.package_id), "package_id")?;
    let mut added = ServiceProduct {
        customer_id,
        product_id,
        package_id: nonzero(new.package_id),
        service_id: nonzero(new.service_id),
        description: new.description.or_else(|| product.description.clone()),
        code_1: product.code_1.clone(),
        code_2: product.code_2.clone(),
        rate: new.rate.or(product.rate),
        cost: product.cost,
        quantity: new.quantity.or(Some(Amount(1.0))),
        wholesale_description: product.wholesale_description.clone(),
        created_date: Some(now.into()),
        tax_included: product.tax_included,
        group_on_bill: product.group_on_bill,
        itemized: product.itemized,
        ..ServiceProduct::default()
    };
    added.begin(new.activated_date.or(new.effective_date).unwrap_or(now.into()), now);
    Ok(Done::created(Kind::ServiceProduct, account.service_products.add(added, now)))
}

fn customer(account: &Account, new: &NewServiceProduct) -> Result<i64, Refusal> {
    let customer_id = match nonzero(new.service_id) {
        None => required(new.customer_id, "customer_id")?,
        Some(service_id) => {
            let service = account.services.get(service_id);
            let service = service.ok_or_else(|| Refusal::dangling("service_id", service_id))?;
            if service.disconnected_date.is_some() {
                return Err(Refusal::rule(format!("Service {service_id} is disconnected.")));
            }
            if new.customer_id.is_some_and(|customer_id| customer_id != service.customer_id) {
                return Err(Refusal::rule(format!("Service {service_id} is another customer's.")));
            }
            service.customer_id
        }
    };
    billable(account, customer_id)?;
    Ok(customer_id)
}

pub(crate) fn patch(account: &mut Account, id: i64, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let steps = json_patch::steps(call, account.inferred.patch_content_type_required)?;
    let before = found(account, id)?;
    let (after, besides) = json_patch::patched(before, &steps, &Allowed { fields: &CHANGEABLE, besides: &BESIDES })?;
    change(account, id, after, &besides, now)
}

/// The whole product; what is not given becomes null, except what nobody can change.
pub(crate) fn put(account: &mut Account, id: i64, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let known = |name: &str| ServiceProduct::has(name) || BESIDES.contains(&name) || ["ok", "links"].contains(&name);
    let mut given = fields(call, known, &account.inferred)?;
    let before = found(account, id)?;
    let invalid = |error: serde_json::Error| Refusal::invalid(error.to_string());
    let Value::Object(mut whole) = serde_json::to_value(before).map_err(invalid)? else {
        return Err(Refusal::invalid("An object must stay an object."));
    };
    let besides: Map<String, Value> = BESIDES.iter().filter_map(|name| given.remove_entry(*name)).collect();
    whole.retain(|name, _| !CHANGEABLE.contains(&name.as_str()) || name == "status");
    for (name, value) in given {
        let changeable = CHANGEABLE.contains(&name.as_str());
        if !changeable && whole.get(&name) != Some(&value) && OWNERS.contains(&name.as_str()) {
            return Err(Refusal::rule(format!("{name} cannot be changed.")));
        }
        if changeable {
            whole.insert(name, value);
        }
    }
    let after: ServiceProduct = serde_json::from_value(Value::Object(whole)).map_err(invalid)?;
    if after.status.as_deref() == Some(DISCONNECTED) && before.status != after.status {
        return Err(Refusal::rule("PUT cannot disconnect a product; use DELETE."));
    }
    change(account, id, after, &besides, now)
}

/// Rate and quantity cannot change in a call that changes the status (C5).
fn change(
    account: &mut Account,
    id: i64,
    mut after: ServiceProduct,
    besides: &Map<String, Value>,
    now: Timestamp,
) -> Result<Done, Refusal> {
    let before = found(account, id)?;
    let effective = match besides.get("effective_date").and_then(Value::as_str) {
        Some(text) => WireDate::read(text).ok_or_else(|| Refusal::invalid("effective_date must be a date."))?,
        None => now.into(),
    };
    if before.status != after.status {
        if before.rate != after.rate || before.quantity != after.quantity {
            return Err(Refusal::rule("rate and quantity cannot change together with the status."));
        }
        match after.status.as_deref() {
            Some(DISCONNECTED) => after.disconnect(effective),
            Some(PENDING | ACTIVE | DENIED) => {
                after.status_date = Some(effective);
                after.canceled_date = None;
            }
            _ => return Err(Refusal::invalid("status must be PENDING, ACTIVE, DENIED or DISCONNECTED.")),
        }
    }
    exists(&account.packages, nonzero(after.package_id), "package_id")?;
    account.service_products.change(id, |product| *product = after);
    Ok(Done::changed(Kind::ServiceProduct, id))
}

fn found(account: &Account, id: i64) -> Result<&ServiceProduct, Refusal> {
    account.service_products.get(id).ok_or_else(|| Refusal::no_such_object(Kind::ServiceProduct.name(), id))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Disconnection {
    service_product_id: Option<i64>,
    effective_date: Option<WireDate>,
    /// Only looked at so that what is no boolean is refused: nothing is billed here.
    generate_proration: Option<bool>,
}

/// `DELETE` with a body: ends the product, and leaves it there. Without a date it ends now (inferred).
pub(crate) fn disconnect(account: &mut Account, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let known = ["service_product_id", "effective_date", "generate_proration"];
    let Disconnection { service_product_id, effective_date, .. } = body(call, &known, &account.inferred)?;
    let id = required(service_product_id, "service_product_id")?;
    let before = account.service_products.get(id).ok_or_else(|| Refusal::dangling("service_product_id", id))?;
    if !before.is_open() {
        return Err(Refusal::rule(format!("Product {id} is already disconnected.")));
    }
    account.service_products.change(id, |product| product.disconnect(effective_date.unwrap_or(now.into())));
    Ok(Done::changed(Kind::ServiceProduct, id))
}
