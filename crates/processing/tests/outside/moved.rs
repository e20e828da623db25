//! What changes between a plan and the first send, and while a row is under way.

use crate::close::{billed_elsewhere, plan_to_take_over};
use crate::stage::{ACME, OTHER, Stage, USER};
use serde_json::{Value, json};
use testing::iccid;

/// The rows leave their chunks, and nobody carries them on yet.
async fn leave_chunks(stage: &mut Stage) {
    let outside = stage.app.outside.take();
    stage.app.work().await.unwrap();
    stage.app.outside = outside;
}

async fn rows(stage: &Stage, plan: &Value) -> Vec<(String, Value)> {
    let rows = stage.app.rows("bulk-changes", plan).await.unwrap();
    rows.iter().map(|row| (row["status"].as_str().unwrap().to_owned(), row["reason"].clone())).collect()
}

fn stale() -> (String, Value) {
    ("SKIPPED".to_owned(), json!("STALE_SINCE_PLAN"))
}

fn processed() -> (String, Value) {
    ("PROCESSED".to_owned(), Value::Null)
}

#[tokio::test]
async fn a_row_whose_device_changes_before_its_turn_at_the_gate_is_left_alone() {
    let mut stage = Stage::of(3).await;
    let plan = stage.plan_to_open(0..3).await;
    stage.apply(&plan).await;
    leave_chunks(&mut stage).await;
    let moved = format!("update app.m2m_device set version = version + 1 where iccid = '{}'", iccid(0));
    stage.app.database.plant(&moved).await.unwrap();
    let linked = format!(
        "update app.device_tenant dt set link_version = link_version + 1 from app.m2m_device d
         where d.id = dt.device_id and d.iccid = '{}'",
        iccid(1)
    );
    stage.app.database.plant(&linked).await.unwrap();
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(rows(&stage, &plan).await, [stale(), stale(), processed()], "{change}");
    assert_eq!((&change["counts"]["skipped"], &change["status"]), (&json!(2), &json!("PROCESSED")), "{change}");
    stage.agrees(&plan).await;
    assert_eq!(stage.lines().values().flatten().count(), 1);
    assert_eq!(
        stage.app.database.number("select count(*) from app.provider_intent where row_number < 3").await.unwrap(),
        0
    );
    stage.finish().await;
}

#[tokio::test]
async fn a_target_that_changes_before_the_turn_at_the_gate_leaves_all_its_rows_alone() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..2).await;
    stage.apply(&plan).await;
    leave_chunks(&mut stage).await;
    let closed = format!("update app.rev_customer set version = version + 1 where rev_customer_id = '{ACME}'");
    stage.app.database.plant(&closed).await.unwrap();
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(rows(&stage, &plan).await, [stale(), stale()], "{change}");
    assert_eq!(change["status"], "ERROR", "{change}");
    assert!(stage.lines().is_empty());
    stage.finish().await;
}

#[tokio::test]
async fn a_number_that_an_import_changes_under_way_opens_no_second_line() {
    let mut stage = Stage::of(2).await;
    let number = format!("1555{}", &iccid(0)[10..19]);
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "when": {"next": 2}, "fault": {"kind": "cut_after"}}));
    let plan = stage.plan_to_open(0..2).await;
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    assert_eq!(stage.lines().values().flatten().count(), 2, "they were opened, and nobody knows");
    stage.app.database.plant("update app.m2m_device set msisdn = '1777' || substr(iccid, 11, 9)").await.unwrap();
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    stage.agrees(&plan).await;
    assert_eq!(stage.lines()[&number].len(), 1);
    let mirrored = format!("select count(*) from app.rev_service where number = '{number}'");
    assert_eq!(stage.app.database.number(&mirrored).await.unwrap(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_line_that_bills_another_sim_or_customer_by_now_is_not_ended() {
    let mut stage = Stage::of(3).await;
    let lines = billed_elsewhere(&stage, 0..3).await;
    let plan = plan_to_take_over(&stage, 0..3).await;
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        account.services.change(lines[0], |line| (line.number, line.number2) = (Some("1999".to_owned()), None));
        account.services.change(lines[1], |line| line.customer_id = 100_000_003);
    });
    // The mirror knows of the other customer already, and the device's links do not.
    let known = format!("update app.rev_service set rev_customer_id = '100000003' where rev_service_id = {}", lines[1]);
    stage.app.database.plant(&known).await.unwrap();
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(rows(&stage, &plan).await, [stale(), stale(), processed()], "{change}");
    stage.agrees(&plan).await;
    assert_eq!(
        (stage.products(lines[0]).len(), stage.products(lines[1]).len(), stage.products(lines[2]).len()),
        (1, 1, 0)
    );
    let details = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert!(details[0]["detail"].as_str().unwrap().contains(&format!("line {}", lines[0])), "{details:?}");
    stage.finish().await;
}

