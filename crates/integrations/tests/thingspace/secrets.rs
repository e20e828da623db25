//! A server that says everything back that it was sent does not get a secret, or anything personal, into what we keep.

use crate::server::{Reply, Server, answer};
use crate::stage::{ACCOUNT, IMEI, ONE, batch, http, named, permit};
use domain::clock::Clock;
use integrations::answer::SignInPart;
use integrations::carriers::thingspace::{ThingSpace, ThingSpaceAccount, ThingSpaceSettings};
use integrations::carriers::{Activation, Batch, Carrier, Change, Listing, NewCallback, PlaceOfUse, SignIn};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Key, secret, both as Basic, user, password, both tokens, the listener's name, password and address.
const CANARIES: [&str; 10] = [
    "canary-key",
    "canary-sec\"ret",
    "Y2FuYXJ5LWtleTpjYW5hcnktc2VjInJldA==",
    "canary-user",
    "canary-password",
    "canary-bearer",
    "canary-session",
    "canary-listener",
    "canary-word",
    "canary-token",
];
const PERSONAL: [&str; 4] = ["Ann", "Lee", "1 Elm Street", "Wenatchee"];

fn carrier(url: &str) -> Carrier {
    let account = ThingSpaceAccount {
        base_url: url.to_owned(),
        key: CANARIES[0].into(),
        secret: CANARIES[1].into(),
        username: CANARIES[3].into(),
        password: CANARIES[4].into(),
        account_name: ACCOUNT.to_owned(),
    };
    assert_clean(&format!("{account:?}"));
    let clock = Clock::fixed(jiff::Timestamp::UNIX_EPOCH);
    Carrier::ThingSpace(ThingSpace::new(&http(), account, ThingSpaceSettings::default(), clock).unwrap())
}

fn sign_in() -> SignIn {
    SignIn::of(Some(CANARIES[5].into()), Some(CANARIES[6].into()))
}

fn listener() -> NewCallback {
    NewCallback {
        service: "CarrierService".to_owned(),
        url: format!("https://ascribe.example/callbacks/{}", CANARIES[9]).into(),
        username: CANARIES[7].into(),
        password: CANARIES[8].into(),
    }
}

fn activation() -> Batch {
    let place = PlaceOfUse {
        first_name: PERSONAL[0].to_owned(),
        last_name: PERSONAL[1].to_owned(),
        address_line_1: PERSONAL[2].to_owned(),
        address_line_2: None,
        city: PERSONAL[3].to_owned(),
        state: "WA".to_owned(),
        zip: "98801".to_owned(),
        country: "US".to_owned(),
    };
    let activation = Activation {
        plan: "84777".to_owned(),
        zip_code: "98801".to_owned(),
        place_of_use: Some(place),
        ..Activation::default()
    };
    let mut batch = batch(Change::Activate(Box::new(activation)), &[ONE]);
    batch.devices[0].imei = Some(IMEI.to_owned());
    batch
}

fn assert_clean(text: &str) {
    for canary in CANARIES {
        let escaped = canary.replace('"', "\\\"");
        let twice = canary.replace('"', "\\\\\\\"");
        assert!(!text.contains(canary) && !text.contains(&escaped) && !text.contains(&twice), "{canary} in {text}");
    }
}

