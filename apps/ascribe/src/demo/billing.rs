//! The demo's billing: a simulated Rev.io beside the app, an account there, and a first reading of it.

use super::fleet;
use crate::client::{Api, answer};
use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::{Fleet, RevAccount};
use std::time::Duration;

/// The account's name here.
const ACCOUNT: &str = "Simulated Rev.io";
const SEED: u64 = 7;
const CUSTOMERS: usize = 40;
const LINES: usize = 25;

/// What is simulated.
pub(super) fn world() -> Fleet {
    let account = RevAccount::new("api@demo", "not a secret", "0123456789abcdef");
    Fleet { rev_io: vec![account.with_example(SEED, CUSTOMERS, LINES)] }
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
            api.edit(&at, &json!({ "base_url": base_url, "paused": false })).await?
        }
        None => {
            let new = json!({ "name": ACCOUNT, "base_url": base_url });
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
