//! Keys of people: shown once, never more than whoever made them may do now, and stopped with them.

use super::every_page::sound;
use crate::edges::patch;
use database::fleet::Fleet;
use database::person::{NewPerson, PersonKey};
use domain::api_key::ApiKey;
use domain::email::Email;
use domain::ids::{ApiKeyId, PersonId};
use domain::rights::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{Agent, Browser, PASSWORD, Seen, TestApp};

fn new_key(seen: &Seen) -> ApiKey {
    assert_eq!(seen.status, StatusCode::CREATED, "{}", seen.html);
    ApiKey::read(seen.html.split("id=\"new-key\">").nth(1).unwrap().split('<').next().unwrap()).unwrap()
}

/// A key that this browser's person makes.
async fn made(browser: &mut Browser, role: &str) -> ApiKey {
    let fields = [("name", "dashboard"), ("role", role), ("reach", "everything"), ("expires_in_days", "30")];
    new_key(&browser.post("/api-keys", &fields).await.unwrap())
}

async fn me(app: &TestApp, key: &ApiKey) -> (StatusCode, Value) {
    let me = app.send_as(key, Method::GET, "/me", None).await.unwrap();
    (me.status, me.json)
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked_with_forms_alone() {
    let app = TestApp::start(1).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let confined = [("name", "cold"), ("role", "user"), ("reach", "sites"), ("expires_in_days", "30")];
    let wrong = browser.post("/api-keys", &[&confined[..], &[("sites", "Nowhere")]].concat()).await.unwrap();
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for word in ["Nowhere is no site", ">Nowhere</textarea>", "value=\"cold\"", "value=\"30\"", "<a href=\"#sites\">"] {
        assert!(wrong.html.contains(word), "{word}: {}", wrong.html);
    }
    for (field, value) in
        [("expires_in_days", "never"), ("expires_in_days", "0"), ("role", "super_admin"), ("name", " ")]
    {
        let mut fields = vec![(field, value)];
        fields.extend(confined.iter().filter(|(name, _)| *name != field));
        let refused = browser.post("/api-keys", &fields).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", refused.html);
    }
    let shown = browser.post("/api-keys", &[&confined[..], &[("sites", "Cold")]].concat()).await.unwrap();
    sound(&shown, "a key that was made");
    assert_eq!(shown.headers["cache-control"], "no-store");
    let key = new_key(&shown);
    let (status, about) = me(&app, &key).await;
    assert_eq!((status, &about["sites"]), (StatusCode::OK, &json!([app.fixture.cold.1])), "{about}");
    let id = about["api_key_id"].as_str().unwrap();
    let mut seen = browser.get("/api-keys").await.unwrap();
    assert!(seen.html.contains(">cold<") && seen.html.contains(">ops@example.com</a>"), "{}", seen.html);
    for _ in 0..2 {
        assert!(!seen.html.contains(key.reveal()), "it is shown once");
        let revoked = browser.post(&format!("/api-keys/{id}/revoke"), &[]).await.unwrap();
        seen = browser.get(revoked.location()).await.unwrap();
        assert!(seen.html.contains("Revoked."), "{}", seen.html);
    }
    assert_eq!(me(&app, &key).await.0, StatusCode::UNAUTHORIZED);
    let trail = browser.get("/audit").await.unwrap();
    assert!(trail.html.contains("api_key_created") && !trail.html.contains(key.reveal()), "{}", trail.html);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_key_does_no_more_than_its_maker_may_do_now_and_stops_with_them() {
    let app = TestApp::start(3).await.unwrap();
    let (person, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let key = made(&mut browser, "partner_admin").await;
    // A key of that key is theirs, too.
    let second =
        app.send_as(&key, Method::POST, "/api-keys", Some(&json!({"name": "x", "role": "user"}))).await.unwrap();
    assert_eq!(
        (second.status, &second.json["made_by"]["name"]),
        (StatusCode::CREATED, &json!("ops@example.com")),
        "{}",
        second.json
    );
    let second = ApiKey::read(second.json["key"].as_str().unwrap()).unwrap();
    let devices = async |key: &ApiKey| app.send_as(key, Method::GET, "/devices", None).await.unwrap();
    assert!(devices(&second).await.json["items"].as_array().unwrap().len() > 3);

    let path = format!("/people/{person}");
    patch(&app, &path, Some("*"), &json!({"role": "user", "sites": [app.fixture.water.1]})).await;
    let (_, about) = me(&app, &key).await;
    assert_eq!((&about["role"], &about["sites"]), (&json!("user"), &json!([app.fixture.water.1])), "{about}");
    assert_eq!(app.send_as(&key, Method::GET, "/people", None).await.unwrap().status, StatusCode::FORBIDDEN);
    assert_eq!(devices(&second).await.json["items"].as_array().unwrap().len(), 1, "Water's one");

    patch(&app, &path, Some("*"), &json!({"active": false})).await;
    for stopped in [&key, &second] {
        assert_eq!(me(&app, stopped).await.0, StatusCode::UNAUTHORIZED);
    }
    let listed = app.get("/api-keys").await.unwrap().json;
    assert!(listed.to_string().contains("ops@example.com"), "who made it is still told: {listed}");
    patch(&app, &path, Some("*"), &json!({"active": true, "role": "partner_admin", "sites": null})).await;
    assert_eq!(me(&app, &key).await.1["role"], "partner_admin", "they get back what they had");
    let ended = patch(&app, &path, Some("*"), &json!({"active": false, "revoke_keys": true})).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.json);
    patch(&app, &path, Some("*"), &json!({"active": true})).await;
    for revoked in [&key, &second] {
        assert_eq!(me(&app, revoked).await.0, StatusCode::UNAUTHORIZED, "for good");
    }
    let told = app.get("/audit?action=person_edited&limit=10").await.unwrap().json;
    assert!(told["items"].as_array().unwrap().iter().any(|entry| entry["detail"]["keys_revoked"] == 2), "{told}");
    assert_eq!(me(&app, &app.fixture.key).await.0, StatusCode::OK, "the tenant's own key is nobody's");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn nobody_gets_around_their_own_limits_with_a_key_of_their_own() {
    let app = TestApp::start(0).await.unwrap();
    let (person, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let key = made(&mut browser, "partner_admin").await;
    for body in [json!({"role": "user"}), json!({"active": false}), json!({"sites": [app.fixture.water.1]})] {
        let request = app.anonymous(Method::PATCH, &format!("/api/v1/people/{person}")).bearer_auth(key.reveal());
        let refused = app.send(request.header("If-Match", "*").json(&body)).await.unwrap();
        assert_eq!(
            (refused.status, &refused.json["code"]),
            (StatusCode::CONFLICT, &json!("OWN_RIGHTS")),
            "{body}: {}",
            refused.json
        );
    }
    let other = app.person_of(app.fixture.tenant, "other@example.com", Role::User).await.unwrap();
    let request = app.anonymous(Method::PATCH, &format!("/api/v1/people/{other}")).bearer_auth(key.reveal());
    let changed = app.send(request.header("If-Match", "*").json(&json!({"role": "agent"}))).await.unwrap();
    assert_eq!(changed.status, StatusCode::OK, "of others they may: {}", changed.json);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_persons_page_lists_the_keys_they_made_and_asks_to_end_them() {
    let app = TestApp::start(0).await.unwrap();
    let (person, mut theirs) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let (_, mut boss) = app.signed_in("boss@example.com", Role::PartnerAdmin).await.unwrap();
    let path = format!("/people/{person}");
    let before = boss.get(&path).await.unwrap();
    assert!(
        !before.html.contains("Keys they made") && !before.html.contains("name=\"revoke_keys\""),
        "{}",
        before.html
    );
    let key = made(&mut theirs, "user").await;
    let page = boss.get(&path).await.unwrap();
    sound(&page, "a person with keys");
    for word in ["Keys they made", ">dashboard<", "the 1 key they made", "name=\"revoke_keys\" value=\"yes\" checked"] {
        assert!(page.html.contains(word), "{word}: {}", page.html);
    }
    let etag = page.field("etag").unwrap().to_owned();
    let fields = [("etag", etag.as_str()), ("what", "deactivate"), ("revoke_keys", "yes")];
    assert_eq!(boss.post(&path, &fields).await.unwrap().status, StatusCode::SEE_OTHER);
    let after = boss.get(&path).await.unwrap();
    assert!(!after.html.contains("Keys they made"), "none is left that works: {}", after.html);
    let etag = after.field("etag").unwrap().to_owned();
    boss.post(&path, &[("etag", &etag), ("what", "activate")]).await.unwrap();
    assert_eq!(me(&app, &key).await.0, StatusCode::UNAUTHORIZED);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_key_in_an_agent_stops_when_the_partner_ends_its_maker() {
    let app = TestApp::start(0).await.unwrap();
    let agent = Agent::make(&app, &[]).await.unwrap();
    let person = app.person_of(app.fixture.tenant, "ops@example.com", Role::PartnerAdmin).await.unwrap();
    let email = Email::read("ops@example.com").unwrap();
    let (id, role_id) = (PersonId(app.ids.next()), ApiKeyId(app.ids.next()));
    let role = NewPerson {
        id,
        role_id,
        email: &email,
        name: "Operations",
        role: Role::AgentPartnerAdmin,
        sites: None,
        site_groups: &[],
    };
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    fleet.give_role_in_agent(agent.tenant, PersonKey { tenant: app.fixture.tenant, person }, &role).await.unwrap();
    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    browser.sign_in("ops@example.com", PASSWORD).await.unwrap();
    browser.get("/tenants").await.unwrap();
    browser.post("/tenants", &[("tenant", &agent.tenant.to_string())]).await.unwrap();
    browser.get("/api-keys").await.unwrap();
    let key = made(&mut browser, "agent_partner_admin").await;
    let (status, about) = me(&app, &key).await;
    assert_eq!((status, about["tenant_id"].as_str().unwrap()), (StatusCode::OK, agent.tenant.to_string().as_str()));
    // The partner keeps the account. Nobody in the agent did anything.
    patch(&app, &format!("/people/{person}"), Some("*"), &json!({"active": false})).await;
    assert_eq!(me(&app, &key).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(me(&app, &agent.key).await.0, StatusCode::OK);
    app.finish().await.unwrap();
}
