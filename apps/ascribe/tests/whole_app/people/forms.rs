//! Forms are ours or nothing: without the token, with another's, or from another site they change nothing. A cookie alone changes
//! nothing at the API either.

use domain::rights::Role;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{Browser, PASSWORD, TestApp};

/// A path of a page with some id in it.
fn path(route: &str) -> String {
    let id = "00000000-0000-7000-8000-000000000000";
    route.replace("{id}", id).replace("{row}", "1").replace("{token}", &"0".repeat(64))
}

#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_elsewhere() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::SuperAdmin).await.unwrap();
    let (_, other) = app.signed_in("other@example.com", Role::SuperAdmin).await.unwrap();
    let good = browser.form_token.clone();
    let mut forms = 0;
    for (method, route, _) in web::pages().into_iter().filter(|(method, ..)| *method == Method::POST) {
        for token in ["", "x", &other.form_token, &good.to_uppercase()] {
            let seen = browser.post_as_it_is(&path(route), &[("form_token", token)]).await.unwrap();
            assert_eq!(seen.status, StatusCode::FORBIDDEN, "{method} {route} {token:?}");
            assert!(seen.html.contains("did not come from a page of ours"), "{route}: {}", seen.html);
        }
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let request = browser
                .request(Method::POST, &path(route))
                .header(HeaderName::from_static(name), HeaderValue::from_static(value))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("form_token={good}"));
            let seen = browser.send(request).await.unwrap();
            assert_eq!(seen.status, StatusCode::FORBIDDEN, "{method} {route} {name}: {value}");
        }
        forms += 1;
    }
    assert!(forms >= 18, "{forms}");
    assert_eq!(browser.get("/account").await.unwrap().status, StatusCode::OK, "and the session still lasts");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn even_signing_in_needs_a_page_of_ours() {
    let app = TestApp::start(0).await.unwrap();
    app.person_of(app.fixture.tenant, "ops@example.com", Role::User).await.unwrap();
    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    let fields = [("email", "ops@example.com"), ("password", PASSWORD)];
    assert_eq!(browser.post_as_it_is("/sign-in", &fields).await.unwrap().status, StatusCode::FORBIDDEN);
    browser.get("/sign-in").await.unwrap();
    let token = browser.form_token.clone();
    let mut elsewhere = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    elsewhere.get("/sign-in").await.unwrap();
    elsewhere.form_token = token;
    let seen = elsewhere.post("/sign-in", &fields).await.unwrap();
    assert_eq!(seen.status, StatusCode::FORBIDDEN, "another browser's token");
    assert_eq!(browser.post("/sign-in", &fields).await.unwrap().status, StatusCode::SEE_OTHER);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_cookie_reads_the_api_and_changes_nothing_there_without_the_token() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let me = browser.send(browser.request(Method::GET, "/api/v1/me")).await.unwrap();
    assert_eq!(me.status, StatusCode::OK, "{}", me.html);
    assert!(me.html.contains("partner_admin"));
    let post = |token: Option<&str>, origin: Option<&str>| {
        let mut request = browser.request(Method::POST, "/api/v1/site-groups").json(&json!({"name": "North"}));
        if let Some(token) = token {
            request = request.header("x-csrf-token", token);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request
    };
    let good = browser.form_token.clone();
    for request in [post(None, None), post(Some("x"), None), post(Some(&good), Some("https://evil.example"))] {
        let refused = app.send(request).await.unwrap();
        assert_eq!((refused.status, &refused.json["code"]), (StatusCode::FORBIDDEN, &json!("FORM_NOT_OURS")));
    }
    let here = browser.url.clone();
    let made = app.send(post(Some(&good), Some(&here))).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    // A key is asked for nothing of the kind, and beside one the cookie counts for nothing.
    let by_key = app.request(Method::POST, "/api/v1/site-groups").header("origin", "https://evil.example");
    assert_eq!(app.send(by_key.json(&json!({"name": "South"}))).await.unwrap().status, StatusCode::CREATED);
    let bad_key = browser.request(Method::GET, "/api/v1/me").header("authorization", "Bearer nonsense");
    assert_eq!(app.send(bad_key).await.unwrap().status, StatusCode::UNAUTHORIZED);
    app.finish().await.unwrap();
}
