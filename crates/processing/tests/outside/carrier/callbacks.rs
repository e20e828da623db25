//! The matrix of callbacks: whatever comes, and whoever sends it, a row becomes what reading its SIM says. A callback moves nothing but
//! the time at which that is read. Each comes through the real route; what a carrier can send, the simulated one sends.

use super::at::{NEW, OLD};
use crate::stage::Stage;
use database::carrier::{CallbackWords, begin_registering, signed_with};
use domain::ids::{ServiceProviderId, TenantId};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use simulators::thingspace::{Listener, Outcome, Profile};
use std::time::Duration;
use testing::iccid;

/// A change of one SIM's plan that the carrier has accepted, with the words it is to call back with.
struct Accepted {
    stage: Stage,
    words: CallbackWords,
    change: Value,
}

/// What the carrier does with the SIM's part, and with telling of it.
fn rule(fault: Value) -> Value {
    json!({"provider": "thingspace", "device": iccid(0), "fault": fault})
}

fn refused(code: &str) -> Value {
    rule(json!({"kind": "device_refused", "code": code, "message": "REQUEST_FAILED. Not today"}))
}

fn lost() -> Value {
    rule(json!({"kind": "callback_lost"}))
}

impl Stage {
    /// The words of an account, as the ledger makes them.
    async fn words_of(&self, tenant: TenantId, provider: ServiceProviderId) -> CallbackWords {
        let with = signed_with(&self.app.ledger, tenant, provider).await.unwrap();
        let (keys, ids) = (&self.app.keys, &self.app.ids);
        let begun = begin_registering(&self.app.ledger, tenant, (keys, ids), (provider, &with), true).await.unwrap();
        begun.unwrap().words
    }

    /// From here on the carrier calls back at the app's own route.
    pub(crate) async fn is_called_back(&self) -> CallbackWords {
        let words = self.words_of(self.app.fixture.tenant, self.app.fixture.provider).await;
        let text = |word: &secrecy::SecretString| word.expose_secret().to_owned();
        let listener = Listener {
            url: format!("{}/api/v1/callbacks/thingspace/{}", self.app.url(), text(&words.token)),
            username: Some(text(&words.username)),
            password: Some(text(&words.password)),
        };
        self.profile(|profile| {
            drop(profile.accounts[0].listeners.insert("CarrierService".to_owned(), listener));
        });
        words
    }
}

impl Accepted {
    /// Sent, under these faults; nobody has looked at the SIM since, unless a callback was so quick.
    async fn under(faults: &[Value]) -> Self {
        let stage = Stage::at_carrier(2).await;
        let words = stage.is_called_back().await;
        for fault in faults {
            stage.fault(fault.clone());
        }
        let change = stage.plan_to_change(0..1).await;
        stage.apply(&change).await;
        stage.app.work().await.unwrap();
        assert_eq!(stage.asked("/actions/plan"), 1);
        Self { stage, words, change }
    }

    async fn status(&self) -> String {
        let rows = self.stage.app.rows("bulk-changes", &self.change).await.unwrap();
        rows[0]["status"].as_str().unwrap().to_owned()
    }

