//! Who may do what: every operation of the API and every page, asked for by everybody who may come. Generated from the app's own
//! tables and held against decisions that are written down apart from them.

mod decisions;

use crate::devices;
use crate::rights::{key, sites};
use decisions::{Needs, OPERATIONS, PAGES, about, may, may_confined};
use domain::api_key::ApiKey;
use domain::rights::Role;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testing::{Agent, Browser, PASSWORD, TestApp};

const ROLES: [Role; 6] =
    [Role::SuperAdmin, Role::PartnerAdmin, Role::AgentPartnerAdmin, Role::Agent, Role::User, Role::NotificationOnly];

/// A route with the decision about it.
struct Route {
    method: Method,
    /// As in the table.
    route: &'static str,
    /// With the ids of the first tenant's things.
    path: String,
    is_page: bool,
    needs: Needs,
}

impl Route {
    fn is_safe(&self) -> bool {
        self.method == Method::GET
    }

    /// The same about a thing that exists nowhere.
    fn about_nothing(&self) -> Self {
        let path = self.route.replace("{id}", "00000000-0000-7000-8000-000000000000").replace("{row}", "1");
        let path = if self.is_page { path } else { format!("/api/v1{path}") };
        Self { method: self.method.clone(), path, ..*self }
    }
}

#[test]
fn every_operation_and_every_page_was_decided_on_and_nothing_else() {
    let pages = web::pages().into_iter().map(|(method, route, _)| (method, route)).collect();
    for (name, routes, decisions) in [("OPERATIONS", web::routes(), OPERATIONS), ("PAGES", pages, PAGES)] {
        let undecided: Vec<String> = routes
            .iter()
            .filter(|(method, route)| about(decisions, method.as_str(), route).is_none())
            .map(|(method, route)| format!("{method} {route}"))
            .collect();
        assert!(undecided.is_empty(), "decide in authorisation/decisions.rs, {name}: {undecided:#?}");
        let decided: usize = decisions.iter().map(|(_, _, routes)| routes.len()).sum();
        assert_eq!(decided, routes.len(), "{name}: a decision about a route that is gone, or two about one");
    }
    for (method, route, open) in web::pages() {
        assert_eq!(about(PAGES, method.as_str(), route) == Some(Needs::Nothing), open, "{method} {route}");
    }
}

/// An app with something of every kind in it, and every route that leads to it.
async fn furnished() -> (TestApp, Agent, Vec<Route>) {
    let app = TestApp::start(6).await.unwrap();
    let change = app.carry_out("Water", &json!({"reference": "SECRET change"}), &devices(2)).await.unwrap();
    let plan = app.plan("Cold", &json!({"reference": "SECRET plan"}), &devices(6)[2..4]).await.unwrap().json;
    let agent = Agent::make(&app, &[]).await.unwrap();
    // While nobody can sign in, pages lead to the first set-up.
    app.person_of(app.fixture.tenant, "first@example.com", Role::SuperAdmin).await.unwrap();
    let hook = json!({"url": "https://hooks.example.com/x", "events": ["plan.ready"]});
    let (spare, person) = (
        json!({"name": "SECRET key", "role": "user"}),
        json!({"email": "s@example.com", "name": "SECRET", "role": "user"}),
    );
    let mut ids = BTreeMap::from([("bulk-changes", change["id"].clone()), ("plans", plan["id"].clone())]);
    for (list, new) in [
        ("api-keys", spare),
        ("people", person),
        ("webhooks", hook),
        ("site-groups", json!({"name": "SECRET group"})),
        ("customers", json!({"name": "SECRET customer"})),
        ("sites", json!({"name": "SECRET site"})),
        ("service-providers", json!({"name": "SECRET carrier", "integration": "telegence"})),
        ("customer-rate-plans", json!({"rate_plan_code": "SECRET plan"})),
        ("customer-rate-pools", json!({"name": "SECRET pool"})),
        ("integration-authentications", json!({"name": "SECRET account"})),
    ] {
        let made = app.post(&format!("/{list}"), &new).await.unwrap();
        assert_eq!(made.status, StatusCode::CREATED, "{list}: {}", made.json);
        ids.insert(list, made.json["id"].clone());
    }
    for list in ["devices", "agents"] {
        ids.insert(list, app.get(&format!("/{list}?limit=1")).await.unwrap().json["items"][0]["id"].clone());
    }
    // What is to be assigned waits for whoever gave it, and for nobody else.
    let mut first = signed_in(&app, "first@example.com").await;
    let given = first.post("/assign/devices", &[("of", "ticked"), ("tick", &devices(1)[0])]).await.unwrap();
    ids.insert("assign", json!(given.location().trim_start_matches("/assign/")));
    let path = |route: &str| {
        let list = route.split('/').nth(1).unwrap_or_default();
        let id = ids.get(list).and_then(Value::as_str).unwrap_or_default();
        assert!(!route.contains("{id}") || !id.is_empty(), "{route}: make something that it is about");
        route.replace("{id}", id).replace("{row}", "1").replace("{token}", &"0".repeat(64))
    };
    let operations = web::routes().into_iter().map(|(method, route)| Route {
        needs: about(OPERATIONS, method.as_str(), route).unwrap(),
        path: format!("/api/v1{}", path(route)),
        is_page: false,
        method,
        route,
    });
    let pages = web::pages().into_iter().map(|(method, route, _)| Route {
        needs: about(PAGES, method.as_str(), route).unwrap(),
        path: path(route),
        is_page: true,
        method,
        route,
    });
    let mut routes: Vec<Route> = operations.chain(pages).collect();
    // What ends a session comes last.
    routes.sort_by_key(|route| route.is_page && (route.route == "/sign-out" || route.route.starts_with("/account/")));
    (app, agent, routes)
}

