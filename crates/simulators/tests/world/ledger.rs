//! What is remembered, and what is not.

use crate::stage::{KEY, PASSWORD, START, Stage, USERNAME};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::rev_io::WireDate;

const CUSTOMER: i64 = 100_000_001;

async fn ledger(stage: &Stage, query: &str) -> (Vec<Value>, Value) {
    let (status, page) = stage.own(Method::GET, &format!("/ledger{query}"), None).await;
    assert_eq!(status, 200, "{page}");
    (page["items"].as_array().unwrap().clone(), page["next_cursor"].clone())
}

#[tokio::test]
async fn every_call_is_remembered_in_order_without_its_credentials() {
    let stage = Stage::example(1, 1).await;
    stage.get("Services?search.number=1&search.number=2").await;
    let body = json!({"customer_id": CUSTOMER, "provider_id": 1});
    stage.send(Method::POST, "Services", &body).await;
    stage.send(Method::POST, "Services", &json!({})).await;
    stage.get("Nothing").await;
    let url = format!("{}/rev-io/v1/Customers", stage.running.url());
    stage.http.get(url).send().await.unwrap();
    let (items, next) = ledger(&stage, "").await;
    let seqs: Vec<u64> = items.iter().map(|item| item["seq"].as_u64().unwrap()).collect();
    assert_eq!((seqs, next), (vec![1, 2, 3, 4, 5], Value::Null));
    assert_eq!(items[0]["query"], json!([["search.number", "1"], ["search.number", "2"]]));
    assert_eq!((&items[0]["path"], &items[0]["at"]), (&json!("/v1/Services"), &json!(START)));
    assert_eq!((&items[0]["applied"], &items[0]["object"]), (&json!(false), &Value::Null));
    assert_eq!((&items[1]["applied"], &items[1]["object"]), (&json!(true), &json!({"kind": "Services", "id": 2})));
    assert_eq!((&items[1]["body"], &items[1]["status"]), (&body, &json!(201)));
    assert_eq!((&items[2]["applied"], &items[2]["status"]), (&json!(false), &json!(400)));
    assert_eq!(items[3]["status"], json!(404));
    assert_eq!((&items[4]["account"], &items[4]["status"]), (&Value::Null, &json!(401)));
    assert_eq!((&items[0]["account"], &items[0]["ended"]), (&json!(USERNAME), &json!("answered")));
    let whole = json!(items).to_string();
    assert!(!whole.contains(PASSWORD) && !whole.contains(KEY) && !whole.contains("Basic"));
}

#[tokio::test]
async fn calls_are_paged_filtered_and_forgotten() {
    let stage = Stage::example(1, 1).await;
    for _ in 0..5 {
        stage.get("Customers").await;
    }
    stage.pass(SignedDuration::from_secs(10));
    stage.get("Services").await;
    let mut seen = Vec::new();
    let mut query = "?limit=2&provider=rev-io".to_owned();
    loop {
        let (items, next) = ledger(&stage, &query).await;
        seen.extend(items.iter().map(|item| item["seq"].as_u64().unwrap()));
        let Some(next) = next.as_str() else { break };
        query = format!("?limit=2&provider=rev-io&cursor={next}");
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
    assert_eq!(ledger(&stage, "?since=2026-01-15T12:00:05Z").await.0.len(), 1);
    assert_eq!(ledger(&stage, "?account=nobody").await.0.len(), 0);
    assert_eq!(ledger(&stage, &format!("?account={USERNAME}")).await.0.len(), 6);
    assert_eq!(stage.own(Method::GET, "/ledger?colour=red", None).await.0, 400);
    assert_eq!(stage.own(Method::DELETE, "/ledger", None).await.0, 204);
    assert!(ledger(&stage, "").await.0.is_empty());
    assert_eq!(stage.own(Method::GET, "/ledger/counts", None).await.1, json!({"items": []}));
    stage.get("Customers").await;
    assert_eq!(ledger(&stage, "").await.0[0]["seq"], json!(7), "numbers go on");
}

#[tokio::test]
async fn objects_tell_how_often_they_were_made() {
    let stage = Stage::example(2, 2).await;
    let body = json!({"customer_id": CUSTOMER, "provider_id": 1, "number": "5"});
    for _ in 0..3 {
        stage.send(Method::POST, "Services", &body).await;
    }
    let at = WireDate::read(START).unwrap();
    stage.world.rev_io(|state| {
        let account = &mut state.accounts_mut()[0];
        account.disconnect_service(5, at);
        account.services.remove(6);
    });
    let (_, objects) = stage.own(Method::GET, "/ledger/objects?kind=Services&created_at_least=2", None).await;
    let items = objects["items"].as_array().unwrap();
    let told: Vec<(u64, bool)> =
        items.iter().map(|item| (item["id"].as_u64().unwrap(), item["open"].as_bool().unwrap())).collect();
    assert_eq!(told, [(5, false), (7, true)]);
    for item in items {
        assert_eq!((&item["times_created"], &item["open_alike"]), (&json!(3), &json!(1)));
        assert_eq!(item["natural_key"], json!("customer 100000001 number 5"));
        assert_eq!((&item["born"], &item["object"]["number"]), (&json!(START), &json!("5")));
    }
}

#[tokio::test]
async fn objects_are_paged_over_all_collections() {
    let stage = Stage::example(2, 2).await;
    let (_, all) = stage.own(Method::GET, "/ledger/objects?provider=rev-io&limit=1000", None).await;
    let all = all["items"].as_array().unwrap().clone();
    let mut seen = Vec::new();
    let mut query = "?limit=7".to_owned();
    loop {
        let (_, page) = stage.own(Method::GET, &format!("/ledger/objects{query}"), None).await;
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=7&cursor={next}");
    }
    assert!(all.len() > 40);
    assert_eq!(seen, all);
    let (_, none) = stage.own(Method::GET, "/ledger/objects?account=nobody", None).await;
    assert_eq!(none["items"], json!([]));
    for wrong in ["?kind=Cars", "?cursor=x", "?provider=fax", "?colour=red"] {
        assert_eq!(stage.own(Method::GET, &format!("/ledger/objects{wrong}"), None).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_busiest_minute_is_any_sixty_seconds() {
    let stage = Stage::example(1, 0).await;
    for pause in [0, 30, 31, 5, 20] {
        stage.pass(SignedDuration::from_secs(pause));
        stage.get("Customers").await;
    }
    let (_, counts) = stage.own(Method::GET, "/ledger/counts", None).await;
    assert_eq!(counts["items"][0]["most_in_60_seconds"], json!(4), "at 30, 61, 66 and 86 seconds");
}

#[tokio::test]
async fn the_same_seed_and_the_same_calls_give_the_same_ledger() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let stage = Stage::example(2, 1).await;
        let rule = json!({"provider": "rev-io", "when": {"rate": 0.5}, "fault": {"kind": "server_error_after"}});
        stage.own(Method::POST, "/faults", Some(&rule)).await;
        for number in 0..20 {
            let body = json!({"customer_id": CUSTOMER, "provider_id": 1, "number": number.to_string()});
            stage.send(Method::POST, "Services", &body).await;
        }
        runs.push((ledger(&stage, "").await, stage.own(Method::GET, "/ledger/objects", None).await));
    }
    assert_eq!(runs[0], runs[1]);
}
