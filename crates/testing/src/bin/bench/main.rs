//! `make bench`: what Ascribe costs against hand-written SQL that writes the same rows, interleaved in one run.
//!
//! Every run is on a fresh copy of one prepared database, after ANALYZE and CHECKPOINT, on a server that waits for the
//! disk. The order turns from round to round. Every run is checked: a fast wrong one fails. Quote the ratios.

mod handwritten;
mod product;
mod report;
mod scale;

use anyhow::{Context as _, Result, ensure};
use database::Server;
use database::api_key::Caller;
use domain::clock::Clock;
use domain::ids::{BulkChangeId, Ids};
use domain::input_field::InputField;
use intake::{Input, ListedDevice, Planner, PlannerSettings, Spool};
use report::{Measured, Report};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::time::{Duration, Instant};
use testing::{Fixture, TestCluster, iccid};

const DEVICES: u32 = 10_000;
const TEMPLATE: &str = "bench_template";

/// One prepared change: planned, not applied.
struct Prepared {
    admin: Server,
    login: Server,
    caller: Caller,
    change: BulkChangeId,
}

/// What one timed run took.
struct Run {
    seconds: f64,
    wal_bytes: f64,
}

/// The styles that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Apply, claim, settle, by the product, two lanes as shipped.
    Product,
    /// The same with one lane.
    ProductOneLane,
    /// Hand-written set-based SQL, 1,000 devices a transaction, one connection.
    Handwritten,
    /// The same on two connections.
    HandwrittenTwo,
}

const STYLES: [Style; 4] = [Style::Product, Style::ProductOneLane, Style::Handwritten, Style::HandwrittenTwo];

impl Style {
    const fn name(self) -> &'static str {
        match self {
            Self::Product => "assignment, ascribe, 2 lanes",
            Self::ProductOneLane => "assignment, ascribe, 1 lane",
            Self::Handwritten => "assignment, (c) hand-written SQL, 1 connection",
            Self::HandwrittenTwo => "assignment, (c) hand-written SQL, 2 connections",
        }
    }
}

