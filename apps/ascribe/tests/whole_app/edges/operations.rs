//! Every operation of the OpenAPI document is there, has a right, and does what it is for.

use super::{etag, import, patch, text};
use crate::devices;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use testing::{TestApp, iccid};

/// Every operation of the document: its id, method and path.
fn operations() -> BTreeMap<String, (String, String)> {
    let document = serde_json::to_value(web::openapi()).unwrap();
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let before = found.insert(text(&operation["operationId"]).to_owned(), (method.clone(), path.clone()));
            assert!(before.is_none(), "two operations have the id {}", operation["operationId"]);
        }
    }
    found
}

#[test]
fn the_document_and_the_table_of_rights_have_the_same_operations() {
    let documented: BTreeSet<(String, String)> = operations().into_values().collect();
    let all = web::routes().into_iter().chain(web::open_routes());
    let allowed = all.map(|(method, path)| (method.as_str().to_lowercase(), path.to_owned()));
    assert_eq!(documented, allowed.collect());
}

#[tokio::test]
async fn the_document_is_served_with_a_viewer_to_everybody() {
    let app = TestApp::start(0).await.unwrap();
    let served = app.send(app.anonymous(Method::GET, "/api/v1/openapi.json")).await.unwrap();
    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(served.json, serde_json::to_value(web::openapi()).unwrap());
    assert!(text(&served.json["openapi"]).starts_with("3.1"), "{}", served.json["openapi"]);
    let viewer = app.anonymous(Method::GET, "/api/v1/docs/").send().await.unwrap();
    assert_eq!(viewer.status(), StatusCode::OK);
    let policy = viewer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!policy.contains("unsafe-") && policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let html = viewer.text().await.unwrap();
    assert!(html.contains("swagger"), "bundled, nothing is fetched from elsewhere");
    assert!(
        !html.contains("<style") && html.matches("<script").count() == html.matches("<script src=").count(),
        "{html}"
    );
    // The one style that it puts into the page by itself: with another, the policy's hash is another, too.
    let preset = app.anonymous(Method::GET, "/api/v1/docs/swagger-ui-standalone-preset.js").send().await.unwrap();
    let preset = preset.text().await.unwrap();
    assert!(preset.contains(".logo_small_svg__cls-2{fill:#fff}.logo_small_svg__cls-3{fill:#85ea2d}"));
    assert!(policy.contains("'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"), "{policy}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn every_refusal_that_is_documented_is_a_problem_and_every_schema_that_is_named_exists() {
    let document = serde_json::to_value(web::openapi()).unwrap();
    let whole = document.to_string();
    let names = whole.split("\"#/components/").skip(1).map(|part| part.split('"').next().unwrap());
    let names: BTreeSet<&str> = names.collect();
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        assert!(document.pointer(&format!("/components/{name}")).is_some(), "{name}");
    }
    for (id, (method, path)) in operations() {
        let responses = document["paths"][&path][&method]["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{id}");
        for status in ["400", "401", "403", "429", "503"] {
            assert!(responses.contains_key(status), "{id} {status}");
        }
        assert!(document["paths"][&path][&method]["summary"].is_string(), "{id} says what it does");
    }
}

/// Exercises one operation after the other, so that each succeeds once.
struct Exercise {
    app: TestApp,
    all: BTreeMap<String, (String, String)>,
    done: BTreeSet<String>,
}

impl Exercise {
    async fn run(&mut self, id: &str, ids: &[&Value], query: &str, body: Option<Value>) -> Value {
        let (method, path) = self.all.get(id).unwrap_or_else(|| unreachable!("no operation {id}")).clone();
        let mut path = path;
        for (name, value) in ["{id}", "{row}"].iter().zip(ids) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            path = path.replace(name, &shown);
        }
        let method: Method = method.to_uppercase().parse().unwrap();
        let mut request = self.app.request(method.clone(), &format!("/api/v1{path}{query}"));
        if method == Method::PATCH || method == Method::PUT {
            request = request.header("If-Match", "*");
        }
        if let Some(body) = body {
            request = match body {
                Value::String(file) => request.header("Content-Type", "text/csv").body(file),
                json => request.json(&json),
            };
        }
        let answer = self.app.send(request).await.unwrap();
        assert!(answer.status.is_success(), "{id} {method} {path}: {} {}", answer.status, answer.json);
        self.done.insert(id.to_owned());
        answer.json
    }
}