/// What came of it, as far as rights go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// Sent to sign in, or asked who one is.
    NotKnown,
    Forbidden,
    NotThere,
    /// Let in, whatever came of it then.
    In,
}

/// Sends it, and holds what comes back against what must never come.
async fn came(route: &Route, request: RequestBuilder, foreign: bool) -> (Came, StatusCode) {
    let response = request.header("If-Match", "*").send().await.unwrap();
    let status = response.status();
    let location = response.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let to_sign_in = status == StatusCode::SEE_OTHER && location.starts_with("/sign-in?next=");
    let text = response.text().await.unwrap();
    assert!(
        !status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE,
        "{} {}: {text}",
        route.method,
        route.path
    );
    if foreign {
        assert!(!text.contains("SECRET"), "{} {}: {text}", route.method, route.path);
    }
    let came = match status {
        StatusCode::UNAUTHORIZED => Came::NotKnown,
        _ if to_sign_in => Came::NotKnown,
        StatusCode::FORBIDDEN => Came::Forbidden,
        StatusCode::NOT_FOUND => Came::NotThere,
        _ => Came::In,
    };
    (came, status)
}

/// What is somebody else's answers as what is nowhere: with 404, or with the refusal of what was sent, before it is looked for.
async fn not_told_apart(route: &Route, status: StatusCode, of_nothing: RequestBuilder) {
    let (_, nowhere) = came(route, of_nothing, true).await;
    assert_eq!(status, nowhere, "{} {}", route.method, route.path);
    assert!(status.is_client_error(), "{} {}: {status}", route.method, route.path);
    assert!(!route.is_safe() || status == StatusCode::NOT_FOUND, "{} {}: {status}", route.method, route.path);
}

/// With a key, through a browser that nobody has signed in with: it follows nothing.
fn by_key(nobody: &Browser, key: &ApiKey, route: &Route) -> RequestBuilder {
    let request = nobody.request(route.method.clone(), &route.path).bearer_auth(key.reveal());
    if route.is_safe() { request } else { request.json(&json!({})) }
}

/// With the cookies of a browser, and what only a page of ours knows.
fn by_session(browser: &Browser, route: &Route) -> RequestBuilder {
    let request = browser.request(route.method.clone(), &route.path);
    match (route.is_safe(), route.is_page) {
        (true, _) => request,
        (false, true) => request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("form_token={}", browser.form_token)),
        (false, false) => request.header("x-csrf-token", &browser.form_token).json(&json!({})),
    }
}

async fn signed_in(app: &TestApp, email: &str) -> Browser {
    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    browser.sign_in(email, PASSWORD).await.unwrap();
    assert_eq!(browser.get("/account").await.unwrap().status, StatusCode::OK, "{email}");
    browser
}

/// Somebody of a role got this far; was that decided?
fn as_decided(role: Role, route: &Route, came: Came) {
    // Open pages refuse for reasons of their own, such as a wrong password.
    if route.needs == Needs::Nothing {
        return;
    }
    // An agent is let in to plan, and may or may not at the carrier of these SIMs: that is the plan's matter, tested there.
    if role == Role::Agent && route.needs == Needs::Planning && route.route.contains("{id}") {
        return;
    }
    let expected = may(role, route.needs);
    let was_let_in = matches!(came, Came::In | Came::NotThere);
    assert_eq!(was_let_in, expected, "{role:?} {} {}: {came:?}", route.method, route.path);
    assert!(was_let_in || came == Came::Forbidden, "{role:?} {} {}: {came:?}", route.method, route.path);
}

