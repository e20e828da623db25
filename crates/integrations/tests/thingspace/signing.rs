//! Signing in: two requests, each asked for; what has run out is told from what is wrong.

use crate::server::{Reply, Server, answer, error, fault};
use crate::stage::{BASIC, ONE, believing, client, named, permit, plan_change, signed_in};
use integrations::Answer;
use integrations::answer::{Postponed, RefusedBy, SignInPart, Trouble};
use integrations::carriers::SignIn;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::time::Duration;

const TOKEN: &str = r#"{"access_token":"bearer-1","token_type":"Bearer","expires_in":3600,"scope":"x"}"#;

fn token(sign_in: &SignIn, part: SignInPart) -> String {
    sign_in.token(part).map(|token| token.expose_secret().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_sign_in_takes_two_requests_and_no_more() {
    let server =
        Server::saying(vec![answer(200, TOKEN), answer(200, r#"{"sessionToken":"session-1","expiresIn":1800}"#)]).await;
    let carrier = client(&server);
    let none = SignIn::default();
    assert_eq!(carrier.lacks(&none), Some(SignInPart::Bearer));
    let Answer::Done(half) = carrier.renew(permit(), &none).await.answer else { panic!() };
    assert_eq!(carrier.lacks(&half), Some(SignInPart::Session));
    let Answer::Done(whole) = carrier.renew(permit(), &half).await.answer else { panic!() };
    assert_eq!(carrier.lacks(&whole), None);
    assert_eq!(
        (token(&whole, SignInPart::Bearer), token(&whole, SignInPart::Session)),
        ("bearer-1".into(), "session-1".into())
    );
    // Nothing is lacking, nothing is sent.
    assert!(matches!(carrier.renew(permit(), &whole).await.answer, Answer::Done(_)));

    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].line, "POST /api/ts/v1/oauth2/token");
    assert_eq!(seen[0].header("authorization").as_deref(), Some(BASIC));
    assert_eq!(seen[0].header("content-type").as_deref(), Some("application/x-www-form-urlencoded"));
    assert_eq!((seen[0].body.as_str(), seen[0].header("vz-m2m-token")), ("grant_type=client_credentials", None));
    assert_eq!(seen[1].line, "POST /api/m2m/v1/session/login");
    assert_eq!(seen[1].header("authorization").as_deref(), Some("Bearer bearer-1"));
    assert_eq!(seen[1].header("content-type").as_deref(), Some("application/json"));
    assert_eq!(
        (seen[1].json(), seen[1].header("vz-m2m-token")),
        (json!({"username":"user","password":"password"}), None)
    );
}

#[tokio::test]
async fn every_other_call_has_both_tokens() {
    let server = Server::always(answer(200, r#"{"hasMoreData":false,"devices":[]}"#)).await;
    let found = client(&server).device(permit(), &signed_in(), &named(ONE)).await;
    assert_eq!(found.answer, Answer::Done(Vec::new()));
    let seen = server.only();
    assert_eq!(seen.header("authorization").as_deref(), Some("Bearer bearer-1"));
    assert_eq!(seen.header("vz-m2m-token").as_deref(), Some("session-1"));
}

fn lapsed<T>(part: SignInPart) -> Answer<T> {
    Answer::TryLater { after: Duration::ZERO, why: Postponed::SignInLapsed(part) }
}

#[tokio::test]
async fn what_has_run_out_is_renewed_and_nothing_else_is() {
    for (reply, part) in [
        (fault(401, "900901"), SignInPart::Bearer),
        (error(400, "REQUEST_FAILED.SessionToken.Expired"), SignInPart::Session),
        (error(400, "REQUEST_FAILED.SessionToken.Format"), SignInPart::Session),
        (error(400, "INPUT_INVALID.SessionToken.Invalid"), SignInPart::Session),
    ] {
        let server = Server::always(reply).await;
        let carrier = client(&server);
        assert_eq!(carrier.device(permit(), &signed_in(), &named(ONE)).await.answer, lapsed(part));
        assert_eq!(carrier.send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer, lapsed(part));
        assert_eq!(server.seen().len(), 2, "nothing is renewed by itself");
    }
    // Under a status that is no refusal, a code proves nothing of a write.
    let server = Server::always(error(500, "REQUEST_FAILED.SessionToken.Expired")).await;
    let sent = client(&server).send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
    assert!(matches!(sent, Answer::Unknown { why: Trouble::Unproven { status: 500, .. } }), "{sent:?}");
    let server = Server::always(error(400, "INPUT_INVALID.SessionToken.Invalid")).await;
    let doubting = believing(&server, |inferred| inferred.invalid_session_has_lapsed = false);
    let sent = doubting.send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
    assert!(matches!(sent, Answer::Unknown { .. }), "{sent:?}");
}

#[tokio::test]
async fn without_a_part_nothing_is_sent() {
    let server = Server::always(answer(200, "{}")).await;
    let carrier = client(&server);
    for part in [SignInPart::Bearer, SignInPart::Session] {
        let half = signed_in().without(part);
        assert_eq!(carrier.check(permit(), &half).await.answer, lapsed(part));
        let broken = signed_in().with(part, "not\na token".into());
        assert_eq!(carrier.check(permit(), &broken).await.answer, lapsed(part));
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn credentials_that_are_wrong_pause_the_account_and_are_tried_once() {
    let none = SignIn::default();
    let half = signed_in().without(SignInPart::Session);
    for (reply, status) in [
        (fault(401, "900901"), 401),
        (fault(401, "900902"), 401),
        (answer(400, r#"{"error":"invalid_client","error_description":"said"}"#), 400),
        (answer(400, "Missing grant_type parameter value"), 400),
        (
            answer(403, "<am:fault xmlns:am=\"x\"><am:code>404</am:code><am:message>Not Found</am:message></am:fault>"),
            403,
        ),
    ] {
        let server = Server::always(reply).await;
        let answer = client(&server).renew(permit(), &none).await.answer;
        assert!(matches!(&answer, Answer::CredentialsRefused { status: said, .. } if *said == status), "{answer:?}");
        assert_eq!(server.seen().len(), 1);
    }
    for (reply, status) in [
        (error(400, "REQUEST_FAILED.ContactLocked"), 400),
        (error(400, "INPUT_INVALID.UserName"), 400),
        (answer(400, "anything"), 400),
        (answer(404, ""), 404),
        (fault(401, "900902"), 401),
        (fault(403, "900908"), 403),
    ] {
        let server = Server::always(reply).await;
        let answer = client(&server).renew(permit(), &half).await.answer;
        assert!(matches!(&answer, Answer::CredentialsRefused { status: said, .. } if *said == status), "{answer:?}");
        assert_eq!(server.seen().len(), 1);
    }
    // Half an answer says at least that it was no.
    let cut = "HTTP/1.1 400 X\r\ncontent-length: 500\r\nconnection: close\r\n\r\n{".as_bytes().to_vec();
    let server = Server::always(Reply::Bytes(cut)).await;
    let answer = client(&server).renew(permit(), &half).await.answer;
    assert!(matches!(answer, Answer::CredentialsRefused { status: 400, .. }), "{answer:?}");
    // A bearer that has run out shows while logging in, too.
    let server = Server::always(fault(401, "900901")).await;
    let answer = client(&server).renew(permit(), &half).await.answer;
    assert!(matches!(answer, Answer::TryLater { why: Postponed::SignInLapsed(SignInPart::Bearer), .. }), "{answer:?}");
    // By setting, an error that is not known is only a read that failed.
    let server = Server::always(error(400, "REQUEST_FAILED.New")).await;
    let doubting = believing(&server, |inferred| inferred.errors_of_signing_in_refuse = false);
    let answer = doubting.renew(permit(), &half).await.answer;
    assert!(matches!(answer, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{answer:?}");
}

#[tokio::test]
async fn trouble_while_signing_in_blames_nobody() {
    let half = signed_in().without(SignInPart::Session);
    for reply in
        [answer(500, ""), answer(502, "<html/>"), answer(408, "x"), answer(200, "{}"), answer(200, ""), Reply::Slam]
    {
        let server = Server::always(reply).await;
        for sign_in in [&SignIn::default(), &half] {
            let answer = client(&server).renew(permit(), sign_in).await.answer;
            assert!(matches!(answer, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{answer:?}");
        }
    }
    let server = Server::always(answer(429, "")).await;
    let answer = client(&server).renew(permit(), &half).await.answer;
    assert!(matches!(answer, Answer::TryLater { why: Postponed::Throttled, .. }), "{answer:?}");
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_none() {
    let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(5_000));
    for body in [
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\nb"}"#,
        r#"{"access_token":5}"#,
        r#"{"access_token":"x","token_type":"mac"}"#,
        r#"["x"]"#,
        r#"{"sessionToken":"x"}"#,
        &long,
    ] {
        let server = Server::always(answer(200, body)).await;
        let answer = client(&server).renew(permit(), &SignIn::default()).await.answer;
        assert!(matches!(answer, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_knows_no_such_address_is_the_accounts_trouble() {
    let server = Server::always(fault(400, "900906")).await;
    let carrier = client(&server);
    let Answer::Refused(refusal) = carrier.send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer else {
        panic!()
    };
    assert_eq!((refusal.by, refusal.status), (RefusedBy::Gateway, Some(400)));
    assert_eq!(carrier.cause(&refusal).concerns(), integrations::carriers::Concerns::Account);
}
