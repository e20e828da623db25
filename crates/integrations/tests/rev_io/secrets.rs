//! A server that says everything back that it was sent does not get a secret, or anything personal, into what we keep.

use crate::raw::{Reply, Server, answer};
use crate::stage::{clock, http, patient, permit};
use integrations::billing::rev_io::wire::request::CreateCustomer;
use integrations::billing::rev_io::wire::{Address, Customer};
use integrations::billing::rev_io::{Account, RevIo, RevIoSettings};
use secrecy::SecretString;
use std::io::Write;
use std::sync::{Arc, Mutex};

const CANARIES: [&str; 3] =
    ["canary-pass\"word", "canary-subscription-key", "YXBpQGV4YW1wbGU6Y2FuYXJ5LXBhc3Mid29yZA=="];
const PERSONAL: [&str; 3] = ["ann.lee@example.com", "1 Elm Street", "Lee"];

fn rev_io(url: &str) -> RevIo {
    let account = Account {
        base_url: url.to_owned(),
        username: "api@example".to_owned(),
        password: SecretString::from(CANARIES[0]),
        subscription_key: Some(SecretString::from(CANARIES[1])),
    };
    assert_clean(&format!("{account:?}"));
    RevIo::new(&http(patient()), account, RevIoSettings::default(), clock()).unwrap()
}

fn new_customer() -> CreateCustomer {
    let address =
        Address { last_name: Some("Lee".to_owned()), line_1: Some("1 Elm Street".to_owned()), ..Address::default() };
    CreateCustomer {
        account_number: Some("A-1".to_owned()),
        email: Some("ann.lee@example.com".to_owned()),
        billing_address: Some(address),
        ..CreateCustomer::default()
    }
}

fn assert_clean(text: &str) {
    for canary in CANARIES {
        let escaped = canary.replace('"', "\\\"");
        let twice = canary.replace('"', "\\\\\\\"");
        assert!(!text.contains(canary) && !text.contains(&escaped) && !text.contains(&twice), "{canary} in {text}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs on one thread, whose log is kept down to the least important line.
fn logged(run: impl Future<Output = ()>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(run));
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

async fn try_out(reply: Reply) {
    let server = Server::always(reply).await;
    let rev_io = rev_io(&server.url());
    assert_clean(&format!("{rev_io:?}"));
    let written = rev_io.create_customer(permit(), &new_customer()).await;
    let sent = server.requests().remove(0);
    assert!(sent.contains(CANARIES[1]) && sent.contains(CANARIES[2]), "the credentials are sent: {sent}");
    assert!(PERSONAL.iter().all(|personal| sent.contains(personal)), "and so is the customer: {sent}");
    let kept = format!("{written:?}");
    assert_clean(&kept);
    for personal in PERSONAL {
        assert!(!kept.contains(personal), "{personal} in {kept}");
    }
    assert!(written.exchange.request.contains("A-1"), "{kept}");
    let read = rev_io.get::<Customer>(permit(), 1).await;
    assert_clean(&format!("{read:?}"));
    let found = rev_io.page::<Customer>(permit(), 1, 10, &[("email", "ann.lee@example.com")]).await;
    assert!(!found.exchange.request.contains("ann.lee"), "{:?}", found.exchange);
}

#[test]
fn what_is_said_back_is_not_kept() {
    let words = format!(
        "key {} for Basic {} of ann.lee@example.com, password {}",
        CANARIES[1],
        CANARIES[2],
        CANARIES[0].replace('"', "\\\"")
    );
    let mut replies: Vec<Reply> = [200, 302, 400, 401, 403, 404, 429, 500].into_iter().map(Reply::Echo).collect();
    for status in [201, 400, 401, 403, 500] {
        replies
            .push(Reply::Close(answer(status, &format!(r#"[{{"ok":false,"error":"{words}","message":"{words}"}}]"#))));
        replies.push(Reply::Close(answer(status, &format!(r#"{{"statusCode":{status},"message":"{words}"}}"#))));
        replies.push(Reply::Close(answer(status, &format!(r#"{{"ok":true,"id":5,"email":"{words}","x":"{words}"}}"#))));
        // Ends within the secret's second character to last.
        let cut = words.get(..words.len() - 3).unwrap();
        replies.push(Reply::Close(answer(status, cut)));
    }
    let log = logged(async {
        for reply in replies {
            try_out(reply).await;
        }
    });
    assert!(log.contains("rev_io.call") && log.contains("create_customer"), "{log}");
    assert_clean(&log);
    assert!(PERSONAL.iter().all(|personal| !log.contains(personal)), "{log}");
}

#[test]
fn what_never_left_is_told_without_secrets() {
    let log = logged(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let rev_io = rev_io(&format!("http://{}/v1", listener.local_addr().unwrap()));
        drop(listener);
        let written = rev_io.create_customer(permit(), &new_customer()).await;
        assert_clean(&format!("{written:?}"));
    });
    assert_clean(&log);
}

#[test]
fn an_account_that_cannot_be_used_is_told_without_secrets() {
    let account = Account {
        base_url: "https://user:canary-pass@api.revioapi.com/v1".to_owned(),
        username: "api@example".to_owned(),
        password: SecretString::from("canary-pass\r\n"),
        subscription_key: Some(SecretString::from("canary-key\n")),
    };
    for base_url in [account.base_url.clone(), "https://api.revioapi.com/v1".to_owned()] {
        let account = Account { base_url, ..account.clone() };
        let error = RevIo::new(&http(patient()), account, RevIoSettings::default(), clock()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
