//! A lease that is lost in the middle, and the same work done twice at the same time.

use crate::stage::Stage;
use processing::outside::{Outside, Place, Witness, carry_out};
use queue::{Job, next_outside};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Sleeps past the lease once, at one place, as a machine does that was suspended; then goes on as if nothing had happened.
struct SleepsAt(Place, AtomicBool);

impl Witness for SleepsAt {
    fn dies_at(&self, place: Place) -> bool {
        if place == self.0 && !self.1.swap(true, Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(3_500));
        }
        false
    }
}

/// A worker that sleeps past its lease at each place, and another one that takes over meanwhile: what the first one writes is refused,
/// what it sends late is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_wakes_too_late_changes_nothing_and_bills_nobody_twice() {
    let mut stage = Stage::of(24).await;
    stage.outside().settings.lease = Duration::from_millis(2_800);
    stage.outside().settings.spare = Duration::from_millis(200);
    for (number, place) in
        [Place::AfterIntent, Place::AfterCall, Place::AfterRecord, Place::BeforeSettle].into_iter().enumerate()
    {
        let first = u32::try_from(number).unwrap() * 6;
        let plan = stage.plan_to_open(first..first + 6).await;
        stage.apply(&plan).await;
        let outside = stage.app.outside.take();
        stage.app.work().await.unwrap();
        let outside = outside.unwrap();
        stage.app.outside = Some(outside.clone());
        let sleeper = Outside { witness: Arc::new(SleepsAt(place, AtomicBool::new(false))), ..outside.clone() };
        let claimed = next_outside(&stage.app.ledger, &stage.app.ids, outside.settings.lease).await.unwrap();
        let Some(Job::Outside(claim)) = claimed else { unreachable!("rows are due: {claimed:?}") };
        let late = tokio::spawn(async move { carry_out(&sleeper, &claim, &CancellationToken::new()).await });
        tokio::time::sleep(Duration::from_millis(3_000)).await;
        // The lease has run out: somebody else has the rows now.
        stage.app.work().await.unwrap();
        late.await.unwrap();
        let change = stage.work_to_rest(&plan).await;
        assert_eq!(change["counts"]["to_do"], 0, "{place:?}: {change}");
        assert_eq!(change["counts"]["needs_attention"], 0, "{place:?}: {change}");
        stage.sweep().await;
        stage.agrees(&plan).await;
    }
    stage.finish().await;
}