#[tokio::test]
async fn a_key_of_each_role_may_what_was_decided_and_a_key_opens_no_page() {
    let (app, _, routes) = furnished().await;
    let nobody = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    for role in ROLES {
        let key = key(&app, role, None).await;
        for route in &routes {
            let (came, _) = came(route, by_key(&nobody, &key, route), false).await;
            if !route.is_page {
                as_decided(role, route, came);
            } else if route.needs != Needs::Nothing {
                // Without a form's token a POST is refused before it is asked who one is.
                assert!(matches!(came, Came::NotKnown | Came::Forbidden), "{role:?} {}: {came:?}", route.path);
            }
        }
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_person_of_each_role_may_what_was_decided_on_pages_and_at_the_api() {
    let (app, _, routes) = furnished().await;
    for role in ROLES {
        let email = format!("{}@example.com", role.word());
        app.person_of(app.fixture.tenant, &email, role).await.unwrap();
        let mut browser = signed_in(&app, &email).await;
        for route in &routes {
            let (came, _) = came(route, by_session(&browser, route), false).await;
            as_decided(role, route, came);
            if route.needs == Needs::BeingSomebody && !route.is_safe() {
                browser = signed_in(&app, &email).await;
            }
        }
    }
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_is_not_known_any_more_gets_nowhere() {
    let (app, _, routes) = furnished().await;
    let revoked = key(&app, Role::SuperAdmin, None).await;
    let expired = key(&app, Role::SuperAdmin, None).await;
    app.database
        .plant(&format!(
            "update app.api_key_lookup set revoked_at = now() - interval '1 minute' where key_sha256 = sha256('{}');
             update app.api_key_lookup set expires_at = now() - interval '1 minute' where key_sha256 = sha256('{}')",
            revoked.reveal(),
            expired.reveal()
        ))
        .await
        .unwrap();
    app.person_of(app.fixture.tenant, "late@example.com", Role::SuperAdmin).await.unwrap();
    let mut late = signed_in(&app, "late@example.com").await;
    late.url = app.later_door("31 minutes").await.unwrap();
    let nobody = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    for route in &routes {
        let mut tries = vec![("nobody", by_session(&nobody, route)), ("an old session", by_session(&late, route))];
        if !route.is_page {
            tries.push(("a revoked key", by_key(&nobody, &revoked, route)));
            tries.push(("an expired key", by_key(&nobody, &expired, route)));
        }
        for (who, request) in tries {
            let (came, _) = came(route, request, true).await;
            let expected = match route.needs {
                Needs::Nothing => continue,
                _ => Came::NotKnown,
            };
            assert_eq!(came, expected, "{who} {} {}", route.method, route.path);
        }
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_runs_another_tenant_or_a_part_of_this_one_finds_nothing_of_the_rest() {
    let (app, agent, routes) = furnished().await;
    let nobody = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    // Another tenant's administrator, and an agent's: each by key and as a person.
    app.person_of(app.fixture.other_tenant, "beta@example.com", Role::SuperAdmin).await.unwrap();
    app.person_of(agent.tenant, "agent@example.com", Role::AgentPartnerAdmin).await.unwrap();
    let confined = key(&app, Role::PartnerAdmin, Some(&sites(&[app.fixture.acme.1]))).await;
    for (email, key) in [("beta@example.com", &app.fixture.other_key), ("agent@example.com", &agent.key)] {
        let mut browser = signed_in(&app, email).await;
        for route in routes.iter().filter(|route| route.needs != Needs::Nothing) {
            for with_key in [false, true].into_iter().take(if route.is_page { 1 } else { 2 }) {
                let request = |about: &Route| {
                    if with_key { by_key(&nobody, key, about) } else { by_session(&browser, about) }
                };
                let (came, status) = came(route, request(route), true).await;
                assert!(matches!(came, Came::In | Came::NotThere), "{email} {} {}: {status}", route.method, route.path);
                if route.route.contains("{id}") {
                    not_told_apart(route, status, request(&route.about_nothing())).await;
                }
            }
            if route.needs == Needs::BeingSomebody && !route.is_safe() {
                browser = signed_in(&app, email).await;
            }
        }
    }
    for route in routes.iter().filter(|route| !route.is_page) {
        let (came, status) = came(route, by_key(&nobody, &confined, route), false).await;
        assert_eq!(came != Came::Forbidden, may_confined(route.needs), "confined {} {}", route.method, route.path);
        let of_rows =
            ["/plans/{id}", "/bulk-changes/{id}", "/devices/{id}"].iter().any(|of| route.route.starts_with(of));
        if of_rows && may_confined(route.needs) {
            not_told_apart(route, status, by_key(&nobody, &confined, &route.about_nothing())).await;
        }
    }
    app.finish().await.unwrap();
}
