//! Every code of the reference over a socket: what a write comes to, and a read.

use crate::server::{Reply, Server, answer, error, fault};
use crate::stage::{ONE, believing, client, named, permit, plan_change, signed_in};
use integrations::Answer;
use integrations::answer::{Postponed, RefusedBy, Trouble};
use integrations::carriers::{Cause, Listing};
use std::time::Duration;

/// What a write comes to.
enum Comes {
    Refused(Cause),
    InDoubt,
}

#[tokio::test]
async fn every_code_of_the_platform() {
    use Comes::{InDoubt, Refused};
    for (code, expected) in [
        ("INPUT_INVALID.Request.InvalidCharacter", Refused(Cause::Malformed)),
        ("INPUT_INVALID.RequestUndefined", Refused(Cause::Malformed)),
        ("REQUEST_FAILED.UnexpectedError", InDoubt),
        ("DeserializationFailed", Refused(Cause::Malformed)),
        ("INPUT_INVALID.Account.NotDefined", Refused(Cause::AccountNotUsable)),
        ("REQUEST_FAILED.AccountName", Refused(Cause::AccountNotUsable)),
        ("REQUEST_FAILED.AccountNotFound", Refused(Cause::AccountNotUsable)),
        ("REQUEST_FAILED.NoAccounts", Refused(Cause::AccountNotUsable)),
        ("REQUEST_FAILED.MultipleAccounts", Refused(Cause::AccountNotUsable)),
        ("INPUT_INVALID.Device.Kind.Invalid", Refused(Cause::DeviceInvalid)),
        ("INPUT_INVALID.Device.Identifier.Invalid", Refused(Cause::DeviceInvalid)),
        ("REQUEST_FAILED.DeviceNotFound", Refused(Cause::DeviceNotFound)),
        ("INPUT_INVALID.CustomField.InvalidName", Refused(Cause::Malformed)),
        ("INPUT_INVALID.CustomField.TooLong", Refused(Cause::Malformed)),
        ("INPUT_INVALID.MaxRequestsExceeded", Refused(Cause::TooManyDevices)),
        ("INPUT_INVALID.NumberofDevices", Refused(Cause::TooManyDevices)),
        ("INPUT_INVALID.DeviceState.Invalid", Refused(Cause::DeviceNotActive)),
        ("REQUEST_FAILED.84888.NotFound", Refused(Cause::PlanNotFound)),
        ("REQUEST_FAILED.DeviceAlreadyActive", Refused(Cause::DeviceAlreadyActive)),
        ("REQUEST_FAILED.DefaultIpPoolNotDefined", Refused(Cause::NoDefaultPool)),
        ("REQUEST_FAILED.DeviceGroup.Exists", Refused(Cause::Group)),
        ("INPUT_INVALID.DeviceGroup.DeleteDefault", Refused(Cause::Group)),
        ("REQUEST_FAILED.DeviceGroupNotFound", Refused(Cause::Group)),
        ("INPUT_INVALID.Device.Account.Invalid", Refused(Cause::DeviceOfAnotherAccount)),
        ("REQUEST_CANCELLED.CreditHold", Refused(Cause::Cancelled)),
        ("REQUEST_ONHOLD.CreditHold", InDoubt),
        ("INPUT_INVALID.New", Refused(Cause::Unlisted)),
        ("REQUEST_FAILED.New", InDoubt),
        ("NEW_CLASS.New", InDoubt),
    ] {
        let server = Server::always(error(400, code)).await;
        let carrier = client(&server);
        let written = carrier.send(permit(), &signed_in(), &plan_change(&[ONE])).await;
        let read = carrier.devices(permit(), &signed_in(), &Listing::default()).await;
        assert_eq!(written.exchange.status, Some(400));
        match expected {
            Refused(cause) => {
                let Answer::Refused(refusal) = written.answer else { panic!("{code}: {:?}", written.answer) };
                assert_eq!((carrier.cause(&refusal), refusal.by), (cause, RefusedBy::Application), "{code}");
                assert_eq!((refusal.code.as_deref(), refusal.message.as_str()), (Some(code), "said"));
                assert_eq!(carrier.kind().cause_of_code(code), cause);
                assert!(matches!(read.answer, Answer::Refused(_)), "{code}: {:?}", read.answer);
            }
            InDoubt => {
                let in_doubt =
                    matches!(&written.answer, Answer::Unknown { why: Trouble::Unproven { status: 400, .. } });
                assert!(in_doubt, "{code}: {:?}", written.answer);
                let later = matches!(read.answer, Answer::TryLater { why: Postponed::ReadFailed(_), .. });
                assert!(later, "{code}: {:?}", read.answer);
            }
        }
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn codes_count_only_under_a_status_that_refuses() {
    for status in [200, 202, 301, 408, 425, 499, 500, 502, 503] {
        let server = Server::always(error(status, "REQUEST_FAILED.DeviceNotFound")).await;
        let written = client(&server).send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
        assert!(matches!(written, Answer::Unknown { .. }), "{status}: {written:?}");
    }
    for status in [401, 403] {
        let server = Server::always(error(status, "REQUEST_FAILED.DeviceNotFound")).await;
        let written = client(&server).send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
        assert!(matches!(written, Answer::CredentialsRefused { .. }), "{status}: {written:?}");
    }
}

#[tokio::test]
async fn the_gateways_words() {
    let xml = "<am:fault xmlns:am=\"http://wso2.org/apimanager\"><am:code>404</am:code>\
               <am:type>Status report</am:type><am:message>Not Found</am:message></am:fault>";
    for (reply, status) in [(fault(401, "900902"), 401), (answer(403, xml), 403), (answer(401, ""), 401)] {
        let server = Server::always(reply).await;
        let written = client(&server).send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
        assert!(matches!(&written, Answer::CredentialsRefused { status: said, .. } if *said == status), "{written:?}");
    }
    for (reply, code) in [(fault(400, "900906"), "900906"), (fault(404, "404"), "404")] {
        let server = Server::always(reply.clone()).await;
        let Answer::Refused(refusal) = client(&server).send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer
        else {
            panic!()
        };
        assert_eq!((refusal.by, refusal.code.as_deref()), (RefusedBy::Gateway, Some(code)));
        assert_eq!(refusal.message, "said: more");
        let doubting = believing(&server, |inferred| inferred.gateway_refuses = false);
        let written = doubting.send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
        assert!(matches!(written, Answer::Unknown { .. }), "{written:?}");
    }
}

#[tokio::test]
async fn being_asked_too_often_is_no_attempt() {
    let with_header = |status: u16, header: &str, body: &str| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n");
        Reply::Bytes(format!("{head}{body}").into_bytes())
    };
    let throttled = r#"{"fault":{"code":"900800","message":"Message throttled out"}}"#;
    for (reply, seconds) in [
        (answer(429, ""), 60),
        (answer(429, throttled), 60),
        (with_header(429, "Retry-After: 20\r\n", ""), 21),
        (with_header(429, "Retry-After: Thu, 15 Jan 2026 12:00:40 GMT\r\n", "x"), 41),
        (with_header(503, "Retry-After: 5\r\n", throttled), 6),
        (fault(403, "900802"), 60),
        (with_header(429, "Retry-After: 999999\r\n", ""), 3_600),
    ] {
        let server = Server::always(reply).await;
        let carrier = client(&server);
        let later = Duration::from_secs(seconds);
        let written = carrier.send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
        assert_eq!(written, Answer::TryLater { after: later, why: Postponed::Throttled });
        let read = carrier.device(permit(), &signed_in(), &named(ONE)).await.answer;
        assert_eq!(read, Answer::TryLater { after: later, why: Postponed::Throttled });
    }
    let server = Server::always(fault(403, "900802")).await;
    let doubting = believing(&server, |inferred| inferred.throttling_faults.clear());
    let written = doubting.send(permit(), &signed_in(), &plan_change(&[ONE])).await.answer;
    assert!(matches!(written, Answer::CredentialsRefused { status: 403, .. }), "{written:?}");
}
