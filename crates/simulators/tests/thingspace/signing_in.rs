//! The token, sessions, and who is turned away.

use crate::stage::{ACCOUNT, KEY, OTHER_ACCOUNT, PASSWORD, SECRET, Stage, USERNAME, account, profile, told};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;
use simulators::ThingSpaceProfile;
use simulators::thingspace::State;

const FORM: &str = "application/x-www-form-urlencoded";

fn code(body: &serde_json::Value) -> &str {
    body["errorCode"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn the_token_is_the_same_for_an_hour_from_its_first_issue() {
    let stage = Stage::of(profile()).await;
    let (_, first) = stage.token().await;
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert!(first["scope"].is_string());
    stage.pass(SignedDuration::from_mins(40));
    let (_, second) = stage.token().await;
    assert_eq!((&second["access_token"], &second["expires_in"]), (&first["access_token"], &json!(1200)));
    stage.profile(|profile| profile.inferred.expires_in_is_what_is_left = false);
    assert_eq!(stage.token().await.1["expires_in"], json!(3600));
    stage.pass(SignedDuration::from_mins(20));
    let (status, body) = stage.get(&format!("/plans/{ACCOUNT}")).await;
    assert_eq!((status, &body["fault"]["code"]), (401, &json!("900901")));
    let (_, third) = stage.token().await;
    assert_ne!(third["access_token"], first["access_token"]);
}

#[tokio::test]
async fn a_revoked_token_is_named_in_a_header_and_replaced() {
    let stage = Stage::of(profile()).await;
    let revoke = stage.http.post(stage.url("/ts/v1/oauth2/revoke")).basic_auth(KEY, Some(SECRET));
    let body = format!("grant_type=client_credentials&token={}", stage.bearer);
    let response = revoke.header("content-type", FORM).body(body).send().await.unwrap();
    assert_eq!(response.headers()["revokedaccesstoken"], stage.bearer.as_str());
    assert_eq!(told(response).await, (200, json!("")));
    assert_eq!(stage.get(&format!("/plans/{ACCOUNT}")).await.0, 401);
    assert_ne!(stage.token().await.1["access_token"], json!(stage.bearer));
}

#[tokio::test]
async fn who_has_no_token_is_told_by_the_gateway() {
    let stage = Stage::of(profile()).await;
    let url = stage.url(&format!("/m2m/v1/plans/{ACCOUNT}"));
    let call = || stage.http.get(&url).header("VZ-M2M-Token", &stage.session);
    let (status, body) = told(call().send().await.unwrap()).await;
    assert_eq!((status, &body["fault"]["code"]), (401, &json!("900902")));
    assert_eq!(body["fault"]["message"], json!("Missing Credentials"));
    assert!(body["fault"]["description"].is_string());
    let (status, body) = told(call().bearer_auth("wrong").send().await.unwrap()).await;
    assert_eq!((status, &body["fault"]["message"]), (401, &json!("Invalid Credentials")));
    let (status, body) = told(call().basic_auth(KEY, Some(SECRET)).send().await.unwrap()).await;
    assert!(status == 403 && body.as_str().unwrap().contains("<am:fault"), "{body}");
    let bearer = call().header("Authorization", format!("bearer {}", stage.bearer));
    assert_eq!(told(bearer.send().await.unwrap()).await.0, 200, "the scheme is written in any case");
}

#[tokio::test]
async fn the_tokens_issuer_wants_basic_credentials_and_a_grant() {
    let stage = Stage::of(profile()).await;
    let url = stage.url("/ts/v1/oauth2/token");
    let call = || stage.http.post(&url).header("content-type", FORM);
    let grant = "grant_type=client_credentials";
    let (status, body) = told(call().body(grant).send().await.unwrap()).await;
    assert_eq!((status, &body["fault"]["code"]), (401, &json!("900902")));
    let wrong = call().basic_auth(KEY, Some("no")).body(grant).send().await.unwrap();
    let (status, body) = told(wrong).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    for (form, error) in [("", "invalid_request"), ("grant_type=password", "unsupported_grant_type")] {
        let (status, body) = told(call().basic_auth(KEY, Some(SECRET)).body(form).send().await.unwrap()).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{form}");
    }
    let json = stage.http.post(&url).basic_auth(KEY, Some(SECRET)).json(&json!({"grant_type": "client_credentials"}));
    let (status, body) = told(json.send().await.unwrap()).await;
    assert_eq!((status, &body["error_description"]), (400, &json!("Missing grant_type parameter value")));
}

#[tokio::test]
async fn paths_that_are_none_are_told_by_the_gateway() {
    let stage = Stage::of(profile()).await;
    for (method, path) in
        [(Method::GET, "/nothing"), (Method::GET, "/devices/actions/list"), (Method::POST, "/devices/actions/plan")]
    {
        let (status, body) = told(stage.call(method, path).send().await.unwrap()).await;
        assert_eq!((status, &body["fault"]["code"]), (400, &json!("900906")), "{path}");
    }
    let nowhere = stage.http.get(stage.url("/sms/v1/x")).bearer_auth(&stage.bearer);
    assert_eq!(told(nowhere.send().await.unwrap()).await.0, 404);
}

#[tokio::test]
async fn a_session_lives_while_it_is_used_and_ends_after_twenty_idle_minutes() {
    let stage = Stage::of(profile()).await;
    let path = format!("/plans/{ACCOUNT}");
    for _ in 0..2 {
        stage.pass(SignedDuration::from_mins(19));
        assert_eq!(stage.get(&path).await.0, 200);
    }
    stage.pass(SignedDuration::from_secs(20 * 60 + 1));
    let (status, body) = stage.get(&path).await;
    assert_eq!((status, code(&body)), (400, "UnifiedWebService.REQUEST_FAILED.SessionToken.Expired"));
    assert!(body["errorMessage"].is_string());
}

#[tokio::test]
async fn sessions_that_are_none_have_codes_of_their_own() {
    let stage = Stage::of(profile()).await;
    let call = || stage.http.get(stage.url(&format!("/m2m/v1/plans/{ACCOUNT}"))).bearer_auth(&stage.bearer);
    let unknown = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0";
    for (token, expected) in [
        (None, "REQUEST_FAILED.SessionToken.Format"),
        (Some("not a guid"), "INPUT_INVALID.SessionToken.Invalid"),
        (Some(unknown), "REQUEST_FAILED.SessionToken.Expired"),
    ] {
        let call = token.into_iter().fold(call(), |call, token| call.header("VZ-M2M-Token", token));
        let (status, body) = told(call.send().await.unwrap()).await;
        assert_eq!((status, code(&body)), (400, format!("UnifiedWebService.{expected}").as_str()));
    }
}

#[tokio::test]
async fn sessions_are_several_or_one() {
    let mut stage = Stage::of(profile()).await;
    let path = format!("/plans/{ACCOUNT}");
    let first = stage.session.clone();
    stage.sign_in().await;
    let second = std::mem::replace(&mut stage.session, first.clone());
    assert_ne!(first, second);
    assert_eq!(stage.get(&path).await.0, 200, "the first one still lives");
    stage.profile(|profile| profile.inferred.single_session = true);
    stage.sign_in().await;
    stage.session = second;
    assert_eq!(stage.get(&path).await.0, 400);
}

#[tokio::test]
async fn a_logout_ends_the_session() {
    let stage = Stage::of(profile()).await;
    let logout = told(stage.call(Method::POST, "/session/logout").send().await.unwrap()).await;
    assert_eq!(logout, (200, json!({ "sessionToken": stage.session })));
    assert_eq!(stage.get(&format!("/plans/{ACCOUNT}")).await.0, 400);
}

#[tokio::test]
async fn five_wrong_logins_in_a_row_lock_the_user_until_support_unlocks() {
    let stage = Stage::of(profile()).await;
    for _ in 0..4 {
        let (status, body) = stage.log_in(USERNAME, "wrong").await;
        assert_eq!((status, code(&body)), (400, "UnifiedWebService.REQUEST_FAILED.LogIn.InvalidCredentials"));
    }
    assert_eq!(stage.log_in(USERNAME, PASSWORD).await.0, 200, "a right one begins the count again");
    for _ in 0..5 {
        assert_eq!(stage.log_in("somebody", PASSWORD).await.0, 400);
    }
    let (status, body) = stage.log_in(USERNAME, PASSWORD).await;
    assert_eq!((status, code(&body)), (400, "UnifiedWebService.REQUEST_FAILED.LogIn.Locked"));
    assert_eq!(stage.own(Method::GET, "/support/thingspace", None).await.1["items"][0]["locked"], json!(true));
    let unlocked = stage.own(Method::POST, &format!("/support/thingspace/{USERNAME}/unlock"), None).await;
    assert_eq!(unlocked.0, 204);
    assert_eq!(stage.log_in(USERNAME, PASSWORD).await.0, 200);
}

#[tokio::test]
async fn a_reset_gives_a_password_that_the_carrier_chose() {
    let stage = Stage::of(profile()).await;
    let path = "/session/password/actions/reset";
    let (status, body) = stage.put(path, &json!({ "oldPassword": "wrong" })).await;
    assert_eq!((status, code(&body)), (400, "UnifiedWebService.INPUT_INVALID.Password.Invalid"));
    let (status, body) = stage.put(path, &json!({ "oldPassword": PASSWORD })).await;
    assert_eq!(status, 200);
    let new = body["newPassword"].as_str().unwrap();
    assert_eq!(stage.log_in(USERNAME, PASSWORD).await.0, 400);
    assert_eq!(stage.log_in(USERNAME, new).await.0, 200);
}

#[tokio::test]
async fn profiles_do_not_see_each_others_accounts() {
    let mut other = ThingSpaceProfile::new("key2", "secret2", "OTHER", "p");
    other.accounts.push(account(OTHER_ACCOUNT));
    let stage = Stage::of_all(vec![profile(), other], 1).await;
    for (name, expected) in [
        (OTHER_ACCOUNT, "REQUEST_FAILED.AccountName"),
        ("0000999999-00001", "REQUEST_FAILED.AccountNotFound"),
        ("123456-1", "INPUT_INVALID.Account.NotDefined"),
    ] {
        let (status, body) = stage.get(&format!("/plans/{name}")).await;
        assert_eq!((status, code(&body)), (400, format!("UnifiedWebService.{expected}").as_str()));
    }
    let no_accounts = Stage::of(ThingSpaceProfile::new(KEY, SECRET, USERNAME, PASSWORD)).await;
    let add = json!({ "state": "preactive", "devicesToAdd": [crate::stage::device(1)] });
    let (_, body) = no_accounts.post("/devices/actions/add", &add).await;
    assert_eq!(code(&body), "UnifiedWebService.REQUEST_FAILED.NoAccounts");
    let mut two = profile();
    two.accounts.push(account(OTHER_ACCOUNT));
    let (_, body) = Stage::of(two).await.post("/devices/actions/add", &add).await;
    assert_eq!(code(&body), "UnifiedWebService.REQUEST_FAILED.MultipleAccounts");
}

#[tokio::test]
async fn support_changes_settings_by_name() {
    let stage = Stage::with(1, State::Active).await;
    let path = format!("/support/thingspace/{USERNAME}");
    let patch = json!({ "settings": { "plan_changes_per_month": 1 }, "inferred": { "single_session": true } });
    let (status, shown) = stage.own(Method::PATCH, &path, Some(&patch)).await;
    assert_eq!((status, &shown["settings"]["plan_changes_per_month"]), (200, &json!(1)));
    assert_eq!(
        (&shown["inferred"]["single_session"], &shown["settings"]["session_seconds"]),
        (&json!(true), &json!(1200))
    );
    for wrong in [json!({ "settings": { "colour": 1 } }), json!({ "colour": 1 }), json!({ "settings": { "delay": 1 } })]
    {
        assert_eq!(stage.own(Method::PATCH, &path, Some(&wrong)).await.0, 422, "{wrong}");
    }
    assert_eq!(stage.own(Method::PATCH, "/support/thingspace/nobody", Some(&patch)).await.0, 404);
    assert_eq!(stage.own(Method::POST, &format!("{path}/end-sessions"), None).await.0, 204);
    assert_eq!(stage.get(&format!("/plans/{ACCOUNT}")).await.0, 400);
    assert_eq!(stage.own(Method::POST, &format!("{path}/expire-token"), None).await.0, 204);
    assert_eq!(stage.get(&format!("/plans/{ACCOUNT}")).await.0, 401);
    assert_eq!(stage.own(Method::POST, &format!("{path}/dance"), None).await.0, 404);
}