#[tokio::test]
async fn every_operation_of_the_document_does_what_it_is_for() {
    let app = TestApp::start(6).await.unwrap();
    let mut x = Exercise { app, all: operations(), done: BTreeSet::new() };
    x.run("get_me", &[], "", None).await;
    let provider =
        x.run("create_service_provider", &[], "", Some(json!({"name": "Second", "integration": "telegence"}))).await;
    x.run("get_service_provider", &[&provider["id"]], "", None).await;
    x.run("edit_service_provider", &[&provider["id"]], "", Some(json!({"write_enabled": false}))).await;
    let file = "name,integration\nThird,control_center\n";
    x.run("import_service_providers", &[], "", Some(json!(file))).await;
    x.run("list_service_providers", &[], "?limit=1", None).await;

    accounts_at_rev_io(&mut x).await;
    account_at_a_carrier(&mut x, &provider["id"]).await;

    let customer = x
        .run("create_customer", &[], "", Some(json!({"name": "New", "rev_customer_id": "77", "account": "Rev.io"})))
        .await;
    x.run("get_customer", &[&customer["id"]], "", None).await;
    x.run("edit_customer", &[&customer["id"]], "", Some(json!({"name": "Newer"}))).await;
    x.run("import_customers", &[], "", Some(json!("name\nBy file\n"))).await;
    x.run("list_customers", &[], "?q=newer", None).await;
    let site = x.run("create_site", &[], "", Some(json!({"name": "North", "customer": customer["id"]}))).await;
    x.run("get_site", &[&site["id"]], "", None).await;
    x.run("edit_site", &[&site["id"]], "", Some(json!({"active": true}))).await;
    x.run("import_sites", &[], "", Some(json!("name,customer\nSouth,77\n"))).await;
    x.run("list_sites", &[], "", None).await;
    let plan = x.run("create_customer_rate_plan", &[], "", Some(json!({"rate_plan_code": "P-NEW"}))).await;
    x.run("get_customer_rate_plan", &[&plan["id"]], "", None).await;
    x.run("edit_customer_rate_plan", &[&plan["id"]], "", Some(json!({"rate_plan_name": "New"}))).await;
    x.run("import_customer_rate_plans", &[], "", Some(json!("code\nP-FILE\n"))).await;
    x.run("list_customer_rate_plans", &[], "", None).await;
    let pool = x.run("create_customer_rate_pool", &[], "", Some(json!({"name": "Pool"}))).await;
    x.run("get_customer_rate_pool", &[&pool["id"]], "", None).await;
    x.run("edit_customer_rate_pool", &[&pool["id"]], "", Some(json!({"active": true}))).await;
    x.run("import_customer_rate_pools", &[], "", Some(json!("pool\nFile\n"))).await;
    x.run("list_customer_rate_pools", &[], "", None).await;

    let file = format!("iccid,status\n{},active\n", iccid(600_000));
    let imported = x.run("import_devices", &[], "?service_provider=Verizon", Some(json!(file))).await;
    assert_eq!(imported["created"], 1, "{imported}");
    let device = x.run("list_devices", &[], &format!("?iccid={}", iccid(600_000)), None).await["items"][0].clone();
    x.run("get_device", &[&device["id"]], "", None).await;
    x.run("edit_device", &[&device["id"]], "", Some(json!({"archived": false}))).await;
    x.run("get_device_timeline", &[&device["id"]], "", None).await;

    let mut asking = x.app.asking("Newer", &json!({"site": "North"}));
    asking["devices"] = json!([devices(3), vec![iccid(600_000)]].concat());
    let planned = x.run("create_plan", &[], "", Some(asking)).await;
    assert_eq!(planned["counts"]["change"], 4, "{planned}");
    x.run("get_plan", &[&planned["id"]], "", None).await;
    x.run("list_plans", &[], "", None).await;
    x.run("list_plan_rows", &[&planned["id"]], "?verdict=CHANGE", None).await;
    x.run("get_plan_results", &[&planned["id"]], "", None).await;
    x.run("get_plan_results_workbook", &[&planned["id"]], "?status=PENDING", None).await;
    let change = x.run("create_bulk_change", &[], "", Some(json!({"plan_id": planned["id"]}))).await;
    let id = &change["id"];
    x.run("pause_bulk_change", &[id], "", None).await;
    x.run("resume_bulk_change", &[id], "", None).await;
    x.app.work().await.unwrap();
    x.run("get_bulk_change", &[id], "", None).await;
    x.run("list_bulk_changes", &[], "", None).await;
    x.run("list_bulk_change_rows", &[id], "?status=PROCESSED", None).await;
    let log = x.run("get_row_log", &[id, &json!(1)], "", None).await;
    assert_eq!(log["items"][0]["step"], "record_assignment", "{log}");
    x.run("get_bulk_change_results", &[id], "", None).await;
    x.run("get_bulk_change_results_workbook", &[id], "", None).await;
    x.run("watch_bulk_change", &[id], "", None).await;
    let timeline = x.run("get_device_timeline", &[&device["id"]], "", None).await;
    assert_eq!(
        (&timeline["items"][0]["kind"], &timeline["items"][0]["site"]["name"]),
        (&json!("assignment"), &json!("North"))
    );
    x.run("undo_bulk_change", &[id], "", None).await;

    // A change that is cancelled, retried, and of which a row needs attention.
    let other = x.app.plan("Cold", &json!({}), &devices(6)[4..]).await.unwrap().json;
    x.run("create_bulk_change", &[], "", Some(json!({"plan_id": other["id"]}))).await;
    x.run("cancel_bulk_change", &[&other["id"]], "", None).await;
    x.app.work().await.unwrap();
    x.run("retry_bulk_change", &[&other["id"]], "", None).await;
    needs_attention(&x.app, text(&other["id"])).await;
    let closing = json!({"rows": [1], "outcome": "failed", "reason": "never arrived"});
    x.run("resolve_rows", &[&other["id"]], "", Some(closing)).await;

    webhooks(&mut x).await;
    agents(&mut x).await;
    let group = x.run("create_site_group", &[], "", Some(json!({"name": "North"}))).await;
    x.run("get_site_group", &[&group["id"]], "", None).await;
    x.run("edit_site_group", &[&group["id"]], "", Some(json!({"name": "Far north"}))).await;
    x.run("list_site_groups", &[], "?q=far", None).await;
    x.run("add_sites_to_group", &[&group["id"]], "", Some(json!({"sites": [site["id"]]}))).await;
    let left = x.run("remove_sites_from_group", &[&group["id"]], "", Some(json!({"sites": [site["id"]]}))).await;
    assert_eq!(left["sites"], json!([]));

    people(&mut x).await;
    let key = x.run("create_api_key", &[], "", Some(json!({"name": "one more", "role": "user"}))).await;
    x.run("list_api_keys", &[], "", None).await;
    x.run("revoke_api_key", &[&key["id"]], "", None).await;
    x.run("list_audit", &[], "?limit=2", None).await;
    x.run("verify_audit", &[], "", None).await;

    let left: Vec<&String> = x.all.keys().filter(|id| !x.done.contains(*id)).collect();
    assert!(left.is_empty(), "no test has asked for {left:?}");
    x.app.finish().await.unwrap();
}

