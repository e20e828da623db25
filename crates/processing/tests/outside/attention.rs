//! What nobody can know, and what a person decides.

use crate::stage::{ACME, DiesOnceAt, OTHER, Stage, USER, now};
use processing::outside::Place;
use serde_json::{Value, json};
use simulators::rev_io::Service;

/// One row whose line was sent and never heard of, and of which several lines are found: it needs attention.
async fn two_lines_for_one_row(stage: &mut Stage) -> (Value, Vec<i64>) {
    let plan = stage.plan_to_open(0..2).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 1}, "fault": {"kind": "cut_after"}}));
    stage.outside().witness = DiesOnceAt::new(Place::AfterCall);
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    // Somebody opens the same line by hand before it is looked for.
    let doubled: Vec<i64> = stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        let first: Service = account.services.iter().next().unwrap().clone();
        let again = account.services.add(Service { service_id: 0, ..first.clone() }, now());
        vec![first.service_id, again]
    });
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["needs_attention"], 1, "{change}");
    assert_eq!(change["counts"]["ok"], 1, "{change}");
    assert_eq!(change["status"], "PROCESSED", "{change}");
    (plan, doubled)
}

async fn attention_row(stage: &Stage, plan: &Value) -> Value {
    let rows = stage.app.rows("bulk-changes", plan).await.unwrap();
    rows.into_iter().find(|row| row["status"] == "NEEDS_ATTENTION").unwrap()
}

async fn decide(stage: &Stage, plan: &Value, row: &Value, decision: Value) -> u16 {
    let mut body = json!({"rows": [row["row"]], "reason": "looked at it at Rev.io"});
    body.as_object_mut().unwrap().extend(decision.as_object().unwrap().clone());
    let path = format!("/bulk-changes/{}/resolve", plan.as_str().unwrap());
    stage.app.post(&path, &body).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn of_several_lines_a_person_adopts_one() {
    let mut stage = Stage::of(2).await;
    let (plan, doubled) = two_lines_for_one_row(&mut stage).await;
    let row = attention_row(&stage, &plan).await;
    assert_eq!(row["reason"], "FOUND_SEVERAL", "{row}");
    for id in &doubled {
        assert!(row["detail"].as_str().unwrap().contains(&id.to_string()), "{row}");
    }
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "adopt"})).await, 422);
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "processed", "adopt": 1})).await, 422);
    // What is not what the row makes is not adopted, whoever says so.
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "adopt", "adopt": 999_999})).await, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["needs_attention"], 1, "{change}");
    // The one that was opened by hand is ended by hand, and the other adopted.
    let one = now();
    stage.world.rev_io(|state| state.account_mut(USER).unwrap().disconnect_service(doubled[1], one.into()));
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "adopt", "adopt": doubled[0]})).await, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["needs_attention"]), (&json!(2), &json!(0)), "{change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn looking_again_goes_on_from_what_is_true_by_then() {
    let mut stage = Stage::of(2).await;
    let (plan, doubled) = two_lines_for_one_row(&mut stage).await;
    let row = attention_row(&stage, &plan).await;
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "look_again"})).await, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["needs_attention"], 1, "nothing has changed: {change}");
    let now = now();
    stage.world.rev_io(|state| state.account_mut(USER).unwrap().disconnect_service(doubled[0], now.into()));
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "look_again"})).await, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_person_closes_a_row_as_failed_and_the_sim_is_free() {
    let mut stage = Stage::of(2).await;
    let (plan, doubled) = two_lines_for_one_row(&mut stage).await;
    let row = attention_row(&stage, &plan).await;
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 1);
    let now = now();
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        doubled.iter().for_each(|line| assert!(account.disconnect_service(*line, now.into())));
    });
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "failed"})).await, 200);
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "failed"})).await, 409, "it is decided");
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["failed"], &change["counts"]["needs_attention"]), (&json!(1), &json!(0)), "{change}");
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    stage.agrees(&plan).await;
    stage.sweep().await;
    stage.finish().await;
}

#[tokio::test]
async fn where_a_person_is_asked_first_nothing_is_taken_back_before_the_word() {
    let mut stage = Stage::of(1).await;
    stage.outside().settings.policy.asks_before_undo = true;
    let plan = stage.plan_to_open(0..1).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/serviceproduct", "when": {"nth": [2]}, "fault": {"kind": "refuse"}}));
    stage.apply(&plan).await;
    stage.work_to_rest(&plan).await;
    let row = attention_row(&stage, &plan).await;
    assert_eq!(row["reason"], "UNDO_TO_BE_APPROVED", "{row}");
    assert_eq!(stage.lines().len(), 1);
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "take_back"})).await, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["failed"], 1, "{change}");
    assert_eq!(stage.lines().len(), 0);
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn an_undo_that_is_refused_waits_for_a_person_and_ends_when_it_is_put_right() {
    let mut stage = Stage::of(1).await;
    let plan = stage.plan_to_open(0..1).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/serviceproduct", "when": {"nth": [2]}, "fault": {"kind": "refuse"}}));
    stage.fault(json!({"provider": "rev-io", "method": "PATCH", "path": "/services/*", "when": {"next": 1}, "fault": {"kind": "refuse", "message": "the bill run is under way"}}));
    stage.apply(&plan).await;
    stage.work_to_rest(&plan).await;
    let row = attention_row(&stage, &plan).await;
    assert_eq!(row["reason"], "UNDO_NOT_DONE", "{row}");
    assert!(row["detail"].as_str().unwrap().contains("the bill run is under way"), "{row}");
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "send_again"})).await, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["failed"], 1, "{change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn another_customers_line_where_ours_should_be_is_for_a_person() {
    let mut stage = Stage::of(1).await;
    let plan = stage.plan_to_open(0..1).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 1}, "fault": {"kind": "cut_after"}}));
    stage.outside().witness = DiesOnceAt::new(Place::AfterCall);
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        let line = account.services.iter().next().unwrap().service_id;
        assert!(account.services.change(line, |line| line.customer_id = OTHER));
    });
    stage.work_to_rest(&plan).await;
    let row = attention_row(&stage, &plan).await;
    assert_eq!(row["reason"], "FOUND_SEVERAL", "{row}");
    assert_eq!(stage.lines().values().flatten().filter(|line| line.customer_id == ACME).count(), 0);
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "failed"})).await, 200);
    stage.finish().await;
}

