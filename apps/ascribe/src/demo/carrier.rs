//! The last runs: SIMs at a simulated ThingSpace are activated, get an address and a line at Rev.io, and others another carrier rate
//! plan, while the carrier refuses one, loses an answer and is away; row by row ledger, carrier and Rev.io agree afterwards.

use super::lines::{PRODUCTS, lines, objects, open_customer, rows_that_wait, show};
use super::proof::Differences;
use super::{Demo, Here};
use crate::client::watching::watch;
use crate::client::{Api, answer, carrier_account, change, plan};
use crate::roles::fleets::Reader;
use anyhow::Context as _;
use database::proof::broken_invariants;
use integrations::{HttpClient, HttpSettings};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::ThingSpaceProfile;
use simulators::thingspace::Delay;
use std::collections::HashMap;
use std::sync::Arc;

/// The service provider's name here.
const PROVIDER: &str = "Field units (ThingSpace)";
const USER: &str = "UWSDEMO01";
const ACCOUNT: &str = "0000123456-00001";
const SEED: u64 = 11;
const DEVICES: usize = 60;
/// What SIMs are activated with, and what others get in place of theirs.
const PLAN: &str = "M2M50MB";
const OTHER_PLAN: &str = "M2M1GB";
const POOL: &str = "StaticPrivate";

/// Of its devices six in ten are active, three have no service. It does in seconds what takes minutes and hours in life.
pub(super) fn world() -> ThingSpaceProfile {
    let mut profile = ThingSpaceProfile::new("demo-application", "not a secret", USER, "Not!Secret1");
    if let (Some(one), Some(half)) = (Delay::exactly(1.0), Delay::exactly(0.5)) {
        (profile.settings.activation_delay, profile.settings.delay) = (one, half);
    }
    profile.with_example(SEED, DEVICES, Vec::new())
}

/// What goes wrong, and what a person would call it.
fn faults(path: &str, sim: &Value) -> Vec<(&'static str, Value)> {
    vec![
        (
            "the carrier fails one SIM whenever it is asked",
            json!({ "provider": "thingspace", "path": path, "device": sim, "fault": { "kind": "device_refused" } }),
        ),
        (
            "the answer to the first request is lost",
            json!({ "provider": "thingspace", "path": path, "when": { "next": 1 }, "fault": { "kind": "cut_after" } }),
        ),
    ]
}

/// Runs it. True if ledger, carrier and Rev.io agree, row by row.
pub(super) async fn run(api: &Api, demo: &Demo, here: Here<'_>) -> anyhow::Result<bool> {
    println!("\n6. Read a simulated ThingSpace: SIMs with and without service");
    read(api, demo, here).await?;
    let mut differences = Differences::default();
    let (fresh, active) = sims(api).await?;
    println!("   {} SIMs without service, {} active", fresh.len(), active.len());

    println!(
        "\n7. Activate the first, give each an address, bill it at Rev.io, while the carrier fails one and loses an answer"
    );
    let payer = open_customer(api).await?;
    let [first, second] = PRODUCTS;
    let request = json!({
        "change_type": "CustomerAssignment", "service_provider": PROVIDER, "customer": payer, "on_conflict": "replace",
        "create_rev_service": true, "rev_provider": 1, "service_type": 2, "products": [first, second], "rates": ["1.25", "0.75"],
        "activate": { "carrier_rate_plan": PLAN, "zip_code": "92121", "static_ip": { "pool": POOL } },
        "reference": "demo activation", "devices": fresh,
    });
    one(api, demo, (&request, fresh.len(), "/devices/actions/activate"), &mut differences).await?;

    println!("\n8. Give the others another carrier rate plan and another customer");
    let request = json!({
        "change_type": "CustomerAssignment", "service_provider": PROVIDER, "customer": super::fleet::CUSTOMER_A, "on_conflict": "replace",
        "add_carrier_rate_plan": { "carrier_rate_plan": OTHER_PLAN }, "reference": "demo carrier rate plan", "devices": active,
    });
    one(api, demo, (&request, active.len(), "/devices/actions/plan"), &mut differences).await?;

    for broken in broken_invariants(here.1.server()).await? {
        differences.add(format!("not true of {} rows: {}", broken.rows, broken.invariant));
    }
    for difference in &differences.found {
        println!("   DIFFERENCE {difference}");
    }
    if differences.none() {
        println!("   ledger, carrier and Rev.io agree, row by row");
    }
    Ok(differences.none())
}

