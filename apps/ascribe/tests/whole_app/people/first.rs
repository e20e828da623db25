//! The first person: made by whoever has the token from the data directory, once, and by nobody else. And links that set a
//! password.

use reqwest::StatusCode;
use serde_json::json;
use testing::{Browser, PASSWORD, TestApp, people_settings};

#[tokio::test]
async fn the_first_person_is_made_with_the_token_and_the_page_is_gone_afterwards() {
    let app = TestApp::start(0).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("set-up.token");
    let token = domain::secret_token::SecretToken::new(&app.ids);
    std::fs::write(&file, token.reveal()).unwrap();
    let set_up = web::SetUp::with(token.clone(), file.clone());
    let people = web::People::new(people_settings(None), set_up, &app.ids);
    let url = app.another_door(|door| door.people = people).await.unwrap();
    let mut browser = Browser::from(&url, [127, 0, 0, 1]).unwrap();
    assert_eq!(browser.get("/devices").await.unwrap().location(), "/set-up");
    assert_eq!(browser.get("/sign-in").await.unwrap().location(), "/set-up");
    let page = browser.get("/set-up").await.unwrap();
    assert!(page.html.contains("set-up.token") && !page.html.contains(token.reveal()), "{}", page.html);
    let good = [
        ("token", token.reveal()),
        ("tenant", "Northwind Telemetry"),
        ("time_zone", "Europe/Berlin"),
        ("name", "First"),
        ("email", "first@example.com"),
        ("password", PASSWORD),
    ];
    let wrong_token = "0".repeat(64);
    for (field, value, says) in [
        ("token", wrong_token.as_str(), "This is not the token"),
        ("token", "", "This is not the token"),
        ("tenant", " ", "Name your company"),
        ("time_zone", "Mars/Base", "IANA"),
        ("email", "nobody", "no e-mail address"),
        ("password", "first@example.com", "no password"),
    ] {
        let fields = good.map(|(name, given)| (name, if name == field { value } else { given }));
        let refused = browser.post("/set-up", &fields).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(refused.html.contains(says), "{says}: {}", refused.html);
        assert!(!refused.html.contains(token.reveal()), "it is not said back");
    }
    let nobody = app.database.number("select count(*) from app.person").await.unwrap();
    assert_eq!(nobody, 0);
    let done = browser.post("/set-up", &good).await.unwrap();
    assert_eq!(done.location(), "/sign-in?done=password", "{}", done.html);
    assert!(!file.exists(), "the token's file is gone");
    for _ in 0..2 {
        assert_eq!(browser.get("/set-up").await.unwrap().status, StatusCode::NOT_FOUND);
        browser.get("/sign-in").await.unwrap();
        assert_eq!(browser.post("/set-up", &good).await.unwrap().status, StatusCode::NOT_FOUND, "once");
    }
    assert_eq!(browser.sign_in("first@example.com", PASSWORD).await.unwrap().status, StatusCode::SEE_OTHER);
    let home = browser.get("/").await.unwrap();
    assert!(home.html.contains("Northwind Telemetry") && home.html.contains("Super admin"), "{}", home.html);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn without_a_token_nobody_is_made() {
    let app = TestApp::start(0).await.unwrap();
    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    browser.get("/set-up").await.unwrap();
    let fields = [
        ("token", ""),
        ("tenant", "Alpha"),
        ("time_zone", "UTC"),
        ("name", "First"),
        ("email", "first@example.com"),
        ("password", PASSWORD),
    ];
    assert_eq!(browser.post("/set-up", &fields).await.unwrap().status, StatusCode::UNPROCESSABLE_ENTITY);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_invitation_sets_a_password_once_and_a_newer_one_ends_it() {
    let app = TestApp::start(0).await.unwrap();
    let new = json!({"email": "Ops@example.com", "name": "Operations", "role": "user"});
    let made = app.post("/people", &new).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    assert_eq!(made.headers["cache-control"], "no-store");
    let link = |answer: &serde_json::Value| answer["invitation"].as_str().unwrap().replace("http://127.0.0.1", "");
    let first = link(&made.json);
    let path = format!("/people/{}/invitation", made.json["id"].as_str().unwrap());
    let second = link(&app.post(&path, &json!({})).await.unwrap().json);
    assert!(first.starts_with("/invitation/") && first != second, "{first}");
    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    assert_eq!(browser.get(&first).await.unwrap().status, StatusCode::NOT_FOUND, "the newer one ends it");
    let page = browser.get(&second).await.unwrap();
    assert!(page.html.contains("ops@example.com"), "{}", page.html);
    // Under `no-referrer` browsers send `Origin: null` with the form itself.
    assert_eq!(page.headers["referrer-policy"], "same-origin");
    let short = browser.post(&second, &[("password", "short")]).await.unwrap();
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    let late = Browser::from(&app.later_door("8 days").await.unwrap(), [127, 0, 0, 1]).unwrap().get(&second).await;
    assert_eq!(late.unwrap().status, StatusCode::NOT_FOUND, "after a week it is none");
    let set = browser.post(&second, &[("password", PASSWORD)]).await.unwrap();
    assert_eq!(set.location(), "/sign-in?done=password");
    assert_eq!(browser.get(&second).await.unwrap().status, StatusCode::NOT_FOUND, "once");
    assert_eq!(browser.sign_in("ops@example.com", PASSWORD).await.unwrap().status, StatusCode::SEE_OTHER);
    let secret = second.trim_start_matches("/invitation/");
    let kept = format!("select count(*) from app.person_invitation where encode(token_sha256, 'hex') = '{secret}'");
    assert_eq!(app.database.number(&kept).await.unwrap(), 0, "only the hash is kept");
    app.finish().await.unwrap();
}
