//! What can be asked of a carrier, and every reason why not.

use super::{FRESH, ON_ITS_WAY, OVER, WITHOUT_IMEI, account, activate, carrier, change, judged, number};
use crate::edges::{patch, put};
use domain::reason::Reason;
use reqwest::Method;
use serde_json::{Value, json};
use testing::{Agent, TestApp, iccid};

const SUSPENDED: u32 = 900_001;

async fn refused(app: &TestApp, extra: &Value, place: u32, reason: Reason, about: &str) {
    let (said, detail) = judged(app, extra, place).await;
    assert_eq!(said, reason.word(), "{extra} at {place}: {detail}");
    assert!(detail.contains(about), "{extra} at {place}: {detail}");
}

#[tokio::test]
async fn what_can_be_done_is_a_step_before_everything_else() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    for (extra, place, steps) in [
        (change("P-NEW"), 0, "change_carrier_rate_plan record_assignment"),
        (change("New"), 0, "change_carrier_rate_plan record_assignment"),
        (change("P-OLD"), 0, "record_assignment"),
        (activate(&json!({})), 0, "record_assignment"),
        (activate(&json!({})), FRESH, "activate_at_carrier record_assignment"),
        (activate(&json!({})), OVER, "activate_at_carrier record_assignment"),
        (
            activate(&json!({"static_ip": {"pool": "BLUE"}})),
            FRESH,
            "activate_at_carrier provision_ip record_assignment",
        ),
        (activate(&json!({"sku": "VZ1"})), WITHOUT_IMEI, "activate_at_carrier record_assignment"),
    ] {
        assert_eq!(judged(&app, &extra, place).await.0, steps, "{extra} at {place}");
    }
    // Who has the SIM keeps it: the plan alone changes; and what is so already is no change.
    assert_eq!(judged(&app, &change("P-NEW"), 900_003).await.0, "change_carrier_rate_plan record_assignment");
    assert_eq!(judged(&app, &change("P-OLD"), 900_003).await.0, Reason::AlreadyAssignedSame.word());
    app.finish().await.unwrap();
}

