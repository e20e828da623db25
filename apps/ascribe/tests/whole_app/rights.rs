//! Roles, modules and sites: what is not granted is denied, in one place for requests and per row where it is a row's matter.

use crate::devices;
use database::fleet::{Confinement, Fleet, NewDevice};
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, DeviceId, ServiceProviderId, SiteId};
use domain::rights::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{TestApp, iccid};

pub(crate) async fn key(app: &TestApp, role: Role, confined_to: Option<&Confinement>) -> ApiKey {
    let key = ApiKey::new(&app.ids);
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    fleet
        .create_api_key_for(app.fixture.tenant, ApiKeyId(app.ids.next()), "test", &key, role, confined_to)
        .await
        .unwrap();
    key
}

pub(crate) fn sites(sites: &[SiteId]) -> Confinement {
    Confinement { sites: sites.to_vec(), site_groups: Vec::new() }
}

pub(crate) async fn plan_as(
    app: &TestApp,
    key: &ApiKey,
    customer: &str,
    extra: &Value,
    devices: &[String],
) -> (StatusCode, Value) {
    let mut request = app.asking(customer, extra);
    request["devices"] = json!(devices);
    let made = app.send_as(key, Method::POST, "/plans", Some(&request)).await.unwrap();
    (made.status, made.json)
}

/// A path of a route with this id in it.
fn path(route: &str, id: &str) -> String {
    route.replace("{id}", id).replace("{row}", "1")
}

