//! Every list can be paged through and every object looked at, and nothing in the simulator's answers goes unread.

use crate::stage::{Stage, patient, permit};
use integrations::Answer;
use integrations::answer::RefusedBy;
use integrations::billing::rev_io::wire::{
    Agent, BillProfile, Customer, InventoryItem, InventoryType, Package, PackageProduct, Product, ProductType,
    Provider, ProviderAccount, Service, ServiceInventory, ServiceProduct, ServiceType, UsagePlanGroup,
};
use integrations::billing::rev_io::{Page, Record};
use std::collections::HashSet;

async fn page<T: Record + std::fmt::Debug>(stage: &Stage, page: u32, size: u32, search: &[(&str, &str)]) -> Page<T> {
    let outcome = stage.rev_io.page::<T>(permit(), page, size, search).await;
    assert_eq!(outcome.exchange.status, Some(200));
    assert!(outcome.exchange.response.is_some_and(|kept| kept.ends_with(" bytes]")));
    match outcome.answer {
        Answer::Done(page) => page,
        other => panic!("{other:?}"),
    }
}

/// Pages by twos, then looks at the first object by itself.
async fn read_all<T: Record + std::fmt::Debug + PartialEq>(stage: &Stage, expected: usize) {
    let mut records = Vec::new();
    for number in 1.. {
        let next = page::<T>(stage, number, 2, &[]).await;
        assert!(next.unreadable.is_empty(), "{:?}", next.unreadable);
        records.extend(next.records);
        if !next.has_more {
            break;
        }
    }
    let ids: HashSet<i64> = records.iter().map(Record::id).collect();
    assert_eq!((ids.len(), records.len()), (expected, expected), "{}", T::RESOURCE.path);
    let one = stage.rev_io.get::<T>(permit(), records[0].id()).await;
    assert_eq!(one.answer, Answer::Done(Some(records.remove(0))), "{}", T::RESOURCE.path);
    let none = stage.rev_io.get::<T>(permit(), 999_999_999).await;
    assert_eq!(none.answer, Answer::Done(None), "{}", T::RESOURCE.path);
}

#[tokio::test]
async fn every_list_is_read_whole() {
    let stage = Stage::new(patient()).await;
    macro_rules! lists {
        ($($record:ident in $table:ident,)*) => {
            $(
                let expected = stage.world.rev_io(|state| state.accounts()[0].$table.len());
                assert!(expected > 0, stringify!($table));
                read_all::<$record>(&stage, expected).await;
            )*
        };
    }
    lists! {
        Customer in customers,
        Service in services,
        ServiceProduct in service_products,
        Product in products,
        ProductType in product_types,
        Package in packages,
        PackageProduct in package_products,
        Provider in providers,
        ProviderAccount in provider_accounts,
        ServiceType in service_types,
        UsagePlanGroup in usage_plan_groups,
        BillProfile in bill_profiles,
        Agent in agents,
        InventoryItem in inventory_items,
        InventoryType in inventory_types,
        ServiceInventory in service_inventory,
    }
}

#[tokio::test]
async fn a_page_is_one_request_with_its_search() {
    let stage = Stage::new(patient()).await;
    let customer_id = crate::calls::subject(&stage).customer_id.to_string();
    let found = page::<Service>(&stage, 1, 500, &[("customer_id", &customer_id)]).await;
    assert_eq!((found.records.len(), found.has_more), (3, false));
    let nothing = page::<Service>(&stage, 1, 500, &[("number", "5&search.page=2 é+%")]).await;
    assert!(nothing.records.is_empty());
    let calls = stage.calls();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected =
        [pair("search.customer_id", &customer_id), pair("search.page", "1"), pair("search.page_size", "500")];
    assert_eq!(calls[0].query, expected);
    assert_eq!(calls[1].query[0], pair("search.number", "5&search.page=2 é+%"));
    assert_eq!(calls.len(), 2);
}

#[tokio::test]
async fn names_and_money_are_as_they_are_there() {
    let stage = Stage::new(patient()).await;
    let customers = page::<Customer>(&stage, 1, 500, &[]).await;
    assert!(customers.records.iter().all(|customer| customer.company_name().is_some() && customer.email.is_some()));
    let products = page::<Product>(&stage, 1, 500, &[]).await;
    let rates: Vec<String> = products.records.iter().map(|product| product.rate.unwrap().to_string()).collect();
    assert_eq!(rates, ["1.25", "2.5", "9", "3", "0.75", "5"]);
}

#[tokio::test]
async fn the_gateways_404_is_not_the_absence_of_an_object() {
    let stage = Stage::new(patient()).await;
    let elsewhere = crate::stage::client(&format!("{}/nowhere", stage.url()), patient());
    let answer = elsewhere.get::<Service>(permit(), 1).await.answer;
    assert!(matches!(&answer, Answer::Refused(refusal) if refusal.by == RefusedBy::Gateway), "{answer:?}");
}

#[tokio::test]
async fn a_page_that_is_none_is_not_asked_for() {
    let stage = Stage::new(patient()).await;
    for (number, size) in [(0, 10), (1, 0)] {
        let answer = stage.rev_io.page::<Service>(permit(), number, size, &[]).await.answer;
        assert!(matches!(&answer, Answer::Refused(refusal) if refusal.by == RefusedBy::Ourselves), "{answer:?}");
    }
    assert!(stage.calls().is_empty());
}
