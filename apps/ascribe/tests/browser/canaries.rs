//! What is in the worlds of the flows: above all a canary in whatever somebody may have typed.

use crate::{applied, planned};
use database::fleet::Fleet;
use database::person::{NewPerson, PersonKey};
use domain::email::Email;
use domain::ids::{ApiKeyId, PersonId};
use domain::rights::Role;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::ops::Range;
use testing::{Agent, Browser, PASSWORD, TestApp, iccid};

/// Whoever takes this for HTML has a script, a picture that calls one, and an attribute that is over.
pub(crate) const CANARY: &str = "'\"><script data-canary>document.title='canary'</script><img data-canary src=/canary onerror=\"document.title='canary'\">";

/// What was made.
pub(crate) struct Seeded {
    /// A change that is done, with rows of every kind.
    pub(crate) change: String,
    /// One with rows that need attention.
    pub(crate) attention: String,
    pub(crate) plan: String,
    /// Devices that wait for a customer.
    pub(crate) input: String,
    pub(crate) device: String,
    pub(crate) person: String,
    /// The path of a link that sets a password.
    pub(crate) invitation: String,
}

async fn made(app: &TestApp, list: &str, new: Value) -> Value {
    let answer = app.post(list, &new).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{list} {new}: {}", answer.json);
    answer.json
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// Everything that has a name, a reason or a comment has the canary in it.
pub(crate) async fn everywhere(app: &TestApp) -> Seeded {
    made(app, "/customers", json!({ "name": CANARY })).await;
    made(app, "/customers", json!({"name": format!("Rev {CANARY}"), "rev_customer_id": "77", "account": "Rev.io"}))
        .await;
    made(app, "/sites", json!({ "name": format!("Site {CANARY}") })).await;
    let rate_plan = format!("Plan {CANARY}");
    made(app, "/customer-rate-plans", json!({ "rate_plan_code": rate_plan, "rate_plan_name": rate_plan })).await;
    let pool = format!("Pool {CANARY}");
    made(app, "/customer-rate-pools", json!({ "name": pool })).await;
    made(app, "/service-providers", json!({"name": format!("Carrier {CANARY}"), "integration": "telegence"})).await;
    made(app, "/integration-authentications", json!({ "name": format!("Rev.io {CANARY}") })).await;
    made(app, "/site-groups", json!({"name": format!("Group {CANARY}"), "sites": [app.fixture.water.1]})).await;
    made(app, "/api-keys", json!({"name": format!("Key {CANARY}"), "role": "user"})).await;
    let hook = json!({"url": "https://hooks.example.com/x", "events": ["plan.ready"], "description": CANARY});
    made(app, "/webhooks", hook).await;
    let person = json!({"email": "canary@example.com", "name": CANARY, "role": "user"});
    let person = made(app, "/people", person).await;
    let link = person["invitation"].as_str().unwrap();
    let invitation = link[link.find("/invitation/").unwrap()..].to_owned();

    let file = format!("iccid,carrier_rate_plan\n{},\"{}\"\n", iccid(0), CANARY.replace('"', "\"\""));
    let import = app.request(Method::POST, "/api/v1/devices/import?service_provider=Verizon");
    let imported = app.send(import.header("Content-Type", "text/csv").body(file)).await.unwrap();
    assert_eq!(imported.json["updated"], 1, "{}", imported.json);

    let wish = json!({"reference": format!("Ticket {CANARY}"), "customer_rate_plan": rate_plan, "customer_rate_pool": pool,
        "customer_data_allocation_mb": 5});
    let quoted = CANARY.replace('"', "\"\"");
    let file = format!("iccid,\"note {quoted}\"\n{},\"{quoted}\"\n\"{quoted}\",x\n{},\n", iccid(0), iccid(900_002));
    let plan = app.plan_file(CANARY, &wish, file.clone()).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 1, "{plan}");
    applied(app, &plan).await;
    app.work().await.unwrap();
    let change = id(&plan);
    let attention = id(&change_that_needs_attention(app, CANARY, 10..13).await);
    let plan = app.plan_file(CANARY, &wish, file.replace(&iccid(0), &iccid(1))).await.unwrap().json;
    let input = waiting(app, file.replace(&iccid(0), &iccid(2))).await;
    plant(app, &change, &id(&plan)).await;
    let devices = app.get(&format!("/devices?iccid={}", iccid(0))).await.unwrap().json;
    Seeded {
        change,
        attention,
        plan: id(&plan),
        input,
        device: id(&devices["items"][0]),
        person: id(&person),
        invitation,
    }
}

/// A file that the administrator gave, and that waits for the rest of what is asked.
async fn waiting(app: &TestApp, file: String) -> String {
    let mut ops = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    ops.sign_in("ops@example.com", PASSWORD).await.unwrap();
    ops.get("/assign").await.unwrap();
    let form = Form::new()
        .text("form_token", ops.form_token.clone())
        .text("pasted", "")
        .part("file", Part::bytes(file.into_bytes()).file_name(format!("{CANARY}.csv")));
    let kept = ops.send(ops.request(Method::POST, "/assign").multipart(form)).await.unwrap();
    assert!(kept.location().starts_with("/assign/"), "{} {}", kept.status, kept.html);
    kept.location().trim_start_matches("/assign/").to_owned()
}

