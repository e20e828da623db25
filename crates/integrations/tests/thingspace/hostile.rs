//! Answers that no provider should give. None of them makes a write look done, and none is followed anywhere.

use crate::server::{Reply, Server, answer};
use crate::stage::{ONE, accepted, client, named, permit, plan_change, signed_in};
use integrations::Answer;
use integrations::answer::Postponed;
use integrations::carriers::{Device, SignIn, Taken};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

async fn write_to(reply: Reply) -> (Answer<Taken>, usize) {
    let server = Server::always(reply).await;
    let outcome = client(&server).send(permit(), &signed_in(), &plan_change(&[ONE])).await;
    (outcome.answer, server.seen().len())
}

async fn read_from(reply: Reply) -> Answer<Vec<Device>> {
    let server = Server::always(reply).await;
    client(&server).device(permit(), &signed_in(), &named(ONE)).await.answer
}

#[tokio::test]
async fn bytes_that_prove_nothing_leave_a_write_in_doubt_and_a_read_for_later() {
    let accepted = accepted();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut cases: Vec<Reply> = [
        "",
        "\r\n\r\n",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ]
    .iter()
    .map(|text| Reply::Bytes(text.as_bytes().to_vec()))
    .collect();
    cases.push(answer(200, &deep));
    cases.push(answer(200, &format!(r#"{{"requestId":"x","hasMoreData":false,"devices":[],"a":{deep}}}"#)));
    cases.push(answer(200, &"x".repeat(2 * 1024 * 1024)));
    cases.push(answer(299, "[]"));
    for status in [300, 304, 408, 418, 425, 499, 500, 599] {
        cases.push(answer(status, &accepted));
    }
    for case in cases {
        let (written, requests) = write_to(case.clone()).await;
        assert!(matches!(written, Answer::Unknown { .. }), "{written:?}");
        assert_eq!(requests, 1);
        let read = read_from(case).await;
        assert!(matches!(read, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{read:?}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::always(answer(200, &accepted())).await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!(
            "HTTP/1.1 {status} X\r\nlocation: {}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            elsewhere.url()
        );
        let reply = Reply::Bytes(redirect.into_bytes());
        let (written, requests) = write_to(reply.clone()).await;
        assert!(matches!(written, Answer::Unknown { .. }) && requests == 1, "{written:?}");
        let server = Server::always(reply).await;
        let signed = client(&server).renew(permit(), &SignIn::default()).await.answer;
        assert!(matches!(signed, Answer::TryLater { .. }), "{signed:?}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn proof_in_odd_clothes_is_still_proof() {
    let accepted = accepted();
    for bytes in [
        format!("HTTP/1.0 200 OK\r\n\r\n\u{feff}{accepted}"),
        format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n\r\n {accepted} "),
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n{accepted}"),
    ] {
        let (written, _) = write_to(Reply::Bytes(bytes.into_bytes())).await;
        assert!(matches!(written, Answer::Done(Taken::Accepted { .. })), "{written:?}");
    }
}

#[test]
fn no_bytes_look_like_a_write_that_is_done() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let status = prop_oneof![200_u16..=299, 100_u16..=999];
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    let tried = TestRunner::new(config).run(&(status, body, any::<bool>()), |(status, body, with_head)| {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let bytes = if with_head { [head.into_bytes(), body].concat() } else { body };
        let (written, requests) = runtime.block_on(write_to(Reply::Bytes(bytes.clone())));
        prop_assert!(!matches!(written, Answer::Done(_) | Answer::Refused(_)), "{:?}", written);
        prop_assert!(requests <= 1);
        let read = runtime.block_on(read_from(Reply::Bytes(bytes)));
        prop_assert!(!matches!(read, Answer::Done(_) | Answer::Refused(_) | Answer::Unknown { .. }), "{:?}", read);
        Ok(())
    });
    tried.unwrap();
}
