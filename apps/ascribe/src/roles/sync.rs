//! `ascribe sync`: reads the accounts at Rev.io and at carriers; once by hand, or whenever one is due.

use crate::roles::{callbacks, fleets, open, until_told_to_stop};
use crate::settings::{self, Settings};
use anyhow::Context as _;
use database::Ledger;
use database::rev_io::{Account, Resource};
use database::secret::KeyRing;
use domain::ids::{Ids, TenantId};
use indicatif::{ProgressBar, ProgressStyle};
use intake::{Planner, Spool};
use integrations::{HttpClient, HttpSettings};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use sync::{AccountReport, Installation, SyncError, SyncSettings, read_account, read_what_is_asked_for};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use web::MOST_UPLOAD_BYTES;

/// What `ascribe sync` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only this account at Rev.io, or this service provider, by name or id
    #[arg(long)]
    account: Option<String>,
    /// Take for gone whatever is missing and is not there when it is asked for by its id, however much it is; look first
    #[arg(long)]
    accept_missing: bool,
}

/// `ascribe sync`: every account that is set up and not paused, now.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !arguments.accept_missing || arguments.account.is_some(),
        "--accept-missing is about one account that somebody has looked at: name it with --account"
    );
    let stop = until_told_to_stop()?;
    let opened = open(settings).await?;
    let keys = settings
        .keys(&settings::ids())?
        .context("there is no key to open credentials with; set ASCRIBE_SECRET_KEY_FILE")?;
    let keys = Arc::new(keys);
    let http = HttpClient::new(HttpSettings::default())?;
    let spool = Spool::open(settings.data.join("spool"), MOST_UPLOAD_BYTES).await?;
    let planner = Planner::new(opened.ledger.clone(), settings::ids(), settings.planner(), spool);
    let sync = SyncSettings { accept_missing: arguments.accept_missing, ..reading(settings) };
    let (mut read, mut failed) = (0, 0);
    for tenant in database::discard::tenants(&opened.ledger).await? {
        for account in database::rev_io::accounts_to_read(&opened.ledger, tenant).await? {
            let named = |name: &String| account.name == *name || account.id.to_string() == *name;
            if !arguments.account.as_ref().is_none_or(named) {
                continue;
            }
            read += 1;
            let bar = ProgressBar::new(Resource::ALL.len() as u64)
                .with_style(ProgressStyle::with_template("{prefix} {bar:30} {msg}")?);
            bar.set_prefix(account.name.clone());
            let tell = |resource: Resource| {
                bar.set_message(resource.word());
                bar.inc(1);
            };
            // One that was interrupted goes on: what was read to its end a while ago is not read again.
            let readings = database::rev_io::progress(&opened.ledger, tenant, account.id).await?;
            let interrupted = readings.iter().any(|reading| reading.ended_at.is_none());
            let sync = SyncSettings { fresh_since: interrupted.then(|| oldest(settings)), ..sync.clone() };
            match one(&opened.ledger, &keys, &http, (tenant, &account), &sync, &stop, tell).await {
                Ok(report) => {
                    bar.finish_and_clear();
                    show(&report);
                    if let Some(plan) = planner.plan_for_closed_customers(tenant).await? {
                        println!(
                            "  closed customers still have SIMs; look at `ascribe plan get {plan}`, then `ascribe apply {plan}`"
                        );
                    }
                    failed += u32::from(report.resources.iter().any(|r| r.kept_because.is_some() || r.unreadable > 0));
                }
                Err(error) => {
                    bar.finish_and_clear();
                    eprintln!("{}: {error}", account.name);
                    failed += 1;
                }
            }
        }
        let fleets = fleets::Reader { ledger: &opened.ledger, keys: &keys, http: &http, settings, stop: &stop };
        let (carriers, unread) = fleets.by_hand(tenant, arguments.account.as_deref(), arguments.accept_missing).await?;
        (read, failed) = (read + carriers, failed + unread);
    }
    opened.close().await;
    anyhow::ensure!(
        read > 0,
        "no account at Rev.io or at a carrier is set up, or it is paused: `ascribe doctor` says more"
    );
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn reading(settings: &Settings) -> SyncSettings {
    let (hosts, carrier_hosts) = (settings.rev_io_hosts(), settings.carrier_hosts());
    SyncSettings { hosts, carrier_hosts, ..SyncSettings::default() }
}

async fn one(
    ledger: &Ledger,
    keys: &KeyRing,
    http: &HttpClient,
    (tenant, account): (TenantId, &Account),
    sync: &SyncSettings,
    stop: &CancellationToken,
    tell: impl Fn(Resource) + Send + Sync,
) -> Result<AccountReport, SyncError> {
    let installation = Installation { ledger, keys, http, clock: settings::clock() };
    read_account(&installation, tenant, account, sync, stop, tell).await
}

