//! What waits for its effective date, until that comes.

use super::{MORNING, TOMORROW, apply, has, on, shown, tally, waiting, work_at};
use crate::devices;
use domain::reason::Reason;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

#[tokio::test]
async fn the_customer_applies_now_and_plan_pool_and_allocation_on_their_date() {
    let app = TestApp::start_at_moment(12, MORNING).await.unwrap();
    let extra = json!({"customer_rate_plan": "P-ALL", "customer_rate_pool": "Shared", "customer_data_allocation_mb": 250, "effective_date": "2026-10-21"});
    let change = app.carry_out("Water", &extra, &devices(12)).await.unwrap();
    assert_eq!(
        (&change["status"], &change["counts"]["ok"], &change["schedule"]),
        (&json!("PROCESSED"), &json!(12), &tally(&[("pending", 12)])),
        "{change}"
    );
    assert_eq!(has(&app, 0).await, json!(["Water", null, null, null]));
    assert_eq!(waiting(&app).await, 12);
    for row in app.rows("bulk-changes", &change["id"]).await.unwrap() {
        assert_eq!(
            (&row["status"], &row["effective_date"], &row["schedule"]),
            (
                &json!("PROCESSED"),
                &json!("2026-10-21"),
                &json!({"status": "PENDING", "reason": null, "detail": null, "fix": null})
            )
        );
    }
    // To the second it is this moment; half a minute earlier nothing happens.
    let due = format!("select count(*) from app.schedule_chunk where due_at = '{TOMORROW}'");
    assert_eq!(app.database.number(&due).await.unwrap(), 2, "one for each chunk");
    assert_eq!(work_at(&app, TOMORROW, -30).await, 0);
    assert_eq!(has(&app, 0).await, json!(["Water", null, null, null]));
    assert_eq!(work_at(&app, TOMORROW, 1).await, 2);

    for place in [0, 11] {
        assert_eq!(has(&app, place).await, json!(["Water", "P-ALL", "Shared", 250.0]));
    }
    let after = shown(&app, &change).await;
    assert_eq!((&after["status"], &after["schedule"]), (&json!("PROCESSED"), &tally(&[("applied", 12)])));
    assert_eq!(after["counts"], change["counts"], "the change was over before");
    let rows = app.rows("bulk-changes", &change["id"]).await.unwrap();
    assert!(rows.iter().all(|row| row["schedule"]["status"] == "APPLIED"), "{rows:?}");
    assert_eq!(waiting(&app).await, 0);
    for (rows, query) in [
        (12, "select count(*) from app.device_tenant_history where by_schedule and effective_date = '2026-10-21'"),
        (12, "select count(*) from app.device_tenant_history where not by_schedule and customer_rate_plan_id is null"),
        (
            12,
            "select count(*) from app.m2m_device_bulk_change_log where step = 'apply_schedule' and status = 'APPLIED'",
        ),
        (2, "select count(*) from app.audit_entry where action = 'schedule_applied' and digest is not null"),
        (
            12,
            "select count(*) from app.device_change_schedule where status = 'APPLIED' and ended_at > '2026-10-21T04:00:00Z'",
        ),
    ] {
        assert_eq!(app.database.number(query).await.unwrap(), rows, "{query}");
    }
    assert_eq!(work_at(&app, TOMORROW, 3_600).await, 0, "once");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_day_begins_when_it_begins_where_the_clocks_change() {
    for (now, days) in [
        ("2026-10-31T12:00:00Z", [("2026-11-01", "2026-11-01T04:00:00Z"), ("2026-11-02", "2026-11-02T05:00:00Z")]),
        ("2027-03-13T12:00:00Z", [("2027-03-14", "2027-03-14T05:00:00Z"), ("2027-03-15", "2027-03-15T04:00:00Z")]),
    ] {
        let app = TestApp::start_at_moment(2, now).await.unwrap();
        for (place, (date, begins)) in (0..).zip(days) {
            app.carry_out("Water", &on(date), &[iccid(place)]).await.unwrap();
            let due = format!(
                "select count(*) from app.schedule_chunk where effective_date = '{date}' and due_at = '{begins}'"
            );
            assert_eq!(app.database.number(&due).await.unwrap(), 1, "{date}");
        }
        for (place, (date, begins)) in (0..).zip(days) {
            assert_eq!(work_at(&app, begins, -30).await, 0, "{date}");
            assert_eq!(has(&app, place).await, json!(["Water", null, null, null]), "{date}");
            assert_eq!(work_at(&app, begins, 1).await, 1, "{date}");
            assert_eq!(has(&app, place).await, json!(["Water", "P-ALL", null, null]), "{date}");
        }
        app.finish().await.unwrap();
    }
}

#[tokio::test]
async fn today_and_earlier_days_apply_at_once_and_today_is_the_tenants() {
    // Ten in the evening of the 20th in New York; in UTC it is the 21st.
    let app = TestApp::start_at_moment(4, "2026-10-21T02:00:00Z").await.unwrap();
    for (place, date) in (0..).zip(["2026-10-20", "2020-02-29", "1990-01-01"]) {
        let change = app.carry_out("Water", &on(date), &[iccid(place)]).await.unwrap();
        assert_eq!((&change["counts"]["ok"], &change["schedule"]), (&json!(1), &Value::Null), "{date}");
        assert_eq!(has(&app, place).await, json!(["Water", "P-ALL", null, null]), "{date}");
        let row = app.rows("bulk-changes", &change["id"]).await.unwrap().remove(0);
        assert_eq!((&row["effective_date"], &row["schedule"]), (&json!(date), &Value::Null));
    }
    let tomorrow = app.carry_out("Water", &on("2026-10-21"), &[iccid(3)]).await.unwrap();
    assert_eq!(tomorrow["schedule"], tally(&[("pending", 1)]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn without_a_date_it_is_the_day_on_which_the_carrier_activated_the_sim() {
    let app = TestApp::start_at_moment(4, MORNING).await.unwrap();
    for (place, at, status) in [
        // Half past ten in the evening of the fourth in New York.
        (0, "2026-03-05T03:30:00Z", "active"),
        // The latest activation counts, whatever came after it.
        (1, "2025-01-10T12:00:00Z", "active"),
        (1, "2026-06-01T12:00:00Z", "active"),
        (1, "2026-07-01T12:00:00Z", "suspend"),
        // Never active, as far as is known.
        (2, "2026-02-01T12:00:00Z", "preactive"),
    ] {
        app.database
            .plant(&format!("insert into app.device_status_history (tenant_id, device_id, date_of_change, current_status) select tenant_id, id, '{at}', '{status}' from app.m2m_device where iccid = '{}'", iccid(place)))
            .await
            .unwrap();
    }
    let plan = app.plan("Water", &json!({"customer_rate_plan": "P-ALL"}), &devices(4)).await.unwrap();
    let expected = ["2026-03-04", "2026-06-01", "2026-10-20", "2026-10-20"].map(Value::from);
    let dates = |rows: Vec<Value>| rows.iter().map(|row| row["effective_date"].clone()).collect::<Vec<_>>();
    assert_eq!(dates(app.rows("plans", &plan.json["id"]).await.unwrap()), expected);
    let change = apply(&app, &plan.json).await;
    app.work().await.unwrap();
    assert_eq!(dates(app.rows("bulk-changes", &change["id"]).await.unwrap()), expected);
    // It says from when on it holds, and applies at once.
    assert_eq!(shown(&app, &change).await["schedule"], Value::Null);
    assert_eq!(has(&app, 0).await, json!(["Water", "P-ALL", null, null]));
    let history = "select count(*) from app.device_tenant_history where effective_date = '2026-03-04'";
    assert_eq!(app.database.number(history).await.unwrap(), 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_status_that_plain_sql_changes_writes_its_own_history() {
    let app = TestApp::start(1).await.unwrap();
    // As if it were ten in the evening of the fifteenth of August in New York.
    app.database
        .plant(&format!(
            "select set_config('app.clock_offset', make_interval(secs => extract(epoch from timestamptz '2026-08-16T02:00:00Z' - clock_timestamp()))::text, false);
             update app.m2m_device set status = 'suspend' where iccid = '{0}';
             update app.m2m_device set status = 'active' where iccid = '{0}';
             update app.m2m_device set status = 'active', imei = '1' where iccid = '{0}'",
            iccid(0)
        ))
        .await
        .unwrap();
    for (rows, query) in [
        (2, "select count(*) from app.device_status_history"),
        (
            1,
            "select count(*) from app.device_status_history where previous_status = 'active' and current_status = 'suspend'",
        ),
        (
            1,
            "select count(*) from app.device_status_history where previous_status = 'suspend' and current_status = 'active'",
        ),
    ] {
        assert_eq!(app.database.number(query).await.unwrap(), rows, "{query}");
    }
    let plan = app.plan("Water", &json!({}), &devices(1)).await.unwrap();
    let row = app.rows("plans", &plan.json["id"]).await.unwrap().remove(0);
    assert_eq!((&row["verdict"], &row["effective_date"]), (&json!("CHANGE"), &json!("2026-08-15")));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_no_date_is_refused_for_every_row_or_for_its_own() {
    let app = TestApp::start_at_moment(3, MORNING).await.unwrap();
    for date in ["03/04/2027", "2026-02-30", "tomorrow", "1989-12-31", "2029-10-21"] {
        let plan = app.plan("Water", &on(date), &devices(3)).await.unwrap();
        assert_eq!(
            (plan.status, &plan.json["counts"]["by_reason"], &plan.json["counts"]["refused"]),
            (StatusCode::CREATED, &json!({"EFFECTIVE_DATE_INVALID": 3}), &json!(3)),
            "{date}"
        );
        let row = app.rows("plans", &plan.json["id"]).await.unwrap().remove(0);
        assert!(row["detail"].as_str().unwrap().contains(date), "{row}");
        assert_eq!(row["fix"], Reason::EffectiveDateInvalid.fix());
    }
    let file = format!("ICCID,Effective Date\n{},2026-10-21\n{},31.10.2026\n{},\n", iccid(0), iccid(1), iccid(2));
    let plan = app.plan_file("Water", &json!({"customer_rate_plan": "P-ALL"}), file).await.unwrap();
    assert_eq!(plan.json["counts"]["by_reason"], json!({"EFFECTIVE_DATE_INVALID": 1}), "{}", plan.json);
    let rows = app.rows("plans", &plan.json["id"]).await.unwrap();
    let said: Vec<_> = rows.iter().map(|row| (row["verdict"].clone(), row["effective_date"].clone())).collect();
    assert_eq!(
        said,
        [
            (json!("CHANGE"), json!("2026-10-21")),
            (json!("REFUSED"), Value::Null),
            // An empty cell asks for nothing of its own.
            (json!("CHANGE"), json!("2026-10-20")),
        ]
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn dates_of_a_column_come_due_row_by_row() {
    let app = TestApp::start_at_moment(4, MORNING).await.unwrap();
    let dates = ["2026-10-21", "2026-10-22", "2026-10-21", ""];
    let lines: Vec<String> = (0..).zip(dates).map(|(place, date)| format!("{};{date}", iccid(place))).collect();
    let file = format!("iccid;effective_date\n{}\n", lines.join("\n"));
    let plan = app.plan_file("Water", &json!({"customer_rate_plan": "P-ALL"}), file).await.unwrap();
    let change = apply(&app, &plan.json).await;
    assert_eq!(app.work().await.unwrap(), 1, "one chunk");
    let plans = async || {
        let mut plans = Vec::new();
        for place in 0..4 {
            plans.push(has(&app, place).await[1].clone());
        }
        plans
    };
    assert_eq!(plans().await, [Value::Null, Value::Null, Value::Null, json!("P-ALL")]);
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("pending", 3)]));
    assert_eq!(work_at(&app, TOMORROW, 1).await, 1);
    assert_eq!(plans().await, [json!("P-ALL"), Value::Null, json!("P-ALL"), json!("P-ALL")]);
    assert_eq!(shown(&app, &change).await["schedule"], tally(&[("pending", 1), ("applied", 2)]));
    assert_eq!(work_at(&app, "2026-10-22T04:00:00Z", -30).await, 0);
    assert_eq!(work_at(&app, "2026-10-22T04:00:00Z", 1).await, 1);
    assert_eq!(plans().await, ["P-ALL"; 4].map(Value::from));
    let rows = app.rows("bulk-changes", &change["id"]).await.unwrap();
    let ended: Vec<_> = rows.iter().map(|row| &row["schedule"]["status"]).collect();
    assert_eq!(ended, [&json!("APPLIED"), &json!("APPLIED"), &json!("APPLIED"), &Value::Null]);
    app.finish().await.unwrap();
}
