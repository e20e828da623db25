//! Lines of other accounts that are ended first, and lines that a SIM is put on.

use crate::stage::{ACME, OTHER, Stage, USER, now};
use serde_json::{Value, json};
use simulators::rev_io::{Service, ServiceProduct};
use testing::iccid;

/// Lines of the other customer with a product each for these SIMs, at Rev.io and in the mirror; the SIMs are that customer's.
pub(crate) async fn billed_elsewhere(stage: &Stage, places: std::ops::Range<u32>) -> Vec<i64> {
    let mut lines = Vec::new();
    for place in places {
        let iccid = iccid(place);
        let number = format!("1555{}", &iccid[10..19]);
        let (line, product) = stage.world.rev_io(|state| {
            let account = state.account_mut(USER).unwrap();
            let day = account.customers.iter().next().unwrap().activated_date;
            let line = account.services.add(
                Service {
                    customer_id: OTHER,
                    provider_id: Some(1),
                    number: Some(number.clone()),
                    number2: Some(iccid.clone()),
                    activated_date: day,
                    ..Service::default()
                },
                now(),
            );
            let product = account.service_products.add(
                ServiceProduct {
                    customer_id: OTHER,
                    product_id: 1,
                    service_id: Some(line),
                    status: Some("ACTIVE".to_owned()),
                    activated_date: day,
                    ..ServiceProduct::default()
                },
                now(),
            );
            (line, product)
        });
        stage
            .app
            .database
            .plant(&format!(
                "insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id, number, number2)
                 select tenant_id, id, {line}, '{OTHER}', '{number}', '{iccid}' from app.integration_authentication where name = 'Rev.io';
                 insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, rev_customer_id, rev_product_id, status)
                 select tenant_id, id, {product}, {line}, '{OTHER}', 1, 'ACTIVE' from app.integration_authentication where name = 'Rev.io'"
            ))
            .await
            .unwrap();
        lines.push(line);
    }
    stage
        .app
        .database
        .plant(
            "insert into app.device_link_due select tenant_id, device_id from app.device_tenant on conflict do nothing",
        )
        .await
        .unwrap();
    while database::rev_io::relink(&stage.app.ledger, stage.app.fixture.tenant).await.unwrap().0 > 0 {}
    lines
}

/// The same plan, but each row ends the other customer's line first.
pub(crate) async fn plan_to_take_over(stage: &Stage, places: std::ops::Range<u32>) -> Value {
    let count = places.len();
    let plan = stage.plan(&json!({"on_conflict": "replace", "disconnect_existing": true}), places).await;
    assert_eq!(plan["counts"]["change"], count, "{plan}");
    plan["id"].clone()
}

#[tokio::test]
async fn the_other_customers_line_is_ended_before_the_new_one_is_opened() {
    let mut stage = Stage::of(6).await;
    let lines = billed_elsewhere(&stage, 0..6).await;
    let plan = plan_to_take_over(&stage, 0..6).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 6, "{change}");
    stage.agrees(&plan).await;
    assert!(stage.lines().values().flatten().all(|line| line.customer_id == ACME));
    for line in lines {
        assert_eq!(stage.products(line), []);
    }
    assert_eq!(
        stage
            .app
            .database
            .number("select count(*) from app.rev_service where disconnected_date is not null")
            .await
            .unwrap(),
        6
    );
    assert_eq!(
        stage
            .app
            .database
            .number("select count(*) from app.device_tenant where other_rev_service_ids is not null")
            .await
            .unwrap(),
        0
    );
    stage.finish().await;
}

