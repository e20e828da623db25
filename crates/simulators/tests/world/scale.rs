//! Fifty thousand services with a hundred thousand products.

use crate::stage::Stage;
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "how long an answer took is the machine's own waiting")]
fn stopwatch() -> Instant {
    Instant::now()
}

/// The bound is far above what is measured (see the printed times): it is to catch a scan of everything per search, which
/// takes seconds for the hundred searches, and not a busy machine.
#[tokio::test]
async fn pages_and_indexed_searches_stay_quick() {
    let begun = stopwatch();
    let stage = Stage::example(2_500, 20).await;
    println!("made and loaded: {:?}", begun.elapsed());
    stage.world.rev_io(|state| state.accounts_mut()[0].calls_per_minute = 10_000);
    for path in [
        "Services?search.page_size=500",
        "Services?search.page_size=500&search.page=100",
        "ServiceProduct?search.page_size=500&search.page=200",
        "Services?search.page_size=500&search.sort=-number",
        "Services?search.page_size=500&search.description=none",
    ] {
        let begun = stopwatch();
        let response = stage.call(reqwest::Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap();
        println!("{path}: {:?}", begun.elapsed());
    }
    let begun = stopwatch();
    for id in 1..=100 {
        let found = stage.found(&format!("ServiceProduct?search.service_id={}", id * 400)).await;
        assert_eq!(found.len(), 2);
    }
    println!("100 indexed searches: {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
