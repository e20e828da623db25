//! A feed that is partial, shifts, is refused or cannot be understood takes nothing away from the mirror.

use crate::compare::assert_mirrored;
use crate::stage::Stage;
use serde_json::json;
use sync::SyncError;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn more_that_is_missing_than_can_be_believed_is_kept_until_somebody_has_looked() {
    let mut stage = Stage::of(1, 100, 1).await;
    stage.read_both().await;
    stage.world.rev_io(|state| {
        let account = state.account_mut("api@first").unwrap();
        let ids: Vec<i64> = account.services.iter().map(|s| s.service_id).take(40).collect();
        ids.into_iter().for_each(|id| drop(account.services.remove(id)));
    });
    let stop = CancellationToken::new();
    let report = stage.read("Rev.io", &stop).await.unwrap();
    let services = report.resources.iter().find(|r| r.resource == "services").unwrap();
    assert!(services.kept_because.as_ref().unwrap().contains("40 of 100"), "{services:?}");
    assert_eq!(services.gone, 0);
    assert_eq!(
        stage.app.database.number("select count(*) from app.rev_service where gone_at is not null").await.unwrap(),
        0
    );
    assert_eq!(
        stage.app.database.number("select count(*) from app.audit_entry where action = 'rev_io_kept'").await.unwrap(),
        1
    );
    stage.settings.accept_missing = true;
    stage.read("Rev.io", &stop).await.unwrap();
    assert_mirrored(&stage, "Rev.io", "api@first").await;
    stage.finish().await;
}

#[tokio::test]
async fn what_a_shifted_feed_leaves_out_is_asked_for_and_stays() {
    let stage = Stage::of(1, 30, 2).await;
    stage.read_both().await;
    // The search does not see what is younger than a year: the whole list is partial. But every object is there by its id.
    stage
        .fault(json!({"provider": "rev-io", "path": "/packages", "fault": {"kind": "stale_search", "seconds": 86400}}));
    let report = stage.read("Rev.io", &CancellationToken::new()).await.unwrap();
    let packages = report.resources.iter().find(|r| r.resource == "packages").unwrap();
    assert_eq!((packages.gone, &packages.kept_because), (0, &None), "{packages:?}");
    assert_mirrored(&stage, "Rev.io", "api@first").await;
    stage.finish().await;
}

#[tokio::test]
async fn refused_credentials_pause_the_account_and_show_nowhere() {
    let stage = Stage::of(1, 3, 1).await;
    let account = stage.account("Rev.io").await;
    stage.sign_in(account.id.0, "api@first", "canary-wrong").await;
    let stop = CancellationToken::new();
    let refused = stage.read("Rev.io", &stop).await.unwrap_err();
    assert!(matches!(refused, SyncError::Credentials(401)), "{refused}");
    assert!(!format!("{refused:?}").contains("canary"));
    let paused = stage.account("Rev.io").await;
    assert_eq!(paused.paused_because.as_deref(), Some("Rev.io refused the credentials (401)"));
    let to_read = database::rev_io::accounts_to_read(&stage.app.ledger, stage.app.fixture.tenant).await.unwrap();
    assert_eq!(to_read.len(), 1, "the other account goes on");
    stage.finish().await;
}

#[tokio::test]
async fn throttling_is_waited_for_and_a_dead_feed_is_left_for_the_next_time() {
    let mut stage = Stage::of(1, 3, 1).await;
    stage.fault(json!({"provider": "rev-io", "when": {"next": 2}, "fault": {"kind": "throttle", "seconds": 1}}));
    let stop = CancellationToken::new();
    stage.read("Rev.io", &stop).await.unwrap();
    assert_mirrored(&stage, "Rev.io", "api@first").await;
    stage.settings.tries = 3;
    stage.fault(json!({"provider": "rev-io", "path": "/services", "fault": {"kind": "garbage"}}));
    let dead = stage.read("Rev.io", &stop).await.unwrap_err();
    assert!(matches!(dead, SyncError::GivenUp { resource: "services", tries: 3, .. }), "{dead}");
    stage.world.faults(simulators::faults::Faults::clear);
    stage.read("Rev.io", &stop).await.unwrap();
    assert_mirrored(&stage, "Rev.io", "api@first").await;
    stage.finish().await;
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_from_being_read() {
    let mut stage = Stage::of(1, 10, 1).await;
    stage.settings.tries = 2;
    let stop = CancellationToken::new();
    stage
        .fault(json!({"provider": "rev-io", "path": "/packages", "fault": {"kind": "refuse", "message": "not today"}}));
    let refused = stage.read("Rev.io", &stop).await.unwrap_err();
    assert!(matches!(refused, SyncError::Refused { resource: "packages", .. }), "{refused}");
    assert_eq!(
        stage.app.database.number("select count(*) from app.rev_service").await.unwrap(),
        10,
        "lines came after it"
    );
    // One that is missing and cannot be asked for is neither kept as whole nor taken for gone.
    stage.world.faults(simulators::faults::Faults::clear);
    let id = stage.world.rev_io(|state| {
        let account = state.account_mut("api@first").unwrap();
        let id = account.services.iter().next().unwrap().service_id;
        drop(account.services.remove(id));
        id
    });
    let path = format!("/services/{id}");
    stage.fault(json!({"provider": "rev-io", "path": path, "fault": {"kind": "garbage"}}));
    let report = stage.read("Rev.io", &stop).await.unwrap();
    let services = report.resources.iter().find(|r| r.resource == "services").unwrap();
    assert_eq!((services.unreadable, services.gone), (1, 0), "{services:?}");
    assert!(services.mirrored_at.unwrap() < services.started_at, "the mirror is as old as it was: {services:?}");
    stage.world.faults(simulators::faults::Faults::clear);
    // What is fresh enough is not read again.
    let calls = || stage.world.ledger(|ledger| ledger.entries().count());
    stage.settings.fresh_since = Some(jiff::Timestamp::MIN);
    let before = calls();
    stage.read("Rev.io", &stop).await.unwrap();
    assert_eq!(calls(), before);
    stage.settings.fresh_since = None;
    // Paused or stopped, not one more call is made.
    stage.app.database.plant("update app.integration_authentication set paused_because = 'a look'").await.unwrap();
    assert!(matches!(stage.read("Rev.io", &stop).await, Err(SyncError::Paused)));
    stage.app.database.plant("update app.integration_authentication set paused_because = null").await.unwrap();
    stop.cancel();
    assert!(matches!(stage.read("Rev.io", &stop).await, Err(SyncError::Stopped)));
    assert_eq!(calls(), before);
    stage.finish().await;
}
