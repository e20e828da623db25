//! A partner gives devices of its own to its agents and takes them back; nobody else's, and to nobody else.

use super::{carry_out, plan};
use crate::devices;
use crate::rights::key;
use database::fleet::Fleet;
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, SiteId, TenantId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{Agent, Answer, TestApp, iccid};

/// Sends a file of ICCIDs.
async fn send(app: &TestApp, key: &ApiKey, agent: TenantId, what: &str, iccids: &[String]) -> Answer {
    let path = format!("/api/v1/agents/{agent}/devices/{what}");
    let file = format!("iccid\n{}\n", iccids.join("\n"));
    let request = app.anonymous(Method::POST, &path).bearer_auth(key.reveal()).header("Content-Type", "text/csv");
    app.send(request.body(file)).await.unwrap()
}

async fn give(app: &TestApp, agent: &Agent, iccids: &[String]) -> Value {
    let given = send(app, &app.fixture.key, agent.tenant, "give", iccids).await;
    assert_eq!(given.status, StatusCode::OK, "{}", given.json);
    given.json
}

async fn take_back(app: &TestApp, agent: &Agent, iccids: &[String], even_if_assigned: bool) -> Value {
    let what = format!("take-back?even_if_assigned={even_if_assigned}");
    let taken = send(app, &app.fixture.key, agent.tenant, &what, iccids).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.json);
    taken.json
}

/// What the agent sees: its ICCIDs with their customers.
async fn seen(app: &TestApp, agent: &Agent) -> Vec<(String, Value)> {
    let list = app.send_as(&agent.key, Method::GET, "/devices?limit=1000", None).await.unwrap().json;
    let items = list["items"].as_array().unwrap().iter();
    items.map(|d| (d["iccid"].as_str().unwrap().to_owned(), d["customer"]["name"].clone())).collect()
}

fn codes(result: &Value) -> Vec<(i64, &str)> {
    let refusals = result["refusals"].as_array().unwrap().iter();
    refusals.map(|one| (one["row"].as_i64().unwrap(), one["code"].as_str().unwrap())).collect()
}

/// The owner's rows as they are stored, to see that they stay.
async fn owners(app: &TestApp) -> i64 {
    let sql = "select (('x' || left(md5(string_agg(d::text || dt::text, '' order by d.id)), 15))::bit(60))::bigint
        from app.m2m_device d join app.device_tenant dt on dt.tenant_id = d.tenant_id and dt.device_id = d.id";
    app.database.number(sql).await.unwrap()
}

