//! The undo of a change that changed carrier rate plans and activated SIMs: what is put back, and what stays.

use super::{carrier, number};
use crate::devices;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

/// A finished change as it is left by whoever carries it out: rows 1 to 6 got P-NEW in place of P-OLD, rows 7 and 8 were activated.
async fn changed(app: &TestApp) -> Value {
    let change = app.carry_out("Water", &json!({}), &devices(8)).await.unwrap();
    assert_eq!(change["counts"]["ok"], 8);
    let (id, plan) = (change["id"].as_str().unwrap(), "(select id from app.carrier_rate_plan where rate_plan_code");
    for statement in [
        format!("update app.m2m_device_change set steps = array['change_carrier_rate_plan'], before_carrier_rate_plan_id = {plan} = 'P-OLD')
            where bulk_change_id = '{id}' and row_number <= 6"),
        format!("update app.m2m_device_change set steps = array['activate_at_carrier'] where bulk_change_id = '{id}' and row_number > 6"),
        format!("update app.bulk_change_target set carrier_rate_plan_id = {plan} = 'P-NEW') where bulk_change_id = '{id}'"),
        format!("update app.m2m_device d set carrier_rate_plan_id = {plan} = 'P-NEW') from app.m2m_device_change c
            where c.bulk_change_id = '{id}' and c.device_id = d.id"),
        format!("insert into app.provider_intent (tenant_id, bulk_change_id, row_number, step, direction, call, item, attempt, account, natural_key,
                request_hash, claim, began_at, settle_until, outcome, provider_ref, before_image, ended_at)
            select c.tenant_id, c.bulk_change_id, c.row_number, c.steps[1], 'apply', replace(c.steps[1], '_at_carrier', ''), 0, 1, b.service_provider_id,
                'device iccid=' || c.iccid, '', gen_random_uuid(), now(), now(), 'DONE', 0, '{{\"carrier_rate_plan\": \"P-OLD\"}}', now()
            from app.m2m_device_change c join app.device_bulk_change b on b.id = c.bulk_change_id where c.bulk_change_id = '{id}'"),
    ] {
        app.database.plant(&statement).await.unwrap();
    }
    change
}

async fn undo(app: &TestApp, change: &Value) -> (Value, Vec<Value>) {
    let answer = app.post(&format!("/bulk-changes/{}/undo", change["id"].as_str().unwrap()), &json!({})).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
    let rows = app.rows("plans", &answer.json["id"]).await.unwrap();
    (answer.json, rows)
}

#[tokio::test]
async fn a_carrier_plan_goes_back_and_a_sim_that_was_activated_stays_active_and_each_row_says_so() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    let change = changed(&app).await;
    let month = "date_trunc('month', app.now() at time zone 'UTC')::date";
    for statement in [
        // Changed again since; suspended; no change left this month; back already.
        format!(
            "update app.m2m_device set carrier_rate_plan_id = (select id from app.carrier_rate_plan where rate_plan_code = 'P-A') where iccid = '{}'",
            iccid(2)
        ),
        format!("update app.m2m_device set status = 'suspend' where iccid = '{}'", iccid(3)),
        format!(
            "insert into app.carrier_plan_change select tenant_id, id, {month}, 4 from app.m2m_device where iccid = '{}'",
            iccid(4)
        ),
        format!(
            "update app.m2m_device set carrier_rate_plan_id = (select id from app.carrier_rate_plan where rate_plan_code = 'P-OLD') where iccid = '{}'",
            iccid(5)
        ),
    ] {
        app.database.plant(&statement).await.unwrap();
    }
    let (plan, rows) = undo(&app, &change).await;
    let said: Vec<&str> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("CHANGE")).collect();
    let expected = [
        "CHANGE",
        "CHANGE",
        "CHANGED_SINCE",
        "CARRIER_SUSPENDED",
        "CARRIER_CHANGE_QUOTA",
        "CHANGE",
        "CHANGE",
        "CHANGE",
    ];
    assert_eq!(said, expected, "{plan}");
    assert!(rows[2]["detail"].as_str().unwrap().contains("carrier rate plan was changed again"), "{}", rows[2]);
    assert_eq!(rows[0]["steps"], json!(["change_carrier_rate_plan", "record_assignment"]));
    let back = &rows[0]["after"]["carrier"]["carrier_rate_plan"];
    assert_eq!((&back["before"], &back["after"]), (&json!("P-NEW"), &json!("P-OLD")));
    assert_eq!(rows[5]["steps"], json!(["record_assignment"]), "it has its plan back already");
    for row in &rows[6..] {
        assert_eq!(row["steps"], json!(["record_assignment"]));
        assert!(row["detail"].as_str().unwrap().contains("stays active"), "{row}");
    }
    assert!(rows[0]["detail"].is_null());
    let warned = plan["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|w| w.as_str().unwrap().starts_with("2 SIMs that the change activated stay active"));
    assert!(warned, "{plan}");
    assert_eq!(plan["side_effects"][0]["says"], json!(["2 SIMs get carrier rate plan P-OLD"]));
    assert_eq!((&plan["eta"][0]["step"], &plan["eta"][0]["calls"]), (&json!("thingspace"), &json!(4)));
    let id = plan["id"].as_str().unwrap();
    let stored = format!(
        "select count(*) from app.m2m_device_change c join app.bulk_change_target t using (tenant_id, bulk_change_id, target_number)
         join app.carrier_rate_plan p on p.id = t.carrier_rate_plan_id join app.carrier_rate_plan b on b.id = c.before_carrier_rate_plan_id
         where c.bulk_change_id = '{id}' and c.steps = array['change_carrier_rate_plan'] and p.rate_plan_code = 'P-OLD' and b.rate_plan_code = 'P-NEW'"
    );
    assert_eq!(number(&app, &stored).await, 2);
    // Where nothing may be sent, what asks nothing of the carrier goes back all the same.
    let path = format!("/service-providers/{}", app.fixture.provider);
    crate::edges::patch(&app, &path, Some("*"), &json!({"write_enabled": false})).await;
    let (plan, rows) = undo(&app, &change).await;
    assert_eq!(rows[0]["reason"], "CARRIER_WRITE_DISABLED");
    assert_eq!(plan["counts"]["change"], 3, "{plan}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_plan_that_was_not_known_or_is_not_offered_any_more_cannot_go_back() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    let change = changed(&app).await;
    let id = change["id"].as_str().unwrap();
    for statement in [
        format!(
            "update app.m2m_device_change set before_carrier_rate_plan_id = null where bulk_change_id = '{id}' and row_number = 1"
        ),
        format!("update app.provider_intent set before_image = null where bulk_change_id = '{id}' and row_number = 1"),
        "update app.carrier_rate_plan set is_active = false where rate_plan_code = 'P-OLD'".to_owned(),
    ] {
        app.database.plant(&statement).await.unwrap();
    }
    let (_, rows) = undo(&app, &change).await;
    assert_eq!((&rows[0]["reason"], &rows[1]["reason"]), (&json!("CANNOT_BE_UNDONE"), &json!("PLAN_NOT_FOUND")));
    assert!(rows[1]["detail"].as_str().unwrap().contains("carrier rate plan P-OLD"), "{}", rows[1]);
    app.finish().await.unwrap();
}
