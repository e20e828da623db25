//! Pages of `GET /devices` on a large fleet, idle and beside changes of 100,000 devices.
//!
//! One person who pages: the next page is asked for when the one before is there, at most fifty a second. Each kind has its
//! turn of half a second, so that a slow kind neither takes all the time nor slows the others down.

use crate::report::Report;
use crate::scale::World;
use crate::service::Service;
use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, Executor as _};
use std::collections::BTreeMap;
use std::time::Duration;
use testing::iccid;

const PACE: Duration = Duration::from_millis(20);
const TURN: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_secs(30);
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
    fn path(&self, kind: usize, number: u32) -> String {
        let kind = match kind {
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
    let pages = Pages { in_the_middle, largest, small, first_place, places };
    let mut connection = world.admin.database(world.server.database_name()).connect().await?;
    connection.execute("vacuum analyze").await?;
    connection.execute("checkpoint").await?;
    connection.close().await?;
    eprintln!("lists, idle …");
    let idle = ask(service, &pages, &[]).await?;
    eprintln!("lists, beside {CHANGES} changes …");
    for plan in &plans {
        service.apply(plan).await?;
    }
    let beside = ask(service, &pages, &plans).await?;
    for (state, times) in [("idle", idle), ("beside a change", beside)] {
        for kind in KINDS {
            let mut times = times.get(kind).cloned().unwrap_or_default();
            times.sort_by(f64::total_cmp);
            for (part, share) in [("p50", 50), ("p95", 95), ("p99", 99)] {
                let value =
                    *times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).context("no page")?;
                let name = format!("list, {kind}, {state}, {part}");
                report.add_part(&name, places, "ms", value, times.len());
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

/// Asks until these changes are over; without any, for a while.
async fn ask(service: &Service, pages: &Pages, changes: &[String]) -> Result<Times> {
    let (mut times, mut number, elapsed) = (Times::new(), 0, stopwatch());
    loop {
        for (kind, name) in KINDS.into_iter().enumerate() {
            let turn = stopwatch();
            while turn() < TURN {
                number += 1;
                let (request, sent) = (service.request(Method::GET, &pages.path(kind, number)), stopwatch());
                let answer = request.send().await?;
                ensure!(answer.status().is_success(), "{name}: {}", answer.text().await.unwrap_or_default());
                answer.bytes().await?;
                let took = sent();
                times.entry(name).or_default().push(took.as_secs_f64() * 1e3);
                tokio::time::sleep(PACE.saturating_sub(took)).await;
            }
            let is_over = if changes.is_empty() { elapsed() > IDLE } else { all_over(service, changes).await? };
            if is_over {
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
