//! Writing: one request for a batch, accepted by an id, and refused before it is sent where it would be anyway.

use crate::server::{Reply, Server, answer};
use crate::stage::{
    ACCOUNT, IMEI, ONE, REQUEST_ID, TWO, accepted, batch, believing, changes, client, permit, plan_change, signed_in,
};
use integrations::Answer;
use integrations::answer::{RefusedBy, Trouble};
use integrations::carriers::{
    Activation, Change, DeviceRef, IpWish, NOT_SUPPORTED, Operation, PlaceOfUse, PlanChange, Taken,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_batch_is_one_request_whatever_its_size() {
    let server = Server::always(answer(200, &accepted())).await;
    let mut batch = plan_change(&[]);
    batch.devices = (0..500_u64).map(|n| DeviceRef::of(format!("89148000000{n:09}"))).collect();
    let sent = client(&server).send(permit(), &signed_in(), &batch).await;
    assert_eq!(sent.answer, Answer::Done(Taken::Accepted { request_id: REQUEST_ID.to_owned() }));
    let seen = server.only();
    assert_eq!(seen.line, "PUT /api/m2m/v1/devices/actions/plan");
    let body = seen.json();
    assert_eq!((&body["servicePlan"], &body["accountName"]), (&json!("84888"), &json!(ACCOUNT)));
    let devices: BTreeSet<&str> =
        body["devices"].as_array().unwrap().iter().map(|d| d["deviceIds"][0]["id"].as_str().unwrap()).collect();
    assert_eq!(devices.len(), 500);
    assert!(sent.exchange.request.len() < 10_000, "what is kept is not long");
    assert!(sent.exchange.response.unwrap().contains(REQUEST_ID));
}

#[tokio::test]
async fn an_activation_takes_a_pool_an_address_and_a_place() {
    let server = Server::always(answer(200, &accepted())).await;
    let place = PlaceOfUse {
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        address_line_1: "1 Elm Street".to_owned(),
        address_line_2: None,
        city: "Wenatchee".to_owned(),
        state: "WA".to_owned(),
        zip: "98801".to_owned(),
        country: "US".to_owned(),
    };
    let activation = Activation {
        plan: "84777".to_owned(),
        zip_code: "98801".to_owned(),
        ip: Some(IpWish { pool: Some("static-1".to_owned()), unrestricted: None }),
        sku: None,
        place_of_use: Some(place),
    };
    let mut batch = batch(Change::Activate(Box::new(activation)), &[ONE, TWO]);
    for device in &mut batch.devices {
        device.imei = Some(IMEI.to_owned());
    }
    batch.devices[1].ip_address = Some("10.1.2.3".to_owned());
    let sent = client(&server).send(permit(), &signed_in(), &batch).await;
    assert!(matches!(sent.answer, Answer::Done(Taken::Accepted { .. })), "{:?}", sent.answer);
    let seen = server.only();
    assert_eq!(seen.line, "POST /api/m2m/v1/devices/actions/activate");
    let body = seen.json();
    assert_eq!(body["carrierIpPoolName"], json!("static-1"));
    assert_eq!(
        (&body["devices"][0]["ipAddress"], &body["devices"][1]["ipAddress"]),
        (&Value::Null, &json!("10.1.2.3"))
    );
    assert_eq!(body["primaryPlaceOfUse"]["customerName"]["lastName"], json!("Lee"));
    for personal in ["Ann", "Lee", "Elm", "Wenatchee"] {
        assert!(!sent.exchange.request.contains(personal), "{}", sent.exchange.request);
    }
    assert!(sent.exchange.request.contains("static-1"));
}

#[tokio::test]
async fn every_change_goes_where_it_belongs() {
    let mut lines = Vec::new();
    for batch in changes() {
        let server = Server::always(answer(200, &accepted())).await;
        let sent = client(&server).send(permit(), &signed_in(), &batch).await.answer;
        assert!(matches!(sent, Answer::Done(Taken::Accepted { .. })), "{batch:?}: {sent:?}");
        lines.push(server.only().line.replace("/api/m2m/v1/devices/actions/", ""));
    }
    assert_eq!(lines, ["PUT plan", "POST activate", "POST deactivate", "POST suspend", "POST restore", "PUT plan"]);
}

#[tokio::test]
async fn what_proves_nothing_leaves_every_change_in_doubt() {
    for batch in changes() {
        for reply in [
            answer(200, ""),
            answer(200, "{}"),
            answer(200, r#"{"requestId":""}"#),
            answer(202, &accepted()),
            answer(200, r#"[{"requestId":"1"}]"#),
            answer(200, &accepted()[..20]),
            answer(302, ""),
            answer(500, &accepted()),
            answer(504, "<html/>"),
            answer(400, "Bad Request"),
            Reply::Slam,
        ] {
            let server = Server::always(reply).await;
            let sent = client(&server).send(permit(), &signed_in(), &batch).await.answer;
            assert!(matches!(sent, Answer::Unknown { .. }), "{sent:?}");
            assert_eq!(server.seen().len(), 1, "nothing is sent twice");
        }
    }
}

#[tokio::test]
async fn a_cut_answer_is_told_as_cut() {
    let head = format!("HTTP/1.1 200 X\r\ncontent-length: 500\r\nconnection: close\r\n\r\n{}", accepted());
    let server = Server::always(Reply::Bytes(head.into_bytes())).await;
    let sent = client(&server).send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
    assert!(matches!(sent, Answer::Unknown { why: Trouble::Cut { .. } }), "{sent:?}");
}

#[tokio::test]
async fn what_the_carrier_does_not_do_has_a_name_and_is_not_sent() {
    let server = Server::always(answer(200, &accepted())).await;
    let with_communication =
        PlanChange { plan: "84888".to_owned(), communication_plan: Some("C".to_owned()), only_from: None };
    let unsupported = batch(Change::CarrierRatePlan(with_communication), &[ONE]);
    let carrier = client(&server);
    let Answer::Refused(refusal) = carrier.send(permit(), &signed_in(), &unsupported).await.answer else { panic!() };
    assert_eq!((refusal.by, refusal.code.as_deref()), (RefusedBy::Ourselves, Some(NOT_SUPPORTED)));
    assert_eq!(refusal.message, "the carrier does not support communication plans");
    let doubting = believing(&server, |inferred| inferred.pool_moves_with_the_plan = false);
    assert!(doubting.capabilities().admits(Operation::ProvisionIp).is_err());
    let pooled = changes().pop().unwrap();
    let Answer::Refused(refusal) = doubting.send(permit(), &signed_in(), &pooled).await.answer else { panic!() };
    assert_eq!(doubting.cause(&refusal), integrations::carriers::Cause::NotSupported);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_batch_that_is_none_is_not_sent() {
    let server = Server::always(answer(200, &accepted())).await;
    let carrier = client(&server);
    let mut many = plan_change(&[]);
    many.devices = (0..501_u64).map(|n| DeviceRef::of(format!("89148000000{n:09}"))).collect();
    for batch in
        [plan_change(&[]), plan_change(&[ONE, ONE]), plan_change(&["1"]), plan_change(&["8914800000000000000<"]), many]
    {
        let sent = carrier.send(permit(), &signed_in(), &batch).await;
        let Answer::Refused(refusal) = sent.answer else { panic!("{:?}", sent.answer) };
        assert_eq!((refusal.by, sent.exchange.status), (RefusedBy::Ourselves, None));
    }
    assert!(server.seen().is_empty());
}
