//! What can be changed, and what is refused.

use crate::stage::{START, Stage, ids, told};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::Fleet;
use simulators::rev_io::{Inferred, UnknownName, WireDate};

const CUSTOMER: i64 = 100_000_001;

fn line(number: &str) -> Value {
    json!({"customer_id": CUSTOMER, "provider_id": 1, "number": number})
}

async fn create(stage: &Stage, path: &str, body: &Value) -> i64 {
    let (status, answer) = stage.send(Method::POST, path, body).await;
    assert_eq!((status, &answer["ok"]), (201, &json!(true)), "{path}: {answer}");
    answer["id"].as_i64().unwrap()
}

async fn refused(stage: &Stage, method: Method, path: &str, body: &Value) -> String {
    let (status, answer) = stage.send(method, path, body).await;
    assert_eq!((status, &answer[0]["ok"]), (400, &json!(false)), "{path} {body}: {answer}");
    assert!(answer[0]["error"].is_string());
    answer[0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_service_is_201_with_its_location() {
    let stage = Stage::example(1, 1).await;
    let body = json!({"customer_id": CUSTOMER, "provider_id": 2, "number": "15550001111", "number2": "8901",
        "effective_date": "2026-02-01Z", "service_type_id": 2, "usage_plan_group_id": 1, "package_id": 0,
        "fields": [{"label": "site", "value": "north"}], "description": "tag"});
    let response = stage.call(Method::POST, "services").json(&body).send().await.unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, answer) = told(response).await;
    assert_eq!((status, answer), (201, json!({"ok": true, "id": 2})));
    assert_eq!(location, format!("{}/rev-io/v1/Services/2", stage.running.url()));
    let (_, service) = stage.get("Services/2").await;
    assert_eq!(service["activated_date"], json!("2026-02-01T00:00:00Z"));
    assert_eq!((&service["created_date"], &service["package_id"]), (&json!(START), &Value::Null));
    assert_eq!(service["fields"][0]["value"], json!("north"));
}

#[tokio::test]
async fn a_number_may_be_given_twice() {
    let stage = Stage::example(1, 1).await;
    let first = create(&stage, "Services", &line("15550001111")).await;
    let second = create(&stage, "Services", &line("15550001111")).await;
    let found = ids(&stage.found("Services?search.number=15550001111").await, "service_id");
    assert_eq!(found, [first, second]);
}

#[tokio::test]
async fn a_service_is_refused_that_lacks_exceeds_or_dangles() {
    let stage = Stage::example(1, 1).await;
    let long = "9".repeat(256);
    for (body, about) in [
        (json!({"provider_id": 1}), "customer_id"),
        (json!({"customer_id": CUSTOMER}), "provider_id"),
        (json!({"customer_id": 5, "provider_id": 1}), "customer_id 5"),
        (json!({"customer_id": CUSTOMER, "provider_id": 9}), "provider_id 9"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "service_type_id": 9}), "service_type_id"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "package_id": 9}), "package_id"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "usage_plan_group_id": 9}), "usage_plan_group_id"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "provider_account_id": 9}), "provider_account_id"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "number": long}), "number"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "number2": long}), "number2"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "description": "x".repeat(1001)}), "description"),
        (json!({"customer_id": CUSTOMER, "provider_id": 1, "activated_date": "soon"}), "soon"),
        (json!({"customer_id": "x", "provider_id": 1}), "invalid type"),
        (json!([]), "object"),
    ] {
        let message = refused(&stage, Method::POST, "Services", &body).await;
        assert!(message.contains(about), "{message}");
    }
    let (status, answer) = told(stage.call(Method::POST, "Services").body("{").send().await.unwrap()).await;
    assert_eq!((status, &answer[0]["ok"]), (400, &json!(false)));
    assert_eq!(stage.found("Services").await.len(), 1, "nothing was made");
}

