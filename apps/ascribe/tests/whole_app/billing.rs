//! Plans that open, close and take over lines at Rev.io: what they say, and that they change nothing.

mod asked;
mod lines;
mod overrides;

use serde_json::Value;
use testing::{TestApp, iccid};

/// The number of the SIM at this place.
pub(crate) fn number(place: u32) -> String {
    format!("1202555{place:04}")
}

/// What an account at Rev.io has, as it would be after a reading: provider 1 "Verizon", service type 2 "SIM", usage plan group 3
/// "Pooled", package 4 "Gold", products 5 "Data" at 7.5, 6 "Voice" without a rate, 7 of another provider, 8 that is not offered any
/// more; two called "Twin". SIMs have numbers.
pub(crate) async fn offers(app: &TestApp) {
    let account = "select a.tenant_id, a.id from app.integration_authentication a where a.name = 'Rev.io'";
    for statement in [
        format!("insert into app.rev_provider select a.*, p.* from ({account}) a, (values (1, 'Verizon', null, true, null::timestamptz), (9, 'AT&T', null, true, null)) as p"),
        format!("insert into app.rev_service_type select a.*, 2, 'SIM', null, true from ({account}) a"),
        format!("insert into app.rev_usage_plan_group select a.*, 3, 'Pooled', true from ({account}) a"),
        format!("insert into app.rev_package select a.*, 4, 'Gold', 1, 2, 3, true from ({account}) a"),
        format!("insert into app.rev_product select a.*, p.* from ({account}) a, (values (5, 'Data', 1, null::bigint, 7.5, null::numeric, true), (6, 'Voice', 1, null, null, null, true),
            (7, 'Elsewhere', 9, null, 1, null, true), (8, 'Old', 1, null, 1, null, false), (10, 'Twin', 1, null, 1, null, true), (11, 'Twin', 1, null, 1, null, true)) as p"),
    ] {
        app.database.plant(&statement).await.unwrap();
    }
    for place in 0..12 {
        let named = format!("update app.m2m_device set msisdn = '{}' where iccid = '{}'", number(place), iccid(place));
        app.database.plant(&named).await.unwrap();
    }
}

/// A line of a customer with this number and so many products in force, linked.
pub(crate) async fn line(app: &TestApp, id: i64, customer: &str, number: &str, products: i64) {
    let account = "select tenant_id, id from app.integration_authentication where name = 'Rev.io'";
    for statement in [
        format!("insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id, number, description)
            select a.*, {id}, '{customer}', nullif('{number}', ''), 'Line {id}' from ({account}) a"),
        format!("insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, rev_customer_id, status)
            select a.*, {id} * 100 + n, {id}, '{customer}', 'ACTIVE' from ({account}) a, generate_series(1, {products}) as n"),
        "insert into app.device_link_due (tenant_id, device_id) select tenant_id, device_id from app.device_tenant on conflict do nothing".to_owned(),
    ] {
        app.database.plant(&statement).await.unwrap();
    }
    for tenant in [app.fixture.tenant, app.fixture.other_tenant] {
        while database::rev_io::relink(&app.ledger, tenant).await.unwrap().0 > 0 {}
    }
}

/// The rows of a plan over these places, and the plan.
pub(crate) async fn planned(app: &TestApp, customer: &str, extra: Value, places: &[u32]) -> (Value, Vec<Value>) {
    let devices: Vec<String> = places.iter().map(|place| iccid(*place)).collect();
    let plan = app.plan(customer, &extra, &devices).await.unwrap();
    assert_eq!(plan.status, 201, "{}", plan.json);
    let rows = app.rows("plans", &plan.json["id"]).await.unwrap();
    (plan.json, rows)
}

/// The reason of the only row, or CHANGE.
pub(crate) async fn judged(app: &TestApp, customer: &str, extra: Value, place: u32) -> String {
    let (_, rows) = planned(app, customer, extra, &[place]).await;
    rows[0]["reason"].as_str().unwrap_or("CHANGE").to_owned()
}
