//! Undo: a finished change planned backwards, row by row, and applied like any plan.

use crate::devices;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

/// What the API says of every assignment.
async fn assignments(app: &TestApp) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/devices?limit=500&cursor={cursor}")).await.unwrap().json;
        for d in page["items"].as_array().unwrap() {
            let offer = [&d["customer_rate_plan"], &d["customer_rate_pool"], &d["customer_data_allocation_mb"]];
            all.push(format!("{} {} {offer:?}", d["iccid"], d["site"]["id"]));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
    }
}

async fn undo(app: &TestApp, change: &Value) -> Value {
    let answer = app.post(&format!("/bulk-changes/{}/undo", change["id"].as_str().unwrap()), &json!({})).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
    answer.json
}

async fn apply(app: &TestApp, plan: &Value) -> Value {
    let answer = app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    app.work().await.unwrap();
    app.get(&format!("/bulk-changes/{}", plan["id"].as_str().unwrap())).await.unwrap().json
}

#[tokio::test]
async fn undo_puts_back_customer_plan_pool_and_allocation_exactly_and_can_be_undone_itself() {
    let app = TestApp::start(24).await.unwrap();
    // From different places: a rev customer with plan and allocation, an AMOP customer, nobody.
    app.carry_out("Acme", &json!({"customer_rate_plan": "P-ALL", "customer_data_allocation_mb": 7}), &devices(8))
        .await
        .unwrap();
    app.carry_out("Cold", &json!({"customer_rate_pool": "Shared"}), &devices(16)[8..]).await.unwrap();
    let before = assignments(&app).await;
    let extra = json!({"on_conflict": "replace", "customer_rate_plan": "P-ALL", "customer_rate_pool": "Shared", "customer_data_allocation_mb": 250, "reference": "T-9"});
    let change = app.carry_out("Water", &extra, &devices(24)).await.unwrap();
    let after = assignments(&app).await;
    assert_eq!(change["counts"]["ok"], 24);
    assert_ne!(before, after);

    let plan = undo(&app, &change).await;
    assert_eq!(
        (&plan["undo_of"], &plan["counts"]["change"], &plan["reference"]),
        (&change["id"], &json!(24), &json!("T-9"))
    );
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert_eq!(
        (&rows[0]["before"]["customer"]["name"], &rows[0]["after"]["customer"]["name"]),
        (&json!("Water"), &json!("Acme"))
    );
    assert_eq!(
        (&rows[0]["after"]["customer_rate_pool"], &rows[0]["after"]["customer_data_allocation_mb"]),
        (&Value::Null, &json!(7.0))
    );
    assert_eq!(
        (&rows[20]["after"]["customer"], &rows[20]["after"]["customer_rate_plan"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(assignments(&app).await, after, "a plan changes nothing");
    let undone = apply(&app, &plan).await;
    assert_eq!((&undone["status"], &undone["counts"]["ok"]), (&json!("PROCESSED"), &json!(24)));
    assert_eq!(assignments(&app).await, before);

    // Twice is once: there is nothing left to take back.
    let again = undo(&app, &change).await;
    assert_eq!((&again["counts"]["change"], &again["counts"]["no_change"]), (&json!(0), &json!(24)));
    // And the undo is a change like any other.
    let redo = undo(&app, &undone).await;
    apply(&app, &redo).await;
    assert_eq!(assignments(&app).await, after);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn each_row_says_whether_and_why_it_cannot_be_undone() {
    let app = TestApp::start(8).await.unwrap();
    app.carry_out("Acme", &json!({}), &devices(3)[2..]).await.unwrap();
    let change = app.carry_out("Water", &json!({"on_conflict": "replace"}), &devices(8)).await.unwrap();
    // Row 1 was moved on since; row 2 is archived; row 3's old customer closed; row 4 is suspended, which does not matter.
    app.carry_out("Cold", &json!({"on_conflict": "replace"}), &[iccid(0)]).await.unwrap();
    app.database
        .plant(&format!("update app.m2m_device set is_archived = true where iccid = '{}'", iccid(1)))
        .await
        .unwrap();
    app.database
        .plant("update app.rev_customer set status = 'CLOSED' where rev_customer_id = '9000001'")
        .await
        .unwrap();
    app.database
        .plant(&format!("update app.m2m_device set status = 'suspend' where iccid = '{}'", iccid(3)))
        .await
        .unwrap();
    app.database.plant(&format!("insert into app.device_lock select id, tenant_id, gen_random_uuid(), 1, now() from app.m2m_device where iccid = '{}'", iccid(4))).await.unwrap();
    let plan = undo(&app, &change).await;
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    let said: Vec<&str> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("CHANGE")).collect();
    assert_eq!(
        said,
        [
            "CHANGED_SINCE",
            "DEVICE_ARCHIVED",
            "CUSTOMER_CLOSED",
            "CHANGE",
            "LOCKED_BY_OTHER_CHANGE",
            "CHANGE",
            "CHANGE",
            "CHANGE"
        ]
    );
    app.database.plant("truncate app.device_lock").await.unwrap();
    // Between plan and apply another one moves on: it is left alone.
    app.carry_out("Cold", &json!({"on_conflict": "replace"}), &[iccid(5)]).await.unwrap();
    let undone = apply(&app, &plan).await;
    assert_eq!((&undone["counts"]["ok"], &undone["counts"]["skipped"]), (&json!(3), &json!(1)));
    let rows = app.rows("bulk-changes", &plan["id"]).await.unwrap();
    assert_eq!(rows[5]["reason"], "STALE_SINCE_PLAN");
    // Retrying an undo judges the undo afresh.
    let retry = app.post(&format!("/bulk-changes/{}/retry", plan["id"].as_str().unwrap()), &json!({})).await.unwrap();
    assert_eq!((retry.status, &retry.json["undo_of"]), (StatusCode::CREATED, &change["id"]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn only_what_is_over_can_be_undone_and_a_part_that_was_done_can() {
    let app = TestApp::start(20).await.unwrap();
    let before = assignments(&app).await;
    let plan = app.plan("Water", &json!({}), &devices(20)).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    let id = plan["id"].as_str().unwrap();
    let early = app.post(&format!("/bulk-changes/{id}/undo"), &json!({})).await.unwrap();
    assert_eq!((early.status, &early.json["code"]), (StatusCode::CONFLICT, &json!("WRONG_STATE")));
    let claim = database::chunk::claim_chunk(&app.ledger, std::time::Duration::from_secs(30)).await.unwrap().unwrap();
    database::chunk::settle_chunk(&app.ledger, &claim, claim.first_row, claim.last_row, "w").await.unwrap();
    app.post(&format!("/bulk-changes/{id}/cancel"), &json!({})).await.unwrap();
    app.work().await.unwrap();
    let back = undo(&app, &json!({"id": id})).await;
    assert_eq!(back["counts"]["rows"], 10);
    apply(&app, &back).await;
    assert_eq!(assignments(&app).await, before);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_undo_over_many_places_has_a_target_for_each() {
    let app = TestApp::start(60).await.unwrap();
    // Every device somewhere else: twenty allocations at three customers.
    for (n, customer) in ["Acme", "Cold", "9000002"].into_iter().enumerate() {
        for place in 0..20 {
            let device = [iccid(u32::try_from(n * 20 + place).unwrap())];
            app.carry_out(customer, &json!({"customer_data_allocation_mb": place}), &device).await.unwrap();
        }
    }
    let before = assignments(&app).await;
    let change = app
        .carry_out("Water", &json!({"on_conflict": "replace", "customer_data_allocation_mb": 99}), &devices(60))
        .await
        .unwrap();
    let plan = undo(&app, &change).await;
    assert_eq!(app.database.number("select count(*) from app.bulk_change_target where restores").await.unwrap(), 60);
    apply(&app, &plan).await;
    assert_eq!(assignments(&app).await, before);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_device_that_had_no_assignment_before_has_nothing_to_go_back_to() {
    let app = TestApp::start(2).await.unwrap();
    app.database
        .plant(&format!(
            "delete from app.device_tenant where device_id = (select id from app.m2m_device where iccid = '{}')",
            iccid(0)
        ))
        .await
        .unwrap();
    let change = app.carry_out("Water", &json!({}), &devices(2)).await.unwrap();
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    let plan = undo(&app, &change).await;
    assert_eq!(plan["counts"]["by_reason"], json!({"NO_ASSIGNMENT_BEFORE": 1}), "{plan}");
    assert_eq!(plan["counts"]["change"], 1);
    assert_eq!(apply(&app, &plan).await["counts"]["ok"], 1);
    app.finish().await.unwrap();
}