/// Plans, applies under faults, and compares.
async fn one(
    api: &Api,
    demo: &Demo,
    (request, sims, path): (&Value, usize, &str),
    differences: &mut Differences,
) -> anyhow::Result<()> {
    let made = answer(api.request(Method::POST, "/plans").json(request).send().await).await?;
    let plan = plan::wait_until_planned(api, made).await?;
    let wanted = u64::try_from(sims)?;
    let to_do = plan["counts"]["change"].as_u64().unwrap_or(0) + plan["counts"]["no_change"].as_u64().unwrap_or(0);
    if to_do != wanted {
        differences.add(format!("the plan takes {to_do} of {wanted} SIMs: {}", plan["counts"]["by_reason"]));
    }
    for effect in plan["side_effects"].as_array().into_iter().flatten() {
        for words in effect["says"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            println!("   {words}");
        }
    }
    for (what, rule) in faults(path, &request["devices"][1]) {
        let sent = reqwest::Client::new().post(format!("{}/faults", demo.simulator)).json(&rule).send().await?;
        anyhow::ensure!(sent.status().is_success(), "the simulator takes no fault: {}", sent.text().await?);
        println!("   fault: {what}");
    }
    let id = plan["id"].as_str().context("a plan has an id")?.to_owned();
    change::send(api, &id, None).await?;
    let done = watch(api, &id).await?;
    show(api, &done).await?;
    compare(api, demo, (&id, request), differences).await?;
    // What the carrier has never done is for a person, who looked there: it is put down as not done.
    let waiting = rows_that_wait(api, &id).await?;
    if !waiting.is_empty() {
        println!("   a person says: it is not done there, and that is the end of it");
        let decision = json!({ "rows": waiting, "outcome": "failed", "reason": "the carrier has not done it" });
        answer(api.request(Method::POST, &format!("/bulk-changes/{id}/resolve")).json(&decision).send().await).await?;
        compare(api, demo, (&id, request), differences).await?;
    }
    Ok(())
}

/// Row by row: what is done is so at the carrier and, if it is billed, at Rev.io; what failed is at neither.
async fn compare(
    api: &Api,
    demo: &Demo,
    (id, request): (&str, &Value),
    differences: &mut Differences,
) -> anyhow::Result<()> {
    let there = devices(demo).await?;
    let billed = lines(demo).await?;
    let is_billed = request["create_rev_service"] == true;
    let plan = if is_billed { PLAN } else { OTHER_PLAN };
    api.each(&format!("/bulk-changes/{id}/rows"), &[], None, |row| {
        let iccid = row["iccid"].as_str().unwrap_or_default();
        let device = there.get(iccid).unwrap_or(&Value::Null);
        let lines = billed.get(iccid).map_or(&[][..], Vec::as_slice);
        let has_it = device["state"] == "active" && device["plan"] == plan && (!is_billed || device["ip_pool"] == POOL);
        let agrees = match (row["status"].as_str(), lines) {
            (Some("PROCESSED" | "NO_CHANGE"), [(_, products)]) => is_billed && has_it && *products == PRODUCTS,
            (Some("PROCESSED" | "NO_CHANGE"), []) => !is_billed && has_it,
            (Some("FAILED"), []) => !has_it,
            (Some("NEEDS_ATTENTION"), []) => row["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            _ => false,
        };
        if !agrees {
            differences.add(format!(
                "row {}: the ledger says {}, the carrier {} with {}, Rev.io {lines:?}",
                row["row"], row["status"], device["state"], device["plan"]
            ));
        }
        Ok(())
    })
    .await
}

/// What the carrier has, by ICCID.
async fn devices(demo: &Demo) -> anyhow::Result<HashMap<String, Value>> {
    let all = objects(demo, "Devices").await?.into_iter();
    Ok(all
        .filter_map(|item| Some((item["object"]["ids"]["iccid"].as_str()?.to_owned(), item["object"].clone())))
        .collect())
}

/// Makes the account known, or moves it to where the simulator is now, and reads its devices.
async fn read(api: &Api, demo: &Demo, (settings, ledger, ids, stop): Here<'_>) -> anyhow::Result<()> {
    let known = api.get("/service-providers", &[("limit", "500")]).await?;
    let known = known["items"].as_array().into_iter().flatten().find(|provider| provider["name"] == PROVIDER).cloned();
    let provider = match known {
        Some(provider) => provider,
        None => {
            let new = json!({ "name": PROVIDER, "integration": "thingspace" });
            answer(api.request(Method::POST, "/service-providers").json(&new).send().await).await?
        }
    };
    let at = format!("/service-providers/{}/account", provider["id"].as_str().context("a service provider has an id")?);
    let account = json!({ "base_url": format!("{}/thingspace/api", demo.simulator), "account_name": ACCOUNT, "paused": false,
        "calls_per_minute": 3_000, "calls_per_day": 1_000_000 });
    carrier_account::keep(api, &at, &account).await?;
    let secrets =
        json!({ "key": "demo-application", "secret": "not a secret", "username": USER, "password": "Not!Secret1" });
    answer(api.request(Method::POST, &format!("{at}/credentials")).json(&secrets).send().await).await?;
    let keys = Arc::new(settings.keys(ids)?.context("the demo has a key to open credentials with")?);
    let http = HttpClient::new(HttpSettings::default())?;
    let reader = Reader { ledger, keys: &keys, http: &http, settings, stop };
    // The process that serves may be reading it at the same moment.
    for _ in 0..20 {
        if let (1.., 0) = reader.by_hand(demo.tenant, Some(PROVIDER), true).await? {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    anyhow::bail!("the devices of {PROVIDER} could not be read")
}

/// SIMs without service, and active ones, as the ledger has them.
async fn sims(api: &Api) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut fresh, mut active) = (Vec::new(), Vec::new());
    api.each("/devices", &[("service_provider", PROVIDER)], None, |device| {
        let iccid = device["iccid"].as_str().unwrap_or_default().to_owned();
        match device["status"].as_str() {
            Some("active") => active.push(iccid),
            Some("preactive" | "deactive") => fresh.push(iccid),
            _ => {}
        }
        Ok(())
    })
    .await?;
    Ok((fresh, active))
}
