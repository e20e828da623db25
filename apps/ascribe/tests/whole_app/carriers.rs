//! Plans that ask something of the carrier: what they say, and that they change nothing.

mod asked;
mod back;
mod overrides;
mod said;

use crate::edges::put;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

/// A SIM that never had service, one that has none any more, one on its way, one without an IMEI; places.
pub(crate) const FRESH: u32 = 8;
pub(crate) const OVER: u32 = 9;
pub(crate) const ON_ITS_WAY: u32 = 10;
pub(crate) const WITHOUT_IMEI: u32 = 11;

/// The account behind "Verizon", with credentials.
pub(crate) async fn account(app: &TestApp) {
    let path = format!("/service-providers/{}/account", app.fixture.provider);
    let account = json!({"base_url": "https://thingspace.verizon.com/api", "account_name": "0000123456-00001"});
    assert_eq!(put(app, &path, Some("*"), &account).await.status, 201);
    let secrets = json!({"key": "k", "secret": "s", "username": "u", "password": "p"});
    assert_eq!(app.post(&format!("{path}/credentials"), &secrets).await.unwrap().status, 200);
}

/// What the carrier has, as it would be after a reading: plans P-OLD "Old", P-NEW "New", two called "Twin", P-GONE that is not offered
/// any more, and J-1 at Jasper. Places 0 to 7 are active on P-OLD.
pub(crate) async fn carrier(app: &TestApp) {
    account(app).await;
    let provider = "select tenant_id, id from app.service_provider where name";
    for statement in [
        format!("insert into app.carrier_rate_plan (tenant_id, service_provider_id, id, rate_plan_code, friendly_name, is_active)
            select p.*, gen_random_uuid(), c.* from ({provider} = 'Verizon' and tenant_id = '{}') p,
                (values ('P-OLD', 'Old', true), ('P-NEW', 'New', true), ('P-A', 'Twin', true), ('P-B', 'Twin', true), ('P-GONE', 'Gone', false)) as c", app.fixture.tenant),
        format!("insert into app.carrier_rate_plan (tenant_id, service_provider_id, id, rate_plan_code, friendly_name)
            select p.*, gen_random_uuid(), 'J-1', 'Jasper one' from ({provider} = 'Jasper') p"),
        "update app.m2m_device d set imei = '356938035643809', carrier_rate_plan_id = p.id
            from app.carrier_rate_plan p where p.tenant_id = d.tenant_id and p.rate_plan_code = 'P-OLD'".to_owned(),
    ] {
        app.database.plant(&statement).await.unwrap();
    }
    for (place, status, imei) in [
        (FRESH, "preactive", "'356938035643809'"),
        (OVER, "deactive", "'356938035643809'"),
        (ON_ITS_WAY, "pending activation", "'356938035643809'"),
        (WITHOUT_IMEI, "preactive", "null"),
    ] {
        let statement = format!(
            "update app.m2m_device set status = '{status}', imei = {imei}, msisdn = null, carrier_rate_plan_id = null where iccid = '{}'",
            iccid(place)
        );
        app.database.plant(&statement).await.unwrap();
    }
}

pub(crate) fn change(code: &str) -> Value {
    json!({"add_carrier_rate_plan": {"carrier_rate_plan": code}})
}

/// An activation with P-NEW, and what is said besides.
pub(crate) fn activate(extra: &Value) -> Value {
    let mut asked = json!({"carrier_rate_plan": "P-NEW", "zip_code": "10001"});
    asked.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "activate": asked })
}

/// The rows of a plan over these places, and the plan.
pub(crate) async fn planned(app: &TestApp, extra: &Value, places: &[u32]) -> (Value, Vec<Value>) {
    let devices: Vec<String> = places.iter().map(|place| iccid(*place)).collect();
    let plan = app.plan("Water", extra, &devices).await.unwrap();
    assert_eq!(plan.status, 201, "{}", plan.json);
    let rows = app.rows("plans", &plan.json["id"]).await.unwrap();
    (plan.json, rows)
}

/// The reason of the only row, with what is particular to it; or its steps.
pub(crate) async fn judged(app: &TestApp, extra: &Value, place: u32) -> (String, String) {
    let (_, rows) = planned(app, extra, &[place]).await;
    let steps: Vec<&str> = rows[0]["steps"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let reason = rows[0]["reason"].as_str().map_or_else(|| steps.join(" "), str::to_owned);
    (reason, rows[0]["detail"].as_str().unwrap_or_default().to_owned())
}

/// What PostgreSQL counts.
pub(crate) async fn number(app: &TestApp, query: &str) -> i64 {
    app.database.number(query).await.unwrap()
}
