//! A plan never admits what the settle would refuse: whatever is asked for, in any combination, a row with verdict CHANGE that
//! nobody touches in between ends PROCESSED, and is what its plan said it would be.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

#[tokio::test]
async fn what_is_planned_and_not_touched_is_done_as_planned() {
    let app = TestApp::start(12).await.unwrap();
    app.database
        .plant(
            "insert into app.site (tenant_id, id, name, rev_customer_id)
                 select tenant_id, gen_random_uuid(), 'Acme yard', id from app.rev_customer where rev_customer_id = '9000001';
             insert into app.site (tenant_id, id, name, rev_customer_id, is_active)
                 select tenant_id, gen_random_uuid(), 'Twin gone', id, false from app.rev_customer where rev_customer_id = '9000002';
             update app.customer_rate_pool set is_active = false where name = 'Jasper pool';
             update app.m2m_device set msisdn = '1555010' || lpad((row_number)::text, 4, '0')
                 from (select id as of, row_number() over (order by iccid) from app.m2m_device) n where id = n.of",
        )
        .await
        .unwrap();
    // The same every time, so that enough of both kinds are met; the deep run takes another.
    let seed = if testing::in_deep_run() { u64::from(std::process::id()) } else { 7 };
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let customers = [
        "Water",
        "Cold",
        "Acme",
        "9000001",
        "9000002",
        "9000003",
        "Twin",
        "Closed",
        "Homeless",
        "Nobody",
        "Unassigned",
    ];
    let sites = ["Acme yard", "Acme (9000001)", "Twin gone", "Water", "Unassigned", "Nowhere"];
    let (mut changed, mut refused) = (0, 0);
    for _ in 0..if testing::in_deep_run() { 400 } else { 60 } {
        let mut devices: Vec<Value> = Vec::new();
        for _ in 0..random.random_range(1..9) {
            let place = *[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 900_000, 900_001, 900_002, 900_003, 900_004, 800_000]
                .choose(&mut random)
                .unwrap();
            let mut device = json!({ "iccid": iccid(place) });
            if random.random_bool(0.3) {
                device["customer"] = json!(customers.choose(&mut random).unwrap());
            }
            if random.random_bool(0.2) {
                device["customer_data_allocation_mb"] =
                    json!(["0", "7.5", "lots", "999999999"].choose(&mut random).unwrap());
            }
            if random.random_bool(0.1) {
                device["effective_date"] =
                    json!(["2020-02-29", "2027-01-01", "2021-02-29"].choose(&mut random).unwrap());
            }
            devices.push(device);
        }
        let mut maybe = |chance: f64, of: &[&str]| {
            random.random_bool(chance).then(|| (*of.choose(&mut random).unwrap()).to_owned())
        };
        let extra = json!({
            "site": maybe(0.15, &sites), "customer_rate_plan": maybe(0.4, &["P-ALL", "P-ALL", "P-ALL", "P-JASPER", "P-NONE"]),
            "customer_rate_pool": maybe(0.3, &["Shared", "Shared", "Shared", "Jasper pool"]), "customer_data_allocation_mb": maybe(0.3, &["5", "6", "7", "-1"]),
            "effective_date": maybe(0.3, &["2026-01-01", "2027-03-01", "2027-04-01", "someday"]),
            "on_conflict": maybe(0.8, &["replace", "replace", "refuse"]).unwrap_or_else(|| "refuse".to_owned()),
        });
        let customer = maybe(1.0, &customers).unwrap();
        let mut request = app.asking(&customer, &extra);
        request["devices"] = json!(devices);
        let plan = app.post("/plans", &request).await.unwrap();
        assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
        let planned = app.rows("plans", &plan.json["id"]).await.unwrap();
        refused += planned.iter().filter(|row| row["verdict"] == "REFUSED").count();
        if plan.json["counts"]["change"] == 0 {
            continue;
        }
        app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
        app.work().await.unwrap();
        let rows = app.rows("bulk-changes", &plan.json["id"]).await.unwrap();
        for (row, planned) in rows.iter().zip(&planned).filter(|(_, planned)| planned["verdict"] == "CHANGE") {
            changed += 1;
            assert_eq!(row["status"], "PROCESSED", "{request}: {row}");
            let path = format!("/devices?iccid={}", row["iccid"].as_str().unwrap());
            let device = app.get(&path).await.unwrap().json["items"][0].clone();
            let after = &planned["after"];
            assert_eq!((&device["customer"], &device["site"]), (&after["customer"], &after["site"]), "{request}");
            let waits = row["schedule"]["status"] == "PENDING";
            // What waits for its date is what it was until then.
            let offers = if waits { &planned["before"] } else { after };
            for field in ["customer_rate_plan", "customer_rate_pool", "customer_data_allocation_mb"] {
                assert_eq!(device[field], offers[field], "{field} of {request}");
            }
        }
    }
    println!("{changed} changed, {refused} refused");
    assert!(changed > 10 && refused > 10, "{changed} changed, {refused} refused");
    app.finish().await.unwrap();
}
