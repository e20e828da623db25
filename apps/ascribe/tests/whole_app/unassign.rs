//! A SIM that is nobody's any more: given back to the tenant's default site, planned and undone like any other change.

use crate::devices;
use serde_json::json;
use testing::TestApp;

#[tokio::test]
async fn sims_are_given_back_to_nobody_and_that_can_be_undone() {
    let app = TestApp::start(3).await.unwrap();
    let both = json!({"customer_rate_plan": "P-ALL"});
    app.carry_out("Water", &both, &devices(2)).await.unwrap();
    let id = app.fixture.unassigned.to_string();
    for nobody in ["Unassigned", id.as_str()] {
        // What is somebody's is not taken away in passing; what is nobody's already is as asked.
        let plan = app.plan(nobody, &json!({}), &devices(3)).await.unwrap().json;
        assert_eq!(
            plan["counts"]["by_reason"],
            json!({"ALREADY_ASSIGNED_OTHER": 2, "ALREADY_ASSIGNED_SAME": 1}),
            "{plan}"
        );
    }
    let change = app.carry_out("Unassigned", &json!({"on_conflict": "replace"}), &devices(3)).await.unwrap();
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    let path = format!("/devices?iccid={}", devices(1)[0]);
    let device = app.get(&path).await.unwrap().json["items"][0].clone();
    assert!(device["customer"].is_null() && device["site"]["name"] == "Unassigned", "{device}");
    assert_eq!(device["customer_rate_plan"], "P-ALL", "what was not asked for stays");
    let undo =
        app.post(&format!("/bulk-changes/{}/undo", change["id"].as_str().unwrap()), &json!({})).await.unwrap().json;
    assert_eq!(undo["counts"]["change"], 2, "{undo}");
    app.post("/bulk-changes", &json!({"plan_id": undo["id"]})).await.unwrap();
    app.work().await.unwrap();
    assert_eq!(app.get(&path).await.unwrap().json["items"][0]["customer"]["name"], "Water");
    app.finish().await.unwrap();
}
