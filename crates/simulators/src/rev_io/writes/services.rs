//! `POST /Services` and `PATCH /Services/{id}` (`rev_io.md` C5). A number may be given twice.

use super::{Done, Refusal, at_most, billable, body, exists, nonzero, required};
use crate::call::Call;
use crate::rev_io::account::Account;
use crate::rev_io::catalogue::{PackageProduct, Product};
use crate::rev_io::json_patch::{self, Allowed};
use crate::rev_io::kind::Kind;
use crate::rev_io::object::{Amount, WireDate};
use crate::rev_io::service_products::{DISCONNECTED, ServiceProduct};
use crate::rev_io::services::Service;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

const LONGEST_NUMBER: usize = 255;
const LONGEST_DESCRIPTION: usize = 1000;

const KNOWN: [&str; 20] = [
    "customer_id",
    "provider_id",
    "effective_date",
    "service_type_id",
    "package_id",
    "number",
    "number2",
    "pic",
    "lpic",
    "provider_account_id",
    "usage_plan_group_id",
    "description",
    "activated_date",
    "disconnected_date",
    "address_id",
    "addressz_id",
    "provider_account_number",
    "contract_start",
    "contract_end",
    "fields",
];

/// What `PATCH` may change (inferred; the customer by a setting).
const CHANGEABLE: [&str; 21] = [
    "provider_id",
    "service_type_id",
    "number",
    "number2",
    "pic",
    "lpic",
    "provider_account_id",
    "provider_account_number",
    "usage_plan_group_id",
    "description",
    "activated_date",
    "disconnected_date",
    "address_id",
    "addressz_id",
    "contract_start",
    "contract_end",
    "hunt_group",
    "circuit_number2",
    "circuit_foc_date",
    "notes",
    "fields",
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewService {
    customer_id: Option<i64>,
    provider_id: Option<i64>,
    effective_date: Option<WireDate>,
    service_type_id: Option<i64>,
    package_id: Option<i64>,
    number: Option<String>,
    number2: Option<String>,
    pic: Option<String>,
    lpic: Option<String>,
    provider_account_id: Option<i64>,
    usage_plan_group_id: Option<i64>,
    description: Option<String>,
    activated_date: Option<WireDate>,
    disconnected_date: Option<WireDate>,
    address_id: Option<i64>,
    addressz_id: Option<i64>,
    provider_account_number: Option<String>,
    contract_start: Option<WireDate>,
    contract_end: Option<WireDate>,
    fields: Option<Vec<Value>>,
}

impl NewService {
    /// Without an activated date the effective date is it, and without that the present (inferred).
    fn into_service(self, customer_id: i64, provider_id: i64, now: Timestamp) -> Service {
        Service {
            customer_id,
            provider_id: Some(provider_id),
            service_type_id: self.service_type_id,
            package_id: nonzero(self.package_id),
            number: self.number,
            number2: self.number2,
            pic: self.pic,
            lpic: self.lpic,
            provider_account_id: self.provider_account_id,
            provider_account_number: self.provider_account_number,
            usage_plan_group_id: self.usage_plan_group_id,
            description: self.description,
            activated_date: self.activated_date.or(self.effective_date).or(Some(now.into())),
            disconnected_date: self.disconnected_date,
            created_date: Some(now.into()),
            address_id: self.address_id,
            addressz_id: self.addressz_id,
            contract_start: self.contract_start,
            contract_end: self.contract_end,
            fields: self.fields.unwrap_or_default(),
            ..Service::default()
        }
    }
}

pub(crate) fn create(account: &mut Account, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let new: NewService = body(call, &KNOWN, &account.inferred)?;
    let customer_id = required(new.customer_id, "customer_id")?;
    let provider_id = required(new.provider_id, "provider_id")?;
    let service = new.into_service(customer_id, provider_id, now);
    billable(account, customer_id)?;
    check(account, &service)?;
    let service_id = account.services.add(service.clone(), now);
    if let Some(package_id) = service.package_id {
        add_package(account, &Service { service_id, ..service }, package_id, now);
    }
    Ok(Done::created(Kind::Services, service_id))
}

/// Lengths (C5), and that everything named is there.
fn check(account: &Account, service: &Service) -> Result<(), Refusal> {
    at_most(service.number.as_ref(), LONGEST_NUMBER, "number")?;
    at_most(service.number2.as_ref(), LONGEST_NUMBER, "number2")?;
    at_most(service.description.as_ref(), LONGEST_DESCRIPTION, "description")?;
    exists(&account.providers, service.provider_id, "provider_id")?;
    exists(&account.service_types, service.service_type_id, "service_type_id")?;
    exists(&account.packages, service.package_id, "package_id")?;
    exists(&account.provider_accounts, service.provider_account_id, "provider_account_id")?;
    exists(&account.usage_plan_groups, service.usage_plan_group_id, "usage_plan_group_id")
}

/// The package's products come by themselves (C5).
fn add_package(account: &mut Account, service: &Service, package_id: i64, now: Timestamp) {
    let contents = account.package_products.find("package_id", &package_id.to_string());
    let added: Vec<ServiceProduct> = contents
        .into_iter()
        .map(|content| from_package(content, account.products.get(content.product_id), service, now))
        .collect();
    for product in added {
        account.service_products.add(product, now);
    }
}

/// What the package leaves open is as the product has it (inferred).
fn from_package(
    content: &PackageProduct,
    product: Option<&Product>,
    service: &Service,
    now: Timestamp,
) -> ServiceProduct {
    let text = |own: &Option<String>, general: fn(&Product) -> &Option<String>| {
        own.clone().or_else(|| product.and_then(|product| general(product).clone()))
    };
    let amount =
        |own: Option<Amount>, general: fn(&Product) -> Option<Amount>| own.or_else(|| product.and_then(general));
    let flag = |own: Option<bool>, general: fn(&Product) -> bool| own.unwrap_or(product.is_some_and(general));
    let mut added = ServiceProduct {
        customer_id: service.customer_id,
        product_id: content.product_id,
        package_id: Some(content.package_id),
        service_id: Some(service.service_id),
        description: text(&content.description, |product| &product.description),
        code_1: text(&content.code_1, |product| &product.code_1),
        code_2: text(&content.code_2, |product| &product.code_2),
        rate: amount(content.rate, |product| product.rate),
        cost: amount(content.cost, |product| product.cost),
        quantity: Some(content.quantity.unwrap_or(Amount(1.0))),
        wholesale_description: product.and_then(|product| product.wholesale_description.clone()),
        created_date: Some(now.into()),
        tax_included: flag(content.tax_included, |product| product.tax_included),
        group_on_bill: flag(content.group_on_bill, |product| product.group_on_bill),
        itemized: flag(content.itemized, |product| product.itemized),
        ..ServiceProduct::default()
    };
    added.begin(service.activated_date.unwrap_or(now.into()), now);
    added
}

pub(crate) fn patch(account: &mut Account, id: i64, call: &Call) -> Result<Done, Refusal> {
    let before = account.services.get(id).ok_or_else(|| Refusal::no_such_object(Kind::Services.name(), id))?;
    let steps = json_patch::steps(call, account.inferred.patch_content_type_required)?;
    let mut changeable = CHANGEABLE.to_vec();
    if account.inferred.service_customer_can_change {
        changeable.push("customer_id");
    }
    let (after, _) = json_patch::patched(before, &steps, &Allowed { fields: &changeable, besides: &[] })?;
    if after.customer_id != before.customer_id {
        billable(account, after.customer_id)?;
    }
    check(account, &after)?;
    dates_follow_products(account, before, &after)?;
    account.services.change(id, |service| *service = after);
    Ok(Done::changed(Kind::Services, id))
}

/// A service's activated or disconnected date may change only if all its products already have that date (C5).
fn dates_follow_products(account: &Account, before: &Service, after: &Service) -> Result<(), Refusal> {
    let day = |date: Option<WireDate>| date.map(WireDate::day);
    let products = account.service_products.find("service_id", &before.service_id.to_string());
    let counts = |product: &&&ServiceProduct| {
        account.inferred.earlier_disconnected_products_count
            || product.status.as_deref() != Some(DISCONNECTED)
            || day(product.canceled_date) == day(after.disconnected_date)
    };
    let follow = |field: &str, date: Option<WireDate>, own: fn(&ServiceProduct) -> Option<WireDate>| match products
        .iter()
        .filter(counts)
        .find(|product| day(own(product)) != day(date))
    {
        Some(product) => {
            let other = product.service_product_id;
            Err(Refusal::rule(format!("{field} cannot change: product {other} has another date.")))
        }
        None => Ok(()),
    };
    if day(before.activated_date) != day(after.activated_date) {
        follow("activated_date", after.activated_date, |product| product.activated_date)?;
    }
    if day(before.disconnected_date) != day(after.disconnected_date) {
        follow("disconnected_date", after.disconnected_date, |product| product.canceled_date)?;
    }
    Ok(())
}