/// A second account of ours, which is the same one there.
async fn second_account(stage: &Stage) {
    let made = stage.app.post("/integration-authentications", &json!({"name": "Second"})).await.unwrap();
    assert!(made.status.is_success(), "{}", made.json);
    let id = made.json["id"].as_str().unwrap();
    let like = "update app.integration_authentication s
        set base_url = f.base_url, calls_per_minute = f.calls_per_minute, calls_per_day = f.calls_per_day
        from app.integration_authentication f where f.name = 'Rev.io' and s.name = 'Second' and f.tenant_id = s.tenant_id";
    stage.app.database.plant(like).await.unwrap();
    let read = "insert into app.rev_sync (tenant_id, integration_authentication_id, resource, started_at, ended_at, mirrored_at)
        select s.tenant_id, a.id, s.resource, s.started_at, s.ended_at, s.mirrored_at from app.rev_sync s
        join app.integration_authentication a on a.tenant_id = s.tenant_id where a.name = 'Second'";
    stage.app.database.plant(read).await.unwrap();
    let secrets = json!({"username": USER, "password": "canary-password", "subscription_key": "canarykey0123456789"});
    let kept = stage.app.post(&format!("/integration-authentications/{id}/credentials"), &secrets).await.unwrap();
    assert!(kept.status.is_success(), "{}", kept.json);
}