#[tokio::test]
async fn a_closed_customer_gets_no_service_unless_set_so() {
    let stage = Stage::example(1, 0).await;
    let at = WireDate::read(START).unwrap();
    stage.world.rev_io(|state| state.accounts_mut()[0].close_customer(CUSTOMER, at));
    assert!(refused(&stage, Method::POST, "Services", &line("1")).await.contains("closed"));
    stage.world.rev_io(|state| state.accounts_mut()[0].inferred.closed_customers_can_be_billed = true);
    create(&stage, "Services", &line("1")).await;
}

#[tokio::test]
async fn unknown_fields_of_a_body_are_ignored_unless_set_so() {
    let mut fleet = Fleet::example(1, 1, 0);
    let mut body = line("1");
    body["colour"] = json!("red");
    create(&Stage::of(fleet.clone()).await, "Services", &body).await;
    fleet.rev_io[0].inferred = Inferred { unknown_body_fields: UnknownName::Refuse, ..Inferred::default() };
    assert!(refused(&Stage::of(fleet).await, Method::POST, "Services", &body).await.contains("colour"));
}

#[tokio::test]
async fn a_package_brings_its_products() {
    let stage = Stage::example(1, 0).await;
    let mut body = line("1");
    body["package_id"] = json!(1);
    body["activated_date"] = json!("2026-03-01");
    let id = create(&stage, "Services", &body).await;
    let products = stage.found(&format!("ServiceProduct?search.service_id={id}")).await;
    assert_eq!(ids(&products, "product_id"), [1, 5]);
    for product in &products {
        assert_eq!((&product["package_id"], &product["status"]), (&json!(1), &json!("PENDING")), "its day is to come");
        assert_eq!((&product["customer_id"], &product["quantity"]), (&json!(CUSTOMER), &json!(1)));
        assert!(product["rate"].is_number() && product["code_1"].is_string());
    }
}

#[tokio::test]
async fn a_service_is_patched_whole_or_not_at_all() {
    let stage = Stage::example(1, 0).await;
    let mut body = line("1");
    body["fields"] = json!([{"label": "site", "value": "north"}]);
    let id = create(&stage, "Services", &body).await;
    let path = format!("Services/{id}");
    let (status, answer) = stage
        .patch(
            &path,
            &json!([
                {"op": "test", "path": "/number", "value": "1"},
                {"op": "replace", "path": "/number", "value": "2"},
                {"op": "add", "path": "/description", "value": "new"},
                {"op": "remove", "path": "/description"},
                {"op": "replace", "path": "/fields/0/value", "value": "south"},
                {"op": "add", "path": "/fields/-", "value": {"label": "x", "value": 1}},
            ]),
        )
        .await;
    assert_eq!((status, answer), (200, json!({"ok": true, "id": id})));
    let (_, after) = stage.get(&path).await;
    assert_eq!((&after["number"], &after["description"]), (&json!("2"), &Value::Null));
    assert_eq!(after["fields"], json!([{"label": "site", "value": "south"}, {"label": "x", "value": 1}]));
    assert_eq!(ids(&stage.found("Services?search.number=2").await, "service_id"), [id], "the index follows");
    let left = stage.world.rev_io(|state| state.accounts()[0].services.find("number", "1").len());
    assert_eq!(left, 0, "and forgets the old value");
    for patch in [
        json!([{"op": "replace", "path": "/number", "value": "3"}, {"op": "test", "path": "/number", "value": "2"}]),
        json!([{"op": "replace", "path": "/number", "value": "3"}, {"op": "replace", "path": "/nothing", "value": 1}]),
        json!([{"op": "replace", "path": "/fields/7/value", "value": 1}]),
        json!([{"op": "replace", "path": "/service_id", "value": 9}]),
        json!([{"op": "remove", "path": "/customer_id"}]),
        json!([{"op": "remove", "path": "/created_date"}]),
        json!([{"op": "add", "path": "/colour", "value": "red"}]),
        json!([{"op": "replace", "path": "/number", "value": 3}]),
        json!([{"op": "replace", "path": "/number", "value": "9".repeat(256)}]),
        json!([{"op": "replace", "path": "/provider_id", "value": 99}]),
        json!([{"op": "replace", "path": "/customer_id", "value": 99}]),
        json!([{"op": "move", "from": "/number", "path": "/number2"}]),
        json!([{"op": "replace", "path": "/number"}]),
        json!({"number": "3"}),
    ] {
        let (status, answer) = stage.patch(&path, &patch).await;
        assert_eq!((status, &answer[0]["ok"]), (400, &json!(false)), "{patch}: {answer}");
        assert_eq!(stage.get(&path).await.1, after, "{patch}");
    }
    let patch = json!([{"op": "replace", "path": "/number", "value": "3"}]);
    assert_eq!(stage.send(Method::PATCH, &path, &patch).await.0, 400, "plain JSON is no JSON Patch");
    stage.world.rev_io(|state| state.accounts_mut()[0].inferred.patch_content_type_required = false);
    assert_eq!(stage.send(Method::PATCH, &path, &patch).await.0, 200);
    assert_eq!(stage.patch("Services/99", &patch).await.0, 404);
}