#[tokio::test]
async fn a_line_that_somebody_moved_meanwhile_is_left_alone_and_nothing_is_opened() {
    let mut stage = Stage::of(2).await;
    let lines = billed_elsewhere(&stage, 0..2).await;
    let plan = plan_to_take_over(&stage, 0..2).await;
    stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        assert!(account.services.change(lines[0], |line| line.customer_id = 100_000_003));
    });
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["skipped"]), (&json!(1), &json!(1)), "{change}");
    stage.agrees(&plan).await;
    assert_eq!(stage.products(lines[0]).len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn when_the_new_line_is_refused_after_the_old_one_was_ended_a_person_is_told() {
    let mut stage = Stage::of(1).await;
    let lines = billed_elsewhere(&stage, 0..1).await;
    let plan = plan_to_take_over(&stage, 0..1).await;
    stage.fault(json!({"provider": "rev-io", "method": "POST", "path": "/services", "fault": {"kind": "refuse", "message": "no credit"}}));
    stage.apply(&plan).await;
    stage.work_to_rest(&plan).await;
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert_eq!(
        (&rows[0]["status"], &rows[0]["reason"]),
        (&json!("NEEDS_ATTENTION"), &json!("UNDO_NOT_DONE")),
        "{rows:?}"
    );
    let detail = rows[0]["detail"].as_str().unwrap();
    assert!(detail.contains(&lines[0].to_string()) && detail.contains("no credit"), "{detail}");
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 1);
    let body = json!({"rows": [1], "outcome": "failed", "reason": "opened again by hand"});
    let path = format!("/bulk-changes/{}/resolve", plan.as_str().unwrap());
    assert_eq!(stage.app.post(&path, &body).await.unwrap().status, 200);
    stage.finish().await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_ending_a_line_it_is_ended_once_and_the_new_one_opened_once() {
    let mut stage = Stage::of(60).await;
    let mut place = 0;
    for (method, path) in [("DELETE", "/serviceproduct"), ("PATCH", "/services/*"), ("POST", "/services")] {
        for kind in ["server_error_before", "server_error_after", "cut_before", "cut_after", "empty"] {
            billed_elsewhere(&stage, place..place + 2).await;
            let plan = plan_to_take_over(&stage, place..place + 2).await;
            place += 2;
            stage.fault(json!({"provider": "rev-io", "method": method, "path": path, "when": {"next": 1}, "fault": {"kind": kind}}));
            stage.apply(&plan).await;
            let change = stage.work_to_rest(&plan).await;
            assert_eq!(change["counts"]["ok"], 2, "{method} {kind}: {change}");
            stage.agrees(&plan).await;
            stage.world.faults(|faults| faults.clear());
        }
    }
    assert!(stage.lines().values().flatten().all(|line| line.customer_id == ACME));
    stage.finish().await;
}

#[tokio::test]
async fn a_sim_is_put_on_a_line_that_is_there() {
    let mut stage = Stage::of(2).await;
    let line = stage.world.rev_io(|state| {
        let account = state.account_mut(USER).unwrap();
        account.services.add(Service { customer_id: ACME, provider_id: Some(1), ..Service::default() }, now())
    });
    stage
        .app
        .database
        .plant(&format!(
            "insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id)
             select tenant_id, id, {line}, '{ACME}' from app.integration_authentication where name = 'Rev.io'"
        ))
        .await
        .unwrap();
    let plan = stage.app.plan("Acme", &json!({"service_id": line}), &[iccid(0)]).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 1, "{plan}");
    stage.fault(json!({"provider": "rev-io", "method": "PATCH", "path": "/services/*", "when": {"next": 1}, "fault": {"kind": "cut_after"}}));
    stage.apply(&plan["id"]).await;
    let change = stage.work_to_rest(&plan["id"]).await;
    assert_eq!(change["counts"]["ok"], 1, "{change}");
    let lines = stage.lines();
    let ours: Vec<_> = lines.values().flatten().filter(|line| line.number2.as_deref() == Some(&iccid(0))).collect();
    assert_eq!(ours.iter().map(|line| line.service_id).collect::<Vec<_>>(), [line]);
    let mirrored = format!("select count(*) from app.rev_service where number2 = '{}'", iccid(0));
    assert_eq!(stage.app.database.number(&mirrored).await.unwrap(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn an_undo_says_that_a_line_it_ended_is_not_opened_again() {
    let mut stage = Stage::of(1).await;
    billed_elsewhere(&stage, 0..1).await;
    let plan = plan_to_take_over(&stage, 0..1).await;
    stage.apply(&plan).await;
    assert_eq!(stage.work_to_rest(&plan).await["counts"]["ok"], 1);
    let undo = stage.app.post(&format!("/bulk-changes/{}/undo", plan.as_str().unwrap()), &json!({})).await.unwrap();
    assert_eq!(undo.json["counts"]["by_reason"], json!({"CANNOT_BE_UNDONE": 1}), "{}", undo.json);
    stage.finish().await;
}
