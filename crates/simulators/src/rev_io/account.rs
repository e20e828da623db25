//! One account: its credentials, its settings, its objects with id sequences of their own.

use super::catalogue::{
    Agent, BillProfile, Package, PackageProduct, Product, ProductType, Provider, ProviderAccount, ServiceType,
    UsagePlanGroup,
};
use super::charges::Charge;
use super::customers::{Address, Customer};
use super::gateway::Meter;
use super::inferred::Inferred;
use super::inventory::{InventoryItem, InventoryType, ServiceInventory};
use super::kind::Kind;
use super::object::WireDate;
use super::service_products::{DISCONNECTED, ServiceProduct};
use super::services::Service;
use super::shelf::Shelf;
use super::table::Table;

/// An account. Its tables may be changed at will: a test is the hand of somebody who works in Rev.io itself.
#[expect(missing_docs, reason = "the tables are named as what they hold")]
pub struct Account {
    /// `name@clientcode`.
    pub username: String,
    /// For Basic.
    pub password: String,
    /// For `Ocp-Apim-Subscription-Key`.
    pub subscription_key: String,
    /// As the older host: no subscription key is asked for (C1).
    pub accept_without_key: bool,
    /// Above it 429 (C2).
    pub calls_per_minute: u64,
    /// Above it 403 (C2).
    pub calls_per_day: u64,
    /// The largest page (C3).
    pub most_page_size: usize,
    /// What is a guess.
    pub inferred: Inferred,
    pub customers: Table<Customer>,
    pub services: Table<Service>,
    pub service_products: Table<ServiceProduct>,
    pub products: Table<Product>,
    pub product_types: Table<ProductType>,
    pub packages: Table<Package>,
    pub package_products: Table<PackageProduct>,
    pub providers: Table<Provider>,
    pub provider_accounts: Table<ProviderAccount>,
    pub service_types: Table<ServiceType>,
    pub usage_plan_groups: Table<UsagePlanGroup>,
    pub bill_profiles: Table<BillProfile>,
    pub agents: Table<Agent>,
    pub inventory_items: Table<InventoryItem>,
    pub inventory_types: Table<InventoryType>,
    pub service_inventory: Table<ServiceInventory>,
    pub charges: Table<Charge>,
    pub(crate) meter: Meter,
}

impl Account {
    /// Closes a customer, as somebody in Rev.io's own pages would; its services stay as they are.
    pub fn close_customer(&mut self, customer_id: i64, at: WireDate) -> bool {
        self.customers.change(customer_id, |customer| {
            customer.status = Some("CLOSED".to_owned());
            customer.close_date = Some(at);
        })
    }

    /// Gives a customer another company name, in all its addresses.
    pub fn rename_customer(&mut self, customer_id: i64, name: &str) -> bool {
        self.customers.change(customer_id, |customer| {
            let billing = customer.billing_address.get_or_insert_with(Address::default);
            billing.company_name = Some(name.to_owned());
            for address in [&mut customer.service_address, &mut customer.listing_address].into_iter().flatten() {
                address.company_name = Some(name.to_owned());
            }
        })
    }

    /// Ends a service with its products.
    pub fn disconnect_service(&mut self, service_id: i64, at: WireDate) -> bool {
        let open = self.service_products.find("service_id", &service_id.to_string());
        let open = open.into_iter().filter(|product| product.status.as_deref() != Some(DISCONNECTED));
        let ids: Vec<i64> = open.map(|product| product.service_product_id).collect();
        for id in ids {
            self.service_products.change(id, |product| product.disconnect(at));
        }
        self.services.change(service_id, |service| service.disconnected_date = Some(at))
    }

    /// The collection of that kind, whatever it holds.
    pub(crate) fn shelf(&self, kind: Kind) -> &dyn Shelf {
        match kind {
            Kind::Customers => &self.customers,
            Kind::Services => &self.services,
            Kind::ServiceProduct => &self.service_products,
            Kind::Products => &self.products,
            Kind::ProductTypes => &self.product_types,
            Kind::Packages => &self.packages,
            Kind::PackageProducts => &self.package_products,
            Kind::Providers => &self.providers,
            Kind::ProviderAccounts => &self.provider_accounts,
            Kind::ServiceTypes => &self.service_types,
            Kind::UsagePlanGroups => &self.usage_plan_groups,
            Kind::BillProfiles => &self.bill_profiles,
            Kind::Agents => &self.agents,
            Kind::InventoryItem => &self.inventory_items,
            Kind::InventoryTypes => &self.inventory_types,
            Kind::ServiceInventory => &self.service_inventory,
            Kind::Charges => &self.charges,
        }
    }
}
