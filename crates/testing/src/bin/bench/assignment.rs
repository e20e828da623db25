//! Assignment of a planned change, by everybody, interleaved.
//!
//! Every run is on a fresh copy of one prepared database, after ANALYZE and CHECKPOINT, on a server that waits for the
//! disk. The order turns from round to round. Every run is checked: a fast wrong one fails. Quote the ratios.

use crate::handwritten::{self, CHUNK, Cut};
use crate::peers::{Peer, Peers};
use crate::postgres_cost::{Spent, UPDATED, hot_shares, size};
use crate::prepared::{Prepared, fresh};
use crate::product;
use crate::report::Report;
use anyhow::{Result, ensure};
use database::Server;
use sqlx::{Connection as _, Executor as _};
use std::collections::BTreeMap;
use testing::performance::{ASCRIBE, BEST_BY_HAND, BEST_CALLS, BEST_OF_CHUNK_JOBS, BEST_OF_DEVICE_JOBS, ONE_CALL};

/// Above this, whoever takes a transaction per device is left out: it takes minutes and says nothing new.
const MOST_FOR_ONE_BY_ONE: u32 = 10_000;

/// The styles that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Apply, claim, settle, by the product, on this many lanes; two are shipped.
    Product(usize),
    /// (a) and (b): one call per device, from this many clients.
    Calls(u32),
    /// (c): 1,000 devices a transaction, on this many connections.
    Chunks(u32),
    /// (d): one transaction.
    Whole,
    /// A job queue, with this many devices a job.
    Jobs(Peer, u32),
}

const STYLES: [Style; 14] = [
    Style::Product(2),
    Style::Product(1),
    Style::Calls(1),
    Style::Calls(8),
    Style::Calls(16),
    Style::Chunks(1),
    Style::Chunks(2),
    Style::Whole,
    Style::Jobs(Peer::GraphileWorker, CHUNK),
    Style::Jobs(Peer::PgBoss, CHUNK),
    Style::Jobs(Peer::Celery, CHUNK),
    Style::Jobs(Peer::GraphileWorker, 1),
    Style::Jobs(Peer::PgBoss, 1),
    Style::Jobs(Peer::Celery, 1),
];

impl Style {
    fn name(self) -> String {
        match self {
            Self::Product(2) => ASCRIBE.into(),
            Self::Product(_) => "assignment, ascribe, 1 lane".into(),
            Self::Calls(1) => ONE_CALL.into(),
            Self::Calls(clients) => format!("assignment, (b) one call per device, {clients} clients"),
            Self::Chunks(1) => "assignment, (c) hand-written SQL, 1 connection".into(),
            Self::Chunks(connections) => format!("assignment, (c) hand-written SQL, {connections} connections"),
            Self::Whole => "assignment, (d) hand-written SQL, one transaction".into(),
            Self::Jobs(peer, 1) => format!("assignment, {}, one device a job", peer.name()),
            Self::Jobs(peer, _) => format!("assignment, {}, 1,000 devices a job", peer.name()),
        }
    }

    /// In whose comparison it is.
    const fn best_of(self) -> Option<&'static str> {
        match self {
            Self::Chunks(_) | Self::Whole => Some(BEST_BY_HAND),
            Self::Calls(8 | 16) => Some(BEST_CALLS),
            Self::Jobs(_, 1) => Some(BEST_OF_DEVICE_JOBS),
            Self::Jobs(..) => Some(BEST_OF_CHUNK_JOBS),
            _ => None,
        }
    }

    const fn is_one_by_one(self) -> bool {
        matches!(self, Self::Calls(_) | Self::Jobs(_, 1))
    }

    /// How many of the rounds it is in. Only the canary (a) has to be in all; two of each other slow one show its place.
    fn rounds(self, rounds: usize) -> usize {
        if self.is_one_by_one() && self != Self::Calls(1) { rounds.min(2) } else { rounds }
    }
}

/// What one timed run took.
struct Run {
    seconds: f64,
    spent: Spent,
    growth: f64,
    hot: BTreeMap<&'static str, f64>,
}