#[tokio::test]
async fn every_reason_why_a_carrier_is_not_asked() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    refused(&app, &change("P-NONE"), 0, Reason::PlanNotFound, "carrier rate plan P-NONE").await;
    refused(&app, &change("P-GONE"), 0, Reason::PlanNotFound, "P-GONE").await;
    refused(&app, &change("Twin"), 0, Reason::PlanNotFound, "2 carrier rate plans are called Twin").await;
    refused(&app, &change("J-1"), 0, Reason::PlanNotForCarrier, "J-1").await;
    let communication = json!({"add_carrier_rate_plan": {"carrier_rate_plan": "P-NEW", "communication_plan": "C"}});
    refused(&app, &communication, 0, Reason::CarrierNotSupported, "no communication plans").await;
    refused(&app, &change("P-NEW"), SUSPENDED, Reason::CarrierSuspended, "suspend").await;
    refused(&app, &activate(&json!({})), SUSPENDED, Reason::DeviceNotActive, "cannot be activated").await;
    refused(&app, &activate(&json!({})), ON_ITS_WAY, Reason::DeviceNotActive, "pending activation").await;
    refused(&app, &change("P-NEW"), FRESH, Reason::DeviceNotActive, "preactive").await;
    refused(&app, &json!({}), FRESH, Reason::DeviceNotActive, "preactive").await;
    refused(&app, &activate(&json!({})), WITHOUT_IMEI, Reason::ImeiMissing, "").await;
    for (extra, about) in [
        (json!({"zip_code": "1000"}), "zip_code 1000"),
        (json!({"zip_code": null}), "zip_code is missing"),
        (json!({"carrier_rate_plan": null}), "carrier_rate_plan is missing"),
        (json!({"static_ip": {"pool": "a<b"}}), "static_ip_pool"),
    ] {
        refused(&app, &activate(&extra), FRESH, Reason::ActivationInvalid, about).await;
    }
    refused(&app, &activate(&json!({"carrier_rate_plan": "P-NONE"})), FRESH, Reason::PlanNotFound, "P-NONE").await;

    // Four times a month; what was changed last month is of last month.
    let month = "date_trunc('month', app.now() at time zone 'UTC')::date";
    let device = format!("(select tenant_id, id from app.m2m_device where iccid = '{}') d", iccid(1));
    for (of, times) in [(format!("({month} - interval '1 month')::date"), 4), (month.to_owned(), 3)] {
        let plant = format!(
            "insert into app.carrier_plan_change (tenant_id, device_id, month, times) select d.*, {of}, {times} from {device}"
        );
        app.database.plant(&plant).await.unwrap();
    }
    assert_eq!(judged(&app, &change("P-NEW"), 1).await.0, "change_carrier_rate_plan record_assignment");
    app.database.plant(&format!("update app.carrier_plan_change set times = 4 where month = {month}")).await.unwrap();
    refused(&app, &change("P-NEW"), 1, Reason::CarrierChangeQuota, "4 of 4 this month").await;
    assert_eq!(judged(&app, &change("P-OLD"), 1).await.0, "record_assignment", "it has that plan");
    assert_eq!(
        number(&app, "select count(*) from app.m2m_device_change where steps is not null and status = 'REFUSED'").await,
        0
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_account_that_nothing_may_be_sent_to_says_why() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    let (path, asked) = (format!("/service-providers/{}", app.fixture.provider), change("P-NEW"));
    let disabled = Reason::CarrierWriteDisabled;
    let at_account = format!("{path}/account");
    put(&app, &at_account, Some("*"), &json!({"paused": true})).await;
    refused(&app, &asked, 0, disabled, "paused by a person").await;
    refused(&app, &activate(&json!({})), FRESH, disabled, "paused by a person").await;
    // What is so already takes nothing of the carrier; nor does who asks nothing of it.
    assert_eq!(judged(&app, &change("P-OLD"), 0).await.0, "record_assignment");
    assert_eq!(judged(&app, &json!({}), 0).await.0, "record_assignment");
    put(&app, &at_account, Some("*"), &json!({"paused": false})).await;
    patch(&app, &path, Some("*"), &json!({"write_enabled": false})).await;
    refused(&app, &asked, 0, disabled, "write_enabled").await;
    patch(&app, &path, Some("*"), &json!({"write_enabled": true})).await;
    assert_eq!(judged(&app, &asked, 0).await.0, "change_carrier_rate_plan record_assignment");
    app.database.plant("delete from app.credential where field = 'password'").await.unwrap();
    refused(&app, &asked, 0, disabled, "credentials").await;
    app.database.plant("delete from app.credential").await.unwrap();
    app.database.plant("delete from app.carrier_account").await.unwrap();
    refused(&app, &asked, 0, disabled, "no account").await;
    // Control Center has no client: a plan that is known there changes nothing of that.
    let moved = format!(
        "update app.m2m_device d set service_provider_id = p.id, status = 'ACTIVATED' from app.service_provider p
         where p.tenant_id = d.tenant_id and p.name = 'Jasper' and d.iccid = '{}'",
        iccid(2)
    );
    app.database.plant(&moved).await.unwrap();
    let mut jasper = change("J-1");
    jasper["service_provider"] = json!("Jasper");
    refused(&app, &jasper, 2, Reason::CarrierNotSupported, "from here").await;
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_agents_partner_has_the_account() {
    let app = TestApp::start(4).await.unwrap();
    account(&app).await;
    let agent = Agent::make(&app, &[iccid(0)]).await.unwrap();
    let mut request = app.asking("Gamma Farm", &change("P-NEW"));
    request["devices"] = json!([iccid(0)]);
    let plan = app.send_as(&agent.key, Method::POST, "/plans", Some(&request)).await.unwrap().json;
    assert_eq!(plan["counts"]["by_reason"], json!({"CARRIER_WRITE_DISABLED": 1}), "{plan}");
    let rows = format!("/plans/{}/rows", plan["id"].as_str().unwrap());
    let rows = app.send_as(&agent.key, Method::GET, &rows, None).await.unwrap().json;
    assert!(rows["items"][0]["detail"].as_str().unwrap().contains("the partner has the account"), "{rows}");
    app.finish().await.unwrap();
}
