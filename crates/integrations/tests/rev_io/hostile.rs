//! Answers that no provider should give. None of them makes a write look done, and none is followed anywhere.

use crate::calls::new_service;
use crate::raw::{Reply, Server, answer};
use crate::stage::{NOW, client, patient, permit};
use integrations::answer::{Postponed, Trouble};
use integrations::billing::rev_io::Receipt;
use integrations::billing::rev_io::wire::Service;
use integrations::{Answer, HttpSettings};
use proptest::prelude::*;
use std::time::Duration;

async fn write_to(bytes: &[u8]) -> (Answer<Receipt>, usize) {
    let server = Server::always(Reply::Close(bytes.to_vec())).await;
    let outcome = client(&server.url(), patient()).create_service(permit(), &new_service(7)).await;
    (outcome.answer, server.requests().len())
}

async fn read_from(bytes: &[u8]) -> Answer<Option<Service>> {
    let server = Server::always(Reply::Close(bytes.to_vec())).await;
    client(&server.url(), patient()).get::<Service>(permit(), 1).await.answer
}

#[tokio::test]
async fn bytes_that_prove_nothing_leave_a_write_in_doubt_and_a_read_for_later() {
    let mut cases: Vec<Vec<u8>> = [
        "",
        "\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"ok\":true,\"id\":5}",
        "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n12\r\n{\"ok\":true,\"id\":5}\r\n",
        "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: 99999999999999\r\n\r\n{\"ok\":true,\"id\":5}",
        "HTTP/1.1 201 Created\r\ncontent-length: 18\r\ncontent-length: 19\r\n\r\n{\"ok\":true,\"id\":5}",
        "HTTP/1.1 201 Created\r\ncontent-length: -1\r\n\r\n{\"ok\":true,\"id\":5}",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 999 Odd\r\ncontent-length: 18\r\n\r\n{\"ok\":true,\"id\":5}",
        "HTTP/2.0 201 Created\r\ncontent-length: 18\r\n\r\n{\"ok\":true,\"id\":5}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for body in [r#"[{"ok":false,"error":"E","message":"no"}]"#, r#"{"ok":true}"#, r#"{"ok":true,"id":"5"}"#, "[]", "5"]
    {
        cases.push(answer(200, body));
    }
    for status in [300, 304, 408, 418, 425, 499, 500, 599] {
        cases.push(answer(status, r#"{"ok":true,"id":5}"#));
    }
    cases.push(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(2_000_000)).into_bytes());
    cases.push(answer(201, &format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))));
    cases.push(answer(201, &format!(r#"{{"ok":true,"id":5,"a":{}{}}}"#, "[".repeat(40), "]".repeat(40))));
    cases.push([b"HTTP/1.1 201 X\r\ncontent-encoding: gzip\r\n\r\n".as_slice(), &[0x1f, 0x8b, 8, 0, 0, 0]].concat());
    for case in &cases {
        let shown = String::from_utf8_lossy(&case[..case.len().min(80)]).into_owned();
        let (answer, requests) = write_to(case).await;
        assert!(matches!(answer, Answer::Unknown { .. }), "{shown}: {answer:?}");
        assert_eq!(requests, 1, "{shown}");
        let answer = read_from(case).await;
        assert!(matches!(answer, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{shown}: {answer:?}");
    }
}

#[tokio::test]
async fn proof_in_odd_clothes_is_still_proof() {
    let proof = r#"{"ok":true,"id":5}"#;
    for bytes in [
        answer(200, &format!("\u{feff}{proof}")),
        answer(299, proof),
        format!("HTTP/1.0 201 Created\r\n\r\n{proof}").into_bytes(),
        [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), answer(201, proof)].concat(),
        [b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_vec(), answer(201, proof)].concat(),
        format!("HTTP/1.1 201 X\r\ntransfer-encoding: chunked\r\n\r\n12\r\n{proof}\r\n0\r\n\r\n").into_bytes(),
    ] {
        let (answer, requests) = write_to(&bytes).await;
        assert_eq!((answer, requests), (Answer::Done(Receipt { id: 5 }), 1));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::always(Reply::Close(answer(201, r#"{"ok":true,"id":5,"service_id":1}"#))).await;
    for status in [301, 302, 303, 307, 308] {
        let redirect =
            format!("HTTP/1.1 {status} X\r\nlocation: {}/Services\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
        let (answer, requests) = write_to(redirect.as_bytes()).await;
        let in_doubt =
            matches!(&answer, Answer::Unknown { why: Trouble::Unproven { status: said, .. } } if *said == status);
        assert!(in_doubt && requests == 1, "{answer:?}");
        let answer = read_from(redirect.as_bytes()).await;
        assert!(matches!(answer, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{answer:?}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn waits_are_read_from_body_and_header() {
    let throttled = |headers: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 429 X\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
    };
    let prose = r#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 17 seconds."}"#;
    let date = "Retry-After: Thu, 15 Jan 2026 12:00:40 GMT\r\n";
    assert_eq!(NOW, "2026-01-15T12:00:00Z");
    for (bytes, seconds) in [
        (throttled("", prose), 18),
        (throttled("Retry-After: 20\r\n", prose), 21),
        (throttled("Retry-After: 5\r\n", prose), 18),
        (throttled(date, prose), 41),
        (throttled("", r#"[{"ok":false,"message":"wait 9 s"}]"#), 10),
        (throttled("", "slow down: 3"), 4),
        (throttled("Retry-After: 7\r\n", ""), 8),
        (throttled("", ""), 60),
        (throttled("Retry-After: 999999\r\n", ""), 3_600),
        (b"HTTP/1.1 429 X\r\nRetry-After: 7\r\ncontent-length: 50\r\n\r\ncut".to_vec(), 8),
    ] {
        let later = |after| Answer::TryLater { after: Duration::from_secs(after), why: Postponed::Throttled };
        assert_eq!(write_to(&bytes).await.0, later(seconds));
        assert_eq!(
            read_from(&bytes).await,
            Answer::TryLater { after: Duration::from_secs(seconds), why: Postponed::Throttled }
        );
    }
    let spent = r#"{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 01:02:03."}"#;
    let expected = Answer::TryLater { after: Duration::from_secs(3_724), why: Postponed::QuotaSpent };
    assert_eq!(write_to(&answer(403, spent)).await.0, expected);
    let forbidden = write_to(&answer(403, r#"{"statusCode":403,"message":"You may not."}"#)).await.0;
    assert_eq!(forbidden, Answer::CredentialsRefused { status: 403, message: "You may not.".to_owned() });
}

#[tokio::test]
async fn a_page_may_be_larger_than_other_answers_but_not_without_bound() {
    let filling = "x".repeat(2 * 1024 * 1024);
    let page = format!(r#"{{"ok":true,"has_more":false,"records":[{{"service_id":1,"notes":"{filling}"}}]}}"#);
    let server = Server::always(Reply::Close(answer(200, &page))).await;
    let read = client(&server.url(), patient()).page::<Service>(permit(), 1, 500, &[]).await;
    assert!(matches!(&read.answer, Answer::Done(page) if page.records.len() == 1));
    assert!(read.exchange.response.unwrap().len() < 100);
    let narrow = client(&server.url(), HttpSettings { most_page_bytes: 1024 * 1024, ..patient() });
    let read = narrow.page::<Service>(permit(), 1, 500, &[]).await;
    let too_large = Answer::TryLater { after: Duration::from_secs(10), why: Postponed::ReadFailed(Trouble::TooLarge) };
    assert_eq!(read.answer, too_large);

    // Without its length said beforehand, it is noticed on the way.
    let unannounced = format!("HTTP/1.1 200 X\r\n\r\n{page}").into_bytes();
    let server = Server::always(Reply::Close(unannounced)).await;
    let narrow = client(&server.url(), HttpSettings { most_page_bytes: 1024 * 1024, ..patient() });
    assert_eq!(narrow.page::<Service>(permit(), 1, 500, &[]).await.answer, too_large);
    let wide = client(&server.url(), patient()).page::<Service>(permit(), 1, 500, &[]).await;
    assert!(matches!(wide.answer, Answer::Done(_)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_look_like_a_write_that_is_done(
        status in prop_oneof![200_u16..=299, 100_u16..=999],
        body in proptest::collection::vec(any::<u8>(), 0..200),
        with_head in any::<bool>(),
    ) {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        let bytes = if with_head { [head, body].concat() } else { body };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (answer, requests) = runtime.block_on(write_to(&bytes));
        prop_assert!(!matches!(answer, Answer::Done(_) | Answer::Refused(_)), "{:?}", answer);
        prop_assert!(requests <= 1);
    }
}