async fn accounts_at_rev_io(x: &mut Exercise) {
    let new = json!({"name": "Sandbox", "base_url": "https://api.revioapi.com/v1", "calls_per_minute": 60});
    let made = x.run("create_integration_authentication", &[], "", Some(new)).await;
    let credentials = json!({"username": "api@sandbox", "password": "p", "subscription_key": "k"});
    let kept = x.run("write_credentials", &[&made["id"]], "", Some(credentials)).await;
    assert_eq!(kept["credentials"].as_object().unwrap().len(), 3, "{kept}");
    x.run("get_integration_authentication", &[&made["id"]], "", None).await;
    x.run("edit_integration_authentication", &[&made["id"]], "", Some(json!({"paused": true}))).await;
    x.run("list_integration_authentications", &[], "?limit=1", None).await;
}

async fn account_at_a_carrier(x: &mut Exercise, provider: &Value) {
    let new = json!({"base_url": "https://thingspace.verizon.com/api", "account_name": "0000123456-00001"});
    x.run("keep_carrier_account", &[provider], "", Some(new)).await;
    let credentials = json!({"key": "k", "secret": "s", "username": "u", "password": "p"});
    let kept = x.run("write_carrier_credentials", &[provider], "", Some(credentials)).await;
    assert_eq!(kept["credentials"].as_object().unwrap().len(), 4, "{kept}");
    let shown = x.run("get_carrier_account", &[provider], "", None).await;
    assert_eq!(shown, kept);
    let words = super::callbacks::words(&x.app, provider).await;
    let request = x.app.anonymous(Method::POST, &super::callbacks::path(&words));
    let heard = x.app.send(request.json(&super::callbacks::callback(&words))).await.unwrap();
    assert_eq!(heard.status, StatusCode::NO_CONTENT, "{}", heard.json);
    x.done.insert("hear_carrier".to_owned());
}

