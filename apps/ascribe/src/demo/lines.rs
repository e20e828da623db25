//! The fourth run: SIMs of an AMOP customer go to a customer at Rev.io, each with a line and two products there, while Rev.io refuses,
//! loses answers and is away; row by row the ledger and the simulated Rev.io agree afterwards. Then it is taken back.

use super::proof::Differences;
use super::{Demo, fleet};
use crate::client::output::plain_table;
use crate::client::watching::watch;
use crate::client::{Api, answer, change, plan};
use anyhow::Context as _;
use database::Server;
use database::proof::broken_invariants;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;

/// SIMs that get a line.
const SIMS: u64 = 40;
/// Two of the example's products, by their ids there.
pub(super) const PRODUCTS: [i64; 2] = [1, 5];

/// What goes wrong, and what a person would call it.
fn faults() -> Vec<(&'static str, Value)> {
    let rule = |method: &str, path: &str, when: Value, fault: Value| json!({ "provider": "rev-io", "method": method, "path": path, "when": when, "fault": fault });
    vec![
        (
            "3 lines are opened, and the answer is lost",
            rule("POST", "/services", json!({"nth": [3, 9, 17]}), json!({"kind": "cut_after"})),
        ),
        (
            "2 lines are opened, and no answer comes in time",
            rule("POST", "/services", json!({"nth": [5, 12]}), json!({"kind": "timeout_after", "seconds": 3.0})),
        ),
        (
            "2 products are refused",
            rule(
                "POST",
                "/serviceproduct",
                json!({"nth": [10, 31]}),
                json!({"kind": "refuse", "message": "The rate is below the product's least."}),
            ),
        ),
        (
            "Rev.io is away for 10 calls",
            rule(
                "POST",
                "/serviceproduct",
                json!({"nth": (14..24).collect::<Vec<u64>>()}),
                json!({"kind": "server_error_before", "status": 503}),
            ),
        ),
        (
            "a line that is taken back cannot be ended",
            rule(
                "PATCH",
                "/services/*",
                json!({"next": 1}),
                json!({"kind": "refuse", "message": "The bill run is under way."}),
            ),
        ),
    ]
}

/// Runs it. True if the ledger and Rev.io agree, row by row, each time.
pub(super) async fn run(api: &Api, demo: &Demo, server: &Server, customer: &str) -> anyhow::Result<bool> {
    println!("\n4. Bill SIMs at Rev.io while it refuses, loses answers and is away");
    let mut differences = Differences::default();
    let sims = sims_of(api, customer).await?;
    let payer = open_customer(api).await?;
    let [first, second] = PRODUCTS;
    let request = json!({
        "change_type": "CustomerAssignment", "service_provider": fleet::PROVIDERS[0].name, "customer": payer, "on_conflict": "replace",
        "create_rev_service": true, "rev_provider": 1, "service_type": 2, "products": [first, second], "rates": ["1.25", "0.75"],
        "reference": "demo lines", "devices": sims,
    });
    let made = answer(api.request(Method::POST, "/plans").json(&request).send().await).await?;
    let plan = plan::wait_until_planned(api, made).await?;
    if plan["counts"]["change"] != SIMS {
        differences.add(format!(
            "the plan changes {} of {SIMS} SIMs: {}",
            plan["counts"]["change"], plan["counts"]["by_reason"]
        ));
    }
    for eta in plan["eta"].as_array().into_iter().flatten() {
        println!(
            "   it takes {} calls, about {:.0} s at what Rev.io allows",
            eta["calls"],
            eta["seconds"].as_f64().unwrap_or(0.0)
        );
    }
    for (what, rule) in faults() {
        let sent = reqwest::Client::new().post(format!("{}/faults", demo.simulator)).json(&rule).send().await?;
        anyhow::ensure!(sent.status().is_success(), "the simulator takes no fault: {}", sent.text().await?);
        println!("   fault: {what}");
    }
    let id = plan["id"].as_str().context("a plan has an id")?.to_owned();
    change::send(api, &id, None).await?;
    let done = watch(api, &id).await?;
    compare(api, demo, &id, &mut differences).await?;
    show(api, &done).await?;

    // What a person does with the row that needs attention: the bill run is over by now.
    let waiting = rows_that_wait(api, &id).await?;
    if waiting.is_empty() {
        differences.add("no row needs attention, though one could not be taken back".to_owned());
    } else {
        println!("   a person says: send again, the bill run is over");
        let decision = json!({ "rows": waiting, "outcome": "send_again", "reason": "the bill run is over" });
        answer(api.request(Method::POST, &format!("/bulk-changes/{id}/resolve")).json(&decision).send().await).await?;
        watch(api, &id).await?;
        compare(api, demo, &id, &mut differences).await?;
    }

    println!("\n5. Take it back: the lines end, the SIMs go where they were");
    let backwards = answer(api.request(Method::POST, &format!("/bulk-changes/{id}/undo")).send().await).await?;
    let backwards = plan::wait_until_planned(api, backwards).await?;
    let undo = backwards["id"].as_str().context("a plan has an id")?.to_owned();
    change::send(api, &undo, None).await?;
    let undone = watch(api, &undo).await?;
    show(api, &undone).await?;
    if undone["counts"]["ok"] != backwards["counts"]["change"] {
        differences.add(format!("the undo did {} of {} rows", undone["counts"]["ok"], backwards["counts"]["change"]));
    }
    let left = lines(demo).await?;
    let left: usize = sims.iter().filter_map(|sim| left.get(sim)).map(Vec::len).sum();
    if left > 0 {
        differences.add(format!("{left} lines go on at Rev.io after the undo"));
    }
    for broken in broken_invariants(server).await? {
        differences.add(format!("not true of {} rows: {}", broken.rows, broken.invariant));
    }
    for difference in &differences.found {
        println!("   DIFFERENCE {difference}");
    }
    if differences.none() {
        println!("   ledger and Rev.io agree, row by row, after the run, after the person's word, and after the undo");
    }
    Ok(differences.none())
}