/// All styles that there are at this number of devices, this many rounds.
pub(crate) async fn measure(prepared: &Prepared, peers: &Peers, rounds: usize, report: &mut Report) -> Result<()> {
    let devices = prepared.devices;
    let mut styles: Vec<Style> = STYLES.to_vec();
    styles.retain(|style| devices <= MOST_FOR_ONE_BY_ONE || !style.is_one_by_one());
    styles.retain(|style| match style {
        Style::Jobs(peer, _) => peers.missing(*peer).is_none_or(|why| {
            report.skip(&format!("{}, {devices} devices", style.name()), why);
            false
        }),
        _ => true,
    });
    for style in &styles {
        // In the tables they stand in this order, whichever was measured first.
        report.expect(&style.name(), devices, "devices/s");
        if let Some(best) = style.best_of() {
            report.compare(best, &style.name(), devices);
        }
    }
    for round in 0..rounds {
        for turn in 0..styles.len() {
            let style = styles[(turn + round) % styles.len()];
            if round >= style.rounds(rounds) {
                continue;
            }
            report.note_load()?;
            let (run, name) = (one(prepared, peers, style).await?, style.name());
            let rate = f64::from(devices) / run.seconds;
            eprintln!("round {} {devices:>7} {name:<60} {rate:>8.0} devices/s", round + 1);
            let mut add = |what: &str, unit, value| report.add(&format!("{name}{what}"), devices, unit, value);
            let each = |value: f64| value / f64::from(devices);
            add("", "devices/s", rate);
            add(", PostgreSQL CPU", "us/device", each(run.spent.cpu_seconds * 1e6));
            add(", WAL", "B/device", each(run.spent.wal_bytes));
            add(", growth", "B/device", each(run.growth));
            for table in UPDATED {
                add(&format!(", HOT share of {table}"), "%", run.hot.get(table).copied().unwrap_or_default());
            }
        }
    }
    Ok(())
}

async fn one(prepared: &Prepared, peers: &Peers, style: Style) -> Result<Run> {
    fresh(&prepared.admin, &prepared.database).await?;
    let (login, mut admin) = (prepared.run_login(), prepared.admin.connect().await?);
    let mut peer = match style {
        Style::Jobs(peer, per_job) => Some(peers.start(peer, prepared, per_job).await?),
        _ => None,
    };
    let size_before = size(&login).await?;
    admin.execute("checkpoint").await?;
    let before = Spent::until_now(&mut admin).await?;
    let took = match style {
        Style::Product(lanes) => product::run(prepared, lanes).await?,
        Style::Calls(connections) => handwritten::run(prepared, Cut { rows: 1, connections }).await?,
        Style::Chunks(connections) => handwritten::run(prepared, Cut { rows: CHUNK, connections }).await?,
        Style::Whole => handwritten::run(prepared, Cut { rows: prepared.devices, connections: 1 }).await?,
        Style::Jobs(..) => match &mut peer {
            Some(peer) => peer.work().await?,
            None => anyhow::bail!("{style:?} has no peer"),
        },
    };
    let spent = Spent::until_now(&mut admin).await?.since(before);
    if let Some(peer) = peer {
        peer.let_go().await?;
    }
    admin.close().await?;
    check(&login, style, prepared.devices).await?;
    let hot = hot_shares(&prepared.run_admin()).await?;
    let mut connection = prepared.run_admin().connect().await?;
    connection.execute("vacuum").await?;
    connection.close().await?;
    let growth = size(&login).await? - size_before;
    Ok(Run { seconds: took.as_secs_f64(), spent, growth, hot })
}

/// All have to have written the same.
async fn check(server: &Server, style: Style, devices: u32) -> Result<()> {
    let wanted = i64::from(devices);
    for sql in [
        "select count(*) from app.m2m_device_change where status = 'PROCESSED' and attempts = 1",
        "select count(*) from app.device_tenant_history",
        "select count(*) from app.m2m_device_bulk_change_log where status = 'PROCESSED'",
        "select sum(ok) from app.bulk_change_counter where to_do = 0",
        "select count(*) - 1 from app.device_tenant dt join app.site s on s.id = dt.site_id where s.name = 'Water' and dt.account_number is null",
        "select count(*) - 1 from app.m2m_device d join app.site s on s.id = d.site_id where s.name = 'Water'",
        "select count(*) * sum(k.planned) from app.device_bulk_change c join app.bulk_change_counter k on k.bulk_change_id = c.id where c.status = 'PROCESSED'",
    ] {
        let found = testing::number(server, sql).await?;
        ensure!(found == wanted, "{style:?}: {sql} is {found}, not {wanted}");
    }
    Ok(())
}
