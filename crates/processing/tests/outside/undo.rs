//! A finished change with lines, planned backwards.

use crate::stage::{Stage, USER};
use serde_json::{Value, json};

async fn undo(stage: &mut Stage, change: &Value) -> (Value, Value) {
    let path = format!("/bulk-changes/{}/undo", change.as_str().unwrap());
    let plan = stage.app.post(&path, &json!({})).await.unwrap();
    assert_eq!(plan.status, 201, "{}", plan.json);
    if plan.json["counts"]["change"] == 0 {
        return (plan.json, Value::Null);
    }
    stage.apply(&plan.json["id"]).await;
    let done = stage.work_to_rest(&plan.json["id"]).await;
    (plan.json, done)
}

#[tokio::test]
async fn the_lines_end_and_the_sims_go_back() {
    let mut stage = Stage::of(8).await;
    let plan = stage.plan_to_open(0..8).await;
    stage.apply(&plan).await;
    assert_eq!(stage.work_to_rest(&plan).await["counts"]["ok"], 8);
    let (backwards, done) = undo(&mut stage, &plan).await;
    assert_eq!(backwards["counts"]["change"], 8, "{backwards}");
    let steps: Vec<_> =
        backwards["side_effects"].as_array().unwrap().iter().map(|effect| effect["step"].clone()).collect();
    assert!(steps.contains(&json!("close_rev_service")), "{backwards}");
    assert_eq!(done["counts"]["ok"], 8, "{done}");
    assert!(stage.lines().is_empty());
    let back = "select count(*) from app.device_tenant dt join app.site s on s.tenant_id = dt.tenant_id and s.id = dt.site_id where s.is_system_default and dt.account_number is null";
    assert!(stage.app.database.number(back).await.unwrap() >= 8);
    assert_eq!(
        stage.app.database.number("select count(*) from app.device_tenant where rev_service_is_active").await.unwrap(),
        0
    );
    // Twice is once.
    let (again, _) = undo(&mut stage, &plan).await;
    assert_eq!(again["counts"]["change"], 0, "{again}");
    stage.finish().await;
}

#[tokio::test]
async fn a_package_is_billed_as_it_was_read_and_ends_with_what_it_brought() {
    let mut stage = Stage::of(3).await;
    let asked = json!({"products": null, "rates": null, "package": 1});
    let plan = stage.plan(&asked, 0..3).await;
    assert_eq!(plan["counts"]["change"], 3, "{plan}");
    stage.apply(&plan["id"]).await;
    let change = stage.work_to_rest(&plan["id"]).await;
    assert_eq!(change["counts"]["ok"], 3, "{change}");
    let lines = stage.lines();
    assert_eq!(lines.len(), 3);
    let brought: usize = lines.values().flatten().map(|line| stage.products(line.service_id).len()).sum();
    assert!(brought > 3, "the package brings several products");
    let mirrored = stage
        .app
        .database
        .number("select count(*) from app.rev_service_product where rev_package_id = 1")
        .await
        .unwrap();
    assert_eq!(mirrored, i64::try_from(brought).unwrap());
    assert_eq!(
        stage.app.database.number("select count(*) from app.device_tenant where rev_service_is_active").await.unwrap(),
        3
    );
    let (_, done) = undo(&mut stage, &plan["id"]).await;
    assert_eq!(done["counts"]["ok"], 3, "{done}");
    assert!(stage.lines().is_empty());
    stage.finish().await;
}

#[tokio::test]
async fn a_line_that_was_ended_since_is_not_ended_again_and_one_that_is_refused_waits_for_a_person() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..2).await;
    stage.apply(&plan).await;
    stage.work_to_rest(&plan).await;
    let lines: Vec<i64> = stage.lines().values().flatten().map(|line| line.service_id).collect();
    #[expect(clippy::disallowed_methods, reason = "the world under test runs on the machine's clock")]
    let now = jiff::Timestamp::now();
    stage.world.rev_io(|state| assert!(state.account_mut(USER).unwrap().disconnect_service(lines[0], now.into())));
    stage.fault(
        json!({"provider": "rev-io", "method": "PATCH", "path": format!("/services/{}", lines[1]), "when": {"next": 1},
        "fault": {"kind": "refuse", "message": "the bill run is under way"}}),
    );
    let (_, done) = undo(&mut stage, &plan).await;
    // The plan could not know of the one; of the other the products have ended, which cannot be taken back.
    assert_eq!((&done["counts"]["ok"], &done["counts"]["needs_attention"]), (&json!(1), &json!(1)), "{done}");
    let rows = stage.app.rows("bulk-changes", &done["id"]).await.unwrap();
    let row = rows.iter().find(|row| row["status"] == "NEEDS_ATTENTION").unwrap();
    let body = json!({"rows": [row["row"]], "outcome": "send_again", "reason": "the bill run is over"});
    let answer =
        stage.app.post(&format!("/bulk-changes/{}/resolve", done["id"].as_str().unwrap()), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json);
    let done = stage.work_to_rest(&done["id"]).await;
    assert_eq!(done["counts"]["ok"], 2, "{done}");
    assert!(stage.lines().is_empty());
    stage.finish().await;
}