#[tokio::test]
async fn a_row_with_lines_in_two_accounts_does_not_go_to_and_fro_when_one_was_ended_by_hand() {
    let mut stage = Stage::of(2).await;
    second_account(&stage).await;
    let lines = [billed_elsewhere(&stage, 0..2).await, billed_elsewhere(&stage, 0..2).await].concat();
    // The later two are the other account's: of the same customer there, who is a customer of ours under that account, too.
    for (sql, wanted) in [
        (format!("update app.rev_service s set integration_authentication_id = a.id from app.integration_authentication a
            where a.name = 'Second' and s.rev_service_id in ({}, {})", lines[2], lines[3]), "lines"),
        (format!("update app.rev_service_product p set integration_authentication_id = a.id from app.integration_authentication a
            where a.name = 'Second' and p.rev_service_id in ({}, {})", lines[2], lines[3]), "products"),
        (format!("insert into app.rev_customer (tenant_id, id, integration_authentication_id, rev_customer_id, customer_name, status)
            select tenant_id, gen_random_uuid(), id, '{OTHER}', 'Elsewhere', 'OPEN' from app.integration_authentication where name = 'Second'"), "customer"),
        ("insert into app.device_link_due select tenant_id, device_id from app.device_tenant on conflict do nothing".to_owned(), "due"),
    ] {
        stage.app.database.plant(&sql).await.unwrap_or_else(|error| panic!("{wanted}: {error}"));
    }
    while database::rev_io::relink(&stage.app.ledger, stage.app.fixture.tenant).await.unwrap().0 > 0 {}
    let plan = plan_to_take_over(&stage, 0..2).await;
    let planned = stage.app.rows("plans", &plan).await.unwrap();
    assert_eq!(planned[0]["after"]["billing"]["closes"].as_array().map(Vec::len), Some(2), "{planned:?}");
    // By hand: of one row the line of the first account, of the other that of the second.
    let day = simulators::rev_io::WireDate(crate::stage::now());
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        assert!(account.disconnect_service(lines[0], day) && account.disconnect_service(lines[3], day));
    });
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(rows(&stage, &plan).await, [processed(), processed()], "{change}");
    stage.agrees(&plan).await;
    assert!(stage.lines().values().flatten().all(|line| line.customer_id == ACME));
    stage.finish().await;
}

#[tokio::test]
async fn a_line_that_can_never_be_read_is_a_persons_to_decide_on() {
    let mut stage = Stage::of(1).await;
    billed_elsewhere(&stage, 0..1).await;
    let plan = plan_to_take_over(&stage, 0..1).await;
    stage.outside().settings.blind_for = std::time::Duration::from_secs(300);
    stage.fault(json!({"provider": "rev-io", "method": "GET", "path": "/services/*", "fault": {"kind": "empty"}}));
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(rows(&stage, &plan).await, [("NEEDS_ATTENTION".to_owned(), json!("OUTCOME_UNKNOWN"))], "{change}");
    let details = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert!(details[0]["detail"].as_str().unwrap().contains("could not be read since"), "{details:?}");
    let failures = "select max(failures)::bigint from app.account_gate";
    assert_eq!(stage.app.database.number(failures).await.unwrap(), 0, "the account answers: its circuit stays closed");
    stage.world.faults(|faults| faults.clear());
    let path = format!("/bulk-changes/{}/resolve", plan.as_str().unwrap());
    let body = json!({"rows": [1], "outcome": "look_again", "reason": "Rev.io was put right"});
    assert_eq!(stage.app.post(&path, &body).await.unwrap().status, 200);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(rows(&stage, &plan).await, [processed()], "{change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_turn_that_says_of_its_change_what_is_not_so_is_put_right() {
    let mut stage = Stage::of(2).await;
    let plan = stage.plan_to_open(0..2).await;
    stage.apply(&plan).await;
    leave_chunks(&mut stage).await;
    stage.app.database.plant("update app.outside_turn set is_paused = true").await.unwrap();
    stage.app.work().await.unwrap();
    assert!(stage.lines().is_empty(), "the turn says that the change is paused");
    let tenant = stage.app.fixture.tenant;
    assert_eq!(database::outside::heal_turns(&stage.app.ledger, tenant).await.unwrap(), 1);
    assert_eq!(database::outside::heal_turns(&stage.app.ledger, tenant).await.unwrap(), 0);
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    stage.finish().await;
}

/// Ending the old line's product never arrived, the row has failed, and nothing of it remains; then it lands after all.
#[tokio::test]
async fn an_ending_that_lands_after_its_row_has_failed_is_told() {
    let mut stage = Stage::of(3).await;
    let lines = billed_elsewhere(&stage, 0..3).await;
    let plan = plan_to_take_over(&stage, 0..3).await;
    stage.fault(
        json!({"provider": "rev-io", "method": "DELETE", "path": "/serviceproduct", "fault": {"kind": "cut_before"}}),
    );
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    let failed = ("FAILED".to_owned(), json!("BILLING_TIMEOUT"));
    assert_eq!(rows(&stage, &plan).await, [failed.clone(), failed.clone(), failed.clone()], "{change}");
    assert_eq!(stage.app.database.number("select count(*) from app.due_work where sweeps = 0").await.unwrap(), 3);
    stage.world.faults(|faults| faults.clear());
    // Of the first row it lands. The second is tried again, and that ends the line. Of the third nothing ever comes.
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        let product = account.service_products.find("service_id", &lines[0].to_string())[0].service_product_id;
        account.service_products.change(product, |product| product.status = Some("DISCONNECTED".to_owned()));
    });
    let again = plan_to_take_over(&stage, 1..2).await;
    stage.apply(&again).await;
    assert_eq!(stage.work_to_rest(&again).await["counts"]["ok"], 1);
    stage.sweep().await;
    let told = ("NEEDS_ATTENTION".to_owned(), json!("FOUND_SEVERAL"));
    assert_eq!(rows(&stage, &plan).await, [told, failed.clone(), failed]);
    let details = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert!(details[0]["detail"].as_str().unwrap().contains("has happened at Rev.io by now"), "{details:?}");
    assert_eq!(stage.app.database.number("select count(*) from app.due_work").await.unwrap(), 1);
    let path = format!("/bulk-changes/{}/resolve", plan.as_str().unwrap());
    let body = json!({"rows": [1], "outcome": "failed", "reason": "it may be over"});
    assert_eq!(stage.app.post(&path, &body).await.unwrap().status, 200);
    stage.sweep().await;
    let again = rows(&stage, &plan).await.remove(0).0;
    assert_eq!(again, "FAILED", "it is over still, and a person's word is the last");
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    stage.finish().await;
}
