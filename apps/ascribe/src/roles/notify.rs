//! Telling webhooks, beside the work: in `ascribe work`, and in `ascribe serve --work`.

use crate::settings::{self, Settings};
use database::Ledger;
use domain::ids::Ids;
use integrations::notify::{Notifier, NotifySettings, system_lookup};
use processing::{Telling, notify_until_stopped};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Deliveries of a tenant that are taken away in one transaction.
const FORGOTTEN_AT_A_TIME: i64 = 1_000;

/// Tells whatever is due until it is stopped. Without a key there is no webhook: none could be made.
pub(crate) async fn whenever_due(settings: Settings, ledger: Ledger, ids: Ids, stop: CancellationToken) {
    let keys = match settings.keys(&ids) {
        Ok(Some(keys)) => Arc::new(keys),
        Ok(None) => return,
        Err(error) => return tracing::error!("webhooks cannot be told: {error:#}"),
    };
    let hosts = settings.webhook_hosts().into();
    let notifier = match Notifier::new(NotifySettings::default(), hosts, settings::clock(), system_lookup()) {
        Ok(notifier) => notifier,
        Err(error) => {
            return tracing::error!(error = &error as &dyn std::error::Error, "webhooks cannot be told");
        }
    };
    let how = processing::NotifySettings {
        lease: settings.lease().max(Duration::from_secs(15)),
        poll_every: settings.poll(),
        ..processing::NotifySettings::default()
    };
    notify_until_stopped(Telling { ledger, keys, notifier, ids }, how, stop).await;
}

/// Takes away deliveries that were over a month ago.
pub(crate) async fn forget_old(
    ledger: &Ledger,
    tenant: domain::ids::TenantId,
    stop: &CancellationToken,
) -> Result<(), database::DatabaseError> {
    while !stop.is_cancelled()
        && database::webhook::forget_old(ledger, tenant, FORGOTTEN_AT_A_TIME).await?
            == FORGOTTEN_AT_A_TIME.unsigned_abs()
    {}
    Ok(())
}
