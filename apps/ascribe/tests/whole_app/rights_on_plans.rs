//! Rights are asked again where a plan is applied or a change is touched: a plan may be older than they are, and another's.

use crate::devices;
use crate::rights::{key, plan_as, sites};
use database::fleet::{Fleet, NewDevice};
use domain::ids::{DeviceId, ServiceProviderId, SiteId};
use domain::rights::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{TestApp, iccid};

/// A line at Telegence, "AT&T".
async fn line(app: &TestApp) -> String {
    let telegence = ServiceProviderId(app.ids.next());
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    fleet.create_service_provider(app.fixture.tenant, telegence, "telegence", "AT&T").await.unwrap();
    let device = NewDevice {
        id: DeviceId(app.ids.next()),
        iccid: iccid(700_000),
        msisdn: Some("15550100900".into()),
        status: "A".into(),
        archived: false,
        site: app.fixture.unassigned,
    };
    fleet.create_devices(app.fixture.tenant, telegence, &[device]).await.unwrap();
    iccid(700_000)
}

#[tokio::test]
async fn who_may_not_plan_it_may_not_apply_it() {
    let app = TestApp::start(2).await.unwrap();
    let agent = key(&app, Role::Agent, None).await;
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap().json;
    let body = json!({"plan_id": plan["id"]});
    let refused = app.send_as(&agent, Method::POST, "/bulk-changes", Some(&body)).await.unwrap();
    assert_eq!((refused.status, &refused.json["code"]), (StatusCode::FORBIDDEN, &json!("FORBIDDEN")));
    assert_eq!(app.post("/bulk-changes", &body).await.unwrap().status, StatusCode::ACCEPTED);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_plan_of_one_who_lost_the_sites_meanwhile_is_not_applied() {
    let app = TestApp::start(2).await.unwrap();
    let confinement = sites(&[app.fixture.unassigned, app.fixture.water.1]);
    let confined = key(&app, Role::PartnerAdmin, Some(&confinement)).await;
    let (_, plan) = plan_as(&app, &confined, "Water", &json!({}), &devices(2)).await;
    let take = |site: SiteId| format!("delete from app.api_key_site where site_id = '{site}'");
    let body = json!({"plan_id": plan["id"]});
    app.database.plant(&take(app.fixture.water.1)).await.unwrap();
    let refused = app.send_as(&confined, Method::POST, "/bulk-changes", Some(&body)).await.unwrap();
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.json);
    assert!(refused.json["detail"].as_str().unwrap().contains("Plan again"), "{}", refused.json);
    // Who is confined to all that the plan touches may.
    let (_, plan) = plan_as(&app, &confined, "Water", &json!({}), &devices(2)).await;
    assert_eq!(plan["counts"]["change"], 0, "{plan}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_module_that_was_taken_away_stops_what_was_planned_and_hides_it() {
    let app = TestApp::start(1).await.unwrap();
    let line = line(&app).await;
    let at = json!({"service_provider": "AT&T"});
    let plan = app.plan("Water", &at, std::slice::from_ref(&line)).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 1, "{plan}");
    app.database
        .plant(&format!(
            "delete from app.tenant_module where tenant_id = '{}' and module = 'mobility'",
            app.fixture.tenant
        ))
        .await
        .unwrap();
    let id = plan["id"].as_str().unwrap();
    let refused = app.post("/bulk-changes", &json!({"plan_id": id})).await.unwrap();
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.json);
    for path in [format!("/plans/{id}"), format!("/plans/{id}/rows"), format!("/plans/{id}/results.csv")] {
        assert_eq!(app.get(&path).await.unwrap().status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/plans", "/devices?limit=1000", "/service-providers"] {
        let seen = app.get(path).await.unwrap().json;
        assert!(!seen.to_string().contains("AT&T"), "{path}: {seen}");
        assert!(path == "/plans" || !seen["items"].as_array().unwrap().is_empty(), "{path}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_idempotency_key_is_one_api_keys_own() {
    let app = TestApp::start(2).await.unwrap();
    let confined = key(&app, Role::PartnerAdmin, Some(&sites(&[app.fixture.cold.1]))).await;
    let mut request = app.asking("Water", &json!({}));
    request["devices"] = json!(devices(2));
    let post = |key: &str| {
        let sending = app.anonymous(Method::POST, "/api/v1/plans").bearer_auth(key).header("Idempotency-Key", "1");
        app.send(sending.json(&request))
    };
    let mine = post(app.fixture.key.reveal()).await.unwrap();
    let theirs = post(confined.reveal()).await.unwrap();
    assert_eq!((mine.status, theirs.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert!(!theirs.headers.contains_key("idempotent-replayed"));
    assert_ne!(mine.json["id"], theirs.json["id"]);
    assert_eq!(theirs.json["counts"]["change"], 0, "{}", theirs.json);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_customer_with_a_seat_elsewhere_shows_that_seat_to_nobody_who_is_confined() {
    let app = TestApp::start(1).await.unwrap();
    let (acme, second) = (app.fixture.acme, SiteId(app.ids.next()));
    app.database
        .plant(&format!(
            "insert into app.site (tenant_id, id, name, rev_customer_id) values ('{}', '{second}', 'Acme North', '{}')",
            app.fixture.tenant, acme.0
        ))
        .await
        .unwrap();
    // A device at each of its two sites.
    for (place, site) in [(900_002, acme.1), (900_003, second)] {
        app.database
            .plant(&format!(
                "update app.device_tenant set site_id = '{site}' where device_id = (select id from app.m2m_device where iccid = '{}')",
                iccid(place)
            ))
            .await
            .unwrap();
    }
    let confined = key(&app, Role::PartnerAdmin, Some(&sites(&[app.fixture.unassigned, second]))).await;
    let seen = app.send_as(&confined, Method::GET, "/customers", None).await.unwrap().json["items"].clone();
    assert_eq!((&seen[0]["site"]["name"], &seen[0]["devices"]), (&json!("Acme North"), &json!(1)), "{seen}");
    // And its own seat is the one that is meant where none is named.
    let (_, plan) = plan_as(&app, &confined, "9000001", &json!({}), &devices(1)).await;
    assert_eq!(plan["counts"]["change"], 1, "{plan}");
    // Of a customer that is others', nothing but that: not even that it is closed.
    let (_, plan) = plan_as(&app, &confined, "9000004", &json!({}), &devices(1)).await;
    assert_eq!(plan["counts"]["by_reason"], json!({"CUSTOMER_NOT_PERMITTED": 1}));
    let rows =
        app.send_as(&confined, Method::GET, &format!("/plans/{}/rows", plan["id"].as_str().unwrap()), None).await;
    assert!(rows.unwrap().json["items"][0]["detail"].as_str().unwrap().contains("9000004"));
    app.database.plant("update app.device_tenant set account_number = '9000001', account_number_integration_authentication_id = (select integration_authentication_id from app.rev_customer limit 1) where site_id in (select id from app.site where rev_customer_id is not null)").await.unwrap();
    app.database.plant("update app.m2m_device d set site_id = dt.site_id from app.device_tenant dt where dt.device_id = d.id and dt.tenant_id = d.tenant_id").await.unwrap();
    app.finish().await.unwrap();
}
