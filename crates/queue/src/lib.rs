//! The belt: finds out that there is work and hands it on, one claim at a time, from PostgreSQL itself.
//! Must not know: what is done with a chunk; it is given a function.

use database::Ledger;
use database::chunk::{Claim, WakeUps, claim_chunk};
use database::schedule::{Due, claim_schedule_chunk};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How the belt runs.
#[derive(Clone, Copy, Debug)]
pub struct BeltSettings {
    /// Chunks worked on at a time.
    pub lanes: usize,
    /// How long a claim is ours; longer than a settle ever takes.
    pub lease: Duration,
    /// How often it is looked without a wake-up: the safety net, since wake-ups are hints.
    pub poll_every: Duration,
}

impl Default for BeltSettings {
    fn default() -> Self {
        Self { lanes: 2, lease: Duration::from_secs(60), poll_every: Duration::from_secs(1) }
    }
}

/// What a lane is given to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A chunk of a bulk change.
    Chunk(Claim),
    /// Schedule rows whose date has come.
    Due(Due),
}

/// Claims and hands on until it is cancelled; a chunk that was claimed is still finished then.
pub async fn run<Work, Working>(ledger: Ledger, settings: BeltSettings, stop: CancellationToken, work: Work)
where
    Work: Fn(Job) -> Working + Send + Sync + 'static,
    Working: Future<Output = ()> + Send + 'static,
{
    let (work, bell) = (Arc::new(work), Arc::new(Notify::new()));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(ring(ledger.clone(), Arc::clone(&bell), stop.clone()));
    for _ in 0..settings.lanes.max(1) {
        tasks.spawn(lane(ledger.clone(), settings, stop.clone(), Arc::clone(&work), Arc::clone(&bell)));
    }
    while tasks.join_next().await.is_some() {}
}

async fn lane<Work, Working>(
    ledger: Ledger,
    settings: BeltSettings,
    stop: CancellationToken,
    work: Arc<Work>,
    bell: Arc<Notify>,
) where
    Work: Fn(Job) -> Working + Send + Sync,
    Working: Future<Output = ()> + Send,
{
    // Neither kind of work keeps the other waiting: each is asked for first every other time.
    let mut due_first = false;
    while !stop.is_cancelled() {
        due_first = !due_first;
        match next_job(&ledger, settings.lease, due_first).await {
            Ok(Some(job)) => {
                // There may be more: wake a neighbour before the work, not after it.
                bell.notify_one();
                work(job).await;
            }
            Ok(None) => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = bell.notified() => {}
                    () = tokio::time::sleep(settings.poll_every) => {}
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no claim could be made");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_millis(250)) => {}
                }
            }
        }
    }
}

/// The next thing to do, of either kind.
///
/// # Errors
/// The database does not answer.
pub async fn next_job(
    ledger: &Ledger,
    lease: Duration,
    due_first: bool,
) -> Result<Option<Job>, database::DatabaseError> {
    if due_first && let Some(due) = claim_schedule_chunk(ledger, lease).await? {
        return Ok(Some(Job::Due(due)));
    }
    if let Some(claim) = claim_chunk(ledger, lease).await? {
        return Ok(Some(Job::Chunk(claim)));
    }
    if due_first {
        return Ok(None);
    }
    Ok(claim_schedule_chunk(ledger, lease).await?.map(Job::Due))
}

/// Turns notifications into wake-ups, and listens again when the connection is gone.
async fn ring(ledger: Ledger, bell: Arc<Notify>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let listening = async {
            let mut wake_ups = WakeUps::listen(&ledger).await?;
            loop {
                wake_ups.next().await?;
                bell.notify_one();
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            ended = listening => {
                let ended: Result<(), database::DatabaseError> = ended;
                if ended.is_err() {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }
}