#[tokio::test]
async fn a_services_date_follows_its_products() {
    let stage = Stage::example(1, 1).await;
    let end = json!([{"op": "replace", "path": "/disconnected_date", "value": "2026-01-20Z"}]);
    let products = ids(&stage.found("ServiceProduct?search.service_id=1").await, "service_product_id");
    for (place, id) in products.iter().enumerate() {
        let (status, answer) = stage.patch("Services/1", &end).await;
        assert_eq!(status, 400, "product {place} is still on: {answer}");
        let body = json!({"service_product_id": id, "effective_date": "2026-01-20", "generate_proration": false});
        assert_eq!(stage.send(Method::DELETE, "ServiceProduct", &body).await.0, 200);
    }
    assert_eq!(stage.patch("Services/1", &end).await.0, 200);
    assert_eq!(stage.get("Services/1").await.1["disconnected_date"], json!("2026-01-20T00:00:00Z"));
    let begin = json!([{"op": "replace", "path": "/activated_date", "value": "2026-01-02Z"}]);
    assert_eq!(stage.patch("Services/1", &begin).await.0, 400);
}

#[tokio::test]
async fn an_earlier_disconnected_product_holds_the_date_unless_set_otherwise() {
    let stage = Stage::example(1, 1).await;
    stage.world.rev_io(|state| {
        let account = &mut state.accounts_mut()[0];
        let day = |text| WireDate::read(text).unwrap();
        account.service_products.change(1, |product| product.disconnect(day("2025-01-01")));
        account.service_products.change(2, |product| product.disconnect(day("2026-01-20")));
    });
    let end = json!([{"op": "replace", "path": "/disconnected_date", "value": "2026-01-20Z"}]);
    assert_eq!(stage.patch("Services/1", &end).await.0, 400);
    stage.world.rev_io(|state| state.accounts_mut()[0].inferred.earlier_disconnected_products_count = false);
    assert_eq!(stage.patch("Services/1", &end).await.0, 200);
}

#[tokio::test]
async fn a_services_customer_changes_only_if_set_so() {
    let stage = Stage::example(2, 1).await;
    let patch = json!([{"op": "replace", "path": "/customer_id", "value": CUSTOMER + 1}]);
    assert_eq!(stage.patch("Services/1", &patch).await.0, 400);
    stage.world.rev_io(|state| state.accounts_mut()[0].inferred.service_customer_can_change = true);
    assert_eq!(stage.patch("Services/1", &patch).await.0, 200);
    assert_eq!(stage.found(&format!("Services?search.customer_id={}", CUSTOMER + 1)).await.len(), 2);
}

