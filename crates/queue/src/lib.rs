//! The belt: finds out that there is work and hands it on, one claim at a time, from PostgreSQL itself.
//! Must not know: what is done with a chunk; it is given a function.

use database::Ledger;
use database::chunk::{Claim, WakeUps, claim_chunk};
use database::outside::{DueClaim, claim_due_work};
use database::schedule::{Due, claim_schedule_chunk};
use domain::ids::Ids;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How the belt runs.
#[derive(Clone, Copy, Debug)]
pub struct BeltSettings {
    /// Chunks worked on at a time.
    pub lanes: usize,
    /// Claims of due rows carried on at a time: they wait for providers, so more than there are processors.
    pub outside_lanes: usize,
    /// How long a claim is ours; longer than a settle ever takes.
    pub lease: Duration,
    /// How long a claim of due rows is ours; longer than a call to a provider takes.
    pub outside_lease: Duration,
    /// How often it is looked without a wake-up: the safety net, since wake-ups are hints.
    pub poll_every: Duration,
}

impl Default for BeltSettings {
    fn default() -> Self {
        Self {
            lanes: 2,
            outside_lanes: 4,
            lease: Duration::from_secs(60),
            outside_lease: Duration::from_secs(90),
            poll_every: Duration::from_secs(1),
        }
    }
}

/// What a lane is given to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// A chunk of a bulk change.
    Chunk(Claim),
    /// Schedule rows whose date has come.
    Due(Due),
    /// Rows whose next call to a provider, or whose next look at one, is due.
    Outside(DueClaim),
}

/// Claims and hands on until it is cancelled; a chunk that was claimed is still finished then.
pub async fn run<Work, Working>(ledger: Ledger, ids: Ids, settings: BeltSettings, stop: CancellationToken, work: Work)
where
    Work: Fn(Job) -> Working + Send + Sync + 'static,
    Working: Future<Output = ()> + Send + 'static,
{
    let (work, bells) = (Arc::new(work), Bells::default());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(ring(ledger.clone(), bells.clone(), stop.clone()));
    let lanes = std::iter::repeat_n(Kind::Ledger, settings.lanes.max(1));
    for kind in lanes.chain(std::iter::repeat_n(Kind::Outside, settings.outside_lanes)) {
        let claims = Claims { ledger: ledger.clone(), ids: ids.clone(), settings, kind };
        tasks.spawn(lane(claims, stop.clone(), Arc::clone(&work), bells.of(kind)));
    }
    while tasks.join_next().await.is_some() {}
}

/// What a lane claims. What waits for a provider has lanes of its own, so that it never keeps the ledger's work waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ledger,
    Outside,
}

/// Wakes one lane of each kind; that one wakes the next.
#[derive(Clone, Default)]
struct Bells {
    ledger: Arc<Notify>,
    outside: Arc<Notify>,
}

impl Bells {
    fn of(&self, kind: Kind) -> Arc<Notify> {
        match kind {
            Kind::Ledger => Arc::clone(&self.ledger),
            Kind::Outside => Arc::clone(&self.outside),
        }
    }
}

struct Claims {
    ledger: Ledger,
    ids: Ids,
    settings: BeltSettings,
    kind: Kind,
}

impl Claims {
    async fn next(&self, due_first: bool) -> Result<Option<Job>, database::DatabaseError> {
        match self.kind {
            Kind::Ledger => next_job(&self.ledger, self.settings.lease, due_first).await,
            Kind::Outside => next_outside(&self.ledger, &self.ids, self.settings.outside_lease).await,
        }
    }
}

async fn lane<Work, Working>(claims: Claims, stop: CancellationToken, work: Arc<Work>, bell: Arc<Notify>)
where
    Work: Fn(Job) -> Working + Send + Sync,
    Working: Future<Output = ()> + Send,
{
    // Neither kind of work keeps the other waiting: each is asked for first every other time.
    let mut due_first = false;
    while !stop.is_cancelled() {
        due_first = !due_first;
        match claims.next(due_first).await {
            Ok(Some(job)) => {
                // There may be more: wake a neighbour before the work, not after it.
                bell.notify_one();
                work(job).await;
            }
            Ok(None) => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = bell.notified() => {}
                    () = tokio::time::sleep(claims.settings.poll_every) => {}
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

/// Rows that are due outside.
///
/// # Errors
/// The database does not answer.
pub async fn next_outside(ledger: &Ledger, ids: &Ids, lease: Duration) -> Result<Option<Job>, database::DatabaseError> {
    Ok(claim_due_work(ledger, ids.next(), lease).await?.map(Job::Outside))
}

/// Turns notifications into wake-ups, and listens again when the connection is gone.
async fn ring(ledger: Ledger, bells: Bells, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let listening = async {
            let mut wake_ups = WakeUps::listen(&ledger).await?;
            loop {
                wake_ups.next().await?;
                bells.ledger.notify_one();
                bells.outside.notify_one();
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