#[tokio::test]
async fn each_role_may_do_what_its_table_says_and_nothing_else() {
    let app = TestApp::start(1).await.unwrap();
    let change = app.carry_out("Water", &json!({}), &devices(1)).await.unwrap();
    let id = change["id"].as_str().unwrap();
    for (role, looks, plans, controls) in [
        (Role::SuperAdmin, true, true, true),
        (Role::PartnerAdmin, true, true, true),
        (Role::AgentPartnerAdmin, true, true, true),
        // An agent may assign customers to mobility lines; nobody has one here, and the row says so.
        (Role::Agent, true, true, false),
        (Role::User, true, false, false),
        (Role::NotificationOnly, false, false, false),
    ] {
        let key = key(&app, role, None).await;
        for (method, route) in web::routes() {
            let body = json!({});
            let body = [Method::POST, Method::PUT, Method::PATCH].contains(&method).then_some(&body);
            let answer = app.send_as(&key, method.clone(), &path(route, id), body).await.unwrap();
            let may = match (method == Method::GET, route) {
                (true, "/me") => true,
                // Who runs the tenant looks at what is its own.
                (
                    true,
                    "/api-keys"
                    | "/audit"
                    | "/audit/verify"
                    | "/integration-authentications"
                    | "/integration-authentications/{id}"
                    | "/service-providers/{id}/account"
                    | "/agents"
                    | "/people"
                    | "/people/{id}"
                    | "/people/{id}/sessions"
                    | "/site-groups"
                    | "/site-groups/{id}"
                    | "/webhooks"
                    | "/webhooks/{id}"
                    | "/webhooks/{id}/deliveries",
                ) => controls,
                (true, _) => looks,
                (false, "/plans" | "/bulk-changes" | "/bulk-changes/{id}/retry" | "/bulk-changes/{id}/undo") => plans,
                (false, _) => controls,
            };
            // Agents are let in to plan, and then may not at a carrier of SIMs known by ICCID.
            let at_this_carrier = role != Role::Agent || !route.ends_with("/undo");
            let denied = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(
                denied,
                !(may && at_this_carrier),
                "{role:?} {method} {route}: {} {}",
                answer.status,
                answer.json
            );
            if denied {
                assert_eq!(answer.json["code"], "FORBIDDEN");
            }
        }
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_role_assigns_only_at_the_carriers_it_may() {
    let app = TestApp::start(2).await.unwrap();
    let telegence = ServiceProviderId(app.ids.next());
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    fleet.create_service_provider(app.fixture.tenant, telegence, "telegence", "AT&T").await.unwrap();
    let line = NewDevice {
        id: DeviceId(app.ids.next()),
        iccid: iccid(700_000),
        msisdn: Some("15550100900".into()),
        status: "A".into(),
        archived: false,
        site: app.fixture.unassigned,
    };
    fleet.create_devices(app.fixture.tenant, telegence, &[line]).await.unwrap();
    let agent = key(&app, Role::Agent, None).await;
    let (status, answer) = plan_as(&app, &agent, "Water", &json!({}), &devices(1)).await;
    assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("FORBIDDEN")), "named, and not permitted");
    let at = json!({"service_provider": "AT&T"});
    let (status, answer) = plan_as(&app, &agent, "Water", &at, &["15550100900".into()]).await;
    assert_eq!((status, &answer["counts"]["change"]), (StatusCode::CREATED, &json!(1)), "{answer}");
    // Where no carrier is named, it is each row's matter.
    let anywhere = json!({"service_provider": null});
    let (_, answer) = plan_as(&app, &agent, "Water", &anywhere, &[iccid(700_000), iccid(0)]).await;
    assert_eq!(answer["counts"]["change"], 1, "{answer}");
    let other = answer["linked"][0]["id"].as_str().unwrap();
    let rows = app.rows("plans", &json!(other)).await.unwrap();
    assert_eq!((&rows[0]["row"], &rows[0]["reason"]), (&json!(2), &json!("FORBIDDEN")));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_module_that_the_tenant_has_not_nobody_may_use() {
    let app = TestApp::start(1).await.unwrap();
    app.database
        .plant(&format!("delete from app.tenant_module where tenant_id = '{}' and module = 'm2m'", app.fixture.tenant))
        .await
        .unwrap();
    assert_eq!(app.plan("Water", &json!({}), &devices(1)).await.unwrap().status, StatusCode::FORBIDDEN);
    app.database
        .plant(&format!("delete from app.tenant_module where tenant_id = '{}'", app.fixture.tenant))
        .await
        .unwrap();
    for route in ["/devices", "/customers", "/plans", "/bulk-changes", "/service-providers"] {
        assert_eq!(app.get(route).await.unwrap().status, StatusCode::FORBIDDEN, "{route}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_is_confined_to_sites_changes_and_sees_those_alone() {
    let app = TestApp::start(3).await.unwrap();
    let (unassigned, water, cold) = (app.fixture.unassigned, app.fixture.water, app.fixture.cold);
    let confined = key(&app, Role::PartnerAdmin, Some(&sites(&[unassigned, water.1]))).await;
    // 900,002 is Cold's, 900,003 is Water's.
    let list = [iccid(0), iccid(900_002), iccid(900_003)];
    let (_, made) = plan_as(&app, &confined, "Water", &json!({"on_conflict": "replace"}), &list).await;
    let rows = app.rows("plans", &made["id"]).await.unwrap();
    let reasons: Vec<_> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("CHANGE")).collect();
    assert_eq!(reasons, ["CHANGE", "FORBIDDEN", "ALREADY_ASSIGNED_SAME"]);
    assert!(rows[1]["before"].is_null(), "nothing of a SIM that is elsewhere: {}", rows[1]);
    let named = rows.iter().find(|row| row.to_string().contains("Cold"));
    assert!(named.is_none(), "{named:?}");
    let (_, made) = plan_as(&app, &confined, "Cold", &json!({}), &[iccid(0)]).await;
    assert_eq!(made["counts"]["by_reason"], json!({"CUSTOMER_NOT_PERMITTED": 1}), "{made}");

    let get = |path: &'static str| app.send_as(&confined, Method::GET, path, None);
    let devices_seen = get("/devices?limit=1000").await.unwrap().json["items"].as_array().unwrap().clone();
    assert!(devices_seen.iter().all(|d| d["customer"].is_null() || d["customer"]["name"] == "Water"));
    assert!(!devices_seen.is_empty());
    let customers = get("/customers").await.unwrap().json["items"].clone();
    assert_eq!(customers.as_array().unwrap().len(), 1, "{customers}");
    assert_eq!(customers[0]["id"], water.0.to_string());

    // Plans and changes of others are not there, to look at or to touch.
    let others = app.carry_out("Cold", &json!({}), &[iccid(1)]).await.unwrap();
    let id = others["id"].as_str().unwrap();
    let of_changes = |route: &str| route.starts_with("/plans/{id}") || route.starts_with("/bulk-changes/{id}");
    for (method, route) in web::routes().into_iter().filter(|(_, route)| of_changes(route)) {
        let body = json!({"rows": [1], "outcome": "failed", "reason": "x"});
        let body = route.ends_with("/resolve").then_some(&body);
        let answer = app.send_as(&confined, method, &path(route, id), body).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{route}: {}", answer.json);
    }
    assert_eq!(get("/bulk-changes").await.unwrap().json["items"], json!([]));
    assert_eq!(get("/plans").await.unwrap().json["items"].as_array().unwrap().len(), 2, "its own two");
    let _ = cold;
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_group_of_sites_confines_as_its_sites_do_and_an_empty_list_to_nothing() {
    let app = TestApp::start(2).await.unwrap();
    let group = app.ids.next();
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    let members = [app.fixture.unassigned, app.fixture.cold.1];
    fleet.create_site_group(app.fixture.tenant, group, "North", &members).await.unwrap();
    let north = key(&app, Role::PartnerAdmin, Some(&Confinement { sites: Vec::new(), site_groups: vec![group] })).await;
    let (_, made) = plan_as(&app, &north, "Cold", &json!({}), &[iccid(0), iccid(900_003)]).await;
    assert_eq!(made["counts"]["change"], 1);
    assert_eq!(made["counts"]["by_reason"], json!({"FORBIDDEN": 1}));
    let nowhere = key(&app, Role::PartnerAdmin, Some(&Confinement::default())).await;
    let (_, made) = plan_as(&app, &nowhere, "Cold", &json!({}), &[iccid(0)]).await;
    assert_eq!(made["counts"]["by_reason"], json!({"FORBIDDEN": 1}));
    assert_eq!(app.send_as(&nowhere, Method::GET, "/devices", None).await.unwrap().json["items"], json!([]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_undo_takes_back_only_what_the_caller_may_change() {
    let app = TestApp::start(2).await.unwrap();
    let confinement = sites(&[app.fixture.unassigned, app.fixture.water.1, app.fixture.cold.1]);
    let confined = key(&app, Role::PartnerAdmin, Some(&confinement)).await;
    let (_, made) = plan_as(&app, &confined, "Water", &json!({}), &devices(2)).await;
    let body = json!({"plan_id": made["id"]});
    app.send_as(&confined, Method::POST, "/bulk-changes", Some(&body)).await.unwrap();
    app.work().await.unwrap();
    // Its sites are taken away meanwhile, all but Cold.
    app.database
        .plant(&format!("delete from app.api_key_site where site_id <> '{}'", app.fixture.cold.1))
        .await
        .unwrap();
    let undo = format!("/bulk-changes/{}/undo", made["id"].as_str().unwrap());
    let plan = app.send_as(&confined, Method::POST, &undo, None).await.unwrap().json;
    assert_eq!(plan["counts"]["by_reason"], json!({"FORBIDDEN": 2}), "{plan}");
    let rows =
        app.send_as(&confined, Method::GET, &format!("/plans/{}/rows", plan["id"].as_str().unwrap()), None).await;
    let rows = rows.unwrap().json["items"].clone();
    assert!(rows.as_array().unwrap().iter().all(|row| row["before"].is_null()), "{rows}");
    app.finish().await.unwrap();
}