    /// Until so many callbacks are kept.
    async fn kept(&self, many: i64) {
        for _ in 0..600 {
            if self.stage.app.database.number("select count(*) from app.carrier_callback").await.unwrap() >= many {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("the callback does not come");
    }

    /// Works without moving the clock.
    async fn work_now(&self) {
        self.stage.app.work().await.unwrap();
    }

    /// How often SIMs were read.
    fn reads(&self) -> usize {
        self.stage.asked("/actions/list")
    }

    /// A callback that somebody writes who knows what the carrier knows, with some of it changed.
    fn forged(&self, change: impl FnOnce(&mut Value)) -> Value {
        let request = self.stage.profile(|profile| profile.requests.iter().last().map(|request| request.id.clone()));
        let mut body = json!({
            "username": self.words.username.expose_secret(), "password": self.words.password.expose_secret(),
            "requestId": request.unwrap(), "status": "Success", "callbackCount": 1, "maxCallbackThreshold": 4,
            "deviceIds": [{"id": iccid(0), "kind": "Iccid"}], "deviceResponse": {},
        });
        change(&mut body);
        body
    }

    async fn send(&self, token: &str, body: impl Into<String>) -> StatusCode {
        let request = self.stage.app.anonymous(Method::POST, &format!("/api/v1/callbacks/thingspace/{token}"));
        self.stage.app.send(request.body(body.into())).await.unwrap().status
    }

    async fn send_ours(&self, body: &Value) -> StatusCode {
        self.send(self.words.token.expose_secret(), body.to_string()).await
    }

    /// At rest the row is what the carrier shows: done with the new plan, or not done with the old one.
    async fn ends(mut self, status: &str) {
        let change = self.change.clone();
        self.stage.work_to_rest(&change).await;
        self.is(status).await;
        self.stage.finish().await;
    }

    async fn is(&self, status: &str) {
        assert_eq!(self.status().await, status);
        let plan = if status == "PROCESSED" { NEW } else { OLD };
        assert_eq!(self.stage.there(0).1.as_deref(), Some(plan), "the row and the carrier agree");
        assert_eq!(self.stage.asked("/actions/plan"), 1, "nothing is asked for again because of a callback");
    }
}

#[tokio::test]
async fn case_1_a_success_is_read_at_once() {
    let accepted = Accepted::under(&[]).await;
    accepted.kept(1).await;
    accepted.work_now().await;
    accepted.is("PROCESSED").await;
    accepted.ends("PROCESSED").await;
}

#[tokio::test]
async fn case_2_a_success_that_comes_twice_is_one_success() {
    let accepted = Accepted::under(&[rule(json!({"kind": "callback_doubled", "seconds": 0}))]).await;
    accepted.kept(2).await;
    accepted.work_now().await;
    accepted.is("PROCESSED").await;
    let reads = accepted.reads();
    assert_eq!(accepted.send_ours(&accepted.forged(|_| {})).await, StatusCode::NO_CONTENT);
    accepted.work_now().await;
    assert_eq!(accepted.reads(), reads, "what is over is not read again");
    accepted.ends("PROCESSED").await;
}

#[tokio::test]
async fn case_3_a_failure_with_a_known_code_fails_the_row_when_the_sim_is_as_it_was() {
    let accepted = Accepted::under(&[refused("UnifiedWebService.INPUT_INVALID.DeviceState.Invalid")]).await;
    accepted.kept(1).await;
    accepted.work_now().await;
    assert!(accepted.reads() >= 2, "it was read");
    assert_ne!(accepted.status().await, "FAILED", "what was sent may still show");
    accepted.ends("FAILED").await;
}

#[tokio::test]
async fn case_4_a_failure_with_an_unknown_code_fails_it_the_same_way() {
    let accepted = Accepted::under(&[refused("UnifiedWebService.REQUEST_FAILED.NobodyKnowsThis")]).await;
    accepted.kept(1).await;
    accepted.work_now().await;
    assert_ne!(accepted.status().await, "FAILED", "what was sent may still show");
    accepted.ends("FAILED").await;
}

#[tokio::test]
async fn case_5_one_that_comes_after_the_timer_has_read_changes_nothing() {
    let mut accepted = Accepted::under(&[lost()]).await;
    let change = accepted.change.clone();
    accepted.stage.work_to_rest(&change).await;
    accepted.is("PROCESSED").await;
    let reads = accepted.reads();
    for word in ["Success", "Failed"] {
        let late = accepted.forged(|body| {
            body["status"] = json!(word);
            body["faultResponse"] = json!({"faultcode": "UnifiedWebService.INPUT_INVALID.DeviceState.Invalid"});
        });
        assert_eq!(accepted.send_ours(&late).await, StatusCode::NO_CONTENT);
    }
    accepted.work_now().await;
    assert_eq!(accepted.reads(), reads, "nobody waits for it any more");
    accepted.ends("PROCESSED").await;
}

#[tokio::test]
async fn case_6_one_that_comes_before_the_answer_is_found_when_the_answer_is_there() {
    let accepted = Accepted::under(&[rule(json!({"kind": "callback_early"}))]).await;
    accepted.kept(1).await;
    accepted.work_now().await;
    accepted.is("PROCESSED").await;
    accepted.ends("PROCESSED").await;
}

#[tokio::test]
async fn case_7_one_that_is_lost_leaves_the_timer() {
    let accepted = Accepted::under(&[lost()]).await;
    let reads = accepted.reads();
    accepted.work_now().await;
    assert_eq!((accepted.reads(), accepted.status().await.as_str()), (reads, "WAITING_CARRIER"));
    accepted.ends("PROCESSED").await;
}

#[tokio::test]
async fn case_8_one_about_another_sim_leaves_this_one_alone() {
    let accepted = Accepted::under(&[lost()]).await;
    let reads = accepted.reads();
    let other = accepted.forged(|body| {
        body["status"] = json!("Failed");
        body["faultResponse"] = json!({"faultcode": "UnifiedWebService.INPUT_INVALID.DeviceState.Invalid"});
        body["deviceIds"][0]["id"] = json!(iccid(1));
    });
    assert_eq!(accepted.send_ours(&other).await, StatusCode::NO_CONTENT);
    accepted.work_now().await;
    assert_eq!((accepted.reads(), accepted.status().await.as_str()), (reads, "WAITING_CARRIER"));
    accepted.ends("PROCESSED").await;
}

#[tokio::test]
async fn case_9_a_forged_success_of_a_sim_that_did_not_change_makes_nothing_done() {
    let accepted = Accepted::under(&[refused("UnifiedWebService.REQUEST_FAILED.UnexpectedError"), lost()]).await;
    let reads = accepted.reads();
    assert_eq!(accepted.send_ours(&accepted.forged(|_| {})).await, StatusCode::NO_CONTENT);
    accepted.work_now().await;
    assert_eq!(
        (accepted.reads(), accepted.status().await.as_str()),
        (reads + 1, "WAITING_CARRIER"),
        "read, and as it was"
    );
    // Nobody ever says what has become of it: after a day a person has to look.
    for after in ["16 minutes", "2 hours", "25 hours", "26 hours"] {
        accepted.stage.app.work_after(after).await.unwrap();
    }
    accepted.is("NEEDS_ATTENTION").await;
    accepted.stage.finish().await;
}

#[tokio::test]
async fn case_10_a_forged_failure_of_a_sim_that_did_change_fails_nothing() {
    let accepted =
        Accepted::under(&[rule(json!({"kind": "callback_forged", "forgery": "status", "instead": true}))]).await;
    accepted.kept(1).await;
    let failures = "select count(*) from app.carrier_callback where word = 'FAILED'";
    assert_eq!(accepted.stage.app.database.number(failures).await.unwrap(), 1);
    accepted.work_now().await;
    accepted.is("PROCESSED").await;
    accepted.ends("PROCESSED").await;
}

impl Accepted {
    /// What was sent was not let in: nothing is kept, nothing is read, and the timer is all there is.
    async fn heard_nothing(self) {
        assert_eq!(self.stage.app.database.number("select count(*) from app.carrier_callback").await.unwrap(), 0);
        let reads = self.reads();
        self.work_now().await;
        assert_eq!((self.reads(), self.status().await.as_str()), (reads, "WAITING_CARRIER"));
        self.ends("PROCESSED").await;
    }
}

#[tokio::test]
async fn case_11_a_wrong_token_lets_nobody_in() {
    let accepted = Accepted::under(&[lost()]).await;
    let body = accepted.forged(|_| {}).to_string();
    let token = accepted.words.token.expose_secret();
    let other = format!("{}{}", &token[1..], &token[..1]);
    for wrong in [other.as_str(), &token[..63], &format!("{token}0"), &token.to_uppercase(), "x"] {
        assert_eq!(accepted.send(wrong, body.clone()).await, StatusCode::NOT_FOUND, "{wrong}");
    }
    accepted.heard_nothing().await;
}

#[tokio::test]
async fn case_12_wrong_credentials_in_the_body_let_nobody_in() {
    let forged = rule(json!({"kind": "callback_forged", "forgery": "credentials", "instead": true}));
    let accepted = Accepted::under(&[forged]).await;
    let is_turned_away = |profile: &mut Profile| {
        profile.callbacks.iter().any(|callback| callback.attempts.iter().any(|attempt| attempt.status == Some(404)))
    };
    let mut tries = 0;
    while !accepted.stage.profile(is_turned_away) {
        tries += 1;
        assert!(tries < 600, "the carrier does not call");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(accepted.stage.profile(|profile| profile.callbacks.iter().all(|one| one.outcome != Outcome::Delivered)));
    for (field, word) in [("username", "nobody"), ("password", ""), ("password", "guessed")] {
        let wrong = accepted.forged(|body| body[field] = json!(word));
        assert_eq!(accepted.send_ours(&wrong).await, StatusCode::NOT_FOUND, "{field}");
    }
    accepted.heard_nothing().await;
}

#[tokio::test]
async fn case_13_another_tenants_token_with_our_request_moves_nothing_of_ours() {
    let accepted = Accepted::under(&[lost()]).await;
    let app = &accepted.stage.app;
    let list = app.send_as(&app.fixture.other_key, Method::GET, "/service-providers", None).await.unwrap().json;
    let theirs = list["items"][0]["id"].as_str().unwrap().to_owned();
    let put = app.anonymous(Method::PUT, &format!("/api/v1/service-providers/{theirs}/account"));
    let put = put.bearer_auth(app.fixture.other_key.reveal()).header("if-match", "*");
    let account = json!({"base_url": "http://127.0.0.1:9/api", "account_name": "0000999999-00001"});
    assert!(app.send(put.json(&account)).await.unwrap().status.is_success());
    let words = accepted.stage.words_of(app.fixture.other_tenant, ServiceProviderId(theirs.parse().unwrap())).await;
    let reads = accepted.reads();
    let body = accepted.forged(|body| {
        body["username"] = json!(words.username.expose_secret());
        body["password"] = json!(words.password.expose_secret());
        body["status"] = json!("Failed");
        body["faultResponse"] = json!({"faultcode": "UnifiedWebService.INPUT_INVALID.DeviceState.Invalid"});
    });
    // It is theirs to keep, and their words open no other address.
    assert_eq!(accepted.send(words.token.expose_secret(), body.to_string()).await, StatusCode::NO_CONTENT);
    assert_eq!(accepted.send_ours(&body).await, StatusCode::NOT_FOUND);
    let of_ours = format!("select count(*) from app.carrier_callback where tenant_id = '{}'", app.fixture.tenant);
    assert_eq!(app.database.number(&of_ours).await.unwrap(), 0);
    accepted.work_now().await;
    assert_eq!((accepted.reads(), accepted.status().await.as_str()), (reads, "WAITING_CARRIER"));
    accepted.ends("PROCESSED").await;
}

#[tokio::test]
async fn case_14_what_is_too_long_or_cannot_be_read_is_not_let_in() {
    let accepted = Accepted::under(&[lost()]).await;
    let padded = accepted.forged(|body| body["comment"] = json!("x".repeat(70_000)));
    assert_eq!(accepted.send_ours(&padded).await, StatusCode::PAYLOAD_TOO_LARGE);
    let nameless = accepted.forged(|body| drop(body.as_object_mut().unwrap().remove("requestId")));
    assert_eq!(accepted.send_ours(&nameless).await, StatusCode::NOT_FOUND);
    let of_nothing = accepted.forged(|body| body["deviceIds"] = json!([]));
    assert_eq!(accepted.send_ours(&of_nothing).await, StatusCode::NOT_FOUND);
    for text in ["", "[]", "null", "status=Success", "{\"requestId\":"] {
        assert_eq!(accepted.send(accepted.words.token.expose_secret(), text).await, StatusCode::NOT_FOUND, "{text}");
    }
    accepted.heard_nothing().await;
}
