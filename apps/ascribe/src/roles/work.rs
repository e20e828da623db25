//! `ascribe work`: claims chunks and settles them, until it is told to stop.

use crate::roles::{notify, open, until_told_to_stop};
use crate::settings::Settings;
use database::Ledger;
use domain::ids::Ids;
use integrations::billing::rev_io::RevIoSettings;
use integrations::{HttpClient, HttpSettings};
use processing::outside::{Accounts, NoWitness, Outside, carry_out};
use processing::{Outcome, Retry, apply_due, settle};
use queue::Job;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// `ascribe work`
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let stop = until_told_to_stop()?;
    let opened = open(settings).await?;
    tracing::info!(lanes = settings.lanes, "working");
    work(settings, opened.ledger.clone(), crate::settings::ids(), stop).await?;
    opened.close().await;
    Ok(())
}

/// The work itself, on a ledger that is open; ends when it is cancelled, with no chunk half done.
pub(crate) async fn work(settings: &Settings, ledger: Ledger, ids: Ids, stop: CancellationToken) -> anyhow::Result<()> {
    let worker = format!("worker:{}", ids.next());
    let outside = outside(settings, &ledger, &ids, worker.clone())?;
    let retry = Retry { tries: 8, first_wait: Duration::from_millis(50), lease: settings.lease() };
    let months = tokio::spawn(months_ahead(ledger.clone(), stop.clone()));
    let discarding = tokio::spawn(discard_old_plans(ledger.clone(), stop.clone()));
    let telling = tokio::spawn(notify::whenever_due(settings.clone(), ledger.clone(), ids.clone(), stop.clone()));
    let settling = ledger.clone();
    let stopping = stop.clone();
    queue::run(ledger, ids.clone(), settings.belt(), stop, move |job| {
        let (ledger, worker, ids) = (settling.clone(), worker.clone(), ids.clone());
        let (outside, stop) = (outside.clone(), stopping.clone());
        async move {
            let claim = match job {
                Job::Chunk(claim) => claim,
                Job::Due(due) => {
                    let became = apply_due(&ledger, &due, &worker).await;
                    tracing::debug!(bulk_change.id = %due.bulk_change, chunk = due.chunk_number, ?became, "schedule applied");
                    return;
                }
                Job::Outside(claim) => {
                    let carried = carry_out(&outside, &claim, &stop).await;
                    tracing::debug!(bulk_change.id = %claim.bulk_change, account = %claim.account, rows = claim.rows.len(), ?carried, "due rows carried on");
                    return;
                }
            };
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
    // A try that is under way ends within its own timeout.
    drop(telling.await);
    months.abort();
    discarding.abort();
    Ok(())
}

/// What carrying out needs: secrets opened with the installation's key, and calls that take no longer than is allowed.
fn outside(settings: &Settings, ledger: &Ledger, ids: &Ids, worker: String) -> anyhow::Result<Outside> {
    let outside = settings.outside()?;
    let http = HttpClient::new(HttpSettings {
        connect_timeout: HttpSettings::default().connect_timeout.min(outside.call_timeout / 2),
        total_timeout: outside.call_timeout,
        ..HttpSettings::default()
    })?;
    let keys = settings.keys(ids)?.map(Arc::new);
    let clock = crate::settings::clock();
    let accounts = Accounts::new(keys, http, clock, settings.rev_io_hosts(), RevIoSettings::default())
        .with_carriers(settings.carrier_hosts(), ids.clone());
    Ok(Outside {
        ledger: ledger.clone(),
        accounts: Arc::new(accounts),
        settings: outside,
        worker,
        witness: Arc::new(NoWitness),
    })
}

/// Rows removed at a time of a plan that will never be applied.
const DISCARDED_AT_A_TIME: i32 = 2_000;
/// Idempotency keys that are taken away in one transaction.
const KEYS_AT_A_TIME: i64 = 1_000;

/// Plans that expired or failed lose their rows, in small batches, one tenant after the other; looked after every minute.
async fn discard_old_plans(ledger: Ledger, stop: CancellationToken) {
    let mut passes = 0_u32;
    while !stop.is_cancelled() {
        // After a long break the planners get some minutes to go on before their plans are given up.
        passes = passes.saturating_add(1);
        if let Err(error) = discard_once(&ledger, passes > 5, &stop).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old plans could not be discarded");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(60)) => {}
        }
    }
}

async fn discard_once(
    ledger: &Ledger,
    also_dead: bool,
    stop: &CancellationToken,
) -> Result<(), database::DatabaseError> {
    for tenant in database::discard::tenants(ledger).await? {
        if also_dead {
            database::discard::end_dead_plans(ledger, tenant).await?;
        }
        if database::outside::heal_turns(ledger, tenant).await? > 0 {
            tracing::warn!(%tenant, "changes queued at a gate as paused or cancelled, and were not, or the other way round");
        }
        // What is new of the audit trail comes under the next seal of its chain.
        database::audit::seal(ledger, tenant).await?;
        while !stop.is_cancelled()
            && database::idempotency::forget_expired(ledger, tenant, KEYS_AT_A_TIME).await?
                == KEYS_AT_A_TIME.unsigned_abs()
        {}
        notify::forget_old(ledger, tenant, stop).await?;
        // What matches nothing within a day is nothing that is waited for.
        database::carrier::discard_callbacks(ledger, tenant).await?;
        for plan in database::discard::discardable(ledger, tenant).await? {
            while !stop.is_cancelled()
                && database::discard::discard_plan_rows(ledger, tenant, plan, DISCARDED_AT_A_TIME).await?
                    == DISCARDED_AT_A_TIME
            {}
        }
    }
    Ok(())
}

/// Partitions for the months to come, looked after every hour.
async fn months_ahead(ledger: Ledger, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let wait = match database::migrate::months_ahead(&ledger).await {
            Ok(_) => Duration::from_secs(3600),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the months ahead could not be made");
                Duration::from_secs(60)
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
