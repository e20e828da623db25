//! A fleet as it is, as it changes, and what leaves it.

use crate::stage::Stage;
use serde_json::json;
use simulators::thingspace::{IdKind, State};
use sync::SyncError;
use tokio_util::sync::CancellationToken;

#[expect(clippy::disallowed_methods, reason = "the world under test runs on the machine's clock")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[tokio::test]
async fn what_is_here_is_what_the_carrier_has_and_a_second_reading_changes_nothing() {
    let stage = Stage::of(2_300).await;
    let went = stage.read_whole().await;
    assert_eq!((went.read, went.made, went.unreadable), (2_300, 2_300, 0), "{went:?}");
    assert!(
        went.ended_at.is_some() && went.read_at == Some(went.started_at) && went.kept_because.is_none(),
        "{went:?}"
    );
    assert_eq!(stage.here().await, stage.there());
    // Every SIM is somebody's, and knows when it was activated.
    let count = |sql: &'static str| stage.app.database.number(sql);
    let unassigned = "select count(*) from app.device_tenant dt join app.m2m_device d on d.id = dt.device_id
        join app.site s on s.id = dt.site_id where s.is_system_default and not d.is_archived";
    assert_eq!(count(unassigned).await.unwrap(), 2_300);
    let active = "select count(*) from app.m2m_device d where not d.is_archived and d.status = 'active'";
    let dated = "select count(distinct h.device_id) from app.device_status_history h join app.m2m_device d on d.id = h.device_id
        where not d.is_archived and d.status = 'active' and h.current_status = 'active'";
    assert_eq!(count(dated).await.unwrap(), count(active).await.unwrap());
    let plans = "select count(*) from app.m2m_device d where not d.is_archived and d.status = 'active' and d.carrier_rate_plan_id is null";
    assert_eq!(count(plans).await.unwrap(), 0);

    let again = stage.read_whole().await;
    assert_eq!((again.read, again.made, again.changed, again.archived), (2_300, 0, 0, 0), "{again:?}");
    stage.finish().await;
}

