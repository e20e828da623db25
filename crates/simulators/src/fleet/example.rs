//! A fleet that looks like a small reseller's, the same for the same seed.

use super::{Fleet, RevAccount};
use crate::rev_io::{
    ACTIVE, ASSIGNED, AVAILABLE, Address, Agent, Amount, BillProfile, Customer, Finance, InventoryItem, InventoryType,
    Package, PackageProduct, Product, ProductType, Provider, ProviderAccount, Service, ServiceInventory,
    ServiceProduct, ServiceType, UsagePlanGroup, WireDate,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

const FIRST_WORDS: [&str; 12] =
    ["Alder", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Granite", "Harbour", "Iris", "Juniper", "Kestrel", "Larch"];
const SECOND_WORDS: [&str; 10] =
    ["Logistics", "Farms", "Meters", "Transit", "Clinics", "Foods", "Marine", "Energy", "Rentals", "Schools"];
const CITIES: [(&str, &str, &str); 5] = [
    ("Mobile", "AL", "36602"),
    ("Tulsa", "OK", "74103"),
    ("Boise", "ID", "83702"),
    ("Duluth", "MN", "55802"),
    ("Salem", "OR", "97301"),
];
const PRODUCTS: [(&str, &str, f64, f64); 6] = [
    ("IoT line 1 MB", "IOT1", 1.25, 0.4),
    ("IoT line 10 MB", "IOT10", 2.5, 0.9),
    ("IoT line 1 GB", "IOT1G", 9.0, 4.75),
    ("Static IP", "SIP", 3.0, 0.5),
    ("Management fee", "MGMT", 0.75, 0.0),
    ("Equipment instalment", "EQUIP", 5.0, 5.0),
];
/// A package's name and the places of its products in the list above.
const PACKAGES: [(&str, [usize; 2]); 2] = [("IoT starter", [0, 4]), ("IoT fixed address", [1, 3])];
const PROVIDERS: [(&str, &str); 3] = [("Verizon Wireless", "VZW"), ("AT&T Mobility", "ATT"), ("Cisco Jasper", "JAS")];
const FIRST_CUSTOMER: i64 = 100_000_001;

impl Fleet {
    /// One account with that many customers, about one in twenty of them closed, each with that many services.
    #[must_use]
    pub fn example(seed: u64, customers: usize, services_per_customer: usize) -> Self {
        let account = RevAccount::new("api@example", "correct horse", "0123456789abcdef0123456789abcdef");
        Self { rev_io: vec![account.with_example(seed, customers, services_per_customer)], ..Self::default() }
    }
}

impl RevAccount {
    /// Fills the account with an example's objects. Two accounts have the same customer ids, as in life.
    #[must_use]
    pub fn with_example(mut self, seed: u64, customers: usize, services_per_customer: usize) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        self.catalogue();
        for place in 0..customers {
            let customer = customer(&mut random, place);
            let id = customer.customer_id;
            self.customers.push(customer);
            for _ in 0..services_per_customer {
                self.line(&mut random, id);
            }
        }
        for _ in 0..customers {
            self.spare(&mut random);
        }
        self
    }

    fn catalogue(&mut self) {
        self.bill_profiles = named(&["Monthly, printed", "Monthly, electronic"], |bill_profile_id, description| {
            BillProfile { bill_profile_id, description, active: true }
        });
        self.agents = named(&["House", "Field sales"], |agent_id, name| Agent {
            agent_id,
            name,
            status: Some("ACTIVE".to_owned()),
            ..Agent::default()
        });
        self.service_types = named(&["Wireless", "IoT"], |service_type_id, description| ServiceType {
            service_type_id,
            service_code: description.as_ref().map(|text| text.to_uppercase()),
            description,
            active: true,
        });
        self.usage_plan_groups = named(&["Pooled data", "Own data"], |usage_plan_group_id, description| {
            UsagePlanGroup { usage_plan_group_id, description, active: true, ..UsagePlanGroup::default() }
        });
        self.inventory_types = named(&["SIM"], |inventory_type_id, name| InventoryType {
            inventory_type_id,
            description: name.clone(),
            name,
            active: true,
        });
        self.product_types = named(&["Recurring"], |product_type_id, description| ProductType {
            product_type_id,
            product_type_code: Some("MRC".to_owned()),
            description,
            active: true,
        });
        self.sellers();
        self.goods();
    }

    fn sellers(&mut self) {
        for (id, (name, code)) in (1..).zip(PROVIDERS) {
            self.providers.push(Provider {
                provider_id: id,
                description: text(name),
                provider_code: text(code),
                active: true,
                created_date: WireDate::read("2020-01-01"),
                created_by: Some(1),
                bill_profile_id: Some(1),
                order_types: Vec::new(),
            });
            self.provider_accounts.push(ProviderAccount {
                provider_account_id: id,
                provider_id: Some(id),
                description: text(name),
                account_number: Some(format!("{code}-{id:06}")),
                active: true,
            });
        }
    }

    fn goods(&mut self) {
        for (product_id, (name, code, rate, cost)) in (1..).zip(PRODUCTS) {
            self.products.push(Product {
                product_id,
                product_type_id: Some(1),
                provider_id: Some(1),
                description: text(name),
                code_1: text(code),
                rate: Some(Amount(rate)),
                cost: Some(Amount(cost)),
                active: true,
                itemized: true,
                ..Product::default()
            });
        }
        for (package_id, (name, products)) in (1..).zip(PACKAGES) {
            self.packages.push(Package {
                package_id,
                provider_id: Some(1),
                description: text(name),
                description_on_bill: text(name),
                usage_plan_group_id: Some(1),
                service_type_id: Some(2),
                active: true,
            });
            for product in products.iter().filter_map(|place| self.products.get(*place)) {
                self.package_products.push(PackageProduct {
                    package_product_id: next_id(&self.package_products),
                    package_id,
                    product_id: product.product_id,
                    description: product.description.clone(),
                    rate: product.rate,
                    quantity: Some(Amount(1.0)),
                    ..PackageProduct::default()
                });
            }
        }
    }

    /// A service, two products on it, and its SIM.
    fn line(&mut self, random: &mut StdRng, customer_id: i64) {
        let service_id = next_id(&self.services);
        let iccid = iccid(random);
        let since = WireDate::read(&format!("202{}-{:02}-01", random.random_range(2..5), random.random_range(1..=12)));
        self.services.push(Service {
            service_id,
            customer_id,
            provider_id: Some(random.random_range(1..=3)),
            service_type_id: Some(2),
            number: Some(format!("{}{:07}", random.random_range(205..990), service_id)),
            number2: Some(iccid.clone()),
            usage_plan_group_id: Some(1),
            activated_date: since,
            created_date: since,
            ..Service::default()
        });
        for place in [random.random_range(0..3), random.random_range(3..PRODUCTS.len())] {
            let Some(product) = self.products.get(place) else { continue };
            self.service_products.push(on_line(
                product,
                next_id(&self.service_products),
                customer_id,
                service_id,
                since,
            ));
        }
        let inventory_item_id = self.item(iccid.clone(), Some(customer_id), ASSIGNED);
        self.service_inventory.push(ServiceInventory {
            inventory_item_id,
            customer_id: Some(customer_id),
            line_id: Some(service_id),
            line_type: text("SERVICE"),
            identifier: Some(iccid),
            inventory_type: text("SIM"),
            status: text(ASSIGNED),
            assigned_date: since,
        });
    }

    fn spare(&mut self, random: &mut StdRng) {
        self.item(iccid(random), None, AVAILABLE);
    }

    fn item(&mut self, identifier: String, customer_id: Option<i64>, status: &str) -> i64 {
        let inventory_item_id = next_id(&self.inventory_items);
        self.inventory_items.push(InventoryItem {
            inventory_item_id,
            inventory_type_id: Some(1),
            identifier: Some(identifier),
            customer_id,
            status: text(status),
            created_date: WireDate::read("2021-06-01"),
            ..InventoryItem::default()
        });
        inventory_item_id
    }
}

fn on_line(product: &Product, id: i64, customer_id: i64, service_id: i64, since: Option<WireDate>) -> ServiceProduct {
    ServiceProduct {
        service_product_id: id,
        customer_id,
        product_id: product.product_id,
        service_id: Some(service_id),
        description: product.description.clone(),
        code_1: product.code_1.clone(),
        rate: product.rate,
        cost: product.cost,
        quantity: Some(Amount(1.0)),
        status: text(ACTIVE),
        status_date: since,
        activated_date: since,
        created_date: since,
        itemized: true,
        ..ServiceProduct::default()
    }
}

fn customer(random: &mut StdRng, place: usize) -> Customer {
    let first = FIRST_WORDS.choose(random).copied().unwrap_or_default();
    let second = SECOND_WORDS.choose(random).copied().unwrap_or_default();
    let (city, state, postal_code) = CITIES.choose(random).copied().unwrap_or_default();
    let id = FIRST_CUSTOMER + i64::try_from(place).unwrap_or_default();
    let closed = place % 20 == 19;
    let address = Address {
        address_id: Some(id),
        company_name: Some(format!("{first} {second}")),
        line_1: Some(format!("{} Main Street", random.random_range(1..900))),
        city: text(city),
        state_or_province: text(state),
        postal_code: text(postal_code),
        country_code: text("USA"),
        ..Address::default()
    };
    Customer {
        customer_id: id,
        account_number: Some(id.to_string()),
        status: text(if closed { "CLOSED" } else { "ACTIVE" }),
        activated_date: WireDate::read("2021-01-01"),
        close_date: if closed { WireDate::read("2024-01-31") } else { None },
        agent_id: Some(1),
        email: Some(format!("billing@{}.example", first.to_lowercase())),
        service_address: Some(address.clone()),
        billing_address: Some(address),
        finance: Some(Finance { bill_profile_id: Some(1), balance: Some(Amount(0.0)), cycle_date: None }),
        ..Customer::default()
    }
}

/// Twenty digits.
fn iccid(random: &mut StdRng) -> String {
    checked(&format!("8901{:015}", random.random_range(0..1_000_000_000_000_000_u64)))
}

/// Digits with the check digit of ISO/IEC 7812.
pub(super) fn checked(body: &str) -> String {
    let sum: u32 = (body.bytes().rev().enumerate())
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn named<T>(names: &[&str], make: impl Fn(i64, Option<String>) -> T) -> Vec<T> {
    (1..).zip(names).map(|(id, name)| make(id, text(name))).collect()
}

fn next_id<T>(objects: &[T]) -> i64 {
    i64::try_from(objects.len()).unwrap_or(i64::MAX).saturating_add(1)
}