fn main() -> Result<()> {
    let usage = "usage: bench [ROUNDS [SIZE …]]";
    let rounds: usize = std::env::args().nth(1).map_or(Ok(5), |text| text.parse()).context(usage)?;
    let mut sizes: Vec<u32> =
        std::env::args().skip(2).map(|text| text.parse()).collect::<Result<_, _>>().context(usage)?;
    if sizes.is_empty() {
        sizes = vec![100_000, 1_000_000];
    }
    drop(rustls::crypto::ring::default_provider().install_default());
    let cluster = TestCluster::start_with(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(measure(&cluster, rounds))?;
    drop(cluster);
    let report = report.with(runtime.block_on(scale::measure(&sizes))?);
    report.print();
    report.print_scales();
    report.write(std::path::Path::new("target/bench/latest.json"))
}

async fn measure(cluster: &TestCluster, rounds: usize) -> Result<Report> {
    let prepared = prepare(cluster).await?;
    let mut measured: Vec<Measured> = STYLES.iter().map(|style| Measured::new(style.name(), DEVICES)).collect();
    for round in 0..rounds {
        for turn in 0..STYLES.len() {
            let index = (turn + round) % STYLES.len();
            let run = one(&prepared, STYLES[index]).await?;
            eprintln!(
                "round {} {:<50} {:>8.0} devices/s",
                round + 1,
                STYLES[index].name(),
                f64::from(DEVICES) / run.seconds
            );
            measured[index].add(run.seconds, run.wal_bytes);
        }
    }
    Ok(Report::new(measured))
}

async fn prepare(cluster: &TestCluster) -> Result<Prepared> {
    let admin = cluster.admin();
    let mut connection = admin.connect().await?;
    connection
        .execute(AssertSqlSafe(format!("create database {TEMPLATE} template {}", cluster.template().database_name())))
        .await?;
    connection.close().await?;
    let login = cluster.template().database(TEMPLATE);
    #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
    let ids = Ids::new(Clock::from_fn(jiff::Timestamp::now), [3; 32]);
    let fixture = Fixture::make(&login, &ids, DEVICES).await?;
    let caller = Caller { tenant: fixture.tenant, api_key: fixture.key_id, confined: false, m2m: true, mobility: true };
    let ledger = database::Ledger::new(login.clone());
    let request = domain::associate_customer::AssociateCustomer::read(serde_json::json!({
        "change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": "Water",
    }))?;
    // In an order that has nothing to do with where the rows are, as a customer's list has.
    let mut devices: Vec<String> = (0..DEVICES).map(iccid).collect();
    devices.sort_by_key(|iccid| iccid.bytes().rev().collect::<Vec<u8>>());
    let devices: Vec<ListedDevice> = devices
        .into_iter()
        .map(|device| ListedDevice { device, named_by: InputField::Device, overrides: Vec::new() })
        .collect();
    let folder = tempfile::tempdir()?;
    let spool = Spool::open(folder.path().to_owned(), 1 << 30).await?;
    let spooled = spool.list(ids.next(), &devices).await?;
    let planner = Planner::new(ledger.clone(), ids, PlannerSettings::default(), spool);
    let planning = planner.begin(caller, request, Input { spooled, name: None }).await?;
    let change = planning.id();
    planning.run().await?;
    ledger.close().await;
    let mut connection = admin.database(TEMPLATE).connect().await?;
    connection.execute("vacuum analyze").await?;
    connection.close().await?;
    Ok(Prepared { admin, login, caller, change })
}

async fn one(prepared: &Prepared, style: Style) -> Result<Run> {
    let mut admin = prepared.admin.connect().await?;
    admin.execute("drop database if exists bench_run with (force)").await?;
    admin.execute(AssertSqlSafe(format!("create database bench_run template {TEMPLATE}"))).await?;
    admin.execute("checkpoint").await?;
    let wal = "select (pg_current_wal_insert_lsn() - '0/0')::float8";
    let before: f64 = sqlx::query_scalar(wal).fetch_one(&mut admin).await?;
    let took = match style {
        Style::Product => product::run(prepared, 2).await?,
        Style::ProductOneLane => product::run(prepared, 1).await?,
        Style::Handwritten => handwritten::run(prepared, 1).await?,
        Style::HandwrittenTwo => handwritten::run(prepared, 2).await?,
    };
    let after: f64 = sqlx::query_scalar(wal).fetch_one(&mut admin).await?;
    admin.close().await?;
    check(&prepared.login.database("bench_run"), style).await?;
    Ok(Run { seconds: took.as_secs_f64(), wal_bytes: (after - before) / f64::from(DEVICES) })
}

/// Both sides have to have written the same.
async fn check(server: &Server, style: Style) -> Result<()> {
    let wanted = i64::from(DEVICES);
    for sql in [
        "select count(*) from app.m2m_device_change where status = 'PROCESSED' and attempts = 1",
        "select count(*) from app.device_tenant_history",
        "select count(*) from app.m2m_device_bulk_change_log where status = 'PROCESSED'",
        "select sum(ok) from app.bulk_change_counter where to_do = 0",
        "select count(*) - 1 from app.device_tenant dt join app.site s on s.id = dt.site_id where s.name = 'Water' and dt.account_number is null",
        "select count(*) - 1 from app.m2m_device d join app.site s on s.id = d.site_id where s.name = 'Water'",
    ] {
        let found = testing::number(server, sql).await?;
        ensure!(found == wanted, "{style:?}: {sql} is {found}, not {wanted}");
    }
    Ok(())
}

/// Measures the machine's time.
#[expect(clippy::disallowed_methods, reason = "a bench measures the machine's time")]
fn stopwatch() -> impl Fn() -> Duration {
    let began = Instant::now();
    move || began.elapsed()
}
