//! Opening lines, when all goes well and when something does not.

use crate::stage::{ACME, Stage};
use serde_json::json;

#[tokio::test]
async fn each_row_has_one_line_with_its_products_and_is_mirrored_with_the_record() {
    let mut stage = Stage::of(12).await;
    let plan = stage.plan_to_open(0..12).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["status"], "PROCESSED", "{change}");
    assert_eq!(change["counts"]["ok"], 12, "{change}");
    stage.agrees(&plan).await;
    assert_eq!(
        stage
            .app
            .database
            .number("select count(*) from app.rev_service where disconnected_date is null")
            .await
            .unwrap(),
        12
    );
    assert_eq!(
        stage
            .app
            .database
            .number("select count(*) from app.rev_service_product where status = 'ACTIVE'")
            .await
            .unwrap(),
        24
    );
    assert_eq!(
        stage.app.database.number("select count(*) from app.device_tenant where rev_service_is_active").await.unwrap(),
        12
    );
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    assert_eq!(stage.app.database.number("select count(*) from app.due_work").await.unwrap(), 0);
    let device = stage.app.get(&format!("/devices?iccid={}", testing::iccid(3))).await.unwrap().json;
    assert_eq!(device["items"][0]["customer"]["name"], "Acme", "{device}");
    stage.finish().await;
}

#[tokio::test]
async fn a_refused_product_takes_the_products_and_the_line_before_it_back() {
    let mut stage = Stage::of(3).await;
    let plan = stage.plan_to_open(0..3).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/serviceproduct", "body": {"product_id": 2},
        "when": {"nth": [2]}, "fault": {"kind": "refuse", "message": "no such rate"}}));
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    assert_eq!(change["counts"]["failed"], 1, "{change}");
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    let failed = rows.iter().find(|row| row["status"] == "FAILED").unwrap();
    assert_eq!(failed["reason"], "BILLING_REJECTED", "{failed}");
    assert!(failed["detail"].as_str().unwrap().contains("no such rate"), "{failed}");
    stage.agrees(&plan).await;
    // The line that was taken back is in the mirror with its end.
    assert_eq!(
        stage
            .app
            .database
            .number("select count(*) from app.rev_service where disconnected_date is not null")
            .await
            .unwrap(),
        1
    );
    stage.finish().await;
}

#[tokio::test]
async fn a_line_that_was_opened_though_nobody_heard_of_it_is_adopted_and_not_opened_again() {
    let mut stage = Stage::of(4).await;
    let plan = stage.plan_to_open(0..4).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 4},
        "fault": {"kind": "timeout_after", "seconds": 2}}));
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 4, "{change}");
    stage.agrees(&plan).await;
    assert_eq!(stage.lines().values().map(Vec::len).sum::<usize>(), 4);
    // What was ever unknown is looked at three times more.
    assert_eq!(stage.app.database.number("select count(*) from app.due_work where sweeps = 0").await.unwrap(), 4);
    stage.sweep().await;
    assert_eq!(stage.app.database.number("select count(*) from app.due_work").await.unwrap(), 0);
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_line_that_lands_late_a_second_time_is_found_by_the_sweep_and_ended() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..2).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 1},
        "fault": {"kind": "late_landing", "seconds": 4, "status": 503}}));
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    // The clock was moved on: the settle time is over before the first request has landed, as when the assumption fails.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let doubled = stage.lines().values().filter(|lines| lines.len() == 2).count();
    assert_eq!(doubled, 1, "the first request has landed by now");
    stage.sweep().await;
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn refused_credentials_pause_the_account_and_fail_no_row() {
    let mut stage = Stage::of(3).await;
    let plan = stage.plan_to_open(0..3).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 3}, "fault": {"kind": "unauthorized"}}));
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    let account = stage.app.get("/integration-authentications").await.unwrap().json["items"][0].clone();
    assert!(account["paused_because"].as_str().unwrap().contains("401"), "{account}");
    let before = stage.app.get(&format!("/bulk-changes/{}", plan.as_str().unwrap())).await.unwrap().json;
    assert_eq!(before["counts"]["to_do"], 3, "{before}");
    stage.app.database.plant("update app.integration_authentication set paused_because = null").await.unwrap();
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 3, "{change}");
    stage.agrees(&plan).await;
    assert!(stage.lines().values().flatten().all(|line| line.customer_id == ACME));
    stage.finish().await;
}

#[tokio::test]
async fn what_never_arrives_is_sent_twice_and_then_given_up() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..2).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/serviceproduct", "body": {"product_id": 2},
        "when": {"nth": [1, 3]}, "fault": {"kind": "server_error_before"}}));
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["failed"]), (&json!(1), &json!(1)), "{change}");
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    let failed = rows.iter().find(|row| row["status"] == "FAILED").unwrap();
    assert_eq!(failed["reason"], "BILLING_TIMEOUT", "{failed}");
    stage.agrees(&plan).await;
    stage.sweep().await;
    stage.finish().await;
}

