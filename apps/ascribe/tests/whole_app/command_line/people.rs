//! People at the command line: added, changed, invited, signed out; and the lines that pages show are commands that exist.

use super::{ascribe, printed};
use domain::rights::Role;
use reqwest::StatusCode;
use serde_json::json;
use testing::TestApp;

#[tokio::test]
async fn somebody_is_added_changed_invited_and_signed_out() {
    let app = TestApp::start(0).await.unwrap();
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let run = async |arguments: &[&str]| ascribe(&url, &key, arguments, "").await;
    let add = ["person", "add", "--email", "ops@example.com", "--name", "Operations", "--role", "user", "-o", "json"];
    let added: serde_json::Value = serde_json::from_str(&printed(&run(&add).await, 0)).unwrap();
    let id = added["id"].as_str().unwrap();
    assert!(added["invitation"].as_str().unwrap().contains("/invitation/"), "{added}");
    let site = app.fixture.water.1.to_string();
    let edited = printed(&run(&["person", "edit", id, "--role", "agent", "--site", &site, "-o", "json"]).await, 0);
    let edited: serde_json::Value = serde_json::from_str(&edited).unwrap();
    assert_eq!((&edited["role"], &edited["sites"]), (&json!("agent"), &json!([site])), "{edited}");
    let wide = printed(&run(&["person", "edit", id, "--everywhere", "-o", "json"]).await, 0);
    assert!(wide.contains("\"sites\": null") || wide.contains("\"sites\":null"), "{wide}");
    assert!(printed(&run(&["person", "list", "--q", "operat", "-o", "csv"]).await, 0).contains("ops@example.com"));
    assert!(printed(&run(&["person", "invite", id, "-o", "csv"]).await, 0).contains("/invitation/"));
    assert_eq!(printed(&run(&["person", "sessions", id, "-o", "ndjson"]).await, 0), "", "never signed in");
    assert!(printed(&run(&["person", "sign-out", id, "-o", "csv"]).await, 0).contains('0'));
    let ended = printed(&run(&["person", "edit", id, "--active", "false", "-o", "json"]).await, 0);
    assert!(ended.contains("false"), "{ended}");
    assert_eq!(run(&["person", "invite", id]).await.status.code(), Some(6), "deactivated");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn every_line_that_a_page_shows_is_a_command() {
    let app = TestApp::start(3).await.unwrap();
    let change = app.carry_out("Water", &json!({}), &crate::devices(2)).await.unwrap();
    let plan = app.plan("Cold", &json!({}), &crate::devices(3)[2..]).await.unwrap().json;
    let (person, mut browser) = app.signed_in("ops@example.com", Role::SuperAdmin).await.unwrap();
    let (change, plan) = (change["id"].as_str().unwrap(), plan["id"].as_str().unwrap());
    let mut lines = std::collections::BTreeSet::new();
    let listed = async |list: &str| {
        let found = app.get(list).await.unwrap().json;
        format!("{list}/{}", found["items"][0]["id"].as_str().unwrap())
    };
    for path in [
        "/customers".to_owned(),
        listed("/customers").await,
        "/sites".to_owned(),
        listed("/sites").await,
        "/customer-rate-plans".to_owned(),
        listed("/customer-rate-plans").await,
        "/customer-rate-pools".to_owned(),
        listed("/customer-rate-pools").await,
        "/service-providers".to_owned(),
        listed("/service-providers").await,
        "/integration-authentications".to_owned(),
        listed("/integration-authentications").await,
        "/api-keys".to_owned(),
        "/audit".to_owned(),
        "/audit/verify".to_owned(),
        "/system".to_owned(),
        "/bulk-changes".to_owned(),
        format!("/bulk-changes/{change}"),
        format!("/bulk-changes/{change}/rows/1"),
        format!("/plans/{plan}"),
        "/devices?status=active".to_owned(),
        "/assign".to_owned(),
        "/people".to_owned(),
        format!("/people/{person}"),
    ] {
        let seen = browser.get(&path).await.unwrap();
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        assert!(seen.html.contains("Show as command and API"), "{path}");
        let codes =
            seen.html.split("<dd><code>ascribe ").skip(1).map(|part| part.split('<').next().unwrap().to_owned());
        lines.extend(codes);
    }
    assert!(lines.len() >= 45, "{lines:?}");
    for line in lines {
        let text = line.replace("&#34;", "\"").replace("&#38;", "&").replace("&quot;", "\"");
        // Only what comes before quotes and values decides whether there is such a command; --help asks for nothing else.
        let words: Vec<&str> = text.split(" --").next().unwrap().split(' ').collect();
        let options = text.split(" --").skip(1).map(|option| option.split(' ').next().unwrap());
        let words: Vec<&str> =
            words.iter().take_while(|word| !word.contains('-') || word.len() < 36).copied().collect();
        let help = ascribe(app.url(), app.fixture.key.reveal(), &[&words[..], &["--help"]].concat(), "").await;
        let help = printed(&help, 0);
        for option in options {
            assert!(help.contains(&format!("--{option}")), "{text}: {help}");
        }
    }
    app.finish().await.unwrap();
}