fn assert_impersonal(text: &str) {
    for personal in PERSONAL {
        assert!(!text.contains(personal), "{personal} in {text}");
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

/// Every call once, against the same reply; what is kept of all of them.
async fn every_call(server: &Server) -> String {
    let carrier = carrier(&server.url());
    let signed_in = sign_in();
    let between = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::UNIX_EPOCH);
    let mut kept = format!("{carrier:?} {signed_in:?} {:?}", listener());
    kept.push_str(&format!("{:?}", carrier.check(permit(), &signed_in).await));
    kept.push_str(&format!("{:?}", carrier.device(permit(), &signed_in, &named(ONE)).await));
    kept.push_str(&format!("{:?}", carrier.devices(permit(), &signed_in, &Listing::default()).await));
    kept.push_str(&format!("{:?}", carrier.history(permit(), &signed_in, &named(ONE), between).await));
    kept.push_str(&format!("{:?}", carrier.plans(permit(), &signed_in).await));
    kept.push_str(&format!("{:?}", carrier.pools(permit(), &signed_in).await));
    kept.push_str(&format!("{:?}", carrier.callbacks(permit(), &signed_in).await));
    kept.push_str(&format!("{:?}", carrier.register_callback(permit(), &signed_in, &listener()).await));
    kept.push_str(&format!("{:?}", carrier.deregister_callback(permit(), &signed_in, "CarrierService").await));
    kept.push_str(&format!("{:?}", carrier.send(permit(), &signed_in, &activation()).await));
    kept
}

/// The account's own secrets, as a server may say them.
fn ours() -> String {
    let secret = CANARIES[1].replace('"', "\\\"");
    format!("key {} secret {secret} as {} user {} password {}", CANARIES[0], CANARIES[2], CANARIES[3], CANARIES[4])
}

fn replies(said: &str) -> Vec<Reply> {
    let mut replies: Vec<Reply> = [200, 302, 400, 401, 403, 404, 429, 500].into_iter().map(Reply::Echo).collect();
    for status in [200, 400, 401, 403, 404, 500] {
        replies.push(answer(status, &format!(r#"{{"errorCode":"REQUEST_FAILED.{said}","errorMessage":"{said}"}}"#)));
        replies.push(answer(
            status,
            &format!(r#"{{"fault":{{"code":"{said}","message":"{said}","description":"{said}"}}}}"#),
        ));
        replies.push(answer(status, &format!(r#"{{"error":"{said}","error_description":"{said}"}}"#)));
        replies.push(answer(
            status,
            &format!("<am:fault><am:code>{said}</am:code><am:message>{said}</am:message></am:fault>"),
        ));
        replies.push(answer(status, said));
        replies.push(answer(status, &format!(
            r#"{{"requestId":"{said}","accountName":"{said}","serviceName":"{said}","hasMoreData":false,
            "devices":[{{"deviceIds":[{{"id":"{said}","kind":"meid"}}]}}],"access_token":"{said}","sessionToken":"{said}"}}"#
        )));
    }
    replies
}

#[test]
fn what_is_said_back_is_not_kept() {
    let replies = replies(&format!("{} bearer {} session {}", ours(), CANARIES[5], CANARIES[6]));
    let log = logged(async {
        for reply in replies {
            let server = Server::always(reply).await;
            let kept = every_call(&server).await;
            assert_clean(&kept);
            assert_impersonal(&kept);
            let sent: String = server.seen().iter().map(|seen| seen.whole()).collect();
            for canary in &CANARIES[5..] {
                assert!(sent.contains(canary), "{canary} is sent");
            }
            assert!(PERSONAL.iter().all(|personal| sent.contains(personal)), "and so is the place of use");
        }
    });
    assert!(log.contains("thingspace.call") && log.contains("register_callback"), "{log}");
    assert_clean(&log);
    assert_impersonal(&log);
}

#[test]
fn what_is_said_back_while_signing_in_is_not_kept() {
    let replies = replies(&ours());
    let log = logged(async {
        for reply in replies {
            let server = Server::always(reply).await;
            let carrier = carrier(&server.url());
            for sign_in in [SignIn::default(), sign_in().without(SignInPart::Session)] {
                let renewed = carrier.renew(permit(), &sign_in).await;
                assert_clean(&format!("{renewed:?}"));
            }
            let sent: String = server.seen().iter().map(|seen| seen.whole()).collect();
            for canary in &CANARIES[2..6] {
                assert!(sent.contains(canary), "{canary} is sent");
            }
        }
    });
    assert!(log.contains("get_bearer") && log.contains("log_in"), "{log}");
    assert_clean(&log);
}

#[test]
fn a_listener_that_is_refused_is_not_given_away() {
    let said = format!("{} {} {}", CANARIES[7], CANARIES[8], CANARIES[9]);
    let log = logged(async {
        for status in [200, 400, 404, 500] {
            for body in [&said, &format!(r#"{{"errorCode":"REQUEST_FAILED.X","errorMessage":"{said}"}}"#)] {
                let server = Server::always(answer(status, body)).await;
                let registered = carrier(&server.url()).register_callback(permit(), &sign_in(), &listener()).await;
                assert_clean(&format!("{registered:?}"));
            }
        }
    });
    assert_clean(&log);
}

#[test]
fn tokens_that_come_are_not_kept_either() {
    let log = logged(async {
        let tokens = format!(r#"{{"access_token":"{}","sessionToken":"{}"}}"#, CANARIES[5], CANARIES[6]);
        for tokens in [&tokens[..], &tokens[..tokens.len() - 2]] {
            let server = Server::always(answer(200, tokens)).await;
            let carrier = carrier(&server.url());
            let half = SignIn::default().with(SignInPart::Bearer, "b".into());
            for sign_in in [SignIn::default(), half] {
                assert_clean(&format!("{:?}", carrier.renew(permit(), &sign_in).await));
            }
        }
    });
    assert_clean(&log);
}

#[test]
fn what_never_left_is_told_without_secrets() {
    let log = logged(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let carrier = carrier(&format!("http://{}/api", listener.local_addr().unwrap()));
        drop(listener);
        assert_clean(&format!("{:?}", carrier.renew(permit(), &SignIn::default()).await));
        assert_clean(&format!("{:?}", carrier.send(permit(), &sign_in(), &activation()).await));
    });
    assert_clean(&log);
}