/// A file of 5,000 rows, with some that nobody could carry out, and how many of each there are.
pub(crate) fn file_with_bad_rows() -> (String, Value, &'static str) {
    let mut file = String::from("Who,ICCID,Remark\n");
    for place in 0..4_960_u32 {
        file = file + "Meter," + &iccid(place) + ",\n";
    }
    for (count, row) in [(10, "unreadable"), (10, "8.91480000012346E+19")] {
        for _ in 0..count {
            file = file + "Meter," + row + ",\n";
        }
    }
    for place in (0..10).chain(3_000_000..3_000_010) {
        file = file + "Meter," + &iccid(place) + ",\n";
    }
    let reasons =
        json!({"ICCID_MALFORMED": 10, "ICCID_EXCEL_ROUNDED": 10, "DUPLICATE_IN_INPUT": 10, "DEVICE_NOT_FOUND": 10});
    (file, reasons, "4,960")
}

/// What only carriers, billing and the program itself write: texts of others all the same.
async fn plant(app: &TestApp, change: &str, plan: &str) {
    let (tenant, canary) = (app.fixture.tenant, CANARY.replace('\'', "''"));
    app.database
        .plant(&format!(
            "update app.tenant set name = 'Alpha {canary}' where id = '{tenant}';
             update app.person set name = 'Ops {canary}' where email = 'ops@example.com';
             update app.device_bulk_change set status_details = 'Details {canary}' where id in ('{change}', '{plan}');
             update app.m2m_device_change set status_details = 'Row {canary}' where bulk_change_id in ('{change}', '{plan}');
             update app.m2m_device_bulk_change_log set error_text = '{canary}', request = '{canary}', response = '{canary}'
                 where bulk_change_id = '{change}';
             update app.m2m_device set msisdn = '{canary}', imei = '{canary}', eid = '{canary}', ip_address = '{canary}' where iccid = '{}';
             update app.m2m_device set status = '{canary}' where iccid = '{}'",
            iccid(0),
            iccid(5)
        ))
        .await
        .unwrap();
}

/// A change that is over but for rows whose outcome nobody knows, as an outage leaves them.
pub(crate) async fn change_that_needs_attention(app: &TestApp, name: &str, places: Range<u32>) -> Value {
    let rows = places.len();
    let change = planned(app, name, "Water", places).await;
    applied(app, &change).await;
    app.post(&format!("/bulk-changes/{}/cancel", id(&change)), &json!({})).await.unwrap();
    app.work().await.unwrap();
    app.database
        .plant(&format!(
            "update app.m2m_device_change set status = 'NEEDS_ATTENTION', reason = null, status_details = 'The carrier did not answer'
                 where bulk_change_id = '{0}' and row_number = 1;
             update app.bulk_change_counter set cancelled = {1}, needs_attention = 1 where bulk_change_id = '{0}'",
            id(&change),
            rows - 1
        ))
        .await
        .unwrap();
    change
}

/// Somebody of the first tenant who has a role in its agent, too.
pub(crate) async fn role_in_both(app: &TestApp, agent: &Agent, address: &str) {
    let person = app.person_of(app.fixture.tenant, address, Role::PartnerAdmin).await.unwrap();
    let email = Email::read(address).unwrap();
    let role = NewPerson {
        id: PersonId(app.ids.next()),
        role_id: ApiKeyId(app.ids.next()),
        email: &email,
        name: "Both",
        role: Role::User,
        sites: None,
        site_groups: &[],
    };
    let mut fleet = Fleet::open(app.database.server()).await.unwrap();
    let key = PersonKey { tenant: app.fixture.tenant, person };
    fleet.give_role_in_agent(agent.tenant, key, &role).await.unwrap();
}

/// A fleet that looks like one, and a plan of 1,200 rows with some that are refused.
pub(crate) async fn fleet_for_pictures(app: &TestApp) -> Value {
    app.database
        .plant(&format!(
            "update app.tenant set name = 'Northwind Telemetry' where id = '{}';
             update app.person set name = 'Robin Example' where email = 'ops@example.com';
             update app.m2m_device set msisdn = '1555010' || right(iccid, 4)",
            app.fixture.tenant
        ))
        .await
        .unwrap();
    for plan in ["Fleet 50 MB", "Meter 5 MB"] {
        made(app, "/customer-rate-plans", json!({ "rate_plan_code": plan })).await;
    }
    // Every third SIM is somebody's already.
    for (customer, plan, first) in [
        ("Harbour Cold Chain", "Fleet 50 MB", 0),
        ("Blue Valley Water", "Meter 5 MB", 3),
        ("Alpine Lifts", "Fleet 50 MB", 6),
    ] {
        made(app, "/customers", json!({ "name": customer })).await;
        let devices: Vec<String> = (first..1_800).step_by(9).map(iccid).collect();
        app.carry_out(customer, &json!({ "customer_rate_plan": plan }), &devices).await.unwrap();
    }
    let mut file = String::from("iccid\n");
    let others = [3, 6, 12, 900_000, 900_001, 3_000_000, 3_000_001, 1, 2];
    for place in (0..1_800).filter(|place| place % 3 > 0).chain(others) {
        file = file + &iccid(place) + "\n";
    }
    file.push_str("8.93E+19\n8914800000\nunreadable\n");
    let wish = json!({"reference": "Move to Harbour Cold Chain", "customer_rate_plan": "Fleet 50 MB"});
    let plan = app.plan_file("Harbour Cold Chain", &wish, file).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 1_200, "{plan}");
    plan
}
