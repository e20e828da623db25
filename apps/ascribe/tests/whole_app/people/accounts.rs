//! Accounts at carriers and at Rev.io by forms alone: set up, paced, paused; credentials go in and never out.

use super::every_page::sound;
use domain::rights::Role;
use reqwest::StatusCode;
use testing::{Browser, Seen, TestApp};

fn etag_of(seen: &Seen, action: &str) -> String {
    let form = seen
        .html
        .split(&format!("action=\"{action}\""))
        .nth(1)
        .unwrap_or_else(|| unreachable!("{action}: {}", seen.html));
    form.split("name=\"etag\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn credentials(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let kept = browser.post(path, fields).await.unwrap();
    assert!(kept.location().ends_with("?done=changed"), "{path}: {} {}", kept.status, kept.html);
    seen.push(browser.get(kept.location()).await.unwrap());
    seen.push(kept);
    // What is wrong is said without what was sent.
    let long = "canary".repeat(200);
    for wrong in
        [vec![("password", long.as_str())], vec![("password", "canary\u{7}")], vec![("password", "  ")], vec![]]
    {
        let refused = browser.post(path, &wrong).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", refused.html);
        assert!(refused.html.contains("id=\"refused\""), "{}", refused.html);
        seen.push(refused);
    }
    seen
}

#[tokio::test]
async fn an_account_at_a_carrier_is_set_up_paced_and_paused_and_tells_no_secret() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let made = browser.post("/service-providers", &[("name", "Fresh"), ("integration", "thingspace")]).await.unwrap();
    assert!(made.location().ends_with("?done=made"), "{} {}", made.status, made.html);
    let one = made.location().split('?').next().unwrap().to_owned();
    let (account, at) = (format!("{one}/account"), format!("{one}/account/credentials"));
    let page = browser.get(&one).await.unwrap();
    assert!(
        page.html.contains("Set up the account") && !page.html.contains(&format!("action=\"{at}\"")),
        "{}",
        page.html
    );
    assert_eq!(browser.post(&at, &[("key", "canary")]).await.unwrap().status, StatusCode::NOT_FOUND, "no account yet");
    let none_yet = etag_of(&page, &account);
    let new = [
        ("base_url", "https://thingspace.verizon.com/api"),
        ("account_name", "0000123456-00001"),
        ("calls_per_minute", "60"),
    ];
    let elsewhere = [("etag", none_yet.as_str()), ("base_url", "https://evil.example"), ("account_name", "Kept name")];
    let refused = browser.post(&account, &elsewhere).await.unwrap();
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.html.contains("value=\"Kept name\"") && refused.html.contains("<a href=\"#base_url\">"),
        "{}",
        refused.html
    );
    let kept = browser.post(&account, &[&new[..], &[("etag", &none_yet)]].concat()).await.unwrap();
    assert_eq!(kept.location(), format!("{one}?done=changed"), "{}", kept.html);
    let late =
        browser.post(&account, &[&new[..], &[("etag", &none_yet), ("calls_per_minute", "1")]].concat()).await.unwrap();
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "whoever saw none overwrites none");

    let mut told = credentials(
        &mut browser,
        &at,
        &[("key", "canary-k"), ("secret", "canary-s"), ("username", "canary-u"), ("password", "canary-p")],
    )
    .await;
    let page = browser.get(&one).await.unwrap();
    sound(&page, "service provider");
    for word in ["Last written", "0 of 100,000 calls today (UTC), at most 60 a minute", "Not read yet", "<meter "] {
        assert!(page.html.contains(word), "{word}: {}", page.html);
    }
    assert!(!page.html.contains("Never written"), "{}", page.html);
    // The secrets are the ones that were typed, and under this account.
    let provider = one.rsplit('/').next().unwrap().parse().unwrap();
    let open = database::carrier::credentials(
        &app.ledger,
        app.fixture.tenant,
        &app.keys,
        domain::ids::ServiceProviderId(provider),
    );
    let open = open.await.unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&open.secrets["password"]), "canary-p");

    let seen = etag_of(&page, &account);
    let paused = browser.post(&account, &[("etag", &seen), ("what", "pause")]).await.unwrap();
    assert_eq!(paused.status, StatusCode::SEE_OTHER, "{}", paused.html);
    let late =
        browser.post(&account, &[("etag", &seen), ("account_name", "Mine"), ("base_url", new[0].1)]).await.unwrap();
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert!(late.html.contains("value=\"Mine\"") && late.html.contains("Somebody changed this"), "{}", late.html);
    let page = browser.get(&one).await.unwrap();
    assert!(page.html.contains("paused by a person") && page.html.contains(">Go on</button>"), "{}", page.html);
    let home = browser.get("/").await.unwrap();
    assert!(home.html.contains("Fresh") && home.html.contains("Paused</span> paused by a person"), "{}", home.html);
    let on = browser.post(&account, &[("etag", &etag_of(&page, &account)), ("what", "resume")]).await.unwrap();
    assert_eq!(on.status, StatusCode::SEE_OTHER, "{}", on.html);

    let page = browser.get(&one).await.unwrap();
    let named = [("etag", etag_of(&page, &one)), ("name", "Fresher".to_owned()), ("write_enabled", "no".to_owned())];
    let named: Vec<(&str, &str)> = named.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.post(&one, &named).await.unwrap().status, StatusCode::SEE_OTHER);
    assert_eq!(browser.post(&one, &named).await.unwrap().status, StatusCode::PRECONDITION_FAILED);
    for path in [one.as_str(), "/service-providers", "/", "/system", "/audit"] {
        told.push(browser.get(path).await.unwrap());
    }
    assert!(told.iter().any(|seen| seen.html.contains("credentials_written")), "the trail says that it was done");
    for seen in &told {
        assert!(!seen.html.contains("canary"), "{}", seen.html);
    }
    let (_, mut looks) = app.signed_in("looks@example.com", Role::User).await.unwrap();
    let seen = looks.get(&one).await.unwrap();
    assert!(
        seen.status == StatusCode::OK && !seen.html.contains("0000123456-00001"),
        "administrators' matter: {}",
        seen.html
    );
    assert_eq!(looks.post(&account, &[("what", "pause")]).await.unwrap().status, StatusCode::FORBIDDEN);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_account_at_rev_io_is_set_up_paced_and_paused_and_tells_no_secret() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let list = "/integration-authentications";
    let wrong = [("name", "Sandbox"), ("base_url", "https://evil.example"), ("calls_per_minute", "many")];
    let refused = browser.post(list, &wrong).await.unwrap();
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains("value=\"Sandbox\"") && refused.html.contains("value=\"many\""), "{}", refused.html);
    let new = [("name", "Sandbox"), ("base_url", "https://api.revioapi.com/v1"), ("calls_per_minute", "")];
    let made = browser.post(list, &new).await.unwrap();
    let one = made.location().split('?').next().unwrap().to_owned();
    let at = format!("{one}/credentials");
    let fields = [("username", "canary-u"), ("password", "canary-p"), ("subscription_key", "canary-k")];
    let mut told = credentials(&mut browser, &at, &fields).await;
    let page = browser.get(&one).await.unwrap();
    sound(&page, "account at Rev.io");
    for word in ["0 of 150,000 calls today (UTC), at most 500 a minute", "Last written", "Not read yet"] {
        assert!(page.html.contains(word), "{word}: {}", page.html);
    }
    let seen = etag_of(&page, &one);
    let changed = browser.post(&one, &[("etag", &seen), ("name", "Sand"), ("calls_per_minute", "60")]).await.unwrap();
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.html);
    let late = browser.post(&one, &[("etag", &seen), ("name", "Stone")]).await.unwrap();
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert!(late.html.contains("value=\"Stone\"") && late.html.contains("<h1>Sand</h1>"), "{}", late.html);
    let page = browser.get(&one).await.unwrap();
    browser.post(&one, &[("etag", &etag_of(&page, &one)), ("what", "pause")]).await.unwrap();
    let page = browser.get(&one).await.unwrap();
    assert!(page.html.contains("paused by a person") && page.html.contains("at most 60 a minute"), "{}", page.html);
    browser.post(&one, &[("etag", &etag_of(&page, &one)), ("what", "resume")]).await.unwrap();
    told.push(browser.get(&one).await.unwrap());
    told.push(browser.get(list).await.unwrap());
    for seen in &told {
        assert!(!seen.html.contains("canary"), "{}", seen.html);
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_an_account_is_told_where_one_looks() {
    let app = TestApp::start(0).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let (tenant, provider) = (app.fixture.tenant, app.fixture.provider);
    let path = format!("/api/v1/service-providers/{provider}/account");
    let account = serde_json::json!({"base_url": "https://thingspace.verizon.com/api", "account_name": "A-1"});
    let put = app.request(reqwest::Method::PUT, &path).header("If-Match", "*").json(&account);
    assert_eq!(app.send(put).await.unwrap().status, StatusCode::CREATED);
    let one = format!("/service-providers/{provider}");
    assert!(browser.get(&one).await.unwrap().html.contains("Not signed in"));
    let secrets = serde_json::json!({"key": "k", "secret": "s", "username": "u", "password": "p"});
    app.post(&format!("/service-providers/{provider}/account/credentials"), &secrets).await.unwrap();
    app.database
        .plant(&format!(
            "insert into app.carrier_sync (tenant_id, service_provider_id, started_at, of_account, devices_read, devices_unreadable, ended_at, kept_because)
             values ('{tenant}', '{provider}', app.now(), 'x', 4711, 3, app.now(), '12 were missing');
             insert into app.call_budget (tenant_id, account, next_at, day, taken_today) values ('{tenant}', '{provider}', app.now(), (app.now() at time zone 'UTC')::date, 90210)"
        ))
        .await
        .unwrap();
    let page = browser.get(&one).await.unwrap();
    for word in ["Not read whole", "12 were missing", "4711", "90,210 of 100,000"] {
        assert!(page.html.contains(word), "{word}: {}", page.html);
    }
    app.database
        .plant(&format!(
            "insert into app.account_gate (tenant_id, account, not_before, rows_at_once, failures)
             values ('{tenant}', '{provider}', app.now() + interval '1 hour', 1, 7)"
        ))
        .await
        .unwrap();
    for path in [one.as_str(), "/", "/system", "/service-providers"] {
        let seen = browser.get(path).await.unwrap();
        assert!(seen.html.contains("Left alone") && seen.html.contains("7 times in a row"), "{path}: {}", seen.html);
    }
    app.finish().await.unwrap();
}
