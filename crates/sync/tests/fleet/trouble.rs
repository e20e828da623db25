//! Sign-ins that run out, credentials that are refused, two readers at once.

use crate::stage::Stage;
use sync::SyncError;
use tokio_util::sync::CancellationToken;

/// How often this operation was called.
fn calls(stage: &Stage, path: &str) -> usize {
    stage.world.ledger(|ledger| ledger.entries().filter(|entry| entry.path.ends_with(path)).count())
}

#[tokio::test]
async fn a_sign_in_that_has_run_out_is_renewed_and_only_then() {
    let stage = Stage::of(50).await;
    stage.read_whole().await;
    stage.read_whole().await;
    assert_eq!((calls(&stage, "/oauth2/token"), calls(&stage, "/session/login")), (1, 1), "it is shared");
    stage.profile(|profile| profile.end_sessions());
    stage.read_whole().await;
    assert_eq!((calls(&stage, "/oauth2/token"), calls(&stage, "/session/login")), (1, 2));
    stage.profile(|profile| profile.expire_token());
    stage.read_whole().await;
    assert_eq!(calls(&stage, "/oauth2/token"), 2);
    // Sealed: neither token is in the database as it is.
    let plain = "select count(*) from app.carrier_sign_in where encode(sealed_value, 'escape') ~ '^[ -~]+$'";
    assert_eq!(stage.app.database.number(plain).await.unwrap(), 0);
    assert_eq!(stage.app.database.number("select count(*) from app.carrier_sign_in").await.unwrap(), 2);
    stage.finish().await;
}

#[tokio::test]
async fn refused_credentials_pause_the_account_at_once_and_lock_nobody_out() {
    let stage = Stage::of(20).await;
    stage.set_up("wrong").await;
    let stop = CancellationToken::new();
    let refused = stage.read(&stop).await.unwrap_err();
    assert!(matches!(refused, SyncError::CarrierCredentials(_)), "{refused}");
    assert_eq!(calls(&stage, "/session/login"), 1);
    assert!(!format!("{refused} {refused:?}").contains("canary"));
    let account =
        database::carrier::get(&stage.app.ledger, stage.app.fixture.tenant, stage.provider()).await.unwrap().unwrap();
    assert!(account.paused_because.unwrap().contains("refused the credentials"));
    assert!(matches!(stage.read(&stop).await.unwrap_err(), SyncError::Paused));
    assert_eq!(calls(&stage, "/session/login"), 1, "nothing more is sent");
    assert!(!stage.profile(|profile| profile.is_locked()));
    stage.set_up("canary-password").await;
    assert_eq!(stage.read_whole().await.read, 20);
    // What is kept of a sign-in is of no use to others: they sign in for themselves, and are found out.
    stage.set_up("wrong again").await;
    assert!(matches!(stage.read(&stop).await.unwrap_err(), SyncError::CarrierCredentials(_)));
    stage.finish().await;
}

#[tokio::test]
async fn two_do_not_read_the_same_list_and_who_died_with_it_keeps_nobody_from_it_for_long() {
    let stage = Stage::of(20).await;
    let (ledger, tenant) = (&stage.app.ledger, stage.app.fixture.tenant);
    let held = database::carrier::claim(ledger, tenant, (stage.provider(), "another"), 1.5).await.unwrap();
    assert!(held.is_some());
    let stop = CancellationToken::new();
    assert!(matches!(stage.read(&stop).await, Err(SyncError::Taken("devices"))));
    tokio::time::sleep(std::time::Duration::from_millis(1_700)).await;
    assert_eq!(stage.read_whole().await.read, 20);
    // Whoever wakes up after that writes nothing.
    let late = database::carrier::end(ledger, &held.unwrap(), None).await;
    assert!(matches!(late, Err(database::DatabaseError::LeaseLost)), "{late:?}");
    stage.finish().await;
}

/// A log-in that is answered with anything but a no may have been a wrong one, and five of those lock the user: it is not tried again
/// for each device that is missing.
#[tokio::test]
async fn a_sign_in_that_cannot_be_renewed_ends_the_reading_before_it_locks_anybody_out() {
    let mut stage = Stage::of(100).await;
    stage.settings.tries = 8;
    stage.read_whole().await;
    let gone: Vec<i64> =
        stage.profile(|profile| profile.devices.iter().map(|device| device.record.id).take(4).collect());
    for id in gone {
        stage.profile(|profile| profile.devices.remove(id)).unwrap();
    }
    stage.list_and_leave().await;
    let before = calls(&stage, "/session/login");
    stage.profile(|profile| profile.end_sessions());
    stage.fault(serde_json::json!({"provider": "thingspace", "method": "POST", "path": "/session/login", "fault": {"kind": "server_error_before"}}));
    let stopped = stage.read(&CancellationToken::new()).await.unwrap_err();
    assert!(matches!(stopped, SyncError::GivenUp { resource: "the sign-in", .. }), "{stopped}");
    let tried = calls(&stage, "/session/login") - before;
    assert!(tried <= 3, "{tried} log-ins");
    stage.world.faults(|faults| faults.clear());
    assert_eq!(stage.read_whole().await.archived, 4);
    stage.finish().await;
}
