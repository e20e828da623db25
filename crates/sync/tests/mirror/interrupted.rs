//! Fifty thousand lines, a world that fails at every turn, and a reading that is stopped ten times.

use crate::compare::assert_mirrored;
use crate::stage::Stage;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use std::time::Duration;
use sync::SyncError;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_reading_that_is_interrupted_ten_times_ends_with_what_is_there() {
    let stage = Stage::of(5_000, 500, 100).await;
    // Some devices have the numbers of lines.
    let numbers: Vec<String> = stage.world.rev_io(|state| {
        state
            .account("api@first")
            .unwrap()
            .services
            .iter()
            .filter_map(|line| line.number.clone())
            .step_by(250)
            .collect()
    });
    let list = numbers.iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(",");
    stage
        .app
        .database
        .plant(&format!(
            "update app.m2m_device d set msisdn = n.number
             from (select number, row_number() over () as place from unnest(array[{list}]) as u (number)) as n,
                  (select id, row_number() over (order by iccid) as place from app.m2m_device where status = 'active' and not is_archived) as x
             where x.id = d.id and x.place = n.place"
        ))
        .await
        .unwrap();
    for fault in [
        json!({"kind": "server_error_before"}),
        json!({"kind": "cut_before"}),
        json!({"kind": "garbage"}),
        json!({"kind": "cut_in_the_middle"}),
    ] {
        stage.fault(json!({"provider": "rev-io", "when": {"rate": 0.01}, "fault": fault}));
    }
    let mut random = StdRng::seed_from_u64(3);
    let mut stopped = 0;
    while stopped < 10 {
        let stop = CancellationToken::new();
        let later = stop.clone();
        let after = Duration::from_millis(random.random_range(200..1_500));
        let stopping = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            later.cancel();
        });
        match stage.read("Rev.io", &stop).await {
            Err(SyncError::Stopped) => stopped += 1,
            Err(error) => panic!("{error:?}"),
            Ok(_) => break,
        }
        stopping.await.unwrap();
    }
    assert_eq!(stopped, 10, "the world was read before it was interrupted ten times");
    stage.read("Rev.io", &CancellationToken::new()).await.unwrap();
    assert_mirrored(&stage, "Rev.io", "api@first").await;
    let lines = stage.app.database.number("select count(*) from app.rev_service").await.unwrap();
    assert_eq!(lines, 50_000);
    // The lines of these devices are somebody else's: nobody is assigned yet.
    let billed = "select count(*) from app.device_tenant where other_rev_service_ids is not null";
    assert!(stage.app.database.number(billed).await.unwrap() > 50);
    assert_eq!(
        stage.app.database.number("select count(*) from app.rev_sync_seen").await.unwrap(),
        0,
        "nothing is left"
    );
    assert_eq!(stage.app.database.number("select count(*) from app.device_link_due").await.unwrap(), 0);
    stage.finish().await;
}
