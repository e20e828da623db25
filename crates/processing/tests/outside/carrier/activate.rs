//! Service for SIMs that have none, and a static address.

use super::at::NEW;
use crate::stage::Stage;
use serde_json::json;
use simulators::thingspace::{IdKind, State};
use testing::iccid;

const POOL: &str = "StaticPrivate";

async fn of_the_ledger(stage: &Stage, place: u32) -> serde_json::Value {
    let page = stage.app.get(&format!("/devices?iccid={}", iccid(place))).await.unwrap().json;
    page["items"][0].clone()
}

#[tokio::test]
async fn sims_are_activated_get_an_address_and_the_ledger_has_what_the_carrier_gave_them() {
    let mut stage = Stage::of_devices(20, State::Preactive).await;
    let plan = stage.plan_to_activate(0..20, Some(POOL)).await;
    stage.apply(&plan).await;
    stage.app.work().await.unwrap();
    assert_eq!(stage.rows_in(&plan, "WAITING_CARRIER").await, 20, "nobody is kept busy meanwhile");
    assert_eq!(
        stage.app.database.number("select count(*) from app.due_work where claim is not null").await.unwrap(),
        0
    );
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 20, "{change}");
    for place in 0..20 {
        let (number, address) = stage.profile(|profile| {
            let record = &profile.devices.iccid(&iccid(place)).unwrap().record;
            assert_eq!(
                (record.state, record.plan.as_deref(), record.ip_pool.as_deref()),
                (State::Active, Some(NEW), Some(POOL))
            );
            (record.id_of(IdKind::Msisdn).map(str::to_owned), record.ip_address.map(|address| address.to_string()))
        });
        let device = of_the_ledger(&stage, place).await;
        assert!(number.is_some() && address.is_some(), "{device}");
        assert_eq!(
            (&device["msisdn"], &device["ip_address"], &device["status"]),
            (&json!(number), &json!(address), &json!("active"))
        );
        assert_eq!(device["customer"]["name"], "Water");
    }
    assert_eq!((stage.asked("/actions/activate"), stage.asked("/actions/plan")), (1, 1));
    stage.finish().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_had_takes_the_activation_back_or_waits_for_a_person() {
    for keeps in [false, true] {
        let mut stage = Stage::of_devices(2, State::Deactive).await;
        stage.outside().settings.policy.keeps_without_ip = keeps;
        stage.fault(json!({"provider": "thingspace", "path": "/devices/actions/plan", "fault": {"kind": "refuse", "error": "UnifiedWebService.REQUEST_FAILED.DefaultIpPoolNotDefined"}}));
        let plan = stage.plan_to_activate(0..2, Some(POOL)).await;
        stage.apply(&plan).await;
        let change = stage.work_to_rest(&plan).await;
        if keeps {
            assert_eq!(change["counts"]["needs_attention"], 2, "{change}");
            assert_eq!(stage.there(0).0, State::Active);
            let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
            assert!(rows[0]["detail"].as_str().unwrap().contains("no static address"), "{rows:?}");
            let path = format!("/bulk-changes/{}/resolve", plan.as_str().unwrap());
            let body = json!({"rows": [1, 2], "reason": "it needs none", "outcome": "processed"});
            assert_eq!(stage.app.post(&path, &body).await.unwrap().status, 200);
            let change = stage.work_to_rest(&plan).await;
            assert_eq!(change["counts"]["ok"], 2, "{change}");
            assert_eq!(of_the_ledger(&stage, 1).await["customer"]["name"], "Water");
        } else {
            assert_eq!(change["counts"]["failed"], 2, "{change}");
            assert_eq!(stage.there(0).0, State::Deactive, "nothing of it remains outside");
            let device = of_the_ledger(&stage, 0).await;
            assert_eq!((&device["msisdn"], &device["status"]), (&json!(null), &json!("deactive")), "{device}");
            assert_eq!(device["customer"]["name"], json!(null));
        }
        stage.finish().await;
    }
}

#[tokio::test]
async fn a_sim_is_billed_under_the_number_that_its_activation_gave_it() {
    let mut stage = Stage::of_devices(6, State::Preactive).await;
    let plan = stage.plan_to_activate_and_open(0..6).await;
    stage.apply(&plan).await;
    let change = stage.work_to_rest(&plan).await;
    assert_eq!(change["counts"]["ok"], 6, "{change}");
    let lines = stage.lines();
    for place in 0..6 {
        let device = of_the_ledger(&stage, place).await;
        let number = device["msisdn"].as_str().unwrap();
        let billed: Vec<_> = lines.get(number).into_iter().flatten().map(|line| line.number2.clone()).collect();
        assert_eq!(billed, [Some(iccid(place))], "{device}");
        assert_eq!(device["customer"]["name"], "Acme");
    }
    let rows = stage.app.rows("bulk-changes", &plan).await.unwrap();
    assert!(rows.iter().all(|row| !row["effective_date"].is_null()), "the day is that of the activation: {rows:?}");
    stage.agrees(&plan).await;
    stage.finish().await;
}