async fn agents(x: &mut Exercise) {
    testing::Agent::make(&x.app, &[]).await.unwrap();
    let agent = x.run("list_agents", &[], "", None).await["items"][0].clone();
    let file = json!(format!("iccid\n{}\n", iccid(0)));
    let given = x.run("give_devices_to_agent", &[&agent["id"]], "?service_provider=Verizon", Some(file.clone())).await;
    assert_eq!(given["created"], 1, "{given}");
    let back = x.run("take_devices_back_from_agent", &[&agent["id"]], "?even_if_assigned=true", Some(file)).await;
    assert_eq!(back["updated"], 1, "{back}");
}

async fn people(x: &mut Exercise) {
    let new = json!({"email": "ops@example.com", "name": "Operations", "role": "agent"});
    let made = x.run("create_person", &[], "", Some(new)).await;
    x.run("get_person", &[&made["id"]], "", None).await;
    x.run("list_people", &[], "?q=operat", None).await;
    x.run("edit_person", &[&made["id"]], "", Some(json!({"role": "user"}))).await;
    x.run("invite_person", &[&made["id"]], "", None).await;
    x.run("list_sessions", &[&made["id"]], "", None).await;
    x.run("end_sessions", &[&made["id"]], "", None).await;
}

async fn webhooks(x: &mut Exercise) {
    let new = json!({"url": "https://hooks.example.com/", "events": ["plan.ready"]});
    let made = x.run("create_webhook", &[], "", Some(new)).await;
    x.run("get_webhook", &[&made["id"]], "", None).await;
    x.run("edit_webhook", &[&made["id"]], "", Some(json!({"events": ["plan.failed"]}))).await;
    x.run("list_webhooks", &[], "?limit=1", None).await;
    x.run("test_webhook", &[&made["id"]], "", None).await;
    x.run("list_webhook_deliveries", &[&made["id"]], "?status=PENDING", None).await;
    x.run("archive_webhook", &[&made["id"]], "", None).await;
}

/// A cancelled row becomes one whose outcome outside is not known.
async fn needs_attention(app: &TestApp, change: &str) {
    app.database
        .plant(&format!(
            "update app.m2m_device_change set status = 'NEEDS_ATTENTION', reason = null where bulk_change_id = '{change}' and row_number = 1;
             update app.bulk_change_counter set cancelled = cancelled - 1, needs_attention = 1 where bulk_change_id = '{change}'"
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_made_by_hand_can_be_planned_with_at_once() {
    let app = TestApp::start(1).await.unwrap();
    let made = app.post("/customers", &json!({"name": "Gale Pumps"})).await.unwrap();
    assert_eq!((made.status, &made.json["kind"]), (StatusCode::CREATED, &json!("AMOP")), "{}", made.json);
    assert_eq!(made.headers["location"], format!("/api/v1/customers/{}", text(&made.json["id"])));
    let plan = app.plan("Gale Pumps", &json!({}), &devices(1)).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 1, "{plan}");
    let path = format!("/customers/{}", text(&made.json["id"]));
    let closed = patch(&app, &path, Some(&etag(&made)), &json!({"closed": true})).await;
    assert_eq!((closed.status, &closed.json["closed"]), (StatusCode::OK, &json!(true)), "{}", closed.json);
    let plan = app.plan("Gale Pumps", &json!({}), &devices(1)).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 0, "{plan}");
    let imported = import(&app, "/customer-rate-plans/import", "code;name\nP-1;One\nP-2;Two\n").await;
    assert_eq!(imported.json["created"], 2, "{}", imported.json);
    let plan = app.plan("Water", &json!({"customer_rate_plan": "P-2"}), &devices(1)).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 1, "{plan}");
    app.finish().await.unwrap();
}
