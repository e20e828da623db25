//! The product's side: the plan applied, then claimed and settled by the belt and the work as they are shipped.

use crate::prepared::Prepared;
use crate::stopwatch;
use anyhow::Result;
use database::Ledger;
use domain::clock::Clock;
use domain::ids::Ids;
use processing::{Outcome, Retry, settle};
use queue::{BeltSettings, Job};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// From the apply to the last settled row.
pub(crate) async fn run(prepared: &Prepared, lanes: usize) -> Result<Duration> {
    let ledger = Ledger::new(prepared.run_login());
    // A service that runs is connected, as the others are before their time begins. There is nothing to claim yet.
    ledger.ping().await?;
    queue::next_job(&ledger, Duration::from_secs(60), true).await?;
    let (stop, left) = (CancellationToken::new(), Arc::new(AtomicI32::new(i32::try_from(prepared.devices)?)));
    let elapsed = stopwatch();
    database::plan::apply(&ledger, &prepared.caller, prepared.change.0, None).await?;
    let (settling, done) = (ledger.clone(), stop.clone());
    let retry = Retry { tries: 3, first_wait: Duration::from_millis(10), lease: Duration::from_secs(60) };
    #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
    let ids = Ids::new(Clock::from_fn(jiff::Timestamp::now), [5; 32]);
    let belt = BeltSettings { lanes, outside_lanes: 0, ..BeltSettings::default() };
    queue::run(ledger.clone(), ids, belt, stop, move |job| {
        let (ledger, left, done) = (settling.clone(), Arc::clone(&left), done.clone());
        async move {
            if let Job::Chunk(claim) = job
                && let Outcome::Done { ok, .. } =
                    settle(&ledger, &claim, "bench", retry, &mut StdRng::seed_from_u64(1)).await
                && left.fetch_sub(ok, Ordering::SeqCst) == ok
            {
                done.cancel();
            }
        }
    })
    .await;
    let took = elapsed();
    ledger.close().await;
    Ok(took)
}
