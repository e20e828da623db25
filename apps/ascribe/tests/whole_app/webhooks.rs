//! Webhooks: what happens is told, signed, in order, at least once, and to nobody else.

mod kept;
mod told;

use database::webhook::claim;
use processing::{Telling, tell};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use testing::{Receiver, TestApp};

const LEASE: Duration = Duration::from_secs(30);

/// Every event a webhook can be told of.
fn all_events() -> Value {
    json!(domain::webhook::EVENTS)
}

/// Makes a webhook; its id and its secret.
async fn make(app: &TestApp, url: &str, events: &Value) -> (String, String) {
    let made = app.post("/webhooks", &json!({"url": url, "events": events})).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    (made.json["id"].as_str().unwrap().to_owned(), made.json["secret"].as_str().unwrap().to_owned())
}

/// Tells whatever is due now; how many tries that were.
async fn tell_due(telling: &Telling) -> u32 {
    let mut tries = 0;
    while let Some(claimed) = claim(&telling.ledger, LEASE).await.unwrap() {
        tell(telling, &claimed).await;
        tries += 1;
    }
    tries
}

/// The same as a worker would at a later time.
async fn tell_due_after(telling: &Telling, interval: &str) -> u32 {
    let ledger = database::Ledger::new(telling.ledger.server().later_by(interval));
    database::migrate::months_ahead(&ledger).await.unwrap();
    let tries = tell_due(&Telling { ledger: ledger.clone(), ..telling.clone() }).await;
    ledger.close().await;
    tries
}

async fn deliveries(app: &TestApp, webhook: &str) -> Vec<Value> {
    let page = app.get(&format!("/webhooks/{webhook}/deliveries?limit=1000")).await.unwrap();
    assert_eq!(page.status, StatusCode::OK, "{}", page.json);
    page.json["items"].as_array().unwrap().clone()
}

/// The types that came, in order.
fn types(receiver: &Receiver) -> Vec<String> {
    receiver.received().iter().map(|one| one.json["type"].as_str().unwrap().to_owned()).collect()
}
