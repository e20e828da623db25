//! Pages of `GET /devices` on a large fleet, idle and beside changes of 100,000 devices.
//!
//! Fifty pages a second whether or not the one before came back: a slow answer does not spare those that come after it.

use crate::report::Report;
use crate::scale::World;
use crate::service::Service;
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, Executor as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testing::iccid;
use tokio::time::Instant;

const EVERY: Duration = Duration::from_millis(20);
const IDLE_PAGES: u32 = 1_000;
/// As many changes, of as many devices each, run beside the lists.
const CHANGES: u32 = 3;
const ROWS: u32 = 100_000;

/// The pages that are asked for in turn.
struct Pages {
    in_the_middle: String,
    largest: String,
    small: String,
    first_place: u32,
    places: u32,
}

const KINDS: [&str; 5] =
    ["first page", "page in the middle", "one ICCID", "of the customer with nearly all", "of a customer with few"];

impl Pages {
    fn path(&self, number: u32) -> String {
        let kind = match number % 5 {
            0 => String::new(),
            1 => format!("&cursor={}", self.in_the_middle),
            2 => format!("&iccid={}", iccid(self.first_place + number.wrapping_mul(2_654_435_761) % self.places)),
            3 => format!("&customer={}", self.largest),
            _ => format!("&customer={}", self.small),
        };
        format!("/devices?limit=100{kind}")
    }
}

/// Times in milliseconds, per kind of page.
type Times = BTreeMap<&'static str, Vec<f64>>;

pub(crate) async fn measure(world: &World, first_place: u32, places: u32, report: &mut Report) -> Result<()> {
    let service = &world.service;
    let plans = plan_changes(world, first_place, places).await?;
    let in_the_middle = cursor_in_the_middle(service, places).await?;
    let (largest, small) = (customer(service, "Water").await?, customer(service, "Cold").await?);
    let pages = Arc::new(Pages { in_the_middle, largest, small, first_place, places });
    let mut connection = world.admin.database(world.server.database_name()).connect().await?;
    connection.execute("vacuum analyze").await?;
    connection.execute("checkpoint").await?;
    connection.close().await?;
    eprintln!("lists, idle …");
    let idle = ask(service, &pages, &[], 0).await?;
    eprintln!("lists, beside {CHANGES} changes …");
    for plan in &plans {
        service.apply(plan).await?;
    }
    let beside = ask(service, &pages, &plans, IDLE_PAGES).await?;
    for (state, times) in [("idle", idle), ("beside a change", beside)] {
        for kind in KINDS {
            let mut times = times.get(kind).cloned().unwrap_or_default();
            times.sort_by(f64::total_cmp);
            for (part, share) in [("p50", 50), ("p95", 95), ("p99", 99)] {
                let value = *times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).context("no page")?;
                report.add_row(&format!("list, {kind}, {state}, {part}"), places, "ms", value, BTreeMap::new());
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

/// Asks until these changes are over; without any, a number of times. Counts from that number on.
async fn ask(service: &Service, pages: &Arc<Pages>, changes: &[String], from: u32) -> Result<Times> {
    let mut tasks = tokio::task::JoinSet::new();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut number = from;
    loop {
        // The moment it was due, not the one it came to be sent: waiting counts.
        let due = ticks.tick().await;
        let request = service.request(Method::GET, &pages.path(number));
        tasks.spawn(page(request, KINDS[number as usize % KINDS.len()], due));
        number += 1;
        let look = number % 50 == 0;
        if changes.is_empty() && number - from >= IDLE_PAGES || look && !changes.is_empty() && all_over(service, changes).await? {
            break;
        }
    }
    let mut times = Times::new();
    while let Some(ended) = tasks.join_next().await {
        let (kind, took) = ended??;
        times.entry(kind).or_default().push(took);
    }
    Ok(times)
}

async fn all_over(service: &Service, changes: &[String]) -> Result<bool> {
    for change in changes {
        if !service.is_finished(change).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn page(request: reqwest::RequestBuilder, kind: &'static str, due: Instant) -> Result<(&'static str, f64)> {
    let answer = request.send().await?;
    ensure!(answer.status().is_success(), "{kind}: {}", answer.text().await.unwrap_or_default());
    answer.bytes().await?;
    Ok((kind, due.elapsed().as_secs_f64() * 1e3))
}