#[tokio::test]
async fn what_is_given_is_the_agents_to_assign_and_what_is_taken_back_is_gone() {
    let app = TestApp::start(6).await.unwrap();
    let agent = Agent::make(&app, &[]).await.unwrap();
    app.carry_out("Water", &json!({}), &devices(2)).await.unwrap();
    let before = owners(&app).await;
    assert_eq!(seen(&app, &agent).await, []);
    let given = give(&app, &agent, &devices(4)).await;
    assert_eq!((&given["created"], &given["refused"]), (&json!(4), &json!(0)), "{given}");
    let again = give(&app, &agent, &devices(5)).await;
    assert_eq!((&again["created"], &again["unchanged"]), (&json!(1), &json!(4)), "twice is as once: {again}");
    assert!(seen(&app, &agent).await.iter().all(|(_, customer)| customer.is_null()), "at its default site");

    let list = devices(5);
    let made = plan(&app, &agent, "Gamma Farm", &json!({"customer_rate_plan": "G-1"}), &list[..2]).await;
    let change = carry_out(&app, &agent, &made).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    let agents = app.get("/agents").await.unwrap().json["items"].clone();
    assert_eq!(
        (&agents[0]["name"], &agents[0]["devices"], &agents[0]["assigned"]),
        (&json!("Gamma"), &json!(5), &json!(2))
    );

    // What it has assigned stays, unless it does not matter.
    let waiting = plan(&app, &agent, "Gamma Mill", &json!({"on_conflict": "replace"}), &list).await;
    let taken = take_back(&app, &agent, &list[1..4], false).await;
    assert_eq!((&taken["updated"], codes(&taken)), (&json!(2), vec![(1, "ASSIGNED_BY_AGENT")]), "{taken}");
    assert_eq!(taken["refusals"][0]["field"], "iccid");
    let taken = take_back(&app, &agent, &list[1..4], true).await;
    assert_eq!((&taken["updated"], &taken["unchanged"]), (&json!(1), &json!(2)), "{taken}");
    let left: Vec<String> = seen(&app, &agent).await.into_iter().map(|(iccid, _)| iccid).collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&list[0]) && left.contains(&list[4]));
    // What a change is under way with is not taken from it in the middle, whatever is said.
    let locked = format!(
        "insert into app.device_lock (device_id, tenant_id, bulk_change_id, row_number, locked_at)
         select d.id, '{}', '{}', 1, now() from app.m2m_device d where d.iccid = '{}'",
        agent.tenant,
        waiting["id"].as_str().unwrap(),
        list[4]
    );
    app.database.plant(&locked).await.unwrap();
    let taken = take_back(&app, &agent, &list[4..5], true).await;
    assert_eq!((&taken["updated"], codes(&taken)), (&json!(0), vec![(1, "LOCKED_BY_OTHER_CHANGE")]), "{taken}");
    app.database.plant("delete from app.device_lock").await.unwrap();
    // A plan that was made before skips them, and a new one does not find them.
    let change = carry_out(&app, &agent, &waiting).await;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["skipped"]), (&json!(2), &json!(3)), "{change}");
    let made = plan(&app, &agent, "Gamma Farm", &json!({}), &list[1..2]).await;
    assert_eq!(made["counts"]["by_reason"], json!({"DEVICE_NOT_FOUND": 1}));
    let by_id = format!("select count(*) from app.device_tenant where tenant_id = '{}'", agent.tenant);
    assert_eq!(
        app.database.number(&by_id).await.unwrap(),
        5,
        "archived, not deleted: its past has something to point at"
    );

    // Given again it begins anew.
    let given = give(&app, &agent, &list[1..2]).await;
    assert_eq!(given["created"], 1);
    let one = seen(&app, &agent).await.into_iter().find(|(iccid, _)| *iccid == list[1]).unwrap();
    assert!(one.1.is_null());
    assert_eq!(owners(&app).await, before, "the owner's rows are not written");
    for key in [&app.fixture.key, &agent.key] {
        let trail = app.send_as(key, Method::GET, "/audit?limit=1000", None).await.unwrap().json.to_string();
        assert_eq!(
            (trail.matches("\"devices_given\"").count(), trail.matches("\"devices_taken_back\"").count()),
            (3, 2)
        );
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_given_is_told_row_by_row_and_the_rest_is_given() {
    let app = TestApp::start(3).await.unwrap();
    let agent = Agent::make(&app, &devices(1)).await.unwrap();
    let (second, site) = (TenantId(app.ids.next()), SiteId(app.ids.next()));
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    fleet.create_tenant_under(second, "Delta", "UTC", site, Some(app.fixture.tenant)).await.unwrap();
    // 900,000 is archived, 900,004 is stored without its check digit, 910,000 is another tenant's.
    let list = [
        iccid(0),
        iccid(1),
        "broken".to_owned(),
        iccid(1),
        iccid(900_000),
        iccid(900_004),
        iccid(910_000),
        iccid(999_999),
    ];
    let given = send(&app, &app.fixture.key, second, "give", &list).await.json;
    assert_eq!(given["created"], 1, "{given}");
    let expected = [
        (1, "WITH_ANOTHER_AGENT"),
        (3, "ICCID_MALFORMED"),
        (4, "DUPLICATE_IN_INPUT"),
        (5, "DEVICE_ARCHIVED"),
        (6, "ICCID_STORED_OTHERWISE"),
        (7, "DEVICE_NOT_FOUND"),
        (8, "DEVICE_NOT_FOUND"),
    ];
    assert_eq!(codes(&given), expected, "{given}");
    assert!(given["refusals"].as_array().unwrap().iter().all(|one| !one["fix"].as_str().unwrap().is_empty()));
    // It had not met the service provider: it has a row of its own for it now.
    let providers = format!("select count(*) from app.service_provider where tenant_id = '{second}'");
    assert_eq!(app.database.number(&providers).await.unwrap(), 1);
    // Taken back from the one, the other may have it.
    take_back(&app, &agent, &devices(1), false).await;
    assert_eq!(send(&app, &app.fixture.key, second, "give", &devices(1)).await.json["created"], 1);
    assert_eq!(codes(&give(&app, &agent, &devices(1)).await), [(1, "WITH_ANOTHER_AGENT")]);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn only_the_partner_gives_only_its_own_and_only_to_its_agents() {
    let app = TestApp::start(2).await.unwrap();
    let agent = Agent::make(&app, &devices(1)).await.unwrap();
    let (grandchild, site) = (TenantId(app.ids.next()), SiteId(app.ids.next()));
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    fleet.create_tenant_under(grandchild, "Gamma's own", "UTC", site, Some(agent.tenant)).await.unwrap();
    let user = key(&app, domain::rights::Role::User, None).await;
    for (key, to, status) in [
        (&app.fixture.key, grandchild, StatusCode::NOT_FOUND),
        (&app.fixture.key, app.fixture.other_tenant, StatusCode::NOT_FOUND),
        (&app.fixture.key, app.fixture.tenant, StatusCode::NOT_FOUND),
        (&app.fixture.other_key, agent.tenant, StatusCode::NOT_FOUND),
        (&agent.key, agent.tenant, StatusCode::NOT_FOUND),
        (&agent.key, app.fixture.tenant, StatusCode::NOT_FOUND),
        (&user, agent.tenant, StatusCode::FORBIDDEN),
    ] {
        for what in ["give", "take-back", "take-back?even_if_assigned=true"] {
            let answer = send(&app, key, to, what, &devices(2)).await;
            assert_eq!(answer.status, status, "{to} {what}: {}", answer.json);
        }
    }
    // An agent gives nothing on that is not its own.
    let on = send(&app, &agent.key, grandchild, "give", &devices(2)).await.json;
    assert_eq!(codes(&on), [(1, "DEVICE_NOT_FOUND"), (2, "DEVICE_NOT_FOUND")], "{on}");
    assert_eq!(
        app.send_as(&app.fixture.other_key, Method::GET, "/agents", None).await.unwrap().json["items"],
        json!([])
    );
    let theirs = ApiKey::new(&app.ids);
    let role = domain::rights::Role::AgentPartnerAdmin;
    fleet.create_api_key_for(grandchild, ApiKeyId(app.ids.next()), "k", &theirs, role, None).await.unwrap();
    assert_eq!(app.send_as(&theirs, Method::GET, "/devices", None).await.unwrap().json["items"], json!([]));

    app.finish().await.unwrap();
}
