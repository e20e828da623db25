//! What waits for its date and is taken away before: by a newer change, by cancel, by undo, or by another way.

use super::{MORNING, TOMORROW, act, applied, apply, has, on, second_plan, shown, tally, waiting, work_at};
use crate::devices;
use database::chunk::{claim_chunk, settle_chunk};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use testing::{TestApp, iccid};

/// A plan that takes the change back.
async fn undo(app: &TestApp, change: &Value) -> Value {
    let (status, plan) = act(app, change, "undo").await;
    assert_eq!(status, StatusCode::CREATED, "{plan}");
    plan
}

#[tokio::test]
async fn a_newer_change_supersedes_what_waits() {
    let app = TestApp::start_at_moment(2, MORNING).await.unwrap();
    second_plan(&app).await;
    let first = app.carry_out("Water", &on("2026-10-21"), &devices(2)).await.unwrap();
    // One gets another plan at once, the other another customer without any plan.
    let newer = app.carry_out("Water", &json!({"customer_rate_plan": "P-TWO"}), &[iccid(0)]).await.unwrap();
    assert_eq!((&newer["counts"]["ok"], &newer["schedule"]), (&json!(1), &Value::Null));
    app.carry_out("Cold", &json!({"on_conflict": "replace"}), &[iccid(1)]).await.unwrap();
    assert_eq!(shown(&app, &first).await["schedule"], tally(&[("superseded", 2)]));
    assert_eq!(waiting(&app).await, 0);
    assert_eq!(work_at(&app, TOMORROW, 1).await, 1, "the date comes and finds nothing to do");
    assert_eq!(has(&app, 0).await, json!(["Water", "P-TWO", null, null]));
    assert_eq!(has(&app, 1).await, json!(["Cold", null, null, null]));
    let by_schedule = "select count(*) from app.device_tenant_history where by_schedule";
    assert_eq!(app.database.number(by_schedule).await.unwrap(), 0);
    let rows = app.rows("bulk-changes", &first["id"]).await.unwrap();
    assert!(rows.iter().all(|r| r["status"] == "PROCESSED" && r["schedule"]["status"] == "SUPERSEDED"), "{rows:?}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn asking_for_the_same_again_leaves_what_waits_and_another_date_takes_its_place() {
    let app = TestApp::start_at_moment(1, MORNING).await.unwrap();
    let first = app.carry_out("Water", &on("2026-10-21"), &devices(1)).await.unwrap();
    // The customer alone, and exactly the same plan on the same date.
    for again in [json!({}), on("2026-10-21")] {
        let plan = app.plan("Water", &again, &devices(1)).await.unwrap();
        assert_eq!(plan.json["counts"]["by_reason"], json!({"ALREADY_ASSIGNED_SAME": 1}), "{again}");
    }
    assert_eq!(shown(&app, &first).await["schedule"], tally(&[("pending", 1)]));
    let second = app.carry_out("Water", &on("2026-10-23"), &devices(1)).await.unwrap();
    assert_eq!(second["schedule"], tally(&[("pending", 1)]));
    assert_eq!(shown(&app, &first).await["schedule"], tally(&[("superseded", 1)]));
    assert_eq!(work_at(&app, TOMORROW, 1).await, 1);
    assert_eq!(has(&app, 0).await, json!(["Water", null, null, null]));
    assert_eq!(work_at(&app, "2026-10-23T04:00:00Z", 1).await, 1);
    assert_eq!(has(&app, 0).await, json!(["Water", "P-ALL", null, null]));
    assert_eq!(shown(&app, &second).await["schedule"], tally(&[("applied", 1)]));
    let plan = app.plan("Water", &on("2026-10-24"), &devices(1)).await.unwrap();
    assert_eq!(plan.json["counts"]["no_change"], 1, "it has that plan already");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn cancelling_a_finished_change_takes_away_what_waits() {
    let app = TestApp::start_at_moment(12, MORNING).await.unwrap();
    let change = app.carry_out("Water", &on("2026-10-21"), &devices(12)).await.unwrap();
    let (status, cancelled) = act(&app, &change, "cancel").await;
    assert_eq!((status, &cancelled["status"]), (StatusCode::OK, &json!("PROCESSED")), "{cancelled}");
    let (status, twice) = act(&app, &change, "cancel").await;
    assert_eq!((status, &twice["code"]), (StatusCode::CONFLICT, &json!("WRONG_STATE")), "once is enough");
    // A worker takes it away, chunk by chunk, and does not wait for the date.
    assert_eq!(app.work().await.unwrap(), 2);
    let after = shown(&app, &change).await;
    assert_eq!((&after["status"], &after["schedule"]), (&json!("PROCESSED"), &tally(&[("cancelled", 12)])));
    assert_eq!(after["counts"], change["counts"], "what is done stays done");
    assert_eq!(waiting(&app).await, 0);
    assert_eq!(act(&app, &change, "cancel").await.1["code"], "WRONG_STATE");
    assert_eq!(work_at(&app, TOMORROW, 1).await, 0);
    assert_eq!(has(&app, 0).await, json!(["Water", null, null, null]));
    let audit = "select count(*) from app.audit_entry where action = 'schedule_cancelled'";
    assert_eq!(app.database.number(audit).await.unwrap(), 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn cancelling_in_the_middle_cancels_the_rest_and_what_waits() {
    let app = TestApp::start_at_moment(15, MORNING).await.unwrap();
    let change = applied(&app, "Water", &on("2026-10-21"), &devices(15)).await;
    let claim = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    settle_chunk(&app.ledger, &claim, claim.first_row, claim.last_row, "worker:test").await.unwrap();
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("pending", 10)]));
    assert_eq!(act(&app, &change, "cancel").await.0, StatusCode::OK);
    assert_eq!(app.work().await.unwrap(), 2, "a chunk, and the schedule of another");
    let after = shown(&app, &change).await;
    assert_eq!(
        (&after["status"], &after["counts"]["ok"], &after["counts"]["cancelled"], &after["schedule"]),
        (&json!("PROCESSED"), &json!(10), &json!(5), &tally(&[("cancelled", 10)]))
    );
    assert_eq!(work_at(&app, TOMORROW, 1).await, 0);
    assert_eq!(has(&app, 0).await, json!(["Water", null, null, null]));
    assert_eq!(has(&app, 14).await, json!([null, null, null, null]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_undo_takes_away_what_waits_and_puts_back_what_was_applied() {
    for date_came in [false, true] {
        let app = TestApp::start_at_moment(2, MORNING).await.unwrap();
        let change = app.carry_out("Water", &on("2026-10-21"), &devices(2)).await.unwrap();
        if date_came {
            assert_eq!(work_at(&app, TOMORROW, 1).await, 1);
        }
        let plan = undo(&app, &change).await;
        assert_eq!(plan["counts"]["change"], 2, "{plan}");
        let row = app.rows("plans", &plan["id"]).await.unwrap().remove(0);
        let had = if date_came { json!("P-ALL") } else { Value::Null };
        assert_eq!((&row["before"]["customer_rate_plan"], &row["after"]["customer_rate_plan"]), (&had, &Value::Null));
        let undone = apply(&app, &plan).await;
        app.work().await.unwrap();
        assert_eq!(shown(&app, &undone).await["counts"]["ok"], 2);
        assert_eq!(has(&app, 0).await, json!([null, null, null, null]));
        let ended = if date_came { "applied" } else { "cancelled" };
        assert_eq!(shown(&app, &change).await["schedule"], tally(&[(ended, 2)]));
        assert_eq!(waiting(&app).await, 0);
        work_at(&app, TOMORROW, 60).await;
        assert_eq!(has(&app, 0).await, json!([null, null, null, null]));
        assert_eq!(undo(&app, &change).await["counts"]["by_reason"], json!({"ALREADY_ASSIGNED_SAME": 2}));
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn an_undo_leaves_alone_what_somebody_else_changed_after_it() {
    let app = TestApp::start_at_moment(2, MORNING).await.unwrap();
    second_plan(&app).await;
    let change = app.carry_out("Water", &on("2026-10-21"), &devices(2)).await.unwrap();
    let theirs = app.carry_out("Water", &json!({"customer_rate_plan": "P-TWO"}), &[iccid(0)]).await.unwrap();
    assert_eq!(theirs["counts"]["ok"], 1);
    let plan = undo(&app, &change).await;
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    let said: Vec<_> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("CHANGE")).collect();
    assert_eq!(said, ["CHANGED_SINCE", "CHANGE"]);
    apply(&app, &plan).await;
    app.work().await.unwrap();
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("superseded", 1), ("cancelled", 1)]));
    assert_eq!(has(&app, 0).await, json!(["Water", "P-TWO", null, null]));
    assert_eq!(has(&app, 1).await, json!([null, null, null, null]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_assignment_that_moved_by_another_way_supersedes_what_waits_for_it() {
    let app = TestApp::start_at_moment(2, MORNING).await.unwrap();
    let change = app.carry_out("Water", &on("2026-10-21"), &devices(2)).await.unwrap();
    app.database
        .plant(&format!("update app.device_tenant set customer_data_allocation_mb = 77 where device_id = (select id from app.m2m_device where iccid = '{}')", iccid(0)))
        .await
        .unwrap();
    assert_eq!(work_at(&app, TOMORROW, 1).await, 1);
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("applied", 1), ("superseded", 1)]));
    let rows = app.rows("bulk-changes", &change["id"]).await.unwrap();
    assert_eq!(rows[0]["schedule"]["status"], "SUPERSEDED");
    assert_eq!(has(&app, 0).await, json!(["Water", null, null, 77.0]));
    assert_eq!(has(&app, 1).await, json!(["Water", "P-ALL", null, null]));
    assert_eq!(waiting(&app).await, 0);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_undo_never_takes_back_what_moved_by_another_way() {
    let app = TestApp::start_at_moment(1, MORNING).await.unwrap();
    let change = app.carry_out("Water", &on("2026-10-21"), &devices(1)).await.unwrap();
    app.database
        .plant("update app.device_tenant set customer_data_allocation_mb = 77 where scheduled_change_id is not null")
        .await
        .unwrap();
    let before = undo(&app, &change).await;
    assert_eq!(before["counts"]["by_reason"], json!({"CHANGED_SINCE": 1}));
    assert_eq!(work_at(&app, TOMORROW, 1).await, 1);
    let after = undo(&app, &change).await;
    assert_eq!(after["counts"]["by_reason"], json!({"CHANGED_SINCE": 1}), "the date changes nothing about that");
    app.finish().await.unwrap();
}
