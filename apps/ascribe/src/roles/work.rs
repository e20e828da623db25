//! `ascribe work`: claims chunks and settles them, until it is told to stop.

use crate::roles::{open, until_told_to_stop};
use crate::settings::Settings;
use database::Ledger;
use domain::ids::Ids;
use processing::{Outcome, Retry, settle};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// `ascribe work`
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let stop = until_told_to_stop()?;
    let opened = open(settings).await?;
    tracing::info!(lanes = settings.lanes, "working");
    work(settings, opened.ledger.clone(), crate::settings::ids(), stop).await;
    opened.close().await;
    Ok(())
}

/// The work itself, on a ledger that is open; ends when it is cancelled, with no chunk half done.
pub(crate) async fn work(settings: &Settings, ledger: Ledger, ids: Ids, stop: CancellationToken) {
    let worker = format!("worker:{}", ids.next());
    let retry = Retry { tries: 8, first_wait: Duration::from_millis(50), lease: settings.lease() };
    let months = tokio::spawn(months_ahead(ledger.clone(), stop.clone()));
    let settling = ledger.clone();
    queue::run(ledger, settings.belt(), stop, move |claim| {
        let (ledger, worker, ids) = (settling.clone(), worker.clone(), ids.clone());
        async move {
            let mut seed = [0; 32];
            ids.fill(&mut seed);
            let outcome = settle(&ledger, &claim, &worker, retry, &mut StdRng::from_seed(seed)).await;
            match outcome {
                Outcome::Done { ok, skipped, poisoned } => {
                    tracing::debug!(bulk_change.id = %claim.bulk_change, chunk = claim.chunk_number, ok, skipped, poisoned, "chunk settled");
                }
                Outcome::LeaseLost | Outcome::GivenUp => {
                    tracing::warn!(bulk_change.id = %claim.bulk_change, chunk = claim.chunk_number, ?outcome, "chunk left to another claim");
                }
            }
        }
    }).await;
    months.abort();
}

/// Partitions for the months to come, looked after every hour.
async fn months_ahead(ledger: Ledger, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let wait = match database::migrate::months_ahead(&ledger).await {
            Ok(_) => Duration::from_secs(3600),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the months ahead could not be made");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
