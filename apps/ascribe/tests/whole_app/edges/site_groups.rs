//! Groups of sites: made, renamed, filled and emptied; a key that is confined to one sees the change at once.

use super::{etag, patch, text};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::TestApp;

const PATH: &str = "/site-groups";

async fn names(app: &TestApp, key: &domain::api_key::ApiKey) -> Vec<String> {
    let seen = app.send_as(key, Method::GET, "/sites", None).await.unwrap();
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.json);
    seen.json["items"].as_array().unwrap().iter().map(|site| text(&site["name"]).to_owned()).collect()
}

#[tokio::test]
async fn a_key_confined_to_a_group_sees_what_the_group_becomes_with_its_next_request() {
    let app = TestApp::start(1).await.unwrap();
    let (water, cold) = (app.fixture.water.1.to_string(), app.fixture.cold.1.to_string());
    let made = app.post(PATH, &json!({"name": "North", "sites": [water]})).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    let group = text(&made.json["id"]).to_owned();
    let new = json!({"name": "north", "role": "user", "site_groups": [group]});
    let made = app.post("/api-keys", &new).await.unwrap();
    assert_eq!((made.status, &made.json["sites"]), (StatusCode::CREATED, &json!([])), "{}", made.json);
    let key = domain::api_key::ApiKey::read(text(&made.json["key"])).unwrap();
    assert_eq!(names(&app, &key).await, ["Water"]);

    let change = async |what: &str, sites: &[&String]| {
        let done = app.post(&format!("{PATH}/{group}/{what}"), &json!({"sites": sites})).await.unwrap();
        assert_eq!(done.status, StatusCode::OK, "{}", done.json);
        done.json["site_count"].as_i64().unwrap()
    };
    for _ in 0..2 {
        assert_eq!(change("sites", &[&cold, &cold, &water]).await, 2, "twice is as once");
    }
    assert_eq!(names(&app, &key).await.len(), 2);
    for _ in 0..2 {
        assert_eq!(change("sites/remove", &[&water]).await, 1);
    }
    assert_eq!(names(&app, &key).await, ["Cold"]);
    assert_eq!(change("sites/remove", &[&cold]).await, 0);
    assert_eq!(names(&app, &key).await, Vec::<String>::new(), "an empty group confines to nothing");
    let acts = app.get("/audit?limit=1000").await.unwrap().json.to_string();
    assert_eq!(acts.matches("site_group_filled").count(), 1, "what changes nothing is no act");
    assert_eq!(acts.matches("site_group_emptied").count(), 2);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_group_is_renamed_by_whoever_has_seen_it_and_holds_sites_of_its_tenant_alone() {
    let app = TestApp::start(0).await.unwrap();
    let made = app.post(PATH, &json!({"name": " North "})).await.unwrap();
    let path = format!("{PATH}/{}", text(&made.json["id"]));
    assert_eq!((&made.json["name"], &made.json["sites"]), (&json!("North"), &json!([])));
    assert_eq!(app.post(PATH, &json!({"name": "North"})).await.unwrap().json["code"], "NAME_TAKEN");
    assert_eq!(patch(&app, &path, None, &json!({"name": "x"})).await.status, StatusCode::PRECONDITION_REQUIRED);
    let tag = etag(&made);
    let renamed = patch(&app, &path, Some(&tag), &json!({"name": "South"})).await;
    assert_eq!(renamed.json["name"], "South", "{}", renamed.json);
    assert_eq!(patch(&app, &path, Some(&tag), &json!({"name": "x"})).await.status, StatusCode::PRECONDITION_FAILED);
    let filled = app.post(&format!("{path}/sites"), &json!({"sites": [app.fixture.water.1]})).await.unwrap();
    assert_eq!((&filled.json["sites"][0]["name"], etag(&filled)), (&json!("Water"), etag(&renamed)));
    let other = app.post(PATH, &json!({"name": "Other"})).await.unwrap().json;
    let taken = patch(&app, &format!("{PATH}/{}", text(&other["id"])), Some("*"), &json!({"name": "South"})).await;
    assert_eq!(taken.json["code"], "NAME_TAKEN");

    // A site that is another tenant's, or nobody's, goes into no group; and nothing of the request does.
    let foreign =
        app.send_as(&app.fixture.other_key, Method::GET, "/sites", None).await.unwrap().json["items"][0]["id"].clone();
    for site in [foreign, json!(app.fixture.water.0), json!("00000000-0000-7000-8000-000000000000")] {
        let refused = app.post(&format!("{path}/sites"), &json!({"sites": [app.fixture.cold.1, site]})).await.unwrap();
        assert_eq!(refused.json["code"], "SITE_NOT_FOUND", "{site}");
    }
    assert_eq!(app.get(&path).await.unwrap().json["site_count"], 1);
    let many: Vec<Value> = (0..1_001).map(|_| json!(app.ids.next())).collect();
    let refused = app.post(&format!("{path}/sites"), &json!({"sites": many})).await.unwrap();
    assert_eq!(refused.json["errors"][0]["pointer"], "/sites");
    for (method, asked) in [
        (Method::GET, path.clone()),
        (Method::POST, format!("{path}/sites")),
        (Method::POST, format!("{path}/sites/remove")),
    ] {
        let body = json!({"sites": []});
        let body = (method == Method::POST).then_some(&body);
        let answer = app.send_as(&app.fixture.other_key, method, &asked, body).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "another tenant's");
    }
    let groups = json!({"name": "k", "role": "user", "site_groups": [app.fixture.water.1]});
    assert_eq!(app.post("/api-keys", &groups).await.unwrap().json["code"], "SITE_NOT_FOUND");
    app.finish().await.unwrap();
}
