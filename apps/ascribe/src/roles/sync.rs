//! `ascribe sync`: reads the accounts at Rev.io into the mirror; once by hand, or whenever one is due.

use crate::roles::{open, until_told_to_stop};
use crate::settings::{self, Settings};
use anyhow::Context as _;
use database::Ledger;
use database::rev_io::{Account, Resource};
use database::secret::KeyRing;
use domain::ids::{Ids, TenantId};
use indicatif::{ProgressBar, ProgressStyle};
use integrations::{HttpClient, HttpSettings};
use jiff::SignedDuration;
use std::process::ExitCode;
use std::time::Duration;
use sync::{AccountReport, Installation, SyncError, SyncSettings, read_account};
use tokio_util::sync::CancellationToken;

/// What `ascribe sync` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only this account at Rev.io, by name or id
    #[arg(long)]
    account: Option<String>,
    /// Take for gone whatever is missing and is not there when it is asked for by its id, however much it is; look first
    #[arg(long)]
    accept_missing: bool,
}

/// `ascribe sync`: every account that is set up and not paused, now.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = until_told_to_stop()?;
    let opened = open(settings).await?;
    let keys = settings
        .keys(&settings::ids())?
        .context("there is no key to open credentials with; set ASCRIBE_SECRET_KEY_FILE")?;
    let http = HttpClient::new(HttpSettings::default())?;
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
            match one(&opened.ledger, &keys, &http, (tenant, &account), &sync, &stop, tell).await {
                Ok(report) => {
                    bar.finish_and_clear();
                    show(&report);
                    failed += u32::from(report.resources.iter().any(|r| r.kept_because.is_some() || r.unreadable > 0));
                }
                Err(error) => {
                    bar.finish_and_clear();
                    eprintln!("{}: {error}", account.name);
                    failed += 1;
                }
            }
        }
    }
    opened.close().await;
    anyhow::ensure!(read > 0, "no account at Rev.io is set up, or it is paused: `ascribe doctor` says more");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn reading(settings: &Settings) -> SyncSettings {
    SyncSettings { hosts: settings.rev_io_hosts(), ..SyncSettings::default() }
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

/// Reads whatever account is due, and makes links again of devices whose numbers changed, until it is told to stop.
pub(crate) async fn whenever_due(
    settings: Settings,
    ledger: Ledger,
    keys: Option<std::sync::Arc<KeyRing>>,
    stop: CancellationToken,
) {
    let http = match HttpClient::new(HttpSettings::default()) {
        Ok(http) => http,
        Err(error) => return tracing::error!(error = &error as &dyn std::error::Error, "Rev.io cannot be read"),
    };
    let (sync, ids) = (reading(&settings), settings::ids());
    while !stop.is_cancelled() {
        if let Err(error) = round(&settings, (&ledger, &ids), keys.as_deref(), &http, &sync, &stop).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the mirror could not be looked after");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
        }
    }
}

async fn round(
    settings: &Settings,
    (ledger, ids): (&Ledger, &Ids),
    keys: Option<&KeyRing>,
    http: &HttpClient,
    sync: &SyncSettings,
    stop: &CancellationToken,
) -> Result<(), database::DatabaseError> {
    for tenant in database::discard::tenants(ledger).await? {
        while !stop.is_cancelled() && database::rev_io::relink(ledger, tenant).await?.0 > 0 {}
        let Some(keys) = keys else { continue };
        match database::rev_io::rewrap_all(ledger, tenant, keys, ids).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "secrets are sealed with the new key"),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "secrets could not be sealed again"),
        }
        for account in database::rev_io::accounts_to_read(ledger, tenant).await? {
            if stop.is_cancelled() || !is_due(settings, ledger, tenant, &account).await? {
                continue;
            }
            match one(ledger, keys, http, (tenant, &account), sync, stop, |_| {}).await {
                Ok(_) => tracing::info!(account = account.name, "read"),
                // Another process reads it.
                Err(SyncError::Taken(_) | SyncError::Stopped) => {}
                Err(error) => tracing::warn!(
                    account = account.name,
                    error = &error as &dyn std::error::Error,
                    "not read to its end"
                ),
            }
        }
    }
    Ok(())
}

/// Is a resource of it unread, unfinished, or older than is wanted?
async fn is_due(
    settings: &Settings,
    ledger: &Ledger,
    tenant: TenantId,
    account: &Account,
) -> Result<bool, database::DatabaseError> {
    let readings = database::rev_io::progress(ledger, tenant, account.id).await?;
    let oldest = settings::clock().now() - SignedDuration::from_secs_f64(settings.sync_minutes * 60.0);
    Ok(readings.len() < Resource::ALL.len() || readings.iter().any(|r| r.ended_at.is_none() || r.started_at < oldest))
}
