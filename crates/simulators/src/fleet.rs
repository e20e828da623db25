//! What a world starts with, as a file can say it.

mod example;
mod thingspace;
mod thingspace_example;

use crate::rev_io::{
    Account, Agent, BillProfile, Charge, Customer, Inferred, InventoryItem, InventoryType, Kind, Object, Package,
    PackageProduct, Product, ProductType, Provider, ProviderAccount, Service, ServiceInventory, ServiceProduct,
    ServiceType, Table, UsagePlanGroup,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
pub use thingspace::ThingSpaceProfile;

/// The starting objects of every provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fleet {
    /// Rev.io's accounts.
    pub rev_io: Vec<RevAccount>,
    /// ThingSpace's profiles.
    pub thingspace: Vec<ThingSpaceProfile>,
}

/// A Rev.io account and its starting objects. Objects have their fields as on the wire; what is left out is null, no or
/// empty, and an id that is left out is the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the collections are named as what they hold")]
pub struct RevAccount {
    /// `name@clientcode`; tells the account.
    pub username: String,
    /// For Basic.
    pub password: String,
    /// For `Ocp-Apim-Subscription-Key`.
    pub subscription_key: String,
    /// As the older host: no subscription key is asked for.
    #[serde(default)]
    pub accept_without_key: bool,
    /// 500 in life.
    #[serde(default = "calls_per_minute")]
    pub calls_per_minute: u64,
    /// 150,000 in life.
    #[serde(default = "calls_per_day")]
    pub calls_per_day: u64,
    /// 500 in life.
    #[serde(default = "most_page_size")]
    pub most_page_size: usize,
    /// Behaviours that are guesses.
    #[serde(default)]
    pub inferred: Inferred,
    #[serde(default)]
    pub customers: Vec<Customer>,
    #[serde(default)]
    pub services: Vec<Service>,
    #[serde(default)]
    pub service_products: Vec<ServiceProduct>,
    #[serde(default)]
    pub products: Vec<Product>,
    #[serde(default)]
    pub product_types: Vec<ProductType>,
    #[serde(default)]
    pub packages: Vec<Package>,
    #[serde(default)]
    pub package_products: Vec<PackageProduct>,
    #[serde(default)]
    pub providers: Vec<Provider>,
    #[serde(default)]
    pub provider_accounts: Vec<ProviderAccount>,
    #[serde(default)]
    pub service_types: Vec<ServiceType>,
    #[serde(default)]
    pub usage_plan_groups: Vec<UsagePlanGroup>,
    #[serde(default)]
    pub bill_profiles: Vec<BillProfile>,
    #[serde(default)]
    pub agents: Vec<Agent>,
    #[serde(default)]
    pub inventory_items: Vec<InventoryItem>,
    #[serde(default)]
    pub inventory_types: Vec<InventoryType>,
    #[serde(default)]
    pub service_inventory: Vec<ServiceInventory>,
    #[serde(default)]
    pub charges: Vec<Charge>,
}

/// Why a fleet cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// The user name tells accounts apart.
    #[error("the user name {0}, or its key, is given to two accounts")]
    UsernameTaken(String),
    /// Ids are unique within an account's collection.
    #[error("{} {id} is given twice in one account", kind.name())]
    IdTwice {
        /// The collection.
        kind: Kind,
        /// The id.
        id: i64,
    },
    /// A number of ThingSpace's is unique within a profile.
    #[error("the device number {0} is given twice in one profile")]
    DeviceTwice(i64),
    /// So is each identifier.
    #[error("the identifier {0} is given to two devices")]
    IdentifierTwice(String),
    /// A device names an account that its profile does not have.
    #[error("there is no account {0:?} in the device's profile")]
    NoSuchAccount(String),
}

const fn calls_per_minute() -> u64 {
    500
}

const fn calls_per_day() -> u64 {
    150_000
}

const fn most_page_size() -> usize {
    500
}

impl RevAccount {
    /// An account without objects, with the limits of life.
    #[must_use]
    pub fn new(username: &str, password: &str, subscription_key: &str) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
            subscription_key: subscription_key.to_owned(),
            accept_without_key: false,
            calls_per_minute: calls_per_minute(),
            calls_per_day: calls_per_day(),
            most_page_size: most_page_size(),
            inferred: Inferred::default(),
            customers: Vec::new(),
            services: Vec::new(),
            service_products: Vec::new(),
            products: Vec::new(),
            product_types: Vec::new(),
            packages: Vec::new(),
            package_products: Vec::new(),
            providers: Vec::new(),
            provider_accounts: Vec::new(),
            service_types: Vec::new(),
            usage_plan_groups: Vec::new(),
            bill_profiles: Vec::new(),
            agents: Vec::new(),
            inventory_items: Vec::new(),
            inventory_types: Vec::new(),
            service_inventory: Vec::new(),
            charges: Vec::new(),
        }
    }

    pub(crate) fn into_account(self, now: Timestamp) -> Result<Account, FleetError> {
        Ok(Account {
            username: self.username,
            password: self.password,
            subscription_key: self.subscription_key,
            accept_without_key: self.accept_without_key,
            calls_per_minute: self.calls_per_minute,
            calls_per_day: self.calls_per_day,
            most_page_size: self.most_page_size,
            inferred: self.inferred,
            customers: table(self.customers, now)?,
            services: table(self.services, now)?,
            service_products: table(self.service_products, now)?,
            products: table(self.products, now)?,
            product_types: table(self.product_types, now)?,
            packages: table(self.packages, now)?,
            package_products: table(self.package_products, now)?,
            providers: table(self.providers, now)?,
            provider_accounts: table(self.provider_accounts, now)?,
            service_types: table(self.service_types, now)?,
            usage_plan_groups: table(self.usage_plan_groups, now)?,
            bill_profiles: table(self.bill_profiles, now)?,
            agents: table(self.agents, now)?,
            inventory_items: table(self.inventory_items, now)?,
            inventory_types: table(self.inventory_types, now)?,
            service_inventory: table(self.service_inventory, now)?,
            charges: table(self.charges, now)?,
            meter: Default::default(),
        })
    }
}

fn table<T: Object>(objects: Vec<T>, now: Timestamp) -> Result<Table<T>, FleetError> {
    let mut table = Table::default();
    for object in objects {
        if object.id() != 0 && table.get(object.id()).is_some() {
            return Err(FleetError::IdTwice { kind: T::KIND, id: object.id() });
        }
        table.add(object, now);
    }
    Ok(table)
}
