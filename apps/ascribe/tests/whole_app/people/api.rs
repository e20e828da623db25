//! `/people`: adding, changing, ending; nobody makes themselves or others more than they are, and nobody is another tenant's.

use crate::edges::{etag, patch, text};
use crate::rights::key;
use database::fleet::Fleet;
use database::person::{NewPerson, PersonKey};
use domain::email::Email;
use domain::ids::{ApiKeyId, PersonId};
use domain::rights::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{Agent, Browser, PASSWORD, TestApp};

#[tokio::test]
async fn a_role_and_its_sites_hold_from_the_next_request_on() {
    let app = TestApp::start(3).await.unwrap();
    let (person, browser) = app.signed_in("ops@example.com", Role::User).await.unwrap();
    let path = format!("/people/{person}");
    let seen = async || app.send(browser.request(Method::GET, "/api/v1/devices")).await.unwrap();
    let devices = seen().await.json["items"].as_array().unwrap().len();
    assert!(devices > 3);
    let one = app.get(&path).await.unwrap();
    let change = patch(&app, &path, Some(&etag(&one)), &json!({"sites": [app.fixture.water.1]})).await;
    assert_eq!(
        (change.status, &change.json["sites"]),
        (StatusCode::OK, &json!([app.fixture.water.1])),
        "{}",
        change.json
    );
    assert_eq!(seen().await.json["items"].as_array().unwrap().len(), 1, "Water's one");
    let stale = patch(&app, &path, Some(&etag(&one)), &json!({"role": "agent"})).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let wide = patch(&app, &path, Some("*"), &json!({"sites": null, "role": "notification_only"})).await;
    assert_eq!((&wide.json["sites"], &wide.json["role"]), (&json!(null), &json!("notification_only")));
    assert_eq!(seen().await.status, StatusCode::FORBIDDEN);
    let foreign = patch(&app, &path, Some("*"), &json!({"sites": [app.fixture.tenant]})).await;
    assert_eq!(foreign.json["code"], "SITE_NOT_FOUND");
    let listed = app.get("/api-keys?limit=1000").await.unwrap().json;
    assert!(!listed.to_string().contains("ops@example.com"), "a person is no API key: {listed}");
    let acts = app.get("/audit?action=person_edited").await.unwrap().json;
    assert_eq!(acts["items"].as_array().unwrap().len(), 2, "{acts}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn nobody_gives_more_than_they_have_and_nobody_changes_their_own_rights() {
    let app = TestApp::start(0).await.unwrap();
    let agent_admin = key(&app, Role::AgentPartnerAdmin, None).await;
    for (role, may) in [("super_admin", false), ("partner_admin", false), ("agent_partner_admin", true), ("user", true)]
    {
        let new = json!({"email": format!("{role}@example.com"), "name": role, "role": role});
        let made = app.send_as(&agent_admin, Method::POST, "/people", Some(&new)).await.unwrap();
        assert_eq!(made.status == StatusCode::CREATED, may, "{role}: {}", made.json);
    }
    let boss = app.person_of(app.fixture.tenant, "boss@example.com", Role::PartnerAdmin).await.unwrap();
    for (method, path, body) in [
        (Method::PATCH, format!("/people/{boss}"), json!({"role": "user"})),
        (Method::PATCH, format!("/people/{boss}"), json!({"active": false})),
        (Method::POST, format!("/people/{boss}/invitation"), json!({})),
        (Method::POST, format!("/people/{boss}/sessions/end"), json!({})),
    ] {
        let request = app.anonymous(method, &format!("/api/v1{path}")).bearer_auth(agent_admin.reveal());
        let refused = app.send(request.header("If-Match", "*").json(&body)).await.unwrap();
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path} {body}: {}", refused.json);
    }
    let (me, mut browser) = app.signed_in("me@example.com", Role::PartnerAdmin).await.unwrap();
    for what in ["deactivate", "rights"] {
        let fields = [("what", what), ("role", "user"), ("reach", "everything")];
        let refused = browser.post(&format!("/people/{me}"), &fields).await.unwrap();
        assert_eq!(refused.status, StatusCode::CONFLICT, "{what}");
        assert!(refused.html.contains("Nobody changes what they may do themselves"), "{}", refused.html);
    }
    let taken = json!({"email": "ME@example.com", "name": "x", "role": "user"});
    assert_eq!(app.post("/people", &taken).await.unwrap().json["code"], "EMAIL_TAKEN");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_agent_sees_the_partners_people_who_act_there_and_keeps_their_role_alone() {
    let app = TestApp::start(0).await.unwrap();
    let agent = Agent::make(&app, &[]).await.unwrap();
    let partner = app.person_of(app.fixture.tenant, "ops@example.com", Role::PartnerAdmin).await.unwrap();
    app.person_of(app.fixture.tenant, "quiet@example.com", Role::PartnerAdmin).await.unwrap();
    let email = Email::read("ops@example.com").unwrap();
    let role = NewPerson {
        id: PersonId(app.ids.next()),
        role_id: ApiKeyId(app.ids.next()),
        email: &email,
        name: "Operations",
        role: Role::User,
        sites: None,
        site_groups: &[],
    };
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    let key = PersonKey { tenant: app.fixture.tenant, person: partner };
    fleet.give_role_in_agent(agent.tenant, key, &role).await.unwrap();

    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    browser.sign_in("ops@example.com", PASSWORD).await.unwrap();
    let home = browser.get("/").await.unwrap();
    assert!(home.html.contains("Alpha") && home.html.contains("(of 2)"), "{}", home.html);
    let tenants = browser.get("/tenants").await.unwrap();
    assert!(tenants.html.contains("Act in Gamma") && !tenants.html.contains("Beta"), "{}", tenants.html);
    let switched = browser.post("/tenants", &[("tenant", &agent.tenant.to_string())]).await.unwrap();
    assert_eq!(switched.location(), "/");
    let there = browser.get("/").await.unwrap();
    assert!(there.html.contains("Gamma") && there.html.contains(">User<"), "{}", there.html);
    assert_eq!(browser.get("/people").await.unwrap().status, StatusCode::FORBIDDEN, "with the role of there");
    let other = browser.post("/tenants", &[("tenant", &app.fixture.other_tenant.to_string())]).await.unwrap();
    assert_eq!(other.status, StatusCode::NOT_FOUND, "a tenant without a role is not there");

    let list = app.send_as(&agent.key, Method::GET, "/people", None).await.unwrap().json;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!((&list["items"][0]["own"], &list["items"][0]["role"]), (&json!(false), &json!("user")));
    for what in ["invitation", "sessions/end"] {
        let path = format!("/people/{partner}/{what}");
        let refused = app.send_as(&agent.key, Method::POST, &path, Some(&json!({}))).await.unwrap();
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what}: the partner keeps the account");
    }
    let end = app.anonymous(Method::PATCH, &format!("/api/v1/people/{partner}")).bearer_auth(agent.key.reveal());
    let ended = app.send(end.header("If-Match", "*").json(&json!({"active": false}))).await.unwrap();
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.json);
    let back = browser.get("/").await.unwrap();
    assert!(back.status == StatusCode::OK && back.html.contains("Alpha"), "where there is still a role");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_a_person_plans_is_theirs_and_the_trail_says_so() {
    let app = TestApp::start(3).await.unwrap();
    let (person, browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let mut request = app.asking("Water", &json!({}));
    request["devices"] = json!(crate::devices(2));
    let post = |path: &str, body: &serde_json::Value| {
        browser.request(Method::POST, &format!("/api/v1{path}")).header("x-csrf-token", &browser.form_token).json(body)
    };
    let plan = app.send(post("/plans", &request)).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    let body = json!({"plan_id": plan.json["id"]});
    let twice = async || app.send(post("/bulk-changes", &body).header("Idempotency-Key", "once")).await.unwrap();
    assert_eq!((twice().await.status, twice().await.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    app.work().await.unwrap();
    let acts = app.get(&format!("/audit?actor=person:{person}")).await.unwrap().json;
    assert!(acts.to_string().contains(text(&plan.json["id"])), "{acts}");
    app.finish().await.unwrap();
}
