//! Each guess about the live service can be changed, and changes what it says it does.

use crate::calls::{new_service, writes};
use crate::raw::{Reply, Server, answer};
use crate::stage::{believing, patient, permit};
use integrations::Answer;
use integrations::answer::{Postponed, RefusedBy, Trouble};
use integrations::billing::rev_io::{Call, Inferred, Receipt};

async fn create(inferred: Inferred, status: u16, body: &str) -> Answer<Receipt> {
    let server = Server::always(Reply::Close(answer(status, body))).await;
    believing(&server.url(), patient(), inferred).create_service(permit(), &new_service(7)).await.answer
}

fn is_in_doubt(answer: &Answer<Receipt>, with: u16) -> bool {
    matches!(answer, Answer::Unknown { why: Trouble::Unproven { status, .. } } if *status == with)
}

#[tokio::test]
async fn the_codes_that_refuse_can_be_listed() {
    let listed = || Inferred { refusing_codes: Some(["E1".to_owned()].into()), ..Inferred::default() };
    let known = r#"[{"ok":false,"error":"E1","message":"no"}]"#;
    for inferred in [Inferred::default(), listed()] {
        assert!(matches!(create(inferred, 400, known).await, Answer::Refused(_)));
    }
    for unknown in [r#"[{"ok":false,"error":"E2","message":"no"}]"#, r#"[{"ok":false,"message":"no"}]"#] {
        assert!(matches!(create(Inferred::default(), 400, unknown).await, Answer::Refused(_)));
        assert!(is_in_doubt(&create(listed(), 400, unknown).await, 400));
    }
}

#[tokio::test]
async fn the_gateways_word_for_a_refusal_can_be_doubted() {
    let gateway = r#"{"statusCode":404,"message":"Resource not found"}"#;
    let refused = create(Inferred::default(), 404, gateway).await;
    assert!(matches!(&refused, Answer::Refused(refusal) if refusal.by == RefusedBy::Gateway), "{refused:?}");
    let doubting = Inferred { gateway_refuses: false, ..Inferred::default() };
    assert!(is_in_doubt(&create(doubting, 404, gateway).await, 404));
    // Not Azure's: it repeats the status.
    for other in [r#"{"statusCode":400,"message":"no"}"#, r#"{"message":"no"}"#] {
        assert!(is_in_doubt(&create(Inferred::default(), 404, other).await, 404));
    }
}

#[tokio::test]
async fn the_words_for_a_spent_quota_can_be_changed() {
    let spent = r#"{"statusCode":403,"message":"Out of Call Volume QUOTA."}"#;
    let later = create(Inferred::default(), 403, spent).await;
    assert!(matches!(later, Answer::TryLater { why: Postponed::QuotaSpent, .. }), "{later:?}");
    let wordless = Inferred { quota_words: vec![String::new()], ..Inferred::default() };
    assert!(matches!(create(wordless, 403, spent).await, Answer::CredentialsRefused { status: 403, .. }));
}

#[tokio::test]
async fn an_empty_answer_can_prove_a_change_but_never_a_creation() {
    let server = Server::always(Reply::Close(answer(200, ""))).await;
    let trusting = Inferred { empty_answer_proves_change: true, ..Inferred::default() };
    let (strict, trusting) =
        (believing(&server.url(), patient(), Inferred::default()), believing(&server.url(), patient(), trusting));
    let subject = crate::calls::Subject {
        customer_id: 1,
        service_id: 2,
        service_product_id: 3,
        spare_item_id: 4,
        spare_identifier: "8901".to_owned(),
    };
    for call in writes() {
        let creates =
            [Call::CreateService, Call::CreateServiceProduct, Call::CreateCustomer, Call::CreateInventoryItem];
        let strictly = crate::calls::make(&strict, call, &subject).await.answer;
        assert!(is_in_doubt(&strictly, 200), "{call:?}: {strictly:?}");
        let trustingly = crate::calls::make(&trusting, call, &subject).await.answer;
        assert_eq!(matches!(trustingly, Answer::Done(_)), !creates.contains(&call), "{call:?}: {trustingly:?}");
    }
}

#[tokio::test]
async fn the_path_of_unassigning_can_be_changed() {
    let server = Server::always(Reply::Close(answer(200, r#"{"ok":true}"#))).await;
    let elsewhere = Inferred { unassign_path: "/Inventory/Unassign".to_owned(), ..Inferred::default() };
    let answer = believing(&server.url(), patient(), elsewhere).unassign_inventory_item(permit(), 9).await.answer;
    assert_eq!(answer, Answer::Done(Receipt { id: 9 }));
    let request = server.requests().remove(0);
    assert!(request.starts_with("PATCH /v1/Inventory/Unassign HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(r#"{"id":9}"#) && request.contains("content-type: application/json\r\n"), "{request}");
}
