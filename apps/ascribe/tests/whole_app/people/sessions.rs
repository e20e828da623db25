//! Sessions: they end by time, by hand and with the person, and their cookies say where they may go.

use domain::rights::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{Browser, PASSWORD, TestApp, people_settings};

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_in_any_case_after_half_a_day() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::User).await.unwrap();
    let here = browser.url.clone();
    browser.url = app.later_door("29 minutes").await.unwrap();
    assert_eq!(browser.get("/").await.unwrap().status, StatusCode::OK);
    // That was a request: the half hour begins anew.
    browser.url = app.later_door("58 minutes").await.unwrap();
    assert_eq!(browser.get("/").await.unwrap().status, StatusCode::OK);
    browser.url = app.later_door("89 minutes").await.unwrap();
    let over = browser.get("/devices").await.unwrap();
    assert_eq!(over.location(), "/sign-in?next=%2Fdevices&over=1");
    let told = browser.get(over.location()).await.unwrap();
    assert!(told.html.contains("Your session is over"), "{}", told.html);

    // However long it may stand idle, it ends.
    browser.url = here;
    browser.cookies.clear();
    assert_eq!(browser.sign_in("ops@example.com", PASSWORD).await.unwrap().status, StatusCode::SEE_OTHER);
    for (minutes, lasts) in [(719, true), (721, false)] {
        let mut settings = people_settings(None);
        settings.limits.idle = std::time::Duration::from_secs(24 * 60 * 60);
        let people = web::People::new(settings, web::SetUp::default(), &app.ids);
        let later = database::Ledger::new(app.ledger.server().later_by(&format!("{minutes} minutes")));
        let door = app.another_door(|door| (door.ledger, door.people) = (later, people)).await;
        browser.url = door.unwrap();
        let expected = if lasts { StatusCode::OK } else { StatusCode::SEE_OTHER };
        assert_eq!(browser.get("/").await.unwrap().status, expected, "{minutes}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn one_ends_ones_other_sessions_and_a_new_password_ends_them_all() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut first) = app.signed_in("ops@example.com", Role::User).await.unwrap();
    let mut second = Browser::from(app.url(), [127, 0, 0, 2]).unwrap();
    second.sign_in("ops@example.com", PASSWORD).await.unwrap();
    let listed = first.get("/account").await.unwrap();
    assert!(listed.html.contains("127.0.0.1") && listed.html.contains("127.0.0.2"), "{}", listed.html);
    first.post("/account/sessions/end", &[("which", "others")]).await.unwrap();
    assert_eq!(second.get("/").await.unwrap().status, StatusCode::SEE_OTHER);
    assert_eq!(first.get("/account").await.unwrap().status, StatusCode::OK);

    second.sign_in("ops@example.com", PASSWORD).await.unwrap();
    let new = "another sentence that is long";
    for (old, new, says) in [
        ("not it at all", new, "not your password"),
        (PASSWORD, "short", "at least 12"),
        (PASSWORD, "passwordpassword", "everybody tries first"),
    ] {
        let refused = first.post("/account/password", &[("password", old), ("new_password", new)]).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains(says), "{says}: {}", refused.html);
    }
    let before = first.cookies["ascribe_session"].clone();
    let changed = first.post("/account/password", &[("password", PASSWORD), ("new_password", new)]).await.unwrap();
    assert_eq!(changed.location(), "/account?done=password");
    assert_ne!(first.cookies["ascribe_session"], before, "this browser has a new session");
    assert_eq!(first.get("/account").await.unwrap().status, StatusCode::OK);
    assert_eq!(second.get("/").await.unwrap().status, StatusCode::SEE_OTHER);
    assert_eq!(second.sign_in("ops@example.com", PASSWORD).await.unwrap().status, StatusCode::FORBIDDEN);
    assert_eq!(second.sign_in("ops@example.com", new).await.unwrap().status, StatusCode::SEE_OTHER);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_is_deactivated_or_signed_out_by_an_administrator_is_out_with_the_next_request() {
    let app = TestApp::start(0).await.unwrap();
    let (person, mut browser) = app.signed_in("ops@example.com", Role::User).await.unwrap();
    let path = format!("/people/{person}");
    let sessions = app.get(&format!("{path}/sessions")).await.unwrap().json;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "{sessions}");
    let ended = app.post(&format!("{path}/sessions/end"), &json!({})).await.unwrap().json;
    assert_eq!(ended["ended"], 1);
    assert_eq!(browser.get("/").await.unwrap().status, StatusCode::SEE_OTHER);
    browser.sign_in("ops@example.com", PASSWORD).await.unwrap();
    assert_eq!(browser.get("/").await.unwrap().status, StatusCode::OK);
    let edit = |body: serde_json::Value| {
        app.send(app.request(Method::PATCH, &format!("/api/v1{path}")).header("If-Match", "*").json(&body))
    };
    assert_eq!(edit(json!({"active": false})).await.unwrap().status, StatusCode::OK);
    assert_eq!(browser.get("/").await.unwrap().status, StatusCode::SEE_OTHER);
    let refused = browser.sign_in("ops@example.com", PASSWORD).await.unwrap();
    assert!(refused.html.contains("do not go together"), "that an account was ended is told to nobody");
    assert_eq!(edit(json!({"active": true})).await.unwrap().status, StatusCode::OK);
    assert_eq!(browser.sign_in("ops@example.com", PASSWORD).await.unwrap().status, StatusCode::SEE_OTHER);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn over_tls_cookies_are_host_only_and_answers_say_that_it_stays_so() {
    let app = TestApp::start(0).await.unwrap();
    app.person_of(app.fixture.tenant, "ops@example.com", Role::User).await.unwrap();
    let settings = people_settings(Some("https://ascribe.example"));
    let people = web::People::new(settings, web::SetUp::default(), &app.ids);
    let url = app.another_door(|door| door.people = people).await.unwrap();
    let mut browser = Browser::from(&url, [127, 0, 0, 1]).unwrap();
    browser.get("/sign-in").await.unwrap();
    let fields = [("email", "ops@example.com"), ("password", PASSWORD), ("form_token", &browser.form_token.clone())];
    let request = browser
        .request(Method::POST, "/sign-in")
        .header("origin", "https://ascribe.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(fields.map(|(name, value)| format!("{name}={}", value.replace('@', "%40").replace(' ', "+"))).join("&"));
    let seen = browser.send(request).await.unwrap();
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.html);
    let cookie = seen.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-ascribe_session="), "{cookie}");
    assert!(cookie.contains("; Path=/;") && cookie.ends_with("; Secure") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(seen.headers["strict-transport-security"], "max-age=31536000; includeSubDomains");
    assert_eq!(browser.get("/").await.unwrap().status, StatusCode::OK);
    app.finish().await.unwrap();
}
