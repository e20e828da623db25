//! Which hits of a search are really meant. A search may match parts, ignore a field it does not know, or find another
//! customer's line (`reliability.md` section 2, Provider); a hit counts only if every part of the natural key is equal.

use super::wire::{Customer, InventoryItem, Service, ServiceInventory, ServiceProduct};

/// The active services of that number, customer and ICCID; with more than one, a person must look.
///
/// Equal is equal to the last character, after the spaces around it: no digit is dropped and no country code guessed at.
#[must_use]
pub fn matching_services<'a>(records: &'a [Service], number: &str, customer_id: i64, iccid: &str) -> Vec<&'a Service> {
    let is_meant = |service: &&Service| {
        service.is_active()
            && service.customer_id == Some(customer_id)
            && is_same(service.number.as_deref(), number)
            && is_same(service.number2.as_deref(), iccid)
    };
    records.iter().filter(is_meant).collect()
}

/// The products of that kind on that service that are billed or are to be.
#[must_use]
pub fn matching_service_products(records: &[ServiceProduct], service_id: i64, product_id: i64) -> Vec<&ServiceProduct> {
    let is_meant = |product: &&ServiceProduct| {
        product.is_in_force() && product.service_id == Some(service_id) && product.product_id == Some(product_id)
    };
    records.iter().filter(is_meant).collect()
}

/// The customers with that account number.
#[must_use]
pub fn matching_customers<'a>(records: &'a [Customer], account_number: &str) -> Vec<&'a Customer> {
    records.iter().filter(|customer| is_same(customer.account_number.as_deref(), account_number)).collect()
}

/// The things of that type with that identifier in that customer's stock.
#[must_use]
pub fn matching_inventory_items<'a>(
    records: &'a [InventoryItem],
    identifier: &str,
    inventory_type_id: i64,
    customer_id: i64,
) -> Vec<&'a InventoryItem> {
    let is_meant = |item: &&InventoryItem| {
        item.inventory_type_id == Some(inventory_type_id)
            && item.customer_id == Some(customer_id)
            && is_same(item.identifier.as_deref(), identifier)
    };
    records.iter().filter(is_meant).collect()
}

/// The things with that identifier on that line.
#[must_use]
pub fn matching_service_inventory<'a>(
    records: &'a [ServiceInventory],
    service_id: i64,
    identifier: &str,
) -> Vec<&'a ServiceInventory> {
    let is_meant =
        |item: &&ServiceInventory| item.line_id == Some(service_id) && is_same(item.identifier.as_deref(), identifier);
    records.iter().filter(is_meant).collect()
}

/// Nothing is not the same as nothing: an empty key matches no record.
fn is_same(said: Option<&str>, wanted: &str) -> bool {
    let wanted = wanted.trim();
    !wanted.is_empty() && said.is_some_and(|said| said.trim() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn services() -> Vec<Service> {
        let services = json!([
            { "service_id": 1, "customer_id": 7, "number": "15551230000", "number2": "8901" },
            { "service_id": 2, "customer_id": 7, "number": " 15551230000 ", "number2": "8901" },
            { "service_id": 3, "customer_id": 8, "number": "15551230000", "number2": "8901" },
            { "service_id": 4, "customer_id": 7, "number": "155512300001", "number2": "8901" },
            { "service_id": 5, "customer_id": 7, "number": "15551230000", "number2": "8902" },
            { "service_id": 6, "customer_id": 7, "number": "15551230000", "number2": null },
            { "service_id": 7, "customer_id": 7, "number": "15551230000", "number2": "8901",
              "disconnected_date": "2024-01-31" },
            { "service_id": 8, "customer_id": null, "number": "15551230000", "number2": "8901" },
            { "service_id": 9, "customer_id": 7, "number": "", "number2": "" },
        ]);
        serde_json::from_value(services).unwrap()
    }

    #[test]
    fn a_service_is_meant_only_if_all_of_its_key_is_equal_and_it_is_active() {
        let services = services();
        let ids = |number: &str, customer_id, iccid: &str| -> Vec<i64> {
            matching_services(&services, number, customer_id, iccid).iter().map(|service| service.service_id).collect()
        };
        assert_eq!(ids("15551230000", 7, "8901"), [1, 2]);
        assert_eq!(ids("15551230000", 8, "8901"), [3]);
        assert_eq!(ids("15551230000", 7, "8902"), [5]);
        assert_eq!(ids("5551230000", 7, "8901"), [0_i64; 0]);
        assert_eq!(ids("", 7, ""), [0_i64; 0]);
    }

    #[test]
    fn a_product_whose_status_is_not_known_counts_as_there() {
        let products = json!([
            { "service_product_id": 1, "service_id": 5, "product_id": 3, "status": "ACTIVE" },
            { "service_product_id": 2, "service_id": 5, "product_id": 3, "status": "DISCONNECTED" },
            { "service_product_id": 3, "service_id": 5, "product_id": 3, "status": "DENIED" },
            { "service_product_id": 4, "service_id": 5, "product_id": 3, "status": "PENDING" },
            { "service_product_id": 5, "service_id": 5, "product_id": 3, "status": "NEW WORD" },
            { "service_product_id": 6, "service_id": 5, "product_id": 3 },
            { "service_product_id": 7, "service_id": 6, "product_id": 3, "status": "ACTIVE" },
            { "service_product_id": 8, "service_id": 5, "product_id": 4, "status": "ACTIVE" },
        ]);
        let products: Vec<ServiceProduct> = serde_json::from_value(products).unwrap();
        let ids: Vec<i64> =
            matching_service_products(&products, 5, 3).iter().map(|product| product.service_product_id).collect();
        assert_eq!(ids, [1, 4, 5, 6]);
    }

    #[test]
    fn things_and_customers_match_exactly_too() {
        let items: Vec<InventoryItem> = serde_json::from_value(json!([
            { "inventory_item_id": 1, "inventory_type_id": 1, "identifier": "8901", "customer_id": 7 },
            { "inventory_item_id": 2, "inventory_type_id": 1, "identifier": "89011", "customer_id": 7 },
            { "inventory_item_id": 3, "inventory_type_id": 2, "identifier": "8901", "customer_id": 7 },
            { "inventory_item_id": 4, "inventory_type_id": 1, "identifier": "8901", "customer_id": 8 },
        ]))
        .unwrap();
        assert_eq!(matching_inventory_items(&items, "8901", 1, 7), [&items[0]]);
        let lines: Vec<ServiceInventory> = serde_json::from_value(json!([
            { "inventory_item_id": 1, "line_id": 5, "identifier": "8901" },
            { "inventory_item_id": 2, "line_id": 6, "identifier": "8901" },
        ]))
        .unwrap();
        assert_eq!(matching_service_inventory(&lines, 5, "8901"), [&lines[0]]);
        let customers: Vec<Customer> = serde_json::from_value(json!([
            { "customer_id": 1, "account_number": "A-1" },
            { "customer_id": 2, "account_number": "A-12" },
        ]))
        .unwrap();
        assert_eq!(matching_customers(&customers, "A-1"), [&customers[0]]);
    }
}
