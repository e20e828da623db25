//! An agent partner assigns its own customers to devices that its partner gave it, and sees nothing else.

mod given;

use crate::devices;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{Agent, TestApp, iccid};

/// Plans as the agent; the plan.
async fn plan(app: &TestApp, agent: &Agent, customer: &str, extra: &Value, devices: &[String]) -> Value {
    let mut request = app.asking(customer, extra);
    request["devices"] = json!(devices);
    let made = app.send_as(&agent.key, Method::POST, "/plans", Some(&request)).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    made.json
}

/// Applies as the agent and works until nothing is left; the change as it ended.
async fn carry_out(app: &TestApp, agent: &Agent, plan: &Value) -> Value {
    let body = json!({"plan_id": plan["id"]});
    let applied = app.send_as(&agent.key, Method::POST, "/bulk-changes", Some(&body)).await.unwrap();
    assert_eq!(applied.status, StatusCode::ACCEPTED, "{}", applied.json);
    app.work().await.unwrap();
    let path = format!("/bulk-changes/{}", plan["id"].as_str().unwrap());
    app.send_as(&agent.key, Method::GET, &path, None).await.unwrap().json
}

#[tokio::test]
async fn an_agent_assigns_its_own_customers_to_what_it_was_given_and_its_partner_sees_nothing_of_it() {
    let app = TestApp::start(8).await.unwrap();
    let agent = Agent::make(&app, &devices(5)).await.unwrap();
    let mut list = devices(8);
    list.push(iccid(910_000));
    let asked = json!({"customer_rate_plan": "G-1", "customer_data_allocation_mb": 7});
    let made = plan(&app, &agent, "Gamma Farm", &asked, &list).await;
    assert_eq!(made["counts"]["change"], 5, "{made}");
    assert_eq!(made["counts"]["by_reason"], json!({"DEVICE_NOT_FOUND": 4}), "what was not given is not there");
    let change = carry_out(&app, &agent, &made).await;
    assert_eq!((&change["status"], &change["counts"]["ok"]), (&json!("PROCESSED"), &json!(5)));

    let theirs = app.send_as(&agent.key, Method::GET, "/devices", None).await.unwrap().json;
    let items = theirs["items"].as_array().unwrap();
    assert_eq!(items.len(), 5);
    assert!(items.iter().all(|d| d["customer"]["name"] == "Gamma Farm" && d["customer_rate_plan"] == "G-1"));
    assert!(items.iter().all(|d| d["service_provider"]["name"] == "Verizon" && d["status"] == "active"));
    // The owner's assignment and the owner's site on the device are as they were.
    let owners = app.get(&format!("/devices?iccid={}", iccid(0))).await.unwrap().json["items"][0].clone();
    assert_eq!((&owners["customer"], &owners["customer_rate_plan"]), (&json!(null), &json!(null)));
    let moved = format!(
        "select count(*) from app.m2m_device where tenant_id = '{}' and site_id not in ('{}', '{}', '{}')",
        app.fixture.tenant, app.fixture.unassigned, app.fixture.cold.1, app.fixture.water.1
    );
    assert_eq!(app.database.number(&moved).await.unwrap(), 0, "an agent's change never writes m2m_device");
    let changes = app.get("/bulk-changes").await.unwrap().json;
    assert_eq!(changes["items"], json!([]), "the partner's list has its own changes only");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn owner_and_agent_change_the_same_device_each_in_its_own_tenant() {
    let app = TestApp::start(4).await.unwrap();
    let agent = Agent::make(&app, &devices(4)).await.unwrap();
    let made = plan(&app, &agent, "Gamma Farm", &json!({}), &devices(4)).await;
    // The owner assigns and the carrier suspends one before the agent's plan is applied.
    app.carry_out("Water", &json!({}), &devices(4)).await.unwrap();
    app.database
        .plant(&format!("update app.m2m_device set status = 'suspend' where iccid = '{}'", iccid(3)))
        .await
        .unwrap();
    let change = carry_out(&app, &agent, &made).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["skipped"]), (&json!(3), &json!(1)), "{change}");
    let owners = app.get(&format!("/devices?iccid={}", iccid(0))).await.unwrap().json["items"][0].clone();
    assert_eq!(owners["customer"]["name"], "Water");
    let path = format!("/devices?iccid={}", iccid(0));
    let agents = app.send_as(&agent.key, Method::GET, &path, None).await.unwrap().json["items"][0].clone();
    assert_eq!(agents["customer"]["name"], "Gamma Farm");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_agents_change_is_retried_scheduled_and_undone_like_any_other() {
    let app = TestApp::start(3).await.unwrap();
    let agent = Agent::make(&app, &devices(3)).await.unwrap();
    let first = plan(&app, &agent, "Gamma Farm", &json!({}), &devices(3)).await;
    carry_out(&app, &agent, &first).await;
    let later = json!({"on_conflict": "replace", "customer_rate_plan": "G-1", "effective_date": "2027-06-01"});
    let second = plan(&app, &agent, "Gamma Mill", &later, &devices(3)).await;
    let change = carry_out(&app, &agent, &second).await;
    assert_eq!(change["schedule"]["pending"], 3, "{change}");
    let undo = format!("/bulk-changes/{}/undo", second["id"].as_str().unwrap());
    let backwards = app.send_as(&agent.key, Method::POST, &undo, None).await.unwrap().json;
    assert_eq!(backwards["counts"]["change"], 3, "{backwards}");
    carry_out(&app, &agent, &backwards).await;
    let items = app.send_as(&agent.key, Method::GET, "/devices", None).await.unwrap().json["items"].clone();
    assert!(items.as_array().unwrap().iter().all(|d| d["customer"]["name"] == "Gamma Farm"), "{items}");
    let path = format!("/bulk-changes/{}", second["id"].as_str().unwrap());
    let shown = app.send_as(&agent.key, Method::GET, &path, None).await.unwrap().json;
    assert_eq!(shown["schedule"]["cancelled"], 3);
    assert_eq!(app.work_after("300 days").await.unwrap(), 1, "the date comes, and nothing waits for it");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_agent_cannot_use_its_partners_customers_plans_or_sites() {
    let app = TestApp::start(1).await.unwrap();
    let agent = Agent::make(&app, &devices(1)).await.unwrap();
    for (customer, extra, code) in [
        ("Water".to_owned(), json!({}), "CUSTOMER_NOT_FOUND"),
        (app.fixture.water.0.to_string(), json!({}), "CUSTOMER_NOT_FOUND"),
        ("9000001".to_owned(), json!({}), "CUSTOMER_NOT_FOUND"),
        ("Gamma Farm".to_owned(), json!({"site": "Water"}), "SITE_NOT_FOUND"),
        ("Gamma Farm".to_owned(), json!({"customer_rate_plan": "P-ALL"}), "PLAN_NOT_FOUND"),
        ("Gamma Farm".to_owned(), json!({"customer_rate_pool": "Shared"}), "POOL_NOT_FOUND"),
    ] {
        let made = plan(&app, &agent, &customer, &extra, &devices(1)).await;
        assert_eq!(made["counts"]["by_reason"], json!({ code: 1 }), "{customer} {extra}");
    }
    app.finish().await.unwrap();
}
