//! What is wrong with an account or with the process that calls it, and not with its rows.

use crate::stage::{CALL, Stage, USER};
use domain::clock::Clock;
use integrations::billing::rev_io::RevIoSettings;
use integrations::{HttpClient, HttpSettings};
use processing::outside::{Accounts, Outside};
use serde_json::{Value, json};
use std::sync::Arc;

async fn paused_because(stage: &Stage) -> Value {
    let accounts = stage.app.get("/integration-authentications").await.unwrap().json;
    accounts["items"].as_array().unwrap().iter().find(|one| one["name"] == "Rev.io").unwrap()["paused_because"].clone()
}

#[tokio::test]
async fn a_worker_without_the_key_pauses_nobodys_account_and_another_one_goes_on() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..2).await;
    stage.apply(&plan).await;
    let with_key = stage.app.outside.clone().unwrap();
    let http = HttpSettings { connect_timeout: CALL / 2, total_timeout: CALL, ..HttpSettings::default() };
    let accounts = Accounts::new(
        None,
        HttpClient::new(http).unwrap(),
        Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap()),
        vec!["127.0.0.1".to_owned()],
        RevIoSettings::default(),
    );
    stage.app.outside = Some(Outside { accounts: Arc::new(accounts), ..with_key.clone() });
    stage.app.work().await.unwrap();
    assert_eq!(paused_because(&stage).await, Value::Null);
    assert!(stage.lines().is_empty());
    assert_eq!(stage.app.database.number("select count(*) from app.due_work where claim is null").await.unwrap(), 2);
    stage.app.outside = Some(with_key);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn words_that_the_database_cannot_hold_are_written_down_without_what_it_cannot() {
    let mut stage = Stage::of(1).await;
    let plan = stage.plan_to_open(0..1).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "fault": {"kind": "refuse", "message": "no\u{0} credit\u{1}"}}));
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["failed"], 1, "{change}");
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert_eq!(rows[0]["reason"], "BILLING_REJECTED", "{rows:?}");
    let detail = rows[0]["detail"].as_str().unwrap();
    assert!(detail.contains("credit") && !detail.contains(char::is_control), "{detail:?}");
    assert!(stage.world.rev_io(|state| state.account(USER).unwrap().services.is_empty()));
    stage.finish().await;
}

/// An assignment that nobody who runs sees any more, as when a partner takes its device back: the row is left alone, and not stranded
/// with its lock.
#[tokio::test]
async fn a_row_whose_assignment_is_hidden_is_left_alone() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..2).await;
    stage.apply(&plan).await;
    let outside = stage.app.outside.take();
    stage.app.work().await.unwrap();
    stage.app.outside = outside;
    // The owner's own cannot be taken back; here it is.
    let hide = "update app.device_tenant dt set taken_back_at = now() from app.due_work w
        join app.m2m_device_change c using (tenant_id, bulk_change_id, row_number) where w.row_number = 1 and dt.device_id = c.device_id";
    for sql in ["alter table app.device_tenant drop constraint device_tenant_check1", hide] {
        stage.app.database.plant(sql).await.unwrap();
    }
    let change = stage.work_to_rest(&plan).await;
    let counts = &change["counts"];
    assert_eq!((&counts["skipped"], &counts["ok"], &counts["to_do"]), (&json!(1), &json!(1), &json!(0)), "{change}");
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    assert_eq!(stage.lines().values().flatten().count(), 1);
    stage.app.database.plant("update app.device_tenant set taken_back_at = null").await.unwrap();
    stage.finish().await;
}
