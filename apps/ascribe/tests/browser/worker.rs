//! A worker that works when it is told to, so that what a page shows meanwhile is known.

use processing::{Outcome, Retry, settle};
use queue::{Job, next_job};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::time::Duration;
use testing::TestApp;

/// Claims and settles so many chunks, or as many as there are. Answers how many.
pub(crate) async fn work(app: &TestApp, most: u64) -> u64 {
    let lease = Duration::from_secs(30);
    let retry = Retry { tries: 5, first_wait: Duration::from_millis(5), lease };
    let mut chunks = 0;
    while chunks < most {
        let Some(Job::Chunk(claim)) = next_job(&app.ledger, lease, false).await.unwrap() else { break };
        let outcome = settle(&app.ledger, &claim, "worker:test", retry, &mut StdRng::seed_from_u64(1)).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        chunks += 1;
    }
    chunks
}