/// A line a resource.
fn show(report: &AccountReport) {
    println!("{}", report.account);
    for reading in &report.resources {
        println!(
            "  {:<18} {:>8} read {:>8} new {:>8} changed {:>6} gone {:>4} unreadable{}",
            reading.resource,
            reading.read,
            reading.made,
            reading.changed,
            reading.gone,
            reading.unreadable,
            reading.kept_because.as_ref().map(|why| format!("  {why}")).unwrap_or_default()
        );
    }
}

/// Accounts that one process reads at the same time.
const READ_AT_ONCE: usize = 8;
/// After trouble an account is left alone for so long.
const AFTER_TROUBLE: Duration = Duration::from_secs(300);

/// What looking after the mirror needs.
struct Mirror {
    settings: Settings,
    ledger: Ledger,
    keys: Option<Arc<KeyRing>>,
    ids: Ids,
    http: HttpClient,
    planner: Planner,
    stop: CancellationToken,
}

/// The accounts that are being read, and those that are left alone until a moment.
#[derive(Default)]
struct Readings {
    running: HashMap<Uuid, JoinHandle<bool>>,
    not_before: HashMap<Uuid, Timestamp>,
}

impl Readings {
    /// Those that have ended make room for others, also those of accounts that are paused by now.
    async fn collect(&mut self) {
        let ended: Vec<Uuid> = self.running.iter().filter(|(_, task)| task.is_finished()).map(|(id, _)| *id).collect();
        for id in ended {
            let Some(task) = self.running.remove(&id) else { continue };
            if !task.await.unwrap_or(false) {
                self.not_before.insert(id, settings::clock().now() + AFTER_TROUBLE);
            }
        }
    }
}

