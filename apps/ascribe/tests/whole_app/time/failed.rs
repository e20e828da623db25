//! What cannot be applied when its date comes: told on the row that asked for it, and nobody else's trouble.

use super::{MORNING, TOMORROW, apply, has, on, second_plan, shown, tally, waiting, work_at};
use crate::devices;
use domain::reason::Reason;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

/// A trigger of the test's that raises for this device's assignment, where the condition holds, too.
async fn poison(app: &TestApp, place: u32, condition: &str) {
    app.database
        .plant(&format!(
            "create function app.test_poison() returns trigger language plpgsql as $$ begin
                 if {condition} and new.device_id = (select id from app.m2m_device where iccid = '{}') then raise exception 'poison' using errcode = '22003'; end if;
                 return new; end $$;
             alter function app.test_poison() owner to ascribe_owner;
             create trigger poison before update on app.device_tenant for each row execute function app.test_poison()",
            iccid(place)
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failure_on_the_date_shows_on_the_row_that_asked_for_it() {
    let app = TestApp::start_at_moment(4, MORNING).await.unwrap();
    second_plan(&app).await;
    let mut request = app.asking("Water", &json!({"effective_date": "2026-10-21"}));
    request["devices"] = json!([
        {"iccid": iccid(0), "customer_rate_plan": "P-ALL"},
        {"iccid": iccid(1), "customer_rate_plan": "P-TWO"},
        {"iccid": iccid(2), "customer_rate_pool": "Shared"},
        {"iccid": iccid(3), "customer_data_allocation_mb": 5},
    ]);
    let plan = app.post("/plans", &request).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    let change = apply(&app, &plan.json).await;
    app.work().await.unwrap();
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("pending", 4)]));
    app.database
        .plant(&format!(
            "update app.customer_rate_plan set is_active = false where rate_plan_code = 'P-ALL';
             update app.m2m_device set is_archived = true where iccid = '{}';
             update app.customer_rate_pool set is_active = false where name = 'Shared'",
            iccid(1)
        ))
        .await
        .unwrap();
    assert_eq!(work_at(&app, TOMORROW, 1).await, 1);
    let after = shown(&app, &change).await;
    assert_eq!(
        (&after["status"], &after["counts"]["ok"], &after["schedule"]),
        (&json!("PROCESSED"), &json!(4), &tally(&[("applied", 1), ("failed", 3)]))
    );
    let rows = app.rows("bulk-changes", &change["id"]).await.unwrap();
    for (row, reason) in rows.iter().zip([Reason::PlanNotFound, Reason::DeviceArchived, Reason::PoolNotFound]) {
        assert_eq!(
            row["schedule"],
            json!({"status": "FAILED", "reason": reason, "detail": reason.sentence(), "fix": reason.fix()})
        );
        assert_eq!((&row["status"], &row["reason"]), (&json!("PROCESSED"), &Value::Null), "the assignment was done");
    }
    assert_eq!(rows[3]["schedule"]["status"], "APPLIED");
    assert_eq!(has(&app, 0).await, json!(["Water", null, null, null]));
    assert_eq!(has(&app, 3).await, json!(["Water", null, null, 5.0]));
    assert_eq!(waiting(&app).await, 0, "none waits any more");
    let log = "select count(*) from app.m2m_device_bulk_change_log where step = 'apply_schedule' and status = 'FAILED' and error_text is not null";
    assert_eq!(app.database.number(log).await.unwrap(), 3);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_row_that_the_database_will_not_take_on_its_date_fails_alone() {
    let app = TestApp::start_at_moment(12, MORNING).await.unwrap();
    poison(&app, 4, "new.customer_rate_plan_id is not null").await;
    let change = app.carry_out("Water", &on("2026-10-21"), &devices(12)).await.unwrap();
    assert_eq!(change["schedule"], tally(&[("pending", 12)]), "the customer was no trouble");
    assert_eq!(work_at(&app, TOMORROW, 1).await, 2);
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("applied", 11), ("failed", 1)]));
    let rows = app.rows("bulk-changes", &change["id"]).await.unwrap();
    assert_eq!(
        (&rows[4]["status"], &rows[4]["schedule"]["status"], &rows[4]["schedule"]["reason"]),
        (&json!("PROCESSED"), &json!("FAILED"), &json!("POISON_ROW"))
    );
    assert_eq!(has(&app, 4).await, json!(["Water", null, null, null]));
    for place in [3, 5, 11] {
        assert_eq!(has(&app, place).await, json!(["Water", "P-ALL", null, null]));
    }
    assert_eq!(waiting(&app).await, 0);
    for query in [
        "select count(*) from app.m2m_device_bulk_change_log where step = 'apply_schedule' and error_text = 'POISON_ROW 22003'",
        "select count(*) from app.audit_entry where action = 'schedule_row_failed' and digest is not null",
    ] {
        assert_eq!(app.database.number(query).await.unwrap(), 1, "{query}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_chunk_that_was_settled_in_halves_comes_due_as_one() {
    let app = TestApp::start_at_moment(10, MORNING).await.unwrap();
    poison(&app, 3, "true").await;
    let change = app.carry_out("Water", &on("2026-10-21"), &devices(10)).await.unwrap();
    assert_eq!(
        (&change["counts"]["ok"], &change["counts"]["failed"], &change["schedule"]),
        (&json!(9), &json!(1), &tally(&[("pending", 9)]))
    );
    assert_eq!(app.database.number("select count(*) from app.schedule_chunk").await.unwrap(), 1);
    assert_eq!(work_at(&app, TOMORROW, 1).await, 1);
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("applied", 9)]));
    app.finish().await.unwrap();
}