#[tokio::test]
async fn a_product_goes_on_a_service() {
    let stage = Stage::example(2, 1).await;
    let body = json!({"customer_id": CUSTOMER, "service_id": 1, "product_id": 4, "rate": 2.5, "quantity": 3,
        "effective_date": "2026-01-01Z", "generate_proration": false});
    let id = create(&stage, "serviceProduct", &body).await;
    let (_, product) = stage.get(&format!("ServiceProduct/{id}")).await;
    assert_eq!(
        (&product["status"], &product["rate"], &product["quantity"]),
        (&json!("ACTIVE"), &json!(2.5), &json!(3))
    );
    assert_eq!((&product["code_1"], &product["description"]), (&json!("SIP"), &json!("Static IP")));
    for (field, value, about) in [
        ("generate_proration", Value::Null, "generate_proration"),
        ("product_id", json!(99), "product_id 99"),
        ("service_id", json!(99), "service_id 99"),
        ("customer_id", json!(CUSTOMER + 1), "another customer"),
        ("package_id", json!(99), "package_id 99"),
    ] {
        let mut wrong = body.clone();
        wrong[field] = value;
        let message = refused(&stage, Method::POST, "ServiceProduct", &wrong).await;
        assert!(message.contains(about), "{message}");
    }
    let at = WireDate::read(START).unwrap();
    stage.world.rev_io(|state| state.accounts_mut()[0].disconnect_service(1, at));
    assert!(refused(&stage, Method::POST, "ServiceProduct", &body).await.contains("disconnected"));
}

#[tokio::test]
async fn a_product_is_patched_and_put_but_not_its_price_with_its_status() {
    let stage = Stage::example(1, 1).await;
    let path = "ServiceProduct/1";
    let patch = json!([{"op": "replace", "path": "/quantity", "value": 5},
        {"op": "replace", "path": "/effective_date", "value": "2026-02-01Z"},
        {"op": "add", "path": "/generate_proration", "value": true}]);
    assert_eq!(stage.patch(path, &patch).await.0, 200);
    let (_, before) = stage.get(path).await;
    assert_eq!(before["quantity"], json!(5));
    assert!(before.get("effective_date").is_none());
    let both = json!([{"op": "replace", "path": "/quantity", "value": 6},
        {"op": "replace", "path": "/status", "value": "PENDING"}]);
    assert_eq!(stage.patch(path, &both).await.0, 400);
    let nonsense = json!([{"op": "replace", "path": "/status", "value": "GONE"}]);
    assert_eq!(stage.patch(path, &nonsense).await.0, 400);
    let mut whole = before.clone();
    whole["rate"] = json!(7);
    whole["description"] = Value::Null;
    assert_eq!(stage.send(Method::PUT, path, &whole).await.0, 200);
    let (_, after) = stage.get(path).await;
    assert_eq!((&after["rate"], &after["description"]), (&json!(7), &Value::Null));
    assert_eq!((&after["customer_id"], &after["created_date"]), (&before["customer_id"], &before["created_date"]));
    for (field, value) in [("status", json!("DISCONNECTED")), ("service_id", json!(2)), ("quantity", json!("x"))] {
        let mut wrong = after.clone();
        wrong[field] = value;
        assert_eq!(stage.send(Method::PUT, path, &wrong).await.0, 400, "{field}");
    }
    let mut both = after.clone();
    (both["rate"], both["status"]) = (json!(8), json!("PENDING"));
    assert_eq!(stage.send(Method::PUT, path, &both).await.0, 400);
    assert_eq!(stage.get(path).await.1, after);
}

#[tokio::test]
async fn delete_with_a_body_disconnects_once() {
    let stage = Stage::example(1, 1).await;
    let body = json!({"service_product_id": 1, "effective_date": "2026-01-20Z", "generate_proration": false});
    assert_eq!(stage.send(Method::DELETE, "serviceproduct", &body).await, (200, json!({"ok": true, "id": 1})));
    let (_, product) = stage.get("ServiceProduct/1").await;
    let day = json!("2026-01-20T00:00:00Z");
    assert_eq!((&product["status"], &product["canceled_date"]), (&json!("DISCONNECTED"), &day));
    assert_eq!(product["status_date"], day);
    assert!(refused(&stage, Method::DELETE, "ServiceProduct", &body).await.contains("already"));
    refused(&stage, Method::DELETE, "ServiceProduct", &json!({})).await;
    refused(&stage, Method::DELETE, "ServiceProduct", &json!({"service_product_id": 99})).await;
    let (status, _) = told(stage.call(Method::DELETE, "ServiceProduct").send().await.unwrap()).await;
    assert_eq!(status, 400, "without a body there is nothing to disconnect");
}

