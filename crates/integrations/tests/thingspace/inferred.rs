//! Guesses that no other test changes: each does what it says.

use crate::server::{Server, answer, error};
use crate::stage::{ONE, accepted, believing, client, named, permit, plan_change, signed_in};
use integrations::Answer;
use integrations::answer::Postponed;
use integrations::carriers::thingspace::Inferred;
use integrations::carriers::{Batch, Change};
use integrations::carriers::{Cause, PlanChange, Standing, Taken};
use serde_json::Value;
use std::time::Duration;

async fn write_to(code: &str, change: impl FnOnce(&mut Inferred)) -> Answer<Taken> {
    let server = Server::always(error(400, code)).await;
    believing(&server, change).send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer
}

#[tokio::test]
async fn codes_that_are_not_public_can_be_believed_or_doubted() {
    assert!(matches!(write_to("INPUT_INVALID.New", |_| {}).await, Answer::Refused(_)));
    let doubted = write_to("INPUT_INVALID.New", |inferred| inferred.invalid_input_refuses = false).await;
    assert!(matches!(doubted, Answer::Unknown { .. }));
    assert!(matches!(write_to("REQUEST_FAILED.New", |_| {}).await, Answer::Unknown { .. }));
    let believed = write_to("REQUEST_FAILED.New", |inferred| inferred.unlisted_failure_refuses = true).await;
    assert!(matches!(believed, Answer::Refused(_)));
    for code in ["REQUEST_FAILED.New", "REQUEST_ONHOLD.CreditHold", "REQUEST_FAILED.UnexpectedError"] {
        let learned = write_to(code, |inferred| inferred.also_refusing = [code.to_owned()].into()).await;
        assert!(matches!(learned, Answer::Refused(_)), "{code}: {learned:?}");
    }
}

#[tokio::test]
async fn what_is_sent_beside_devices_can_be_changed() {
    let body = async |change: fn(&mut Inferred)| -> Value {
        let server = Server::always(answer(200, &accepted())).await;
        let wish =
            PlanChange { plan: "84888".to_owned(), communication_plan: None, only_from: Some("84777".to_owned()) };
        let batch = Batch { change: Change::CarrierRatePlan(wish), ..plan_change(&[ONE]) };
        drop(believing(&server, change).send(permit(), &signed_in(), &batch).await);
        server.only().json()
    };
    let usual = body(|_| {}).await;
    assert!(usual.get("accountName").is_some() && usual.get("currentServicePlan").is_none());
    let other = body(|inferred| {
        inferred.names_the_account_with_devices = false;
        inferred.current_plan_is_a_condition = true;
    })
    .await;
    assert!(other.get("accountName").is_none());
    assert_eq!(other["currentServicePlan"], "84777");
}

#[tokio::test]
async fn an_address_that_is_asked_for_can_be_doubted() {
    let server = Server::always(answer(200, &accepted())).await;
    let mut pooled = crate::stage::changes().pop().unwrap();
    pooled.devices[0].ip_address = Some("10.1.2.3".to_owned());
    assert!(matches!(client(&server).send(permit(), &signed_in(), &pooled).await.answer, Answer::Done(_)));
    let doubting = believing(&server, |inferred| inferred.takes_an_address_that_is_asked_for = false);
    let Answer::Refused(refusal) = doubting.send(permit(), &signed_in(), &pooled).await.answer else { panic!() };
    assert_eq!(doubting.cause(&refusal), Cause::NotSupported);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn words_for_states_can_be_learned() {
    let body = crate::reads::page(false, &[crate::reads::device(1, ONE, "84777", "hibernating")]);
    let server = Server::always(answer(200, &body)).await;
    let standing = async |change: fn(&mut Inferred)| {
        let Answer::Done(found) = believing(&server, change).device(permit(), &signed_in(), &named(ONE)).await.answer
        else {
            panic!()
        };
        (found[0].status.clone(), found[0].standing)
    };
    assert_eq!(standing(|_| {}).await, ("hibernating".to_owned(), Standing::Unlisted));
    let learned =
        standing(|inferred| inferred.state_words.extend([("hibernating".to_owned(), Standing::Suspended)])).await;
    assert_eq!(learned, ("hibernating".to_owned(), Standing::Suspended));
}

#[tokio::test]
async fn times_are_the_settings_own() {
    let server = Server::always(answer(429, "")).await;
    let carrier = believing(&server, |inferred| {
        inferred.settles_within = Duration::from_secs(1);
        inferred.done_within = Duration::from_secs(2);
    });
    let capabilities = carrier.capabilities();
    assert_eq!(
        (capabilities.settles_within, capabilities.done_within),
        (Duration::from_secs(1), Duration::from_secs(2))
    );
    let read = carrier.check(permit(), &signed_in()).await.answer;
    assert!(matches!(read, Answer::TryLater { why: Postponed::Throttled, .. }));
}
