//! Every endpoint against everybody who has nothing to do with what it is asked for: no byte of another tenant's comes back.

use crate::devices;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{Agent, TestApp, iccid};

/// Everything of the first tenant's that nobody else may read.
fn canaries(app: &TestApp, ids: &[String]) -> Vec<String> {
    let mut canaries: Vec<String> =
        ["CANARY", "Water", "Cold", "Acme", "Twin", "Homeless", "9000001", "P-ALL", "P-JASPER", "Shared"]
            .map(str::to_owned)
            .to_vec();
    canaries.extend([app.fixture.water.0.to_string(), app.fixture.water.1.to_string(), app.fixture.acme.1.to_string()]);
    canaries.extend(ids.iter().cloned());
    canaries.extend(devices(3));
    canaries
}

async fn asked(
    app: &TestApp,
    key: &domain::api_key::ApiKey,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (StatusCode, String) {
    // Whatever it is now: an edit that could be done would be.
    let request = app.anonymous(method, &format!("/api/v1{path}")).bearer_auth(key.reveal()).header("If-Match", "*");
    let request = if let Some(body) = body { request.json(body) } else { request };
    let response = request.send().await.unwrap();
    let headers = format!("{:?}", response.headers());
    (response.status(), headers + &response.text().await.unwrap())
}

#[tokio::test]
async fn nothing_of_another_tenants_comes_back_from_any_endpoint() {
    let app = TestApp::start(6).await.unwrap();
    // A plan and a finished change of the first tenant's, full of words that are nobody else's.
    let file =
        format!("ICCID,CANARY column,Customer\n{},CANARY note,Acme\n{},,Water\nbad CANARY,,\n", iccid(0), iccid(1));
    let extra = json!({"reference": "CANARY reference", "customer_rate_plan": "P-ALL"});
    let done = app.plan_file("Water", &extra, file.clone()).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": done["id"]})).await.unwrap();
    app.work().await.unwrap();
    let planned = app.plan_file("Cold", &extra, file).await.unwrap().json;
    let ids: Vec<String> = [&done, &planned].map(|plan| plan["id"].as_str().unwrap().to_owned()).to_vec();
    let account = json!({"base_url": "https://thingspace.verizon.com/api", "account_name": "CANARY account"});
    let path = format!("/service-providers/{}/account", app.fixture.provider);
    let (status, made) = asked(&app, &app.fixture.key, Method::PUT, &path, Some(&account)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    // An agent has devices 3 to 5 of it, and nothing else.
    let agent = Agent::make(&app, &devices(6)[3..]).await.unwrap();
    let canaries = canaries(&app, &ids);
    // Everything else of it that has an id.
    let mut things = Vec::new();
    let hook =
        json!({"url": "https://hooks.example.com/CANARY", "events": ["plan.ready"], "description": "CANARY hook"});
    app.post("/webhooks", &hook).await.unwrap();
    app.post("/site-groups", &json!({"name": "CANARY group", "sites": [app.fixture.water.1]})).await.unwrap();
    let somebody = json!({"email": "CANARY@example.com", "name": "CANARY person", "role": "user"});
    app.post("/people", &somebody).await.unwrap();
    for list in [
        "devices",
        "people",
        "customers",
        "sites",
        "service-providers",
        "customer-rate-plans",
        "customer-rate-pools",
        "api-keys",
        "webhooks",
        "site-groups",
        "agents",
    ] {
        let items = app.get(&format!("/{list}")).await.unwrap().json["items"].clone();
        things.push(items[0]["id"].as_str().unwrap().to_owned());
    }

    let mut answers = 0;
    for (who, key) in [("another tenant", &app.fixture.other_key), ("an agent", &agent.key)] {
        for (method, route) in web::routes() {
            let paths: Vec<String> = if route.contains("{id}") {
                ids.iter().chain(&things).map(|id| route.replace("{id}", id).replace("{row}", "1")).collect()
            } else {
                let mut paths = vec![route.to_owned()];
                paths.extend(devices(2).iter().map(|d| format!("{route}?iccid={d}")));
                paths.push(format!("{route}?customer={}", app.fixture.water.0));
                paths.push(format!("{route}?q=a&limit=1000"));
                paths.push(format!("{route}?service_provider={}", app.fixture.provider));
                paths
            };
            for path in paths {
                for body in bodies(&app, &method, route, &ids) {
                    let (status, text) = asked(&app, key, method.clone(), &path, body.as_ref()).await;
                    answers += 1;
                    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{who} {method} {path}");
                    if route.contains("{id}") {
                        assert!(status.as_u16() == 404, "{who} {method} {path}: {status} {text}");
                    }
                    // What was sent comes back in the answer about it; nothing else may.
                    let sent = format!("{path} {}", body.as_ref().map(Value::to_string).unwrap_or_default());
                    for canary in canaries.iter().filter(|canary| !sent.contains(canary.as_str())) {
                        assert!(!text.contains(canary.as_str()), "{who} {method} {path}: {canary} in {text}");
                    }
                }
            }
        }
    }
    assert!(answers > 150, "{answers}");
    // And nothing was done by any of it.
    let shown = app.get(&format!("/plans/{}", ids[1])).await.unwrap().json;
    assert_eq!(shown["status"], "PLANNED");
    app.finish().await.unwrap();
}

/// What is sent: nothing for a GET; for a POST bodies that try to reach the first tenant's things.
fn bodies(app: &TestApp, method: &Method, route: &str, ids: &[String]) -> Vec<Option<Value>> {
    if *method == Method::GET || *method == Method::DELETE {
        return vec![None];
    }
    match route {
        "/plans" => {
            ["Water".to_owned(), app.fixture.water.0.to_string(), "9000001".to_owned(), "Gamma Farm".to_owned()]
                .into_iter()
                .map(|customer| {
                    let mut request = app.asking(&customer, &json!({"customer_rate_plan": "P-ALL", "site": "Cold"}));
                    request["devices"] =
                        json!([iccid(0), {"iccid": iccid(1), "customer": "Acme", "site": app.fixture.water.1}]);
                    Some(request)
                })
                .collect()
        }
        "/bulk-changes" => ids.iter().map(|id| Some(json!({ "plan_id": id }))).collect(),
        "/bulk-changes/{id}/resolve" => vec![Some(json!({"rows": [1, 2, 3], "outcome": "failed", "reason": "x"}))],
        "/devices/{id}" => vec![Some(json!({"archived": true}))],
        "/webhooks/{id}" => vec![Some(json!({"paused": true}))],
        "/people" => vec![Some(json!({"email": "canary@example.com", "name": "x", "role": "user"}))],
        "/people/{id}" => vec![Some(json!({"active": false}))],
        "/site-groups/{id}/sites" | "/site-groups/{id}/sites/remove" => {
            vec![Some(json!({"sites": [app.fixture.water.1]}))]
        }
        "/site-groups" => vec![Some(json!({"name": "x", "sites": [app.fixture.water.1]}))],
        "/customer-rate-plans/{id}" => vec![Some(json!({"rate_plan_name": "x"}))],
        _ if *method == Method::PATCH => vec![Some(json!({"name": "x"}))],
        "/sites" => vec![Some(json!({"name": "x", "customer": app.fixture.acme.0}))],
        "/customer-rate-plans" => {
            vec![Some(json!({"rate_plan_code": "x", "service_provider": app.fixture.provider}))]
        }
        "/api-keys" => vec![Some(json!({"name": "x", "role": "user", "sites": [app.fixture.water.1]}))],
        _ => vec![Some(json!({}))],
    }
}