#[tokio::test]
async fn a_sim_goes_into_stock_onto_a_line_and_off_it() {
    let stage = Stage::example(1, 2).await;
    let item = json!({"inventory_type_id": 1, "identifier": "89X", "customer_id": CUSTOMER, "status": "AVAILABLE"});
    let id = create(&stage, "InventoryItem", &item).await;
    assert!(refused(&stage, Method::POST, "InventoryItem", &item).await.contains("already"));
    let unique = |unique| {
        let set = |state: &mut simulators::rev_io::RevIo| {
            state.accounts_mut()[0].inferred.inventory_identifiers_unique = unique;
            state.accounts_mut()[0].inventory_items.remove(id + 1);
        };
        stage.world.rev_io(set);
    };
    unique(false);
    assert_eq!(create(&stage, "InventoryItem", &item).await, id + 1);
    unique(true);
    let found = stage.found("InventoryItem?search.identifier=89x&search.inventory_type_id=1").await;
    assert_eq!(ids(&found, "inventory_item_id"), [id]);
    let assign = json!({"service_id": 1, "identifiers": ["89X"]});
    for _ in 0..2 {
        assert_eq!(stage.send(Method::PATCH, "inventoryitem/AssignService", &assign).await.0, 200);
    }
    assert_eq!(stage.get(&format!("InventoryItem/{id}")).await.1["status"], json!("ASSIGNED"));
    let on_line = stage.found("ServiceInventory?search.line_id=1&search.identifier=89X").await;
    assert_eq!((on_line.len(), &on_line[0]["inventory_type"]), (1, &json!("SIM")));
    for (wrong, about) in [
        (json!({"service_id": 2, "identifiers": ["89X"]}), "another service"),
        (json!({"service_id": 2, "identifiers": ["none"]}), "no item"),
        (json!({"service_id": 9, "identifiers": ["89X"]}), "service_id 9"),
        (json!({"service_id": 2, "identifiers": []}), "identifiers"),
    ] {
        let message = refused(&stage, Method::PATCH, "InventoryItem/assignService", &wrong).await;
        assert!(message.contains(about), "{message}");
    }
    let free = json!({"id": id});
    assert_eq!(stage.send(Method::PATCH, "InventoryItem/UnassignCustomer", &free).await.0, 200);
    let (_, item) = stage.get(&format!("InventoryItem/{id}")).await;
    assert_eq!((&item["status"], &item["customer_id"]), (&json!("AVAILABLE"), &Value::Null));
    assert!(stage.found("ServiceInventory?search.identifier=89X").await.is_empty());
    assert_eq!(stage.get("InventoryItem/assignService").await.0, 405);
}

#[tokio::test]
async fn customers_and_charges_are_made() {
    let stage = Stage::example(1, 1).await;
    let customer = json!({"billing_address": {"company_name": "New & Co", "line_1": "1 Road", "phone": "ignored"},
        "finance": {"bill_profile_id": 1}, "parent_customer_id": CUSTOMER});
    let id = create(&stage, "Customers", &customer).await;
    let (_, made) = stage.get(&format!("Customers/{id}")).await;
    assert_eq!((id, &made["billing_address"]["company_name"]), (CUSTOMER + 1, &json!("New & Co")));
    assert_eq!(made["activated_date"], json!(START));
    refused(&stage, Method::POST, "Customers", &json!({"agent_id": 99})).await;
    refused(&stage, Method::POST, "Customers", &json!({"finance": {"bill_profile_id": 99}})).await;
    let charge = json!({"customer_id": CUSTOMER, "service_id": 1, "amount": 12.5, "description": "SIM card"});
    let id = create(&stage, "Charges", &charge).await;
    let amount = stage.world.rev_io(|state| state.accounts()[0].charges.get(id).unwrap().amount.unwrap().0);
    assert!((amount - 12.5).abs() < f64::EPSILON);
    refused(&stage, Method::POST, "Charges", &json!({"amount": 1})).await;
    refused(&stage, Method::POST, "Charges", &json!({"customer_id": CUSTOMER})).await;
}