/// SIMs that a customer has now.
async fn sims_of(api: &Api, customer: &str) -> anyhow::Result<Vec<String>> {
    let page = api.get("/customers", &[("q", customer)]).await?;
    let id = page["items"][0]["id"].as_str().context("the customer of the runs is there")?.to_owned();
    let limit = SIMS.to_string();
    let devices = api.get("/devices", &[("customer", &id), ("limit", &limit)]).await?;
    let iccids = devices["items"].as_array().into_iter().flatten();
    Ok(iccids.filter_map(|device| device["iccid"].as_str().map(str::to_owned)).collect())
}

/// A customer of the simulated Rev.io that is open, by its id there.
pub(super) async fn open_customer(api: &Api) -> anyhow::Result<String> {
    let mut found = None;
    api.each("/customers", &[], Some(2_000), |customer| {
        let id = customer["rev_customer_id"].as_str().filter(|id| id.starts_with("1000000"));
        if let Some(id) = id.filter(|_| customer["closed"] != true && !customer["site"].is_null()) {
            found.get_or_insert_with(|| id.to_owned());
        }
        Ok(())
    })
    .await?;
    found.context("Rev.io has no open customer")
}

/// The lines in force at Rev.io by ICCID, each with the products in force on it.
pub(super) async fn lines(demo: &Demo) -> anyhow::Result<HashMap<String, Vec<(i64, Vec<i64>)>>> {
    let mut products: HashMap<i64, Vec<i64>> = HashMap::new();
    for object in objects(demo, "ServiceProduct").await? {
        let object = &object["object"];
        if object["status"] != "DISCONNECTED" {
            let line = object["service_id"].as_i64().unwrap_or(0);
            products.entry(line).or_default().push(object["product_id"].as_i64().unwrap_or(0));
        }
    }
    let mut lines: HashMap<String, Vec<(i64, Vec<i64>)>> = HashMap::new();
    for object in objects(demo, "Services").await? {
        let object = &object["object"];
        if let (true, Some(iccid), Some(id)) =
            (object["disconnected_date"].is_null(), object["number2"].as_str(), object["service_id"].as_i64())
        {
            let mut on_it = products.remove(&id).unwrap_or_default();
            on_it.sort_unstable();
            lines.entry(iccid.to_owned()).or_default().push((id, on_it));
        }
    }
    Ok(lines)
}

/// What there is of a kind in the simulated world.
pub(super) async fn objects(demo: &Demo, kind: &str) -> anyhow::Result<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut path = format!("{}/ledger/objects?kind={kind}&limit=1000", demo.simulator);
        if let Some(cursor) = &cursor {
            path.push_str(&format!("&cursor={cursor}"));
        }
        let page: Value = reqwest::get(path).await?.error_for_status()?.json().await?;
        all.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(all),
        }
    }
}

/// Row by row: what is done has exactly one line with exactly its products, what failed has none; what needs attention says why.
async fn compare(api: &Api, demo: &Demo, id: &str, differences: &mut Differences) -> anyhow::Result<()> {
    let lines = lines(demo).await?;
    api.each(&format!("/bulk-changes/{id}/rows"), &[], None, |row| {
        let iccid = row["iccid"].as_str().unwrap_or_default();
        let theirs = lines.get(iccid).map_or(&[][..], Vec::as_slice);
        let agrees = match (row["status"].as_str(), theirs) {
            (Some("PROCESSED"), [(_, products)]) => *products == PRODUCTS,
            (Some("FAILED"), []) => true,
            (Some("NEEDS_ATTENTION"), _) => row["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            _ => false,
        };
        if !agrees {
            differences.add(format!("row {}: the ledger says {}, Rev.io has {theirs:?}", row["row"], row["status"]));
        }
        Ok(())
    })
    .await
}

pub(super) async fn rows_that_wait(api: &Api, id: &str) -> anyhow::Result<Vec<i64>> {
    let mut rows = Vec::new();
    api.each(&format!("/bulk-changes/{id}/rows"), &[("status", "NEEDS_ATTENTION")], None, |row| {
        rows.extend(row["row"].as_i64());
        Ok(())
    })
    .await?;
    Ok(rows)
}

/// The tally, and each row that was not done with its words.
pub(super) async fn show(api: &Api, change: &Value) -> anyhow::Result<()> {
    let mut table = plain_table();
    table.set_header(["Result", "Devices"]);
    for (name, word) in [("ok", "PROCESSED"), ("failed", "FAILED"), ("needs_attention", "NEEDS_ATTENTION")] {
        if change["counts"][name] != 0 {
            table.add_row([word.to_owned(), change["counts"][name].to_string()]);
        }
    }
    for line in table.to_string().lines() {
        println!("   {line}");
    }
    let id = change["id"].as_str().unwrap_or_default();
    api.each(&format!("/bulk-changes/{id}/rows"), &[], None, |row| {
        if matches!(row["status"].as_str(), Some("FAILED" | "NEEDS_ATTENTION")) {
            let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
            println!("   row {} {} {}: {}", row["row"], text("status"), text("reason"), text("detail"));
        }
        Ok(())
    })
    .await
}
