//! Pages of `GET /devices` on a large fleet, and every page of the portal that has no thing of its own in its path, idle and beside
//! changes of 100,000 devices.
//!
//! One person who pages: the next page is asked for when the one before is there, at most fifty a second. Each kind has its
//! turn of half a second, so that a slow kind neither takes all the time nor slows the others down.

use crate::report::Report;
use crate::scale::World;
use crate::service::Service;
use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sqlx::{Connection as _, Executor as _};
use std::collections::BTreeMap;
use std::time::Duration;
use testing::iccid;

const PACE: Duration = Duration::from_millis(20);
const TURN: Duration = Duration::from_millis(500);
/// As many turns has each kind while nothing else goes on.
const IDLE_TURNS: usize = 12;
/// As many changes, of as many devices each, run beside the lists.
const CHANGES: u32 = 3;
const ROWS: u32 = 100_000;

/// What is asked for in turn, by the name that its figures have.
struct Kind {
    name: String,
    ask: Ask,
}

enum Ask {
    /// The API for a page of the list of devices, with these filters.
    Api(String),
    /// The API for one device, each time another.
    OneDevice { first_place: u32, places: u32 },
    /// The portal for a page, as somebody who is signed in.
    Portal(String),
}

impl Kind {
    fn request(&self, world: &World, number: u32) -> RequestBuilder {
        let devices = |filters: &str| world.service.request(Method::GET, &format!("/devices?limit=100{filters}"));
        match &self.ask {
            Ask::Api(filters) => devices(filters),
            Ask::OneDevice { first_place, places } => {
                devices(&format!("&iccid={}", iccid(first_place + number.wrapping_mul(2_654_435_761) % places)))
            }
            Ask::Portal(path) => world.browser.request(Method::GET, path),
        }
    }
}

async fn kinds(service: &Service, first_place: u32, places: u32) -> Result<Vec<Kind>> {
    let in_the_middle = cursor_in_the_middle(service, places).await?;
    let (largest, small) = (customer(service, "Water").await?, customer(service, "Cold").await?);
    let api = |name: &str, filters: String| Kind { name: format!("list, {name}"), ask: Ask::Api(filters) };
    let portal = |name: &str, path: String| Kind { name: format!("portal, {name}"), ask: Ask::Portal(path) };
    let mut kinds = vec![
        api("first page", String::new()),
        api("page in the middle", format!("&cursor={in_the_middle}")),
        Kind { name: "list, one ICCID".to_owned(), ask: Ask::OneDevice { first_place, places } },
        api("of the customer with nearly all", format!("&customer={largest}")),
        api("of a customer with few", format!("&customer={small}")),
    ];
    let pages =
        web::pages().into_iter().filter(|(method, path, open)| *method == Method::GET && !open && !path.contains('{'));
    kinds.extend(pages.map(|(_, path, _)| portal(&format!("`{path}`"), path.to_owned())));
    kinds.push(portal("`/devices`, in the middle", format!("/devices?cursor={in_the_middle}")));
    kinds.push(portal("`/devices`, of the customer with nearly all", format!("/devices?customer={largest}")));
    Ok(kinds)
}

/// Times in milliseconds, per kind.
type Times = BTreeMap<String, Vec<f64>>;

pub(crate) async fn measure(world: &World, first_place: u32, places: u32, report: &mut Report) -> Result<()> {
    let plans = plan_changes(world, first_place, places).await?;
    let kinds = kinds(&world.service, first_place, places).await?;
    let mut connection = world.admin.database(world.server.database_name()).connect().await?;
    connection.execute("vacuum analyze").await?;
    connection.execute("checkpoint").await?;
    connection.close().await?;
    eprintln!("lists, idle …");
    let idle = ask(world, &kinds, &[]).await?;
    eprintln!("lists, beside {CHANGES} changes …");
    for plan in &plans {
        world.service.apply(plan).await?;
    }
    let beside = ask(world, &kinds, &plans).await?;
    for (state, times) in [("idle", idle), ("beside a change", beside)] {
        for Kind { name, .. } in &kinds {
            let mut times = times.get(name).cloned().unwrap_or_default();
            times.sort_by(f64::total_cmp);
            for (part, share) in [("p50", 50), ("p95", 95), ("p99", 99)] {
                let value =
                    *times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).context("no page")?;
                report.add_part(&format!("{name}, {state}, {part}"), places, "ms", value, times.len());
            }
        }
    }
    Ok(())
}

/// Devices that are at one customer are to go to another; planned while nothing is measured.
async fn plan_changes(world: &World, first_place: u32, places: u32) -> Result<Vec<String>> {
    let rows = ROWS.min(places / CHANGES);
    let mut plans = Vec::new();
    for number in 0..CHANGES {
        let first = first_place + number * rows;
        let csv = world.csv(first..first + rows)?;
        let besides = json!({ "customer": "Acme", "on_conflict": "replace" });
        plans.push(world.service.plan_file(&csv, rows, besides).await?);
    }
    Ok(plans)
}

/// A cursor is the service's own affair: it is walked to.
async fn cursor_in_the_middle(service: &Service, places: u32) -> Result<String> {
    let mut cursor = String::new();
    for _ in 0..(places / 2).div_ceil(1_000) {
        let after = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let page = service.get(&format!("/devices?limit=1000{after}")).await?;
        page["next_cursor"].as_str().context("the list ends before its middle")?.clone_into(&mut cursor);
    }
    Ok(cursor)
}

async fn customer(service: &Service, name: &str) -> Result<String> {
    let found = service.get(&format!("/customers?q={name}")).await?;
    Ok(found["items"][0]["id"].as_str().with_context(|| found.to_string())?.to_owned())
}

/// Asks until these changes are over; without any, for a while. Every kind has had a turn by then.
async fn ask(world: &World, kinds: &[Kind], changes: &[String]) -> Result<Times> {
    let (mut times, mut number, mut turns) = (Times::new(), 0, 0);
    loop {
        for kind in kinds {
            let turn = stopwatch();
            while turn() < TURN {
                number += 1;
                let (request, sent) = (kind.request(world, number), stopwatch());
                let answer = request.send().await?;
                ensure!(answer.status().is_success(), "{}: {}", kind.name, answer.text().await.unwrap_or_default());
                answer.bytes().await?;
                let took = sent();
                times.entry(kind.name.clone()).or_default().push(took.as_secs_f64() * 1e3);
                tokio::time::sleep(PACE.saturating_sub(took)).await;
            }
            turns += 1;
            let is_over = match changes {
                [] => turns >= IDLE_TURNS * kinds.len(),
                changes => all_over(&world.service, changes).await?,
            };
            if is_over && turns >= kinds.len() {
                return Ok(times);
            }
        }
    }
}

async fn all_over(service: &Service, changes: &[String]) -> Result<bool> {
    for change in changes {
        if !service.is_finished(change).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