/// Reads whatever account is due, and makes links again of devices whose numbers changed, until it is told to stop. Each account
/// by itself: one that waits until tomorrow keeps nobody waiting.
pub(crate) async fn whenever_due(
    settings: Settings,
    ledger: Ledger,
    keys: Option<Arc<KeyRing>>,
    planner: Planner,
    stop: CancellationToken,
) {
    let http = match HttpClient::new(HttpSettings::default()) {
        Ok(http) => http,
        Err(error) => return tracing::error!(error = &error as &dyn std::error::Error, "Rev.io cannot be read"),
    };
    let mirror = Arc::new(Mirror { settings, ledger, keys, ids: settings::ids(), http, planner, stop });
    let customers = tokio::spawn(customers_asked_for(Arc::clone(&mirror)));
    let registering = tokio::spawn(callbacks_registered(Arc::clone(&mirror)));
    let mut readings = Readings::default();
    while !mirror.stop.is_cancelled() {
        readings.collect().await;
        match database::discard::tenants(&mirror.ledger).await {
            Ok(tenants) => {
                for tenant in tenants {
                    if let Err(error) = look_after(&mirror, tenant, &mut readings).await {
                        tracing::warn!(%tenant, error = &error as &dyn std::error::Error, "the mirror could not be looked after");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the mirror could not be looked after")
            }
        }
        tokio::select! {
            () = mirror.stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
        }
    }
    for reading in readings.running.into_values() {
        drop(reading.await);
    }
    drop(customers.await);
    drop(registering.await);
}

async fn callbacks_registered(mirror: Arc<Mirror>) {
    let Some(keys) = mirror.keys.clone() else { return };
    let Mirror { settings, ledger, http, stop, .. } = &*mirror;
    let (settings, ledger, http, stop) = (settings.clone(), ledger.clone(), http.clone(), stop.clone());
    callbacks::Registrar { settings, ledger, keys, http, stop }.whenever_due().await;
}

/// Customers of a tenant that one process reads at the same time, and of all tenants.
const WANTED_AT_ONCE: (usize, usize) = (4, 32);

/// Reads the customers that plans wait for, until it is told to stop. A tenant whose account is slow keeps no other waiting.
async fn customers_asked_for(mirror: Arc<Mirror>) {
    let Some(keys) = mirror.keys.clone() else { return };
    let mut running: Vec<(TenantId, JoinHandle<()>)> = Vec::new();
    while !mirror.stop.is_cancelled() {
        running.retain(|(_, reading)| !reading.is_finished());
        match database::rev_io::tenants_that_ask(&mirror.ledger).await {
            Ok(tenants) => {
                for tenant in tenants {
                    let of_tenant = running.iter().filter(|(whose, _)| *whose == tenant).count();
                    let free = WANTED_AT_ONCE.0.saturating_sub(of_tenant);
                    for _ in 0..free.min(WANTED_AT_ONCE.1.saturating_sub(running.len())) {
                        let reading = tokio::spawn(read_wanted(Arc::clone(&mirror), Arc::clone(&keys), tenant));
                        running.push((tenant, reading));
                    }
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "it could not be looked for what plans want to know again"
                )
            }
        }
        tokio::select! {
            () = mirror.stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    for (_, reading) in running {
        drop(reading.await);
    }
}

/// Reads what plans of a tenant want to know again, until nothing is asked for.
async fn read_wanted(mirror: Arc<Mirror>, keys: Arc<KeyRing>, tenant: TenantId) {
    let installation =
        Installation { ledger: &mirror.ledger, keys: &keys, http: &mirror.http, clock: settings::clock() };
    let sync = reading(&mirror.settings);
    loop {
        match read_what_is_asked_for(&installation, tenant, &sync, &mirror.stop).await {
            Ok(true) => {}
            Ok(false) | Err(SyncError::Stopped | SyncError::Paused) => return,
            // It is left alone for a while; the rest is read.
            Err(error) => {
                tracing::warn!(%tenant, error = &error as &dyn std::error::Error, "what a plan wants to know again was not read");
            }
        }
    }
}

async fn look_after(
    mirror: &Arc<Mirror>,
    tenant: TenantId,
    readings: &mut Readings,
) -> Result<(), database::DatabaseError> {
    while !mirror.stop.is_cancelled() && database::rev_io::relink(&mirror.ledger, tenant).await?.0 > 0 {}
    let Some(keys) = &mirror.keys else { return Ok(()) };
    match database::rev_io::rewrap_all(&mirror.ledger, tenant, keys, &mirror.ids).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "secrets are sealed with the new key"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "secrets could not be sealed again"),
    }
    let now = settings::clock().now();
    for account in database::rev_io::accounts_to_read(&mirror.ledger, tenant).await? {
        // Somebody is setting it up: that is no trouble to wait for.
        if account.credentials.is_empty() {
            continue;
        }
        let id = account.id.0;
        let waits =
            readings.running.contains_key(&id) || readings.not_before.get(&id).is_some_and(|until| now < *until);
        if waits || readings.running.len() >= READ_AT_ONCE || !is_due(mirror, tenant, &account).await? {
            continue;
        }
        readings.running.insert(id, tokio::spawn(read(Arc::clone(mirror), Arc::clone(keys), tenant, account)));
    }
    for account in database::carrier::accounts_to_read(&mirror.ledger, tenant).await? {
        if account.credentials.is_empty() {
            continue;
        }
        let id = account.service_provider.0;
        let waits =
            readings.running.contains_key(&id) || readings.not_before.get(&id).is_some_and(|until| now < *until);
        let is_due = fleets::is_due(&mirror.ledger, tenant, &account, oldest(&mirror.settings)).await?;
        if waits || readings.running.len() >= READ_AT_ONCE || !is_due {
            continue;
        }
        let (mirror, keys) = (Arc::clone(mirror), Arc::clone(keys));
        readings.running.insert(
            id,
            tokio::spawn(async move {
                let Mirror { ledger, http, settings, stop, .. } = &*mirror;
                fleets::Reader { ledger, keys: &keys, http, settings, stop }.when_due(tenant, &account).await
            }),
        );
    }
    Ok(())
}

/// Reads what is due of an account. False: it had trouble, and is left alone for a while.
async fn read(mirror: Arc<Mirror>, keys: Arc<KeyRing>, tenant: TenantId, account: Account) -> bool {
    let sync = SyncSettings { fresh_since: Some(oldest(&mirror.settings)), ..reading(&mirror.settings) };
    match one(&mirror.ledger, &keys, &mirror.http, (tenant, &account), &sync, &mirror.stop, |_| {}).await {
        Ok(_) => {
            tracing::info!(account = account.name, "read");
            give_back(&mirror.planner, tenant).await;
            true
        }
        Err(SyncError::Stopped) => true,
        // Another process reads it, or it is paused: looked at again later.
        Err(SyncError::Taken(_) | SyncError::Paused) => false,
        Err(error) => {
            tracing::warn!(account = account.name, error = &error as &dyn std::error::Error, "not read to its end");
            false
        }
    }
}

/// Plans to give back what closed customers still have, if there is something and no such plan waits.
async fn give_back(planner: &Planner, tenant: TenantId) {
    match planner.plan_for_closed_customers(tenant).await {
        Ok(None) => {}
        Ok(Some(plan)) => {
            tracing::warn!(%tenant, bulk_change.id = %plan, "closed customers still have SIMs: a plan to give them back waits to be applied");
        }
        Err(error) => {
            tracing::warn!(%tenant, error = &error as &dyn std::error::Error, "SIMs of closed customers could not be planned for")
        }
    }
}

fn oldest(settings: &Settings) -> Timestamp {
    settings::clock().now() - SignedDuration::from_secs_f64(settings.sync_minutes * 60.0)
}

/// Is a resource of it unread, unfinished, or older than is wanted?
async fn is_due(mirror: &Mirror, tenant: TenantId, account: &Account) -> Result<bool, database::DatabaseError> {
    let readings = database::rev_io::progress(&mirror.ledger, tenant, account.id).await?;
    let oldest = oldest(&mirror.settings);
    Ok(readings.len() < Resource::ALL.len() || readings.iter().any(|r| r.ended_at.is_none() || r.started_at < oldest))
}
