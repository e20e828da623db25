//! Plans that will never be applied: their rows go in small batches, their counts and reasons stay.

use super::{applied, count, small};
use crate::devices;
use database::discard::{discard_plan_rows, discardable, tenants};
use domain::ids::BulkChangeId;
use intake::PlannerSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use testing::TestApp;

fn id_of(plan: &Value) -> BulkChangeId {
    BulkChangeId(plan["id"].as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_plan_that_expired_loses_its_rows_batch_by_batch_and_keeps_its_counts() {
    let settings = PlannerSettings { expires_in: Duration::from_millis(1), ..small() };
    let app = TestApp::start_with(12, settings, Duration::from_secs(60)).await.unwrap();
    let file = format!("iccid,note\n{},a\nbroken,b\n", devices(12).join(",a\n"));
    let plan = app.plan_file("Water", &json!({}), file).await.unwrap().json;
    let (id, tenant) = (id_of(&plan), app.fixture.tenant);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let all = tenants(&app.ledger).await.unwrap();
    assert!(all.contains(&tenant) && all.contains(&app.fixture.other_tenant), "{all:?}");
    assert_eq!(discardable(&app.ledger, tenant).await.unwrap(), [id]);
    assert!(discardable(&app.ledger, app.fixture.other_tenant).await.unwrap().is_empty());
    assert_eq!(discard_plan_rows(&app.ledger, app.fixture.other_tenant, id, 5).await.unwrap(), 0, "not theirs");

    let mut gone = Vec::new();
    while !discardable(&app.ledger, tenant).await.unwrap().is_empty() {
        gone.push(discard_plan_rows(&app.ledger, tenant, id, 5).await.unwrap());
    }
    assert_eq!(gone, [5, 5, 3]);
    assert_eq!(discard_plan_rows(&app.ledger, tenant, id, 5).await.unwrap(), 0);
    for table in ["m2m_device_change", "bulk_change_chunk", "bulk_change_target", "bulk_change_input"] {
        assert_eq!(count(&app, &format!("app.{table}")).await, 0, "{table}");
    }
    let left = app.get(&format!("/plans/{id}")).await.unwrap().json;
    assert_eq!(left["counts"], plan["counts"]);
    assert_eq!(
        (&left["counts"]["change"], &left["counts"]["by_reason"], &left["expired"]),
        (&json!(12), &json!({"ICCID_MALFORMED": 1}), &json!(true))
    );
    assert!(app.rows("plans", &plan["id"]).await.unwrap().is_empty());
    let late = app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    assert_eq!((late.status, &late.json["code"]), (StatusCode::CONFLICT, &json!("PLAN_EXPIRED")));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_plan_that_is_good_or_was_applied_loses_nothing_and_one_that_failed_everything() {
    let app = TestApp::start(4).await.unwrap();
    let tenant = app.fixture.tenant;
    let used = BulkChangeId(applied(&app, "Water", &json!({}), &devices(2)).await.parse().unwrap());
    app.work().await.unwrap();
    let good = id_of(&app.plan("Cold", &json!({}), &devices(4)[2..]).await.unwrap().json);
    let failed = id_of(&app.plan("Cold", &json!({}), &devices(4)[2..]).await.unwrap().json);
    app.database
        .plant(&format!(
            "update app.device_bulk_change set expires_at = now() - interval '1 hour' where id = '{used}';
             update app.device_bulk_change set status = 'PLAN_FAILED', expires_at = null where id = '{failed}'"
        ))
        .await
        .unwrap();
    assert_eq!(discardable(&app.ledger, tenant).await.unwrap(), [failed]);
    for (id, rows) in [(used, 0), (good, 0), (failed, 2)] {
        assert_eq!(discard_plan_rows(&app.ledger, tenant, id, 100).await.unwrap(), rows, "{id}");
    }
    for (id, rows) in [(used, 2), (good, 2), (failed, 0)] {
        let from = format!("app.m2m_device_change where bulk_change_id = '{id}'");
        assert_eq!(count(&app, &from).await, rows, "{id}");
    }
    let taken = app.post("/bulk-changes", &json!({"plan_id": good})).await.unwrap();
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}
