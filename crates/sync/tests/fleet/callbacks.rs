//! Where the carrier calls back: registered, looked at, registered again when it is lost, moved when we move, and left alone where it is
//! somebody else's.

use crate::stage::Stage;
use serde_json::json;
use simulators::thingspace::Listener;
use sync::{Registered, SyncError};

const HERE: &str = "http://127.0.0.1:9001";
const SERVICE: &str = "CarrierService";

impl Stage {
    fn listener(&self) -> Option<Listener> {
        self.profile(|profile| profile.accounts[0].listeners.get(SERVICE).cloned())
    }

    fn listens(&self, url: &str) {
        let listener = Listener { url: url.to_owned(), username: None, password: None };
        self.profile(|profile| drop(profile.accounts[0].listeners.insert(SERVICE.to_owned(), listener)));
    }

    fn loses(&self) {
        self.profile(|profile| profile.accounts[0].listeners.clear());
    }

    /// Calls of the carrier about listeners, by method.
    fn asked(&self, method: &str) -> usize {
        self.world.ledger(|ledger| {
            ledger.entries().filter(|call| call.method == method && call.path.contains("/callbacks/")).count()
        })
    }

    async fn sql(&self, sql: &str) {
        self.app.database.plant(sql).await.unwrap();
    }

    async fn shown(&self) -> serde_json::Value {
        let provider = self.provider();
        self.app.get(&format!("/service-providers/{provider}/account")).await.unwrap().json["callbacks"].clone()
    }
}

#[tokio::test]
async fn it_is_registered_once_and_looked_at_once_a_day() {
    let stage = Stage::of(1).await;
    assert_eq!(stage.register(HERE, true).await.unwrap(), Registered::Anew);
    let there = stage.listener().unwrap();
    let token = there.url.strip_prefix("http://127.0.0.1:9001/api/v1/callbacks/thingspace/").unwrap();
    assert_eq!(token.len(), 64, "{token}");
    let (username, password) = (there.username.clone().unwrap(), there.password.clone().unwrap());
    assert!(username.len() == 40 && password.len() == 40 && username != password && !token.contains(&password));
    assert_eq!((stage.asked("POST"), stage.asked("DELETE")), (1, 0));

    // What the door knows of it are digests, and the account says that it is called back.
    let plain = format!(
        "select count(*) from app.carrier_callback_gate g where g::text like '%{token}%' or g::text like '%{password}%'
         or position(convert_to('{password}', 'UTF8') in g.sealed_value) > 0"
    );
    assert_eq!(stage.app.database.number(&plain).await.unwrap(), 0);
    assert!(stage.shown().await["registered_at"].is_string(), "{}", stage.shown().await);

    let calls = stage.asked("GET");
    assert_eq!(stage.register(HERE, false).await.unwrap(), Registered::NotDue);
    assert_eq!(stage.asked("GET"), calls, "nothing is asked before it is due");
    assert_eq!(stage.register(HERE, true).await.unwrap(), Registered::AsItIs);
    stage.sql("update app.carrier_callback_gate set due_at = due_at - interval '24 hours'").await;
    assert_eq!(stage.register(HERE, false).await.unwrap(), Registered::AsItIs);
    assert_eq!((stage.asked("POST"), stage.listener().unwrap()), (1, there));
    stage.finish().await;
}

#[tokio::test]
async fn what_is_lost_is_registered_again_with_the_same_words() {
    let stage = Stage::of(1).await;
    stage.register(HERE, true).await.unwrap();
    let there = stage.listener();
    stage.loses();
    assert_eq!(
        stage.register(HERE, false).await.unwrap(),
        Registered::NotDue,
        "nobody tells of it before it is looked at"
    );
    stage.sql("update app.carrier_callback_gate set due_at = due_at - interval '24 hours'").await;
    assert_eq!(stage.register(HERE, false).await.unwrap(), Registered::Anew);
    assert_eq!(stage.listener(), there);
    stage.finish().await;
}

#[tokio::test]
async fn it_moves_with_our_address_and_has_other_words_for_other_credentials() {
    let stage = Stage::of(1).await;
    stage.register(HERE, true).await.unwrap();
    let first = stage.listener().unwrap();
    // Another address: the same words there, and the old one taken away first (a listener cannot move).
    assert_eq!(stage.register("http://127.0.0.1:9002/", true).await.unwrap(), Registered::Anew);
    let moved = stage.listener().unwrap();
    assert_eq!(moved.url, first.url.replace(":9001/", ":9002/"));
    assert_eq!((moved.password.clone(), stage.asked("DELETE")), (first.password, 1));

    // Credentials that are written again are other words, whatever they are; nobody has to wait until tomorrow.
    stage.set_up("canary-password").await;
    assert_eq!(stage.register("http://127.0.0.1:9002", false).await.unwrap(), Registered::Anew);
    let rotated = stage.listener().unwrap();
    assert!(rotated.url != moved.url && rotated.password != moved.password, "{rotated:?}");
    let gates = "select count(*) from app.carrier_callback_gate where version = 2";
    assert_eq!(stage.app.database.number(gates).await.unwrap(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn what_another_system_has_registered_stays() {
    let stage = Stage::of(1).await;
    stage.listens("http://127.0.0.1:9003/hear");
    let Registered::Not(why) = stage.register(HERE, true).await.unwrap() else { unreachable!("it is not ours") };
    assert!(why.contains("another system"), "{why}");
    assert_eq!(stage.listener().unwrap().url, "http://127.0.0.1:9003/hear");
    assert_eq!((stage.asked("POST"), stage.asked("DELETE")), (0, 0));
    let trouble = "select count(*) from app.carrier_callback_gate where trouble like '%another system%' and registered_at is null";
    assert_eq!(stage.app.database.number(trouble).await.unwrap(), 1);
    // Somebody takes it away: within the hour it is ours.
    stage.loses();
    stage.sql("update app.carrier_callback_gate set due_at = due_at - interval '1 hour'").await;
    assert_eq!(stage.register(HERE, false).await.unwrap(), Registered::Anew);
    stage.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_for_and_not_sent_again() {
    let stage = Stage::of(1).await;
    for kind in ["cut_after", "server_error_after"] {
        stage.fault(json!({"provider": "thingspace", "method": "POST", "path": "/callbacks/*", "when": {"next": 1}, "fault": {"kind": kind}}));
        let posts = stage.asked("POST");
        assert_eq!(stage.register(HERE, true).await.unwrap(), Registered::Anew, "{kind}");
        assert_eq!(stage.asked("POST"), posts + 1, "{kind}");
        stage.loses();
    }
    stage.finish().await;
}

#[tokio::test]
async fn without_an_address_nothing_is_said_to_the_carrier_and_the_account_says_so() {
    let stage = Stage::of(1).await;
    let shown = stage.shown().await;
    assert!(
        shown["registered_at"].is_null() && shown["because"].as_str().unwrap().contains("ASCRIBE_PUBLIC_URL"),
        "{shown}"
    );
    assert_eq!(stage.asked("GET") + stage.asked("POST"), 0);
    stage.finish().await;
}

#[tokio::test]
async fn an_account_that_is_paused_is_not_asked() {
    let stage = Stage::of(1).await;
    stage.sql("update app.carrier_account set paused_because = 'a person looks'").await;
    let refused = stage.register(HERE, true).await;
    assert!(matches!(refused, Err(SyncError::Paused)), "{refused:?}");
    assert_eq!((stage.asked("POST"), stage.listener()), (0, None));
    stage.finish().await;
}
