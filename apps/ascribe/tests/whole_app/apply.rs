//! From plan to settled: what a bulk change does, counts, and answers.

use crate::devices;
use intake::PlannerSettings;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use testing::{TestApp, iccid};

#[tokio::test]
async fn a_csv_becomes_assigned_devices_and_the_ledger_says_so() {
    let app = TestApp::start(35).await.unwrap();
    let file = format!("name;ICCID\nx;{}\nbroken;12\n", devices(35).join("\nx;"));
    let plan = app.plan_file("Water", &json!({"reference": "T-1"}), file).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    assert_eq!(plan.json["input_name"], "devices.csv");
    let id = plan.json["id"].as_str().unwrap();
    assert_eq!(plan.headers["location"], format!("/api/v1/plans/{id}"));
    assert_eq!(
        app.get(&format!("/bulk-changes/{id}")).await.unwrap().status,
        StatusCode::NOT_FOUND,
        "a plan is not a change yet"
    );

    let applied = app.post("/bulk-changes", &json!({"plan_id": id})).await.unwrap();
    assert_eq!(applied.status, StatusCode::ACCEPTED);
    assert_eq!(applied.headers["location"], format!("/api/v1/bulk-changes/{id}"));
    assert_eq!(
        (&applied.json["id"], &applied.json["status"], &applied.json["counts"]["to_do"]),
        (&json!(id), &json!("NEW"), &json!(35))
    );
    assert_eq!(app.work().await.unwrap(), 4, "35 rows in chunks of ten");

    let change = app.get(&format!("/bulk-changes/{id}")).await.unwrap().json;
    assert_eq!(change["status"], "PROCESSED");
    assert_eq!(
        change["counts"],
        json!({"planned": 35, "ok": 35, "failed": 0, "skipped": 0, "cancelled": 0, "needs_attention": 0, "to_do": 0})
    );
    let rows = app.rows("bulk-changes", &json!(id)).await.unwrap();
    assert_eq!(rows.len(), 36);
    assert!(rows[..35].iter().all(|row| row["status"] == "PROCESSED" && row["attempts"] == 1));
    assert_eq!(rows[35]["status"], "REFUSED");

    let water = app.fixture.water.0;
    let theirs = app.get(&format!("/devices?customer={water}&limit=1000")).await.unwrap();
    assert_eq!(theirs.json["items"].as_array().unwrap().len(), 36, "with the one that was there before");
    assert_eq!(
        app.database
            .number("select count(*) from app.audit_entry where action = 'chunk_settled' and digest is not null")
            .await
            .unwrap(),
        4
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_rev_customer_without_anything_outside_gets_account_plan_pool_and_allocation() {
    let app = TestApp::start(12).await.unwrap();
    let extra =
        json!({"customer_rate_plan": "P-ALL", "customer_rate_pool": "Shared", "customer_data_allocation_mb": "0.5"});
    let change = app.carry_out("9000001", &extra, &devices(12)).await.unwrap();
    assert_eq!(change["counts"]["ok"], 12, "{change}");
    let device = app.get(&format!("/devices?iccid={}", iccid(0))).await.unwrap().json["items"][0].clone();
    assert_eq!(
        (
            &device["customer"]["name"],
            &device["customer_rate_plan"],
            &device["customer_rate_pool"],
            &device["customer_data_allocation_mb"]
        ),
        (&json!("Acme"), &json!("P-ALL"), &json!("Shared"), &json!(0.5))
    );
    assert_eq!(
        app.database.number("select count(*) from app.device_tenant where account_number = '9000001'").await.unwrap(),
        12
    );
    // And away again to an AMOP customer: the account is cleared, the plan stays.
    let change = app.carry_out("Cold", &json!({"on_conflict": "replace"}), &devices(12)).await.unwrap();
    assert_eq!(change["counts"]["ok"], 12);
    assert_eq!(
        app.database.number("select count(*) from app.device_tenant where account_number is not null").await.unwrap(),
        0
    );
    assert_eq!(
        app.database
            .number("select count(*) from app.device_tenant where customer_rate_plan_id is not null")
            .await
            .unwrap(),
        12
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_plan_is_applied_once_and_only_while_it_is_good() {
    let settings = PlannerSettings { expires_in: Duration::from_millis(1), ..PlannerSettings::default() };
    let app = TestApp::start_with(2, settings, Duration::from_secs(60)).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let expired = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!((expired.status, &expired.json["code"]), (StatusCode::CONFLICT, &json!("PLAN_EXPIRED")));
    let shown = app.get(&format!("/plans/{}", plan.json["id"].as_str().unwrap())).await.unwrap();
    assert_eq!((&shown.json["status"], &shown.json["expired"]), (&json!("PLANNED"), &json!(true)));
    app.finish().await.unwrap();

    let app = TestApp::start(2).await.unwrap();
    let nothing = app.plan("Water", &json!({}), &[iccid(900_003), "x".into()]).await.unwrap();
    let refused = app.post("/bulk-changes", &json!({"plan_id": nothing.json["id"]})).await.unwrap();
    assert_eq!((refused.status, &refused.json["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_CHANGE")));
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap();
    let body = json!({"plan_id": plan.json["id"]});
    assert_eq!(app.post("/bulk-changes", &body).await.unwrap().status, StatusCode::ACCEPTED);
    for _ in 0..2 {
        let again = app.post("/bulk-changes", &body).await.unwrap();
        assert_eq!((again.status, &again.json["code"]), (StatusCode::CONFLICT, &json!("ALREADY_APPLIED")));
        app.work().await.unwrap();
    }
    assert_eq!(app.database.number("select count(*) from app.device_tenant_history").await.unwrap(), 2);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn two_applies_at_once_are_one_change() {
    let app = TestApp::start(2).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap();
    let body = json!({"plan_id": plan.json["id"]});
    let (a, b) = tokio::join!(app.post("/bulk-changes", &body), app.post("/bulk-changes", &body));
    let mut statuses = [a.unwrap().status, b.unwrap().status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::ACCEPTED, StatusCode::CONFLICT]);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_request_is_read_strictly() {
    let app = TestApp::start(1).await.unwrap();
    let cases = [
        (json!({"activate": true}), "FIELD_INVALID"),
        (json!({"activate": {"billing_account": "5"}}), "FIELD_INVALID"),
        (json!({"activate": {"static_ip": {"pdp": 1}}}), "FIELD_INVALID"),
        (json!({"activate": {"surprise": 1}}), "FIELD_UNKNOWN"),
        (json!({"add_carrier_rate_plan": {"communication_plan": "C"}}), "FIELD_INVALID"),
        (json!({"zip_code": "10001"}), "FIELD_INVALID"),
        (json!({"billing_account": "5"}), "FIELD_NOT_SUPPORTED_YET"),
        (json!({"notify": true}), "FIELD_NOT_SUPPORTED_YET"),
        (json!({"start_at": "soon"}), "FIELD_INVALID"),
        (json!({"start_at": "2020-01-01T00:00:00Z"}), "FIELD_INVALID"),
        (json!({"columns": {"x": "surprise"}}), "FIELD_INVALID"),
        (json!({"columns": {"x": "site"}}), "COLUMN_NOT_FOUND"),
        (json!({"surprise": 1}), "FIELD_UNKNOWN"),
        (json!({"customer": ["x"]}), "FIELD_INVALID"),
        (json!({"customer": null}), "FIELD_MISSING"),
        (json!({"change_type": "Other"}), "CHANGE_TYPE_UNKNOWN"),
        (json!({"service_provider": "Nowhere"}), "SERVICE_PROVIDER_NOT_FOUND"),
    ];
    for (extra, code) in cases {
        let answer = app.plan("Water", &extra, &devices(1)).await.unwrap();
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(code)), "{extra}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(answer.json["errors"][0]["pointer"].as_str().unwrap().starts_with('/'));
    }
    for devices in [
        json!("x"),
        json!([]),
        json!([12]),
        json!([{"iccid": 5}]),
        json!([{"iccid": iccid(0), "products": "x"}]),
        json!([{"iccid": iccid(0), "surprise": "x"}]),
        json!([{"customer": "Cold"}]),
        json!([{"iccid": iccid(0), "customer": ["Cold"]}]),
    ] {
        let mut request = app.asking("Water", &json!({}));
        request["devices"] = devices;
        assert_eq!(app.post("/plans", &request).await.unwrap().status, StatusCode::UNPROCESSABLE_ENTITY, "{request}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_plan_that_takes_longer_is_202_and_planning_and_gets_there() {
    let app = TestApp::start_with(300, PlannerSettings { page_rows: 2, ..PlannerSettings::default() }, Duration::ZERO)
        .await
        .unwrap();
    let plan = app.plan("Water", &json!({}), &devices(300)).await.unwrap();
    assert_eq!((plan.status, &plan.json["status"]), (StatusCode::ACCEPTED, &json!("PLANNING")));
    let early = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!((early.status, &early.json["code"]), (StatusCode::CONFLICT, &json!("PLAN_NOT_READY")));
    let id = plan.json["id"].as_str().unwrap();
    let mut shown = plan.json.clone();
    for _ in 0..600 {
        shown = app.get(&format!("/plans/{id}")).await.unwrap().json;
        if shown["status"] != "PLANNING" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((&shown["status"], &shown["counts"]["change"]), (&json!("PLANNED"), &json!(300)));
    app.finish().await.unwrap();
}
