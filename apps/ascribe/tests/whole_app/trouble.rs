//! What goes wrong between plan and settle: poison rows, things that moved, leases that were lost.

use crate::devices;
use database::DatabaseError;
use database::chunk::{claim_chunk, extend_chunk_lease, settle_chunk};
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use testing::{TestApp, iccid};

/// A device the database will not take: a trigger of the test's raises for it.
async fn poison(app: &TestApp, place: u32, sqlstate: &str) {
    app.database
        .plant(&format!(
            "create function app.test_poison_{place}() returns trigger language plpgsql as $$ begin
                 if new.device_id = (select id from app.m2m_device where iccid = '{}') then raise exception 'poison' using errcode = '{sqlstate}'; end if;
                 return new; end $$;
             alter function app.test_poison_{place}() owner to ascribe_owner;
             create trigger poison_{place} before update on app.device_tenant for each row execute function app.test_poison_{place}()", iccid(place)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_poison_row_fails_alone_and_its_neighbours_go_on() {
    let app = TestApp::start(40).await.unwrap();
    poison(&app, 3, "22003").await;
    poison(&app, 17, "23514").await;
    let change = app.carry_out("Water", &json!({}), &devices(40)).await.unwrap();
    assert_eq!(
        (&change["status"], &change["counts"]["ok"], &change["counts"]["failed"]),
        (&json!("PROCESSED"), &json!(38), &json!(2)),
        "{change}"
    );
    let failed =
        app.get(&format!("/bulk-changes/{}/rows?status=FAILED", change["id"].as_str().unwrap())).await.unwrap().json;
    let rows: Vec<_> =
        failed["items"].as_array().unwrap().iter().map(|row| (row["row"].clone(), row["reason"].clone())).collect();
    assert_eq!(rows, [(json!(4), json!("POISON_ROW")), (json!(18), json!("POISON_ROW"))]);
    assert!(failed["items"][0]["detail"].as_str().unwrap().contains("22003"));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_change_of_which_no_row_goes_through_is_an_error() {
    let app = TestApp::start(1).await.unwrap();
    poison(&app, 0, "22003").await;
    let change = app.carry_out("Water", &json!({}), &devices(1)).await.unwrap();
    assert_eq!((&change["status"], &change["counts"]["failed"]), (&json!("ERROR"), &json!(1)));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_outage_poisons_nobody() {
    let app = TestApp::start(12).await.unwrap();
    // Serialization failures for the first three tries of the second chunk, then none: a sequence survives the rollbacks.
    app.database
        .plant(&format!(
            "create sequence app.test_tries; grant usage on sequence app.test_tries to ascribe_worker;
             create function app.test_flaky() returns trigger language plpgsql as $$ begin
                 if new.device_id = (select id from app.m2m_device where iccid = '{}') and nextval('app.test_tries') <= 3 then
                     raise exception 'flaky' using errcode = '40001'; end if;
                 return new; end $$;
             alter function app.test_flaky() owner to ascribe_owner;
             create trigger flaky before update on app.device_tenant for each row execute function app.test_flaky()", iccid(11)))
        .await
        .unwrap();
    let change = app.carry_out("Water", &json!({}), &devices(12)).await.unwrap();
    assert_eq!(change["counts"]["ok"], 12, "{change}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_moved_since_the_plan_is_left_alone() {
    let app = TestApp::start(8).await.unwrap();
    let plan = app.plan("Water", &json!({"customer_rate_plan": "P-ALL"}), &devices(8)).await.unwrap();
    let id = plan.json["id"].as_str().unwrap();
    // Another change takes two of them, the carrier suspends a third; a fourth gets an IMEI, which is sent as it is when the SIM is activated.
    app.carry_out("Cold", &json!({}), &devices(2)).await.unwrap();
    app.database.plant(&format!("update app.m2m_device set status = 'suspend' where iccid = '{}'; update app.m2m_device set imei = '1' where iccid = '{}'", iccid(2), iccid(3))).await.unwrap();
    assert_eq!(app.post("/bulk-changes", &json!({"plan_id": id})).await.unwrap().status, StatusCode::ACCEPTED);
    app.work().await.unwrap();
    let rows = app.rows("bulk-changes", &json!(id)).await.unwrap();
    let reasons: Vec<_> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("")).collect();
    assert_eq!(reasons, ["STALE_SINCE_PLAN", "STALE_SINCE_PLAN", "STALE_SINCE_PLAN", "", "", "", "", ""]);
    let change = app.get(&format!("/bulk-changes/{id}")).await.unwrap().json;
    assert_eq!(
        (&change["status"], &change["counts"]["ok"], &change["counts"]["skipped"]),
        (&json!("PROCESSED"), &json!(5), &json!(3))
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_target_that_moved_leaves_every_row_alone() {
    for moved in [
        "update app.rev_customer set status = 'CLOSED' where rev_customer_id = '9000001'",
        "update app.site set is_active = false where name = 'Acme (9000001)'",
        "update app.customer_rate_plan set is_active = false where rate_plan_code = 'P-ALL'",
        "update app.customer_rate_pool set is_active = false where name = 'Shared'",
    ] {
        let app = TestApp::start(3).await.unwrap();
        let plan = app
            .plan("Acme", &json!({"customer_rate_plan": "P-ALL", "customer_rate_pool": "Shared"}), &devices(3))
            .await
            .unwrap();
        app.database.plant(moved).await.unwrap();
        app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
        app.work().await.unwrap();
        let change = app.get(&format!("/bulk-changes/{}", plan.json["id"].as_str().unwrap())).await.unwrap().json;
        assert_eq!((&change["status"], &change["counts"]["skipped"]), (&json!("ERROR"), &json!(3)), "{moved}");
        assert_eq!(app.database.number("select count(*) from app.device_tenant_history").await.unwrap(), 0);
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_device_that_another_change_locked_meanwhile_is_left_alone() {
    let app = TestApp::start(2).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap();
    app.database.plant(&format!("insert into app.device_lock select id, tenant_id, gen_random_uuid(), 1, now() from app.m2m_device where iccid = '{}'", iccid(1))).await.unwrap();
    app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    app.work().await.unwrap();
    let rows = app.rows("bulk-changes", &plan.json["id"]).await.unwrap();
    assert_eq!(
        (&rows[0]["status"], &rows[1]["status"], &rows[1]["reason"]),
        (&json!("PROCESSED"), &json!("SKIPPED"), &json!("LOCKED_BY_OTHER_CHANGE"))
    );
    app.database.plant("truncate app.device_lock").await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_writes_nothing_more() {
    let app = TestApp::start(2).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap();
    app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    let old = claim_chunk(&app.ledger, Duration::from_millis(1)).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let late = settle_chunk(&app.ledger, &old, old.first_row, old.last_row, "zombie").await;
    assert!(
        matches!(late, Err(DatabaseError::LeaseLost)),
        "the lease ran out, even though nobody else has it: {late:?}"
    );
    assert!(
        !extend_chunk_lease(&app.ledger, &old, Duration::from_secs(9)).await.unwrap(),
        "a lost lease is not taken back"
    );
    let new = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    assert_eq!(new.epoch, old.epoch + 1);
    let zombie = settle_chunk(&app.ledger, &old, old.first_row, old.last_row, "zombie").await;
    assert!(matches!(zombie, Err(DatabaseError::LeaseLost)));
    assert!(claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().is_none(), "one owner at a time");
    let done = settle_chunk(&app.ledger, &new, new.first_row, new.last_row, "worker").await.unwrap();
    assert_eq!((done.ok, done.chunk_done, done.to_do), (2, true, 0));
    // The answer of that COMMIT might have been lost: the same call again changes nothing and says done.
    let again = settle_chunk(&app.ledger, &new, new.first_row, new.last_row, "worker").await.unwrap();
    assert_eq!((again.rows, again.chunk_done, again.to_do), (0, true, 0));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn two_workers_share_a_change_and_no_row_is_done_twice() {
    let app = TestApp::start(200).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(200)).await.unwrap();
    app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    let (a, b) = tokio::join!(app.work(), app.work());
    assert_eq!(a.unwrap() + b.unwrap(), 20);
    assert_eq!(app.database.number("select count(*) from app.device_tenant_history").await.unwrap(), 200);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn two_changes_over_the_same_devices_never_deadlock_for_good() {
    let app = TestApp::start(100).await.unwrap();
    let mut backwards = devices(100);
    backwards.reverse();
    let one = app.plan("Water", &json!({"on_conflict": "replace"}), &devices(100)).await.unwrap();
    let two = app.plan("Cold", &json!({"on_conflict": "replace"}), &backwards).await.unwrap();
    for plan in [&one, &two] {
        app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    }
    let (a, b) = tokio::join!(app.work(), app.work());
    assert_eq!(a.unwrap() + b.unwrap(), 20);
    // Each device went to whoever came first; the other change left it alone and said so.
    let sum = app.database.number("select sum(ok) from app.bulk_change_counter").await.unwrap();
    let left = app.database.number("select sum(skipped) from app.bulk_change_counter").await.unwrap();
    assert_eq!((sum, left), (100, 100));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_small_change_starts_while_a_big_one_runs() {
    let app = TestApp::start(150).await.unwrap();
    let big = app.plan("Water", &json!({}), &devices(140)).await.unwrap();
    let small = app.plan("Cold", &json!({}), &devices(150)[140..]).await.unwrap();
    for plan in [&big, &small] {
        app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    }
    let first = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    let second = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    assert_ne!(first.bulk_change, second.bulk_change, "claims go round the changes");
    for claim in [first, second] {
        settle_chunk(&app.ledger, &claim, claim.first_row, claim.last_row, "w").await.unwrap();
    }
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_plan_whose_planner_died_and_did_not_come_back_says_so() {
    let app = TestApp::start(1).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(1)).await.unwrap();
    app.database.plant("update app.device_bulk_change set status = 'PLANNING', planning_lease_until = now() - interval '61 minutes'; delete from app.bulk_change_chunk; delete from app.bulk_change_counter; delete from app.m2m_device_change").await.unwrap();
    assert_eq!(database::discard::end_dead_plans(&app.ledger, app.fixture.other_tenant).await.unwrap(), 0);
    assert_eq!(database::discard::end_dead_plans(&app.ledger, app.fixture.tenant).await.unwrap(), 1);
    let shown = app.get(&format!("/plans/{}", plan.json["id"].as_str().unwrap())).await.unwrap().json;
    assert_eq!(shown["status"], "PLAN_FAILED");
    let refused = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!((refused.status, &refused.json["code"]), (StatusCode::CONFLICT, &json!("PLAN_NOT_READY")));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_lost_database_is_503_and_when_it_is_back_everything_goes_on() {
    let app = TestApp::start(2).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap();
    app.database.set_available(false).await.unwrap();
    let away = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!((away.status, &away.json["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("DATABASE_UNAVAILABLE")));
    assert_eq!(away.json["retryable"], true);
    assert!(away.headers.contains_key("retry-after"));
    app.database.set_available(true).await.unwrap();
    let back = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!(back.status, StatusCode::ACCEPTED);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_chunk_that_nobody_gets_through_with_does_not_keep_the_others() {
    let app = TestApp::start(4).await.unwrap();
    let stuck = app.plan("Water", &json!({}), &devices(2)).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": stuck["id"]})).await.unwrap();
    let claim = |lease: u64| claim_chunk(&app.ledger, Duration::from_millis(lease));
    let first = claim(1).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let again = claim(1).await.unwrap().unwrap();
    assert_eq!((again.bulk_change, again.epoch), (first.bulk_change, first.epoch + 1), "once, at once");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let fine = app.plan("Cold", &json!({}), &devices(4)[2..]).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": fine["id"]})).await.unwrap();
    let other = claim(30_000).await.unwrap().unwrap();
    assert_ne!(other.bulk_change, first.bulk_change, "then the others come first");
    settle_chunk(&app.ledger, &other, other.first_row, other.last_row, "w").await.unwrap();
    assert!(claim(30_000).await.unwrap().is_none(), "and it waits");
    app.work_after("10 seconds").await.unwrap();
    let change = app.get(&format!("/bulk-changes/{}", stuck["id"].as_str().unwrap())).await.unwrap().json;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    app.finish().await.unwrap();
}
