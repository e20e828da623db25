use super::super::wire::{Customer, CustomerStatus, Service, ServiceProduct, ServiceProductStatus};
use super::*;
use proptest::prelude::*;

fn page<T: Record>(text: &str) -> Result<Page<T>, String> {
    read_page(text, T::RESOURCE)
}

#[test]
fn a_record_that_cannot_be_read_does_not_lose_the_page() {
    let text = r#"{"ok":true,"has_more":true,"record_count":6,"new":{},"records":[
        {"service_id":1,"number":"555","unknown":[{"a":1}]},
        {"service_id":2,"number":555},
        {"service_id":"3"},
        7,
        {"service_id":5,"disconnected_date":"31/01/2024"},
        {"service_id":6,"customer_id":null,"disconnected_date":"2024-01-31Z","fields":null}
    ]}"#;
    let page = page::<Service>(text).unwrap();
    let ids: Vec<i64> = page.records.iter().map(Record::id).collect();
    assert_eq!(ids, [1, 6]);
    assert!(page.has_more && page.records[0].is_active() && !page.records[1].is_active());
    let unreadable: Vec<_> = page.unreadable.iter().map(|one| (one.index, one.id)).collect();
    assert_eq!(unreadable, [(1, Some(2)), (2, None), (3, None), (4, Some(5))]);
    assert!(page.unreadable.iter().all(|one| one.why.starts_with("expected")), "{:?}", page.unreadable);
    assert!(!format!("{:?}", page.unreadable).contains("31/01"), "{:?}", page.unreadable);
}

#[test]
fn a_page_that_is_not_whole_is_no_page() {
    for text in [
        "",
        "[]",
        "null",
        "[true,false,[]]",
        r#"{"ok":true,"has_more":false}"#,
        r#"{"ok":true,"records":[]}"#,
        r#"{"has_more":false,"records":[]}"#,
        r#"{"ok":false,"has_more":false,"records":[]}"#,
        r#"{"ok":true,"has_more":true,"records":[]}"#,
        r#"{"ok":true,"has_more":false,"records":null}"#,
        r#"{"ok":true,"has_more":false,"records":[{"service_id":1}"#,
        r#"{"ok":true,"has_more":false,"records":[{"service_id":1},]}"#,
        r#"{"ok":true,"has_more":false,"records":[]}{}"#,
    ] {
        assert!(page::<Service>(text).is_err(), "{text}");
    }
    let deep = format!(r#"{{"ok":true,"has_more":false,"records":[{}{}]}}"#, "[".repeat(40), "]".repeat(40));
    assert!(page::<Service>(&deep).is_err());
}

#[test]
fn text_that_is_not_utf8_costs_its_record_only() {
    let mut bytes = br#"{"ok":true,"has_more":false,"records":[{"customer_id":1,"email":""#.to_vec();
    bytes.extend_from_slice(b"\xFF\"},{\"customer_id\":2}]}");
    let page = page::<Customer>(&super::super::send::text(&bytes)).unwrap();
    assert_eq!((page.records.len(), page.unreadable[0].id), (1, Some(1)));
}

#[test]
fn money_keeps_its_digits_and_words_their_spelling() {
    let text = r#"{"ok":true,"has_more":false,"records":[
        {"service_product_id":1,"rate":0.1000000000000000055,"quantity":"2.50","cost":1e2,"status":"ACTIVE"},
        {"service_product_id":2,"rate":null,"status":"Odd","tax_included":null}
    ]}"#;
    let page = page::<ServiceProduct>(text).unwrap();
    let first = &page.records[0];
    assert_eq!(first.rate.unwrap().to_string(), "0.1000000000000000055");
    assert_eq!(first.quantity.unwrap().to_string(), "2.5");
    assert_eq!(first.cost.unwrap().to_string(), "100");
    assert_eq!(page.records[1].status, Some(ServiceProductStatus::Unlisted("Odd".to_owned())));
    let customer = r#"{"ok":true,"has_more":false,"records":[{"customer_id":1,"status":"Closed",
        "finance":{"bill_profile_id":2,"balance":-12.30},"billing_address":{"company_name":"Elm"}}]}"#;
    let customer = self::page::<Customer>(customer).unwrap().records.remove(0);
    assert_eq!(customer.status, Some(CustomerStatus::Closed));
    assert_eq!(customer.company_name(), Some("Elm"));
    assert_eq!(customer.finance.unwrap().balance.unwrap().to_string(), "-12.3");
}

#[test]
fn no_two_lists_have_the_same_path() {
    let paths: std::collections::HashSet<_> = RESOURCES.iter().map(|resource| resource.path).collect();
    assert_eq!(paths.len(), RESOURCES.len());
    assert!(RESOURCES.iter().all(|resource| resource.path.starts_with('/') && resource.id_field.ends_with("_id")));
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in ".*") {
        let _ = page::<Service>(&text);
    }

    #[test]
    fn no_record_makes_it_fail(record in r#"[\[\]{}",:0-9a-z_.\-]*"#) {
        let _ = page::<Service>(&format!(r#"{{"ok":true,"has_more":false,"records":[{record}]}}"#));
    }

    #[test]
    fn every_record_is_read_or_reported(ids in proptest::collection::vec(any::<Option<i64>>(), 0..20)) {
        let records: Vec<String> = ids
            .iter()
            .map(|id| id.map_or_else(|| "{}".to_owned(), |id| format!(r#"{{"service_id":{id}}}"#)))
            .collect();
        let text = format!(r#"{{"ok":true,"has_more":false,"records":[{}]}}"#, records.join(","));
        let page = page::<Service>(&text).unwrap();
        prop_assert_eq!(page.records.len() + page.unreadable.len(), ids.len());
        prop_assert_eq!(page.records.len(), ids.iter().flatten().count());
    }
}
