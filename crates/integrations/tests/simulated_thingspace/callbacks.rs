//! Callbacks from their registration to what they are good for.

use crate::stage::{Stage, iccid, permit, to_large};
use integrations::answer::Answer;
use integrations::carriers::meaning::Meaning;
use integrations::carriers::thingspace::CALLBACK_SERVICE;
use integrations::carriers::{Admitted, CallbackGate, CallbackWord, CarrierKind, NewCallback, NotAdmitted};
use simulators::thingspace::State;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const TOKEN: &str = "0123456789abcdef";

/// Somebody who takes callbacks, as they come.
struct Listener {
    new: NewCallback,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Listener {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let new = NewCallback {
            service: CALLBACK_SERVICE.to_owned(),
            url: format!("http://{}/callbacks/{TOKEN}", socket.local_addr().unwrap()).into(),
            username: "listener".into(),
            password: "word".into(),
        };
        let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let ear = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                let mut bytes = Vec::new();
                let body = loop {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let mut lines = head.lines();
                        let length =
                            lines.find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                        if body.len() >= length.unwrap_or(0_usize) {
                            break body.as_bytes().to_vec();
                        }
                    }
                    let mut chunk = [0; 4096];
                    match stream.read(&mut chunk).await {
                        Ok(0) | Err(_) => break Vec::new(),
                        Ok(read) => bytes.extend_from_slice(&chunk[..read]),
                    }
                };
                ear.lock().unwrap().push(body);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await);
            }
        });
        Self { new, heard }
    }

    fn gate(&self) -> CallbackGate {
        CallbackGate::of(&TOKEN.into(), &self.new.username, &self.new.password)
    }

    /// What came, once it is so much, and let in.
    async fn hears(&self, count: usize) -> Vec<Admitted> {
        for _ in 0..2_000 {
            let heard = self.heard.lock().unwrap().clone();
            if heard.len() >= count {
                let admitted =
                    heard.iter().map(|body| CarrierKind::ThingSpace.admit(&self.gate(), TOKEN, body).unwrap());
                return admitted.collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("heard {} of {count}", self.heard.lock().unwrap().len())
    }
}

#[tokio::test]
async fn a_callback_is_registered_heard_and_taken_away() {
    let stage = Stage::of(&[State::Active, State::Suspend]).await;
    let listener = Listener::start().await;
    let registered = stage.carrier.register_callback(permit(), &stage.sign_in, &listener.new).await.answer;
    assert_eq!(registered, Answer::Done(()));
    let Answer::Done(all) = stage.carrier.callbacks(permit(), &stage.sign_in).await.answer else { panic!() };
    assert!(all.len() == 1 && all[0].is(&listener.new));

    let batch = to_large([1, 2]);
    let (before, suspended) = (stage.before(1).await, stage.before(2).await);
    let request = stage.accepted(&batch).await;
    stage.pass_a_while();
    drop(stage.device(1).await);
    let heard = listener.hears(2).await;
    assert!(heard.iter().all(|heard| heard.request_id == request && heard.told == Some(1)));
    let of = |number| heard.iter().find(|heard| heard.iccids == [iccid(number)]).unwrap();
    assert_eq!(of(1).word, CallbackWord::Success);
    assert!(matches!(&of(2).word, CallbackWord::Failed { code: Some(_), .. }), "{:?}", of(2).word);
    assert!(!format!("{heard:?}").contains("\"word\""), "{heard:?}");
    // It is read, because it was heard of; and the reading decides.
    assert!(matches!(stage.means(&batch, 1, &before).await, Meaning::Done(_)));
    let early = stage.means_having_heard(&batch, 2, &suspended, false, Some(&of(2).word)).await;
    assert_eq!(early, Meaning::NotYet);
    let settled = stage.means_having_heard(&batch, 2, &suspended, true, Some(&of(2).word)).await;
    assert!(matches!(settled, Meaning::Refused(_)), "{settled:?}");

    let body = listener.heard.lock().unwrap()[0].clone();
    let forged = CallbackGate { password: [0; 32], ..listener.gate() };
    assert_eq!(CarrierKind::ThingSpace.admit(&forged, TOKEN, &body), Err(NotAdmitted::WrongCredentials));
    let taken = stage.carrier.deregister_callback(permit(), &stage.sign_in, CALLBACK_SERVICE).await.answer;
    assert_eq!(taken, Answer::Done(()));
    let Answer::Done(none) = stage.carrier.callbacks(permit(), &stage.sign_in).await.answer else { panic!() };
    assert!(none.is_empty());
    stage.stop().await;
}