#[tokio::test]
async fn rows_that_have_not_begun_are_cancelled_also_behind_a_closed_gate_and_those_that_have_are_carried_on() {
    let mut stage = Stage::of(30).await;
    let plan = stage.plan_to_open(0..30).await;
    stage.apply(&plan).await;
    // The first ones begin, and the account is paused in the middle of them.
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/serviceproduct", "when": {"nth": [3]}, "fault": {"kind": "unauthorized"}}));
    stage.app.database.plant("update app.integration_authentication set calls_per_minute = 200").await.unwrap();
    stage.app.work().await.unwrap();
    let path = format!("/bulk-changes/{}", plan.as_str().unwrap());
    let cancelled = stage.app.post(&format!("{path}/cancel"), &json!({})).await.unwrap();
    assert_eq!(cancelled.status, 200, "{}", cancelled.json);
    stage.app.work().await.unwrap();
    let change = stage.app.get(&path).await.unwrap().json;
    let begun = change["counts"]["to_do"].as_i64().unwrap();
    let done = change["counts"]["ok"].as_i64().unwrap();
    assert!(begun > 0 && begun + done < 30, "some have begun: {change}");
    assert_eq!(change["counts"]["cancelled"], 30 - begun - done, "{change}");
    stage
        .app
        .database
        .plant("update app.integration_authentication set paused_because = null, calls_per_minute = 10000000; update app.account_gate set not_before = now()")
        .await
        .unwrap();
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], begun + done, "what had begun is done: {change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn of_a_paused_change_nothing_more_begins_outside() {
    let mut stage = Stage::of(12).await;
    let plan = stage.plan_to_open(0..12).await;
    stage.apply(&plan).await;
    let outside = stage.app.outside.take();
    stage.app.work().await.unwrap();
    stage.app.outside = outside;
    let path = format!("/bulk-changes/{}", plan.as_str().unwrap());
    assert_eq!(stage.app.post(&format!("{path}/pause"), &json!({})).await.unwrap().status, 200);
    stage.app.work().await.unwrap();
    assert!(stage.lines().is_empty());
    assert_eq!(stage.app.post(&format!("{path}/resume"), &json!({})).await.unwrap().status, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 12, "{change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}

/// What a row with a line and two products costs is what the document says, at most.
#[tokio::test]
async fn a_row_costs_no_more_than_the_document_says() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cost.md")).unwrap();
    let line = text.lines().find(|line| line.starts_with("| A line with two products (three calls)")).unwrap();
    let most: f64 = line.split('|').nth(2).unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    // WAL is the whole server's, and other tests write it, too.
    let cluster = testing::TestCluster::start().unwrap();
    let mut stage = Stage::alone(&cluster, 200).await;
    let plan = stage.plan_to_open(0..200).await;
    // Pages that are written whole once after a checkpoint are nobody's cost.
    stage.app.database.plant("checkpoint").await.unwrap();
    let wal = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";
    let before = stage.app.database.number(wal).await.unwrap();
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 200, "{change}");
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let per_row = (stage.app.database.number(wal).await.unwrap() - before) as f64 / 200.0 / 1_000.0;
    println!("{per_row:.1} kB of WAL a row");
    assert!(per_row <= most && per_row > most / 4.0, "{per_row} kB of WAL a row, {most} documented");
    stage.finish().await;
}

/// Many rows of a paused change that have not begun are not read through by each claim that finds nothing to do.
#[tokio::test]
async fn a_paused_change_costs_a_claim_nothing_however_many_of_its_rows_wait() {
    let mut stage = Stage::of(1).await;
    let plan = stage.plan_to_open(0..1).await;
    stage.apply(&plan).await;
    let outside = stage.app.outside.take();
    stage.app.work().await.unwrap();
    let many = "insert into app.due_work (tenant_id, bulk_change_id, row_number, account, due_at)
        select w.tenant_id, w.bulk_change_id, 1000 + n, w.account, w.due_at from app.due_work w, generate_series(1, 20000) as n";
    for sql in [many, "update app.outside_turn set is_paused = true", "analyze app.due_work"] {
        stage.app.database.plant(sql).await.unwrap();
    }
    let read = || async {
        stage.app.database.plant("select pg_stat_force_next_flush()").await.unwrap();
        let sql = "select (seq_tup_read + idx_tup_fetch)::bigint from pg_stat_user_tables where relname = 'due_work'";
        stage.app.database.number(sql).await.unwrap()
    };
    let before = read().await;
    for _ in 0..4 {
        // A session tells what it has read with the first transaction that ends a second after it told the last time.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let claimed = queue::next_outside(&stage.app.ledger, &stage.app.ids, std::time::Duration::from_secs(5)).await;
        assert!(claimed.unwrap().is_none(), "nothing of it has begun");
    }
    let looked_at = read().await - before;
    assert!(looked_at < 1_000, "{looked_at} rows were looked at");
    for sql in ["delete from app.due_work where row_number >= 1000", "update app.outside_turn set is_paused = false"] {
        stage.app.database.plant(sql).await.unwrap();
    }
    stage.app.outside = outside;
    assert_eq!(stage.work_to_rest(&plan).await["counts"]["ok"], 1);
    stage.finish().await;
}
