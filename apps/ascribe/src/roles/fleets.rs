//! Devices of carriers read in: by hand beside the accounts at Rev.io, or when their list is older than is wanted.

use crate::roles::callbacks::Registrar;
use crate::settings::{self, Settings};
use database::Ledger;
use database::carrier::{CarrierAccount, accounts_to_read, progress};
use database::secret::KeyRing;
use domain::ids::TenantId;
use indicatif::{ProgressBar, ProgressStyle};
use integrations::HttpClient;
use jiff::Timestamp;
use std::sync::Arc;
use sync::{FleetReport, Installation, Registered, SyncError, SyncSettings, read_fleet};
use tokio_util::sync::CancellationToken;

/// What reading needs of the process.
pub(crate) struct Reader<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) keys: &'a Arc<KeyRing>,
    pub(crate) http: &'a HttpClient,
    pub(crate) settings: &'a Settings,
    pub(crate) stop: &'a CancellationToken,
}

impl Reader<'_> {
    async fn read(
        &self,
        tenant: TenantId,
        account: &CarrierAccount,
        accept_missing: bool,
        tell: impl Fn(usize) + Send + Sync,
    ) -> Result<FleetReport, SyncError> {
        let installation =
            Installation { ledger: self.ledger, keys: self.keys, http: self.http, clock: settings::clock() };
        let sync = SyncSettings { accept_missing, ..super::sync::reading(self.settings) };
        read_fleet(&installation, &settings::ids(), (tenant, account), &sync, self.stop, tell).await
    }

    /// Reads a tenant's carriers now, with a bar for each. Answers how many there were and how many were not read whole.
    pub(crate) async fn by_hand(
        &self,
        tenant: TenantId,
        named: Option<&str>,
        accept_missing: bool,
    ) -> anyhow::Result<(u32, u32)> {
        let (mut read, mut failed) = (0, 0);
        for account in accounts_to_read(self.ledger, tenant).await? {
            let is_meant = |name: &str| account.name == name || account.service_provider.to_string() == name;
            if !named.is_none_or(is_meant) {
                continue;
            }
            read += 1;
            let bar = ProgressBar::new_spinner()
                .with_style(ProgressStyle::with_template("{prefix} {spinner} {human_pos} devices")?);
            bar.set_prefix(account.name.clone());
            let told = self.read(tenant, &account, accept_missing, |devices| bar.inc(devices as u64)).await;
            bar.finish_and_clear();
            self.registered(tenant, &account).await;
            match told {
                Ok(report) => {
                    show(&report);
                    failed += u32::from(report.reading.kept_because.is_some() || report.reading.unreadable > 0);
                }
                Err(error) => {
                    eprintln!("{}: {error}", account.name);
                    failed += 1;
                }
            }
        }
        Ok((read, failed))
    }

    /// The carrier calls back here, if there is an address to call; else it is said what is in the way.
    async fn registered(&self, tenant: TenantId, account: &CarrierAccount) {
        let registrar = Registrar {
            settings: self.settings.clone(),
            ledger: self.ledger.clone(),
            keys: Arc::clone(self.keys),
            http: self.http.clone(),
            stop: self.stop.clone(),
        };
        match registrar.look_after(tenant, account, true).await {
            None
            | Some(
                Ok(Registered::NotDue | Registered::AsItIs | Registered::Anew)
                | Err(SyncError::Stopped | SyncError::Paused),
            ) => {}
            Some(Ok(Registered::Not(why))) => eprintln!("{}: {why}", account.name),
            Some(Err(error)) => eprintln!("{}: where it calls back: {error}", account.name),
        }
    }

    /// Reads what is due of an account. False: it had trouble, and is left alone for a while.
    pub(super) async fn when_due(&self, tenant: TenantId, account: &CarrierAccount) -> bool {
        match self.read(tenant, account, false, |_| {}).await {
            Ok(report) => {
                tracing::info!(service_provider = account.name, devices = report.reading.read, "its devices are read");
                true
            }
            Err(SyncError::Stopped) => true,
            // Another process reads it, or it is paused: looked at again later.
            Err(SyncError::Taken(_) | SyncError::Paused) => false,
            Err(error) => {
                tracing::warn!(
                    service_provider = account.name,
                    error = &error as &dyn std::error::Error,
                    "its devices were not read to their end"
                );
                false
            }
        }
    }
}

/// Is the list unread, unfinished, or older than is wanted?
pub(super) async fn is_due(
    ledger: &Ledger,
    tenant: TenantId,
    account: &CarrierAccount,
    oldest: Timestamp,
) -> Result<bool, database::DatabaseError> {
    let went = progress(ledger, tenant, account.service_provider).await?;
    Ok(went.is_none_or(|went| went.ended_at.is_none() || went.started_at < oldest))
}

/// A line a carrier.
fn show(report: &FleetReport) {
    let went = &report.reading;
    println!("{}", report.service_provider);
    println!(
        "  {:<20} {:>6} read {:>8} new {:>8} changed {:>6} archived{}",
        "devices",
        went.read,
        went.made,
        went.changed,
        went.archived,
        if went.unreadable > 0 { format!(" {:>6} unreadable", went.unreadable) } else { String::new() },
    );
    if let Some(why) = &went.kept_because {
        println!("    {why}");
    }
}
