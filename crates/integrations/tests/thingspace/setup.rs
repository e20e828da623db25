//! The account, its plans and pools, and where it calls back.

use crate::server::{Server, answer};
use crate::stage::{ACCOUNT, client, permit, signed_in};
use integrations::Answer;
use integrations::answer::{Postponed, RefusedBy};
use integrations::carriers::NewCallback;
use integrations::carriers::thingspace::CALLBACK_SERVICE;
use serde_json::json;

fn listener() -> NewCallback {
    NewCallback {
        service: CALLBACK_SERVICE.to_owned(),
        url: "https://ascribe.example/api/v1/callbacks/thingspace/canary-token".into(),
        username: "canary-listener".into(),
        password: "canary-word".into(),
    }
}

#[tokio::test]
async fn an_account_is_checked_by_its_name() {
    let ours = format!(
        r#"{{"accountName":"{ACCOUNT}","accountNumber":"x","isProvisioningAllowed":true,"features":["Static IP"],
        "iPPools":[{{"poolName":"static-1","poolType":"Static IP","isDefaultPool":true}}],"servicePlans":[]}}"#
    );
    let server = Server::always(answer(200, &ours)).await;
    let carrier = client(&server);
    assert_eq!(carrier.check(permit(), &signed_in()).await.answer, Answer::Done(()));
    let Answer::Done(pools) = carrier.pools(permit(), &signed_in()).await.answer else { panic!() };
    assert_eq!((pools[0].name.as_str(), pools[0].is_static, pools[0].is_default), ("static-1", true, true));
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.line == format!("GET /api/m2m/v1/accounts/{ACCOUNT}")), "{seen:?}");
    for other in ["{}", r#"{"accountName":"0000123456-00002"}"#, "[]", ""] {
        let server = Server::always(answer(200, other)).await;
        let checked = client(&server).check(permit(), &signed_in()).await.answer;
        assert!(matches!(checked, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{other}: {checked:?}");
    }
}

#[tokio::test]
async fn plans_are_read_by_their_codes() {
    let server = Server::always(answer(200, r#"[{"name":"5 MB","code":"84777","sizeKb":5120},{"name":"x"}]"#)).await;
    let Answer::Done(plans) = client(&server).plans(permit(), &signed_in()).await.answer else { panic!() };
    assert_eq!((plans.len(), plans[0].code.as_str()), (1, "84777"));
    assert_eq!(server.only().line, format!("GET /api/m2m/v1/plans/{ACCOUNT}"));
}

#[tokio::test]
async fn a_callback_is_registered_listed_and_taken_away() {
    let done = format!(r#"{{"accountName":"{ACCOUNT}","serviceName":"CarrierService"}}"#);
    let listed = json!([{ "accountName": ACCOUNT, "serviceName": "CarrierService", "username": "canary-listener",
        "password": "canary-word", "url": "https://ascribe.example/api/v1/callbacks/thingspace/canary-token" }]);
    let server = Server::saying(vec![
        answer(200, &done),
        answer(200, &listed.to_string()),
        answer(200, &done),
        answer(200, ""),
        answer(200, "[]"),
    ])
    .await;
    let carrier = client(&server);
    let new = listener();
    let registered = carrier.register_callback(permit(), &signed_in(), &new).await;
    let listed = carrier.callbacks(permit(), &signed_in()).await;
    let taken = carrier.deregister_callback(permit(), &signed_in(), CALLBACK_SERVICE).await;
    assert_eq!((&registered.answer, &taken.answer), (&Answer::Done(()), &Answer::Done(())));
    let shown = format!("{registered:?} {listed:?} {taken:?} {new:?}");
    assert!(!shown.contains("canary"), "{shown}");
    let Answer::Done(callbacks) = listed.answer else { panic!() };
    assert!(callbacks.len() == 1 && callbacks[0].is(&new));
    for _ in 0..2 {
        let Answer::Done(none) = carrier.callbacks(permit(), &signed_in()).await.answer else { panic!() };
        assert!(none.is_empty());
    }
    let seen = server.seen();
    let lines: Vec<&str> = seen.iter().take(3).map(|seen| seen.line.as_str()).collect();
    let path = format!("/api/m2m/v1/callbacks/{ACCOUNT}");
    assert_eq!(lines, [format!("POST {path}"), format!("GET {path}"), format!("DELETE {path}/name/CarrierService")]);
    assert_eq!(
        seen[0].json(),
        json!({ "name": "CarrierService", "username": "canary-listener", "password": "canary-word",
            "url": "https://ascribe.example/api/v1/callbacks/thingspace/canary-token" })
    );
}

#[tokio::test]
async fn an_answer_about_another_service_leaves_a_registration_in_doubt() {
    for body in ["", "{}", r#"{"serviceName":"DeviceService"}"#] {
        let server = Server::always(answer(200, body)).await;
        let registered = client(&server).register_callback(permit(), &signed_in(), &listener()).await.answer;
        assert!(matches!(registered, Answer::Unknown { .. }), "{registered:?}");
    }
}

#[tokio::test]
async fn a_callback_that_would_let_nobody_or_everybody_in_is_not_registered() {
    let server = Server::always(answer(200, "{}")).await;
    let carrier = client(&server);
    for new in [
        NewCallback { password: "".into(), ..listener() },
        NewCallback { password: "password".into(), ..listener() },
        NewCallback { password: "x".repeat(41).into(), ..listener() },
        NewCallback { username: "x".repeat(41).into(), ..listener() },
        NewCallback { username: "a<b".into(), ..listener() },
        NewCallback { service: "../x".to_owned(), ..listener() },
        NewCallback { service: String::new(), ..listener() },
    ] {
        let Answer::Refused(refusal) = carrier.register_callback(permit(), &signed_in(), &new).await.answer else {
            panic!()
        };
        assert_eq!(refusal.by, RefusedBy::Ourselves);
    }
    let refused = carrier.deregister_callback(permit(), &signed_in(), "a/b").await.answer;
    assert!(matches!(refused, Answer::Refused(_)));
    assert!(server.seen().is_empty());
}
