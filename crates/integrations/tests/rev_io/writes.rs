//! Every write arrives as Rev.io wants it, once, and its receipt is the object it made.

use crate::calls::{self, ICCID, NUMBER, day, make, new_service, prepare, subject, writes};
use crate::stage::{Stage, patient, permit};
use integrations::Answer;
use integrations::answer::{Refusal, RefusedBy};
use integrations::billing::rev_io::exactly::{matching_service_products, matching_services};
use integrations::billing::rev_io::wire::request::{AssignInventory, CreateService};
use integrations::billing::rev_io::wire::{Service, ServiceProduct, ServiceProductStatus};
use integrations::billing::rev_io::{Call, Receipt};
use jiff::civil::date;
use serde_json::json;

fn id(answer: &Answer<Receipt>) -> i64 {
    match answer {
        Answer::Done(receipt) => receipt.id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_write_is_one_request_and_its_receipt_is_the_object() {
    for call in writes() {
        let stage = Stage::new(patient()).await;
        let subject = subject(&stage);
        prepare(&stage, call, &subject);
        let outcome = make(&stage.rev_io, call, &subject).await;
        let entry = stage.only_call();
        assert!(entry.applied, "{call:?}: {outcome:?}");
        assert_eq!(id(&outcome.answer), entry.object.unwrap().id, "{call:?}");
        assert_eq!(outcome.exchange.status, entry.status, "{call:?}");
        assert!(outcome.exchange.request.starts_with(&entry.method), "{}", outcome.exchange.request);
        stage.stop().await;
    }
}

#[tokio::test]
async fn bodies_are_as_the_reference_says() {
    let body = async |call: Call| {
        let stage = Stage::new(patient()).await;
        let subject = subject(&stage);
        prepare(&stage, call, &subject);
        id(&make(&stage.rev_io, call, &subject).await.answer);
        let entry = stage.only_call();
        (entry.method, entry.path, entry.body, subject)
    };
    let (method, path, sent, subject) = body(Call::CreateService).await;
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/v1/Services"));
    let expected = json!({
        "customer_id": subject.customer_id, "number": NUMBER, "number2": ICCID, "provider_id": 1, "service_type_id": 2,
        "usage_plan_group_id": 1, "activated_date": "2026-01-10Z", "description": "change 7",
    });
    assert_eq!(sent, expected);

    let (method, path, sent, subject) = body(Call::CreateServiceProduct).await;
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/v1/ServiceProduct"));
    let expected = json!({
        "customer_id": subject.customer_id, "service_id": subject.service_id, "product_id": 3, "rate": 9.75,
        "quantity": 1, "effective_date": "2026-01-10Z", "generate_proration": false,
    });
    assert_eq!(sent, expected);

    let (method, path, sent, subject) = body(Call::DisconnectServiceProduct).await;
    assert_eq!((method.as_str(), path.as_str()), ("DELETE", "/v1/ServiceProduct"));
    let expected = json!({
        "service_product_id": subject.service_product_id, "effective_date": "2026-01-31Z", "generate_proration": false,
    });
    assert_eq!(sent, expected);

    let (method, path, sent, subject) = body(Call::CloseService).await;
    assert_eq!((method.as_str(), path), ("PATCH", format!("/v1/Services/{}", subject.service_id)));
    assert_eq!(sent, json!([{ "op": "replace", "path": "/disconnected_date", "value": "2026-01-31Z" }]));

    let (_, _, sent, _) = body(Call::PatchServiceProduct).await;
    assert_eq!(sent, json!([{ "op": "replace", "path": "/quantity", "value": 2.5 }]));

    let (method, path, sent, subject) = body(Call::AssignInventoryItems).await;
    assert_eq!((method.as_str(), path.as_str()), ("PATCH", "/v1/InventoryItem/assignService"));
    assert_eq!(sent, json!({ "service_id": subject.service_id, "identifiers": [subject.spare_identifier] }));
}

#[tokio::test]
async fn a_service_is_opened_read_back_and_taken_back() {
    let stage = Stage::new(patient()).await;
    let subject = subject(&stage);
    let rev_io = &stage.rev_io;
    let service_id = id(&rev_io.create_service(permit(), &new_service(subject.customer_id)).await.answer);

    let Answer::Done(found) = rev_io.page::<Service>(permit(), 1, 50, &[("number", NUMBER)]).await.answer else {
        panic!("no page");
    };
    let matching = matching_services(&found.records, NUMBER, subject.customer_id, ICCID);
    assert_eq!(matching.iter().map(|service| service.service_id).collect::<Vec<_>>(), [service_id]);

    let product = integrations::billing::rev_io::wire::request::CreateServiceProduct {
        service_id,
        ..calls::new_service_product(&subject)
    };
    let product_id = id(&rev_io.create_service_product(permit(), &product).await.answer);
    let on_service = [("service_id", service_id.to_string())];
    let search: Vec<(&str, &str)> = on_service.iter().map(|(field, value)| (*field, value.as_str())).collect();
    let Answer::Done(products) = rev_io.page::<ServiceProduct>(permit(), 1, 50, &search).await.answer else {
        panic!("no page");
    };
    let matching = matching_service_products(&products.records, service_id, 3);
    assert_eq!(matching.iter().map(|product| product.service_product_id).collect::<Vec<_>>(), [product_id]);
    assert_eq!(matching[0].rate.unwrap().to_string(), "9.75");

    // While a product has another end, the service cannot end.
    let early = rev_io.close_service(permit(), service_id, day()).await;
    assert!(matches!(&early.answer, Answer::Refused(refusal) if refusal.by == RefusedBy::Application), "{early:?}");

    let end = integrations::billing::rev_io::wire::request::DisconnectServiceProduct {
        service_product_id: product_id,
        effective_date: day(),
        generate_proration: false,
    };
    id(&rev_io.disconnect_service_product(permit(), &end).await.answer);
    id(&rev_io.close_service(permit(), service_id, day()).await.answer);

    let Answer::Done(Some(service)) = rev_io.get::<Service>(permit(), service_id).await.answer else {
        panic!("no service");
    };
    assert_eq!((service.is_active(), service.disconnected_date), (false, Some(day())));
    let Answer::Done(Some(product)) = rev_io.get::<ServiceProduct>(permit(), product_id).await.answer else {
        panic!("no product");
    };
    assert_eq!(product.status, Some(ServiceProductStatus::Disconnected));
}

#[tokio::test]
async fn what_the_application_refuses_is_refused_in_its_words() {
    let stage = Stage::new(patient()).await;
    let refused = stage.rev_io.create_service(permit(), &new_service(1)).await;
    let Answer::Refused(Refusal { by, status, code, message }) = refused.answer else { panic!("{refused:?}") };
    assert_eq!((by, status), (RefusedBy::Application, Some(400)));
    assert!(code.is_some() && !message.is_empty(), "{code:?} {message}");
    assert!(!stage.only_call().applied);
}

#[tokio::test]
async fn what_is_beyond_the_documented_limits_is_not_sent() {
    let stage = Stage::new(patient()).await;
    let long = |chars: usize| "é".repeat(chars);
    let service = || new_service(subject(&stage).customer_id);
    let bodies = [
        CreateService { number: long(256), ..service() },
        CreateService { number: " ".to_owned(), ..service() },
        CreateService { number2: Some(long(256)), ..service() },
        CreateService { description: Some(long(1_001)), ..service() },
    ];
    for body in &bodies {
        let refused = stage.rev_io.create_service(permit(), body).await;
        let by_us = matches!(&refused.answer, Answer::Refused(refusal) if refusal.by == RefusedBy::Ourselves);
        assert!(by_us && refused.exchange.status.is_none(), "{refused:?}");
    }
    let nothing = AssignInventory { service_id: 1, identifiers: Vec::new() };
    let refused = [
        stage.rev_io.patch_service(permit(), 1, &[]).await,
        stage.rev_io.assign_inventory_items(permit(), &nothing).await,
    ];
    assert!(refused.iter().all(|outcome| matches!(outcome.answer, Answer::Refused(_))), "{refused:?}");
    assert!(stage.calls().is_empty());
    let fits = CreateService { number: long(255), description: Some(long(1_000)), ..service() };
    id(&stage.rev_io.create_service(permit(), &fits).await.answer);
    assert_eq!(day(), date(2026, 1, 31));
}
