//! What a plan says of what it asks of the carrier: what it does in words, how long that takes, how much of the month is used; on the
//! page and in the terminal, too.

use super::{FRESH, OVER, carrier, planned};
use domain::rights::Role;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

fn asked() -> Value {
    json!({
        "add_carrier_rate_plan": {"carrier_rate_plan": "P-NEW"},
        "activate": {"zip_code": "10001", "static_ip": {"pool": "BLUE"}},
    })
}

#[tokio::test]
async fn a_plan_says_what_it_does_and_how_long_it_takes() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    for (place, times) in [(0, 3), (1, 1), (2, 4)] {
        let plant = format!(
            "insert into app.carrier_plan_change select tenant_id, id, date_trunc('month', app.now() at time zone 'UTC')::date, {times}
             from app.m2m_device where iccid = '{}'",
            iccid(place)
        );
        app.database.plant(&plant).await.unwrap();
    }
    let (plan, rows) = planned(&app, &asked(), &[0, 1, 2, 3, FRESH, OVER, 900_001]).await;
    let says: Vec<(&str, i64, &Value)> = plan["side_effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| (effect["step"].as_str().unwrap(), effect["rows"].as_i64().unwrap(), &effect["says"]))
        .collect();
    assert_eq!(
        says,
        [
            (
                "activate_at_carrier",
                2,
                &json!(["2 SIMs are activated with carrier rate plan P-NEW and billed by the carrier from then on"])
            ),
            ("provision_ip", 2, &json!(["2 SIMs get a static address of pool BLUE"])),
            ("change_carrier_rate_plan", 3, &json!(["3 SIMs get carrier rate plan P-NEW"])),
            ("record_assignment", 5, &json!(["5 SIMs are assigned here"])),
        ],
        "{plan}"
    );
    // Of each of three steps one request, and three readings of those SIMs.
    let eta = &plan["eta"][0];
    assert_eq!(
        (&eta["step"], &eta["calls"], &eta["calls_per_minute"]),
        (&json!("thingspace"), &json!(12), &json!(100)),
        "{plan}"
    );
    assert_eq!((&eta["account"]["name"], &eta["account"]["id"]), (&json!("Verizon"), &json!(app.fixture.provider)));
    let (seconds, later) = (eta["seconds"].as_f64().unwrap(), eta["answers_within_seconds"].as_i64().unwrap());
    assert!((seconds - 12.0 / (0.98 * 100.0 / 60.0)).abs() < 0.1 && later >= 3_600, "{eta}");
    let at = &plan["at_carrier"];
    assert_eq!((&at["suspended"], &at["plan_changes_per_month"]), (&json!(1), &json!(4)));
    assert_eq!(at["plan_changes_used"], json!({"0": 2, "1": 1, "3": 1, "4": 1}), "with those that are refused for it");
    assert!(plan["warnings"][0].as_str().unwrap().starts_with("1 SIM uses up"), "{plan}");
    let quota = |row: &Value| row["after"]["carrier"]["carrier_rate_plan"]["changes_this_month"].clone();
    assert_eq!(
        rows.iter().map(quota).collect::<Vec<_>>(),
        [json!(3), json!(1), Value::Null, json!(0), Value::Null, Value::Null, Value::Null]
    );
    assert_eq!(rows[0]["after"]["carrier"]["carrier_rate_plan"]["changes_per_month"], 4);
    assert_eq!(rows[2]["reason"], "CARRIER_CHANGE_QUOTA");
    assert_eq!(rows[6]["reason"], "CARRIER_SUSPENDED");
    assert_eq!(app.get("/plans").await.unwrap().json["items"][0]["at_carrier"], *at, "in the list, too");
    // Where nothing is asked of the carrier nothing is said of it.
    let (plain, _) = planned(&app, &json!({}), &[0, 900_001]).await;
    assert_eq!((&plain["at_carrier"], &plain["eta"]), (&Value::Null, &json!([])));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn the_page_of_a_plan_says_the_same() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    let (plan, _) = planned(&app, &asked(), &[0, FRESH, 900_001]).await;
    let (_, mut browser) = app.signed_in("carrier@example.com", Role::SuperAdmin).await.unwrap();
    let seen = browser.get(&format!("/plans/{}", plan["id"].as_str().unwrap())).await.unwrap();
    for shown in [
        "1 SIM is activated with carrier rate plan P-NEW and billed by the carrier from then on",
        "1 SIM gets a static address of pool BLUE",
        "1 SIM gets carrier rate plan P-NEW",
        "<th scope=\"row\">Verizon</th><td class=\"number\">12</td>",
        "then the carrier does it, usually within minutes",
        "The carrier has suspended 1 of these SIMs.",
        "Water; activated with carrier rate plan P-NEW, a static address of BLUE",
    ] {
        assert!(seen.html.contains(shown), "{shown}: {}", seen.html);
    }
    app.finish().await.unwrap();
}
