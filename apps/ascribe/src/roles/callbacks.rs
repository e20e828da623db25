//! Where carriers call back, looked after beside their lists of devices: at once when a process begins or an account is set up, then
//! daily. Without an address of ours nobody can call it, and reading back on schedule is all there is.

use crate::settings::{self, Settings};
use database::Ledger;
use database::carrier::{CarrierAccount, accounts_to_read};
use database::secret::KeyRing;
use domain::ids::TenantId;
use integrations::HttpClient;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use sync::{Installation, Registered, SyncError, register_callbacks};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Accounts that are looked after at the same time.
const AT_ONCE: usize = 8;
/// How often it is looked whether something is due.
const PAUSE: Duration = Duration::from_secs(30);

/// What registering needs of the process.
#[derive(Clone)]
pub(super) struct Registrar {
    pub(super) settings: Settings,
    pub(super) ledger: Ledger,
    pub(super) keys: Arc<KeyRing>,
    pub(super) http: HttpClient,
    pub(super) stop: CancellationToken,
}

impl Registrar {
    /// Looks after one account. `at_once`: also if it was looked at less than a day ago. None: there is no address of ours.
    pub(super) async fn look_after(
        &self,
        tenant: TenantId,
        account: &CarrierAccount,
        at_once: bool,
    ) -> Option<Result<Registered, SyncError>> {
        let url = self.settings.public_url.as_deref()?;
        let clock = settings::clock();
        let installation = Installation { ledger: &self.ledger, keys: &self.keys, http: &self.http, clock };
        let reading = super::sync::reading(&self.settings);
        let (ids, whose) = (settings::ids(), (tenant, account));
        Some(register_callbacks(&installation, &ids, whose, (url, at_once), &reading, &self.stop).await)
    }

    /// Looks after every account, until it is told to stop. One whose carrier is slow keeps no other waiting.
    pub(super) async fn whenever_due(self) {
        if self.settings.public_url.is_none() {
            tracing::info!(
                "ASCRIBE_PUBLIC_URL is not set: carriers have no address to call back to, and what they accept is read back on schedule"
            );
            return;
        }
        let (mut seen, mut running): (HashSet<Uuid>, HashMap<Uuid, JoinHandle<()>>) = Default::default();
        while !self.stop.is_cancelled() {
            running.retain(|_, registering| !registering.is_finished());
            if let Err(error) = self.begin_what_is_due(&mut seen, &mut running).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "where carriers call back could not be looked after"
                );
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        for registering in running.into_values() {
            drop(registering.await);
        }
    }

    async fn begin_what_is_due(
        &self,
        seen: &mut HashSet<Uuid>,
        running: &mut HashMap<Uuid, JoinHandle<()>>,
    ) -> Result<(), database::DatabaseError> {
        for tenant in database::discard::tenants(&self.ledger).await? {
            for account in accounts_to_read(&self.ledger, tenant).await? {
                let id = account.service_provider.0;
                // Somebody is setting it up: that is no trouble to wait for.
                let is_set_up = !account.credentials.is_empty();
                if is_set_up && !running.contains_key(&id) && running.len() < AT_ONCE {
                    let at_once = seen.insert(id);
                    let registrar = self.clone();
                    running.insert(id, tokio::spawn(async move { registrar.one(tenant, &account, at_once).await }));
                }
            }
        }
        Ok(())
    }

    async fn one(&self, tenant: TenantId, account: &CarrierAccount, at_once: bool) {
        let name = account.name.as_str();
        match self.look_after(tenant, account, at_once).await {
            None | Some(Ok(Registered::NotDue | Registered::AsItIs) | Err(SyncError::Stopped | SyncError::Paused)) => {}
            Some(Ok(Registered::Anew)) => {
                tracing::info!(service_provider = name, "the carrier calls back here from now on")
            }
            Some(Ok(Registered::Not(why))) => {
                tracing::warn!(service_provider = name, why, "the carrier does not call back here")
            }
            Some(Err(error)) => tracing::warn!(
                service_provider = name,
                error = &error as &dyn std::error::Error,
                "it could not be looked where the carrier calls back"
            ),
        }
    }
}