#[tokio::test]
async fn what_cannot_be_found_out_for_a_day_is_for_a_person() {
    let stage = Stage::of(1).await;
    let plan = stage.plan_to_open(0..1).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 1}, "fault": {"kind": "cut_after"}}));
    stage.fault(
        json!({"provider": "rev-io", "method": "GET", "path": "/services", "fault": {"kind": "server_error_before"}}),
    );
    stage.apply(&plan).await;
    for hours in [1, 9, 20, 26, 27] {
        stage.app.work_after(&format!("{hours} hours")).await.unwrap();
    }
    let row = attention_row(&stage, &plan).await;
    assert_eq!(row["reason"], "OUTCOME_UNKNOWN", "{row}");
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "failed"})).await, 200);
    stage.finish().await;
}

/// A row has failed, nothing of it was there, and afterwards a line is: it landed late, or somebody opened it. It is not for a worker
/// to end what a person may have made; the row waits for one.
#[tokio::test]
async fn a_line_that_shows_up_after_its_row_has_failed_is_left_alone_and_told() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..1).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 2}, "fault": {"kind": "cut_before"}}));
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["failed"], &change["status"]), (&json!(1), &json!("ERROR")), "{change}");
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    let sim = testing::iccid(0);
    stage.world.rev_io(|state| {
        let (number, number2) = (Some(format!("1555{}", &sim[10..19])), Some(sim.clone()));
        let line = Service { customer_id: ACME, provider_id: Some(1), number, number2, ..Service::default() };
        state.account_mut(USER).unwrap().services.add(line, now());
    });
    stage.sweep().await;
    let row = attention_row(&stage, &plan).await;
    assert_eq!(row["reason"], "FOUND_SEVERAL", "{row}");
    assert_eq!(stage.lines().values().flatten().count(), 1, "it goes on");
    let change = stage.app.get(&format!("/bulk-changes/{}", plan.as_str().unwrap())).await.unwrap().json;
    assert_eq!((&change["counts"]["failed"], &change["counts"]["needs_attention"]), (&json!(0), &json!(1)), "{change}");
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 1);
    // It is somebody's own; the row stays failed, and is not asked about again.
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "failed"})).await, 200);
    let change = stage.app.get(&format!("/bulk-changes/{}", plan.as_str().unwrap())).await.unwrap().json;
    assert_eq!((&change["counts"]["failed"], &change["counts"]["needs_attention"]), (&json!(1), &json!(0)), "{change}");
    stage.sweep().await;
    let change = stage.app.get(&format!("/bulk-changes/{}", plan.as_str().unwrap())).await.unwrap().json;
    assert_eq!(change["counts"]["needs_attention"], 0, "a person's word is the last: {change}");
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    assert_eq!(stage.app.database.number("select count(*) from app.due_work").await.unwrap(), 0);
    stage.finish().await;
}

#[tokio::test]
async fn what_another_row_has_made_is_not_adopted_whoever_says_so() {
    let mut stage = Stage::of(2).await;
    // The other row has the same SIM's number and ICCID at Rev.io: its line looks exactly like what this row makes.
    let (plan, doubled) = two_lines_for_one_row(&mut stage).await;
    let row = attention_row(&stage, &plan).await;
    let theirs = stage
        .app
        .database
        .number("select provider_ref from app.provider_intent where call = 'create_service' and outcome = 'DONE'");
    let theirs = theirs.await.unwrap();
    let number = format!("1555{}", &row["iccid"].as_str().unwrap()[10..19]);
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        assert!(account.services.change(theirs, |line| line.number = Some(number.clone())));
    });
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "adopt", "adopt": theirs})).await, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["needs_attention"], 1, "{change}");
    let told = attention_row(&stage, &plan).await;
    assert!(told["detail"].as_str().unwrap().contains("another row has made"), "{told}");
    let now = now();
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        assert!(
            account.disconnect_service(doubled[0], now.into()) && account.disconnect_service(doubled[1], now.into())
        );
    });
    assert_eq!(decide(&stage, &plan, &row, json!({"outcome": "failed"})).await, 200);
    stage.finish().await;
}