/// A SIM that was known without service is active since the day that its carrier says, not since it was read.
#[tokio::test]
async fn a_sim_that_becomes_active_is_so_since_the_carriers_day() {
    let stage = Stage::of(20).await;
    stage.read_whole().await;
    let day = "2026-03-04T05:06:07Z";
    let iccid = stage.profile(|profile| {
        let fresh =
            profile.devices.iter().find(|device| device.record.state == State::Preactive).unwrap().record.clone();
        assert!(profile.devices.change(fresh.id, now(), |record| {
            record.state = State::Active;
            record.plan = Some("M2M5MB".to_owned());
            record.last_activation_at = Some(day.parse().unwrap());
        }));
        fresh.id_of(IdKind::Iccid).unwrap().to_owned()
    });
    stage.read_whole().await;
    let since = format!(
        "select count(*) from app.device_status_history h join app.m2m_device d on d.id = h.device_id
         where d.iccid = '{iccid}' and h.current_status = 'active' and h.date_of_change = '{day}'"
    );
    assert_eq!(stage.app.database.number(&since).await.unwrap(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn what_changes_at_the_carrier_changes_here_and_is_remembered() {
    let stage = Stage::of(300).await;
    stage.read_whole().await;
    let (suspended, renumbered) = stage.profile(|profile| {
        let active: Vec<i64> =
            profile.devices.iter().filter(|d| d.record.state == State::Active).map(|d| d.record.id).collect();
        let iccid = |id: i64| profile.devices.get(id).unwrap().record.id_of(IdKind::Iccid).unwrap().to_owned();
        let found = (iccid(active[0]), iccid(active[1]));
        assert!(profile.devices.change(active[0], now(), |record| record.state = State::Suspend));
        assert!(profile.devices.change(active[1], now(), |record| {
            record.ids.insert(IdKind::Msisdn, "15550001234".to_owned());
        }));
        found
    });
    let went = stage.read_whole().await;
    assert_eq!((went.made, went.changed), (0, 2), "{went:?}");
    let here = stage.here().await;
    assert_eq!(here, stage.there());
    assert_eq!((here[&suspended].0.as_str(), here[&renumbered].1.as_deref()), ("suspend", Some("15550001234")));
    let history = "select count(*) from app.device_status_history where previous_status = 'active' and current_status = 'suspend'";
    assert_eq!(stage.app.database.number(history).await.unwrap(), 1);
    stage.finish().await;
}

/// The ids of so many devices, from the front.
fn first(stage: &Stage, many: usize) -> Vec<i64> {
    stage.profile(|profile| profile.devices.iter().map(|device| device.record.id).take(many).collect())
}

#[tokio::test]
async fn a_few_that_are_gone_go_into_the_archive_and_many_wait_for_a_person() {
    let mut stage = Stage::of(400).await;
    stage.read_whole().await;
    for id in first(&stage, 6) {
        stage.profile(|profile| profile.devices.remove(id)).unwrap();
    }
    let went = stage.read_whole().await;
    assert_eq!((went.archived, &went.kept_because), (6, &None), "{went:?}");
    assert_eq!(stage.here().await, stage.there());
    assert_eq!(stage.here().await.len(), 394);

    for id in first(&stage, 100) {
        stage.profile(|profile| profile.devices.remove(id)).unwrap();
    }
    let went = stage.read_whole().await;
    assert_eq!(went.archived, 0, "{went:?}");
    assert!(went.kept_because.as_deref().unwrap().contains("100 of 394 were missing"), "{went:?}");
    assert!(went.read_at.unwrap() < went.started_at, "it was not whole: {went:?}");
    assert_eq!(stage.here().await.len(), 394);
    stage.settings.accept_missing = true;
    let went = stage.read_whole().await;
    assert_eq!((went.archived, stage.here().await.len()), (100, 294), "{went:?}");
    stage.finish().await;
}

#[tokio::test]
async fn what_has_moved_to_another_account_goes_into_the_archive_and_comes_back_when_it_is_back() {
    let stage = Stage::of(300).await;
    stage.read_whole().await;
    let moved = first(&stage, 5);
    let ours = stage.profile(|profile| profile.accounts[0].name.clone());
    let move_to = |name: &str| {
        stage.profile(|profile| {
            for id in &moved {
                assert!(profile.devices.change(*id, now(), |record| name.clone_into(&mut record.account)));
            }
        });
    };
    move_to("0000000000-00099");
    // One that somebody put there by hand stays there.
    let by_hand = "update app.m2m_device set is_archived = true where id = (select id from app.m2m_device where not is_archived order by iccid desc limit 1)";
    stage.app.database.plant(by_hand).await.unwrap();
    let went = stage.read_whole().await;
    assert_eq!((went.archived, stage.here().await.len()), (5, 294), "{went:?}");
    move_to(&ours);
    let went = stage.read_whole().await;
    assert_eq!((went.made, went.changed, went.archived, stage.here().await.len()), (0, 5, 0, 299), "{went:?}");
    assert_eq!(stage.read_whole().await.changed, 0);
    stage.finish().await;
}

#[tokio::test]
async fn a_sim_that_is_stored_without_its_check_digit_is_not_there_twice() {
    let stage = Stage::of(50).await;
    stage.read_whole().await;
    let shortened = "update app.m2m_device set iccid = left(iccid, 19) where not is_archived and length(iccid) = 20
        and id in (select id from app.m2m_device where not is_archived order by iccid limit 3)";
    stage.app.database.plant(shortened).await.unwrap();
    let short = "select count(*) from app.m2m_device where not is_archived and length(iccid) = 19";
    assert_eq!(stage.app.database.number(short).await.unwrap(), 3);
    let went = stage.read_whole().await;
    assert_eq!((went.made, went.archived, went.unreadable), (0, 0, 0), "{went:?}");
    assert_eq!(stage.here().await.len(), 50);
    stage.finish().await;
}

#[tokio::test]
async fn one_that_cannot_be_asked_for_keeps_nothing_else_from_the_archive() {
    let mut stage = Stage::of(300).await;
    stage.settings.tries = 1;
    stage.read_whole().await;
    let gone = first(&stage, 4);
    let list = "/devices/actions/list";
    for id in &gone {
        stage.profile(|profile| profile.devices.remove(*id)).unwrap();
    }
    // The first of them that is asked for by itself: after the one page of the list.
    stage.fault(json!({"provider": "thingspace", "method": "POST", "path": list, "when": {"nth": [2]}, "fault": {"kind": "server_error_before"}}));
    let went = stage.read_whole().await;
    assert_eq!((went.archived, went.unreadable), (3, 1), "{went:?}");
    assert!(went.ended_at.is_some() && went.read_at.unwrap() < went.started_at, "{went:?}");
    stage.world.faults(|faults| faults.clear());
    let went = stage.read_whole().await;
    assert_eq!((went.archived, went.read_at), (1, Some(went.started_at)), "{went:?}");
    stage.finish().await;
}

#[tokio::test]
async fn a_reading_that_is_interrupted_while_it_asks_for_what_is_missing_goes_on_there() {
    let stage = Stage::of(300).await;
    stage.read_whole().await;
    for id in first(&stage, 4) {
        stage.profile(|profile| profile.devices.remove(id)).unwrap();
    }
    stage.list_and_leave().await;
    let before = stage.world.ledger(|ledger| ledger.counts().iter().map(|of| of.calls).sum::<u64>());
    let went = stage.read_whole().await;
    assert_eq!((went.read, went.archived), (296, 4), "{went:?}");
    let calls = stage.world.ledger(|ledger| ledger.counts().iter().map(|of| of.calls).sum::<u64>()) - before;
    assert_eq!(calls, 4, "the list is not read again");
    stage.finish().await;
}

#[tokio::test]
async fn a_number_that_was_given_back_is_given_back_here() {
    let stage = Stage::of(100).await;
    stage.read_whole().await;
    let iccid = stage.profile(|profile| {
        let active = profile.devices.iter().find(|d| d.record.state == State::Active).unwrap();
        let (id, iccid) = (active.record.id, active.record.id_of(IdKind::Iccid).unwrap().to_owned());
        assert!(profile.devices.change(id, now(), |record| {
            record.state = State::Deactive;
            record.ids.remove(&IdKind::Msisdn);
            record.ids.remove(&IdKind::Mdn);
            (record.plan, record.ip_address) = (None, None);
        }));
        iccid
    });
    stage.read_whole().await;
    assert_eq!(stage.here().await[&iccid], ("deactive".to_owned(), None));
    assert_eq!(stage.here().await, stage.there());
    stage.finish().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_keeps_everything_from_the_archive() {
    let stage = Stage::of(300).await;
    stage.read_whole().await;
    let ids = first(&stage, 4);
    stage.profile(|profile| {
        assert!(profile.devices.change(ids[0], now(), |record| {
            record.ids.remove(&IdKind::Iccid);
        }));
        for id in &ids[1..] {
            profile.devices.remove(*id).unwrap();
        }
    });
    let went = stage.read_whole().await;
    assert_eq!((went.unreadable, went.archived), (1, 0), "{went:?}");
    assert!(went.kept_because.as_deref().unwrap().contains("1 devices could not be read"), "{went:?}");
    assert_eq!(stage.here().await.len(), 300);
    stage.finish().await;
}

#[tokio::test]
async fn a_reading_that_is_interrupted_goes_on_where_it_was() {
    let mut stage = Stage::of(3_500).await;
    stage.settings.tries = 1;
    let list = "/devices/actions/list";
    stage.fault(json!({"provider": "thingspace", "method": "POST", "path": list, "when": {"nth": [3]}, "fault": {"kind": "server_error_before"}}));
    let stop = CancellationToken::new();
    let broken = stage.read(&stop).await.unwrap_err();
    assert!(matches!(broken, SyncError::GivenUp { .. }), "{broken}");
    assert_eq!(stage.here().await.len(), 2_000, "what was read is kept");
    let before = stage.world.ledger(|ledger| ledger.counts().iter().map(|of| of.calls).sum::<u64>());
    let went = stage.read_whole().await;
    assert_eq!((went.read, went.made), (3_500, 3_500), "{went:?}");
    let calls = stage.world.ledger(|ledger| ledger.counts().iter().map(|of| of.calls).sum::<u64>()) - before;
    assert_eq!(calls, 2, "the two pages that were missing, and no sign-in: that is shared");
    assert_eq!(stage.here().await, stage.there());
    stage.finish().await;
}
