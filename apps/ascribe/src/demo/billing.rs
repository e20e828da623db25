//! The demo's billing: a simulated Rev.io beside the app, an account there, and a first reading of it.

use super::fleet;
use crate::client::{Api, answer};
use anyhow::Context as _;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::rev_io::{Service, ServiceProduct};
use simulators::{Fleet, RevAccount};
use std::time::Duration;

/// The account's name here.
const ACCOUNT: &str = "Simulated Rev.io";
const SEED: u64 = 7;
const CUSTOMERS: usize = 40;
const LINES: usize = 25;

/// So that nobody waits for long; the limit of life is 500.
const CALLS_PER_MINUTE: u32 = 3_000;

/// What is simulated. Ids go on from the time of its start: a demo on the data of another one meets no id that it knows.
pub(super) fn world(now: Timestamp) -> Fleet {
    let mut account =
        RevAccount::new("api@demo", "not a secret", "0123456789abcdef").with_example(SEED, CUSTOMERS, LINES);
    account.calls_per_minute = CALLS_PER_MINUTE.into();
    let since = account.services.iter().find_map(|line| line.activated_date);
    if let Some(customer_id) = account.customers.first().map(|customer| customer.customer_id) {
        let service_id = now.as_second();
        account.services.push(Service {
            service_id,
            customer_id,
            provider_id: Some(1),
            activated_date: since,
            disconnected_date: since,
            ..Service::default()
        });
        account.service_products.push(ServiceProduct {
            service_product_id: service_id,
            customer_id,
            product_id: 1,
            service_id: Some(service_id),
            status: Some("DISCONNECTED".to_owned()),
            activated_date: since,
            canceled_date: since,
            ..ServiceProduct::default()
        });
    }
    Fleet { rev_io: vec![account], thingspace: vec![super::carrier::world()] }
}

/// Makes the account known, or moves it to where the simulator is now; then waits until it was read.
pub(super) async fn read(api: &Api, simulator: &str) -> anyhow::Result<()> {
    println!("\n0. Read a simulated Rev.io into the mirror");
    let path = "/integration-authentications";
    let base_url = format!("{simulator}/rev-io/v1");
    let all = api.get(path, &[]).await?;
    let known = all["items"].as_array().into_iter().flatten().find(|account| account["name"] == ACCOUNT).cloned();
    let account = match known {
        Some(account) => {
            let at = format!("{path}/{}", account["id"].as_str().unwrap_or_default());
            api.edit(&at, &json!({ "base_url": base_url, "paused": false, "calls_per_minute": CALLS_PER_MINUTE }))
                .await?
        }
        None => {
            let new = json!({ "name": ACCOUNT, "base_url": base_url, "calls_per_minute": CALLS_PER_MINUTE });
            answer(api.request(Method::POST, path).json(&new).send().await).await?
        }
    };
    let at = format!("{path}/{}", account["id"].as_str().context("an account has an id")?);
    let secrets = json!({ "username": "api@demo", "password": "not a secret", "subscription_key": "0123456789abcdef" });
    answer(api.request(Method::POST, &format!("{at}/credentials")).json(&secrets).send().await).await?;
    for _ in 0..600 {
        let account = api.get(&at, &[]).await?;
        anyhow::ensure!(account["paused_because"].is_null(), "the account was paused: {}", account["paused_because"]);
        if let Some(counts) = counted(&account) {
            println!("   {counts}; looked at again every hour (`ascribe rev-account list`, `ascribe sync`)");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{} was not read within a minute", fleet::TENANTS[0])
}

/// How much of each thing was read; nothing while not all of it was.
fn counted(account: &Value) -> Option<String> {
    let readings = account["mirror"].as_array()?;
    let read = |resource: &str| {
        let of = |reading: &&Value| reading["resource"] == resource && !reading["mirrored_at"].is_null();
        readings.iter().find(of)?["read"].as_i64()
    };
    let (customers, lines, products) = (read("customers")?, read("services")?, read("service_products")?);
    Some(format!("{customers} customers, {lines} lines, {products} products on them"))
}
