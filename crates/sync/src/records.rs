//! What an object of Rev.io is in the mirror: its key and its columns, by the names of the table.

use database::rev_io::Resource;
use integrations::billing::rev_io::Record;
use integrations::billing::rev_io::wire::{
    Address, Customer, Package, PackageProduct, Product, Provider, Service, ServiceProduct, ServiceType, UsagePlanGroup,
};
use serde_json::{Value, json};

/// An object that is mirrored.
pub(crate) trait Mirrored: Record {
    /// Where it is kept.
    const KEPT_AS: Resource;

    /// The row.
    fn row(&self) -> Value;
}

/// The longest text of a column that nobody needs whole. PostgreSQL text cannot hold U+0000.
fn text(text: Option<&String>) -> Option<String> {
    text.map(|text| text.replace('\0', "").chars().take(1_000).collect())
}

/// A number or a status: what is searched for, as long as Rev.io takes (rev_io C5: 255).
fn word(word: Option<&str>) -> Option<String> {
    word.map(|word| word.replace('\0', "").chars().take(255).collect())
}

impl Mirrored for Provider {
    const KEPT_AS: Resource = Resource::Providers;

    fn row(&self) -> Value {
        json!({ "rev_provider_id": self.provider_id, "description": text(self.description.as_ref()),
            "provider_code": text(self.provider_code.as_ref()), "is_active": self.active })
    }
}

impl Mirrored for ServiceType {
    const KEPT_AS: Resource = Resource::ServiceTypes;

    fn row(&self) -> Value {
        json!({ "rev_service_type_id": self.service_type_id, "description": text(self.description.as_ref()),
            "service_code": text(self.service_code.as_ref()), "is_active": self.active })
    }
}

impl Mirrored for UsagePlanGroup {
    const KEPT_AS: Resource = Resource::UsagePlanGroups;

    fn row(&self) -> Value {
        json!({ "rev_usage_plan_group_id": self.usage_plan_group_id, "description": text(self.description.as_ref()),
            "is_active": self.active })
    }
}

impl Mirrored for Product {
    const KEPT_AS: Resource = Resource::Products;

    fn row(&self) -> Value {
        json!({ "rev_product_id": self.product_id, "description": text(self.description.as_ref()),
            "rev_provider_id": self.provider_id, "product_type_id": self.product_type_id,
            "rate": self.rate.map(|a| a.to_string()), "cost": self.cost.map(|a| a.to_string()), "is_active": self.active })
    }
}

impl Mirrored for Package {
    const KEPT_AS: Resource = Resource::Packages;

    fn row(&self) -> Value {
        json!({ "rev_package_id": self.package_id, "description": text(self.description.as_ref()),
            "rev_provider_id": self.provider_id, "rev_service_type_id": self.service_type_id,
            "rev_usage_plan_group_id": self.usage_plan_group_id, "is_active": self.active })
    }
}

impl Mirrored for PackageProduct {
    const KEPT_AS: Resource = Resource::PackageProducts;

    fn row(&self) -> Value {
        json!({ "rev_package_product_id": self.package_product_id, "rev_package_id": self.package_id,
            "rev_product_id": self.product_id, "rate": self.rate.map(|a| a.to_string()) })
    }
}

impl Mirrored for Customer {
    const KEPT_AS: Resource = Resource::Customers;

    fn row(&self) -> Value {
        json!({ "rev_customer_id": self.customer_id.to_string(), "customer_name": name(self),
            "status": word(self.status.as_ref().map(|status| status.word())).unwrap_or_else(|| "OPEN".to_owned()),
            "parent_rev_customer_id": self.parent_customer_id.map(|id| id.to_string()),
            "activated_date": self.activated_date.map(|d| d.to_string()), "close_date": self.close_date.map(|d| d.to_string()),
            "bill_profile_id": self.finance.as_ref().and_then(|finance| finance.bill_profile_id), "agent_id": self.agent_id })
    }
}

/// A customer is called as its addresses say: a company, else a person; without either, by its number.
fn name(customer: &Customer) -> String {
    let called = |address: &Address| {
        let word = |text: &Option<String>| text.as_deref().map(str::trim).unwrap_or_default().to_owned();
        let company = word(&address.company_name);
        let person = format!("{} {}", word(&address.first_name), word(&address.last_name));
        let name = if company.is_empty() { person.trim().to_owned() } else { company };
        let plain: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        (!plain.is_empty()).then_some(plain)
    };
    let addresses = [&customer.billing_address, &customer.listing_address, &customer.service_address];
    let name = addresses.into_iter().flatten().find_map(called);
    name.unwrap_or_else(|| format!("Customer {}", customer.customer_id))
}

impl Mirrored for Service {
    const KEPT_AS: Resource = Resource::Services;

    fn row(&self) -> Value {
        json!({ "rev_service_id": self.service_id,
            // A line without a customer is nobody's: it links to nothing.
            "rev_customer_id": self.customer_id.map_or_else(String::new, |id| id.to_string()),
            "number": word(self.number.as_deref()), "number2": word(self.number2.as_deref()),
            "rev_provider_id": self.provider_id, "rev_service_type_id": self.service_type_id,
            "rev_package_id": self.package_id.filter(|id| *id != 0), "rev_usage_plan_group_id": self.usage_plan_group_id,
            "description": text(self.description.as_ref()), "activated_date": self.activated_date.map(|d| d.to_string()),
            "disconnected_date": self.disconnected_date.map(|d| d.to_string()) })
    }
}

impl Mirrored for ServiceProduct {
    const KEPT_AS: Resource = Resource::ServiceProducts;

    fn row(&self) -> Value {
        json!({ "rev_service_product_id": self.service_product_id, "rev_service_id": self.service_id,
            "rev_customer_id": self.customer_id.map(|id| id.to_string()), "rev_product_id": self.product_id,
            "rev_package_id": self.package_id.filter(|id| *id != 0), "description": text(self.description.as_ref()),
            "rate": self.rate.map(|a| a.to_string()), "cost": self.cost.map(|a| a.to_string()),
            "quantity": self.quantity.map(|a| a.to_string()), "status": word(self.status.as_ref().map(|status| status.word())),
            "status_date": self.status_date.map(|d| d.to_string()), "activated_date": self.activated_date.map(|d| d.to_string()),
            "canceled_date": self.canceled_date.map(|d| d.to_string()),
            "billed_through_date": self.billed_through_date.map(|d| d.to_string()) })
    }
}
