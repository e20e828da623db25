//! What never left is known as such, and a dead connection makes nobody send twice.

use crate::calls::new_service;
use crate::raw::{Reply, Server, answer};
use crate::stage::{client, hasty, patient, permit};
use integrations::answer::{BeforeSending, Postponed, Trouble};
use integrations::billing::rev_io::wire::Service;
use integrations::billing::rev_io::{Receipt, RevIo};
use integrations::{Answer, HttpSettings};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn write(rev_io: &RevIo) -> Answer<Receipt> {
    rev_io.create_service(permit(), &new_service(7)).await.answer
}

fn before<T: std::fmt::Debug>(answer: &Answer<T>) -> BeforeSending {
    match answer {
        Answer::TryLater { after, why: Postponed::NotSent(how) } => {
            assert_eq!(*after, Duration::from_secs(5));
            assert!(!how.detail.is_empty());
            how.at
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let rev_io = client(&url, patient());
    assert_eq!(before(&write(&rev_io).await), BeforeSending::Refused);
    let read = rev_io.get::<Service>(permit(), 1).await;
    assert_eq!(before(&read.answer), BeforeSending::Refused);
    assert_eq!((read.exchange.status, read.exchange.response), (None, None));
}

#[tokio::test]
async fn a_name_without_an_address_sends_nothing() {
    let settings = HttpSettings { plain_http_beyond_loopback: true, ..patient() };
    let rev_io = client("http://nobody.invalid/v1", settings);
    // Where no name server answers, the time for connecting runs out first.
    let at = before(&write(&rev_io).await);
    assert!(matches!(at, BeforeSending::Name | BeforeSending::ConnectTimeout), "{at:?}");
}

#[tokio::test]
async fn a_server_without_encryption_is_sent_nothing() {
    let server = Server::always(Reply::Close(answer(201, r#"{"ok":true,"id":5}"#))).await;
    // It waits for the end of a head that never comes.
    let waiting = client(&server.url().replace("http:", "https:"), hasty());
    assert_eq!(before(&write(&waiting).await), BeforeSending::ConnectTimeout);
    let plain = Server::slamming().await;
    let slammed = client(&plain.url().replace("http:", "https:"), patient());
    let at = before(&write(&slammed).await);
    assert!(matches!(at, BeforeSending::Tls | BeforeSending::Connecting), "{at:?}");
    assert!(server.requests().is_empty() && plain.requests().is_empty());
}

#[tokio::test]
async fn words_that_are_not_tls_are_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let talking = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    assert_eq!(before(&write(&client(&url, patient())).await), BeforeSending::Tls);
    talking.abort();
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let kept = listener.accept().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(kept);
    });
    assert_eq!(before(&write(&client(&url, hasty())).await), BeforeSending::ConnectTimeout);
    silent.abort();
}

/// On one thread the server's end is there before the request is begun.
#[tokio::test]
async fn a_connection_that_ends_before_the_request_is_begun_has_been_sent_nothing() {
    assert!(known_among_ended_connections().await > 0);
}

/// On several the two race, and mostly the request is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_said_not_to_have_been_sent_has_not_arrived() {
    known_among_ended_connections().await;
}

/// The server ends its half at once and goes on listening, so that it knows what still came.
async fn known_among_ended_connections() -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rev_io = client(&format!("http://{}/v1", listener.local_addr().unwrap()), patient());
    let (told, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.shutdown().await);
            let mut bytes = Vec::new();
            drop(stream.read_to_end(&mut bytes).await);
            if told.send(bytes.len()).is_err() {
                return;
            }
        }
    });
    let (mut known, mut doubtful) = (0, 0);
    for _ in 0..200 {
        let answer = write(&rev_io).await;
        let bytes = arrived.recv().await.unwrap();
        match answer {
            Answer::TryLater { why: Postponed::NotSent(how), .. } => {
                assert_eq!((how.at, bytes), (BeforeSending::ClosedBeforeUse, 0), "{how:?}");
                known += 1;
            }
            // Seen after the request was begun: nobody can tell what a server read that closes.
            Answer::Unknown { why: Trouble::Cut { .. } } => doubtful += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(known + doubtful, 200);
    assert!(arrived.try_recv().is_err(), "one connection per write, whatever came of it");
    listening.abort();
    known
}

#[tokio::test]
async fn a_write_never_meets_a_kept_connection() {
    // Says that it keeps the connection, and closes it at once.
    let server = Server::always(Reply::Close(answer(201, r#"{"ok":true,"id":5}"#))).await;
    let rev_io = client(&server.url(), patient());
    for _ in 0..50 {
        assert_eq!(write(&rev_io).await, Answer::Done(Receipt { id: 5 }));
    }
    assert_eq!((server.requests().len(), server.connections()), (50, 50));

    let keeping = Server::always(Reply::Stay(answer(201, r#"{"ok":true,"id":5}"#))).await;
    let rev_io = client(&keeping.url(), patient());
    for _ in 0..5 {
        assert_eq!(write(&rev_io).await, Answer::Done(Receipt { id: 5 }));
    }
    assert_eq!((keeping.requests().len(), keeping.connections()), (5, 5));
}

#[tokio::test]
async fn a_read_on_a_kept_connection_that_died_is_sent_once() {
    let body = r#"{"ok":true,"service_id":1}"#;
    let server = Server::always(Reply::Close(answer(200, body))).await;
    let rev_io = client(&server.url(), patient());
    let mut failed = 0;
    for number in 1..=50 {
        if number % 2 == 0 {
            // Time to see the end; without it the two race.
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        match rev_io.get::<Service>(permit(), 1).await.answer {
            Answer::Done(Some(service)) => assert_eq!(service.service_id, 1),
            Answer::TryLater { why: Postponed::ReadFailed(Trouble::Cut { .. }), .. } => failed += 1,
            Answer::TryLater { why: Postponed::NotSent(_), .. } => failed += 1,
            other => panic!("{other:?}"),
        }
    }
    let requests = server.requests().len();
    assert!(requests <= 50 && requests + failed >= 50, "{requests} requests, {failed} failed");

    let keeping = Server::always(Reply::Stay(answer(200, body))).await;
    let rev_io = client(&keeping.url(), patient());
    for _ in 0..5 {
        assert!(matches!(rev_io.get::<Service>(permit(), 1).await.answer, Answer::Done(Some(_))));
    }
    assert_eq!((keeping.requests().len(), keeping.connections()), (5, 1), "reads keep their connection");
}

/// In a process of its own, because its environment is everybody's.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let proxy = Server::always(Reply::Close(answer(201, r#"{"ok":true,"id":5}"#))).await;
    let proxy_url = format!("http://{}", proxy.address);
    let child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sockets::where_nobody_listens_nothing_is_sent"])
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, &proxy_url)))
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && told.contains("1 passed"), "{told}");
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn calls_can_run_beside_each_other() {
    let server = Server::always(Reply::Close(answer(201, r#"{"ok":true,"id":5}"#))).await;
    let rev_io = std::sync::Arc::new(client(&server.url(), patient()));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let rev_io = rev_io.clone();
            tokio::spawn(async move { write(&rev_io).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Answer::Done(Receipt { id: 5 }));
    }
    assert_eq!((server.requests().len(), server.connections()), (20, 20));
}
