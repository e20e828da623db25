//! Rows that ask for something of their own at the carrier, in a file and in a list; how it is stored; and what a retry asks again.

use super::{FRESH, OVER, WITHOUT_IMEI, activate, carrier, number};
use domain::reason::Reason;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

/// What each row does at its carrier, or why not.
async fn done(app: &TestApp, plan: &Value) -> Vec<Value> {
    let shown = |row: Value| {
        let (activates, changes) =
            (&row["after"]["carrier"]["activates"], &row["after"]["carrier"]["carrier_rate_plan"]);
        match (&row["reason"], activates) {
            (Value::String(reason), _) => json!(reason),
            (_, Value::Object(_)) => {
                json!([
                    activates["carrier_rate_plan"],
                    activates["zip_code"],
                    activates["imei"],
                    activates["sku"],
                    activates["static_ip_pool"]
                ])
            }
            _ => json!([changes["before"], changes["after"]]),
        }
    };
    app.rows("plans", &plan["id"]).await.unwrap().into_iter().map(shown).collect()
}

fn file() -> String {
    [
        "ICCID;Carrier Rate Plan;Zip code;IMEI;Static IP pool;SKU;Note".to_owned(),
        format!("{};;;;;;the request's", iccid(FRESH)),
        format!("{};P-A;94103;35-693803-564380-9;BLUE;;its own", iccid(OVER)),
        format!("{};;;;;VZ1;sold as that", iccid(WITHOUT_IMEI)),
        format!("{};P-B;;;;;active: the plan alone", iccid(0)),
        format!("{};;;12;;;active: no IMEI is needed", iccid(1)),
    ]
    .join("\n")
}

fn expected() -> [Value; 5] {
    [
        json!(["P-NEW", "10001", null, null, null]),
        json!(["P-A", "94103", "356938035643809", null, "BLUE"]),
        json!(["P-NEW", "10001", null, "VZ1", null]),
        json!(["P-OLD", "P-B"]),
        json!([null, null]),
    ]
}

#[tokio::test]
async fn each_row_may_have_a_plan_a_place_a_radio_and_an_address_of_its_own() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    let asked = activate(&json!({}));
    let plan = app.plan_file("Water", &asked, file()).await.unwrap().json;
    assert_eq!(done(&app, &plan).await, expected(), "{plan}");
    assert_eq!(plan["columns"][1], json!({"column": "Carrier Rate Plan", "field": "carrier_rate_plan"}));
    // As it is stored for whoever carries it out: once per distinct target, the radio with its row.
    let targets = "select count(*) from app.bulk_change_target t left join app.carrier_rate_plan a on a.id = t.activation_carrier_rate_plan_id
        left join app.carrier_rate_plan p on p.id = t.carrier_rate_plan_id where ";
    assert_eq!(number(&app, &format!("{targets} true")).await, 4);
    let own = "a.rate_plan_code = 'P-A' and p.rate_plan_code = 'P-A' and t.static_ip_pool = 'BLUE' and t.activation = '{\"zip_code\": \"94103\"}'";
    assert_eq!(number(&app, &format!("{targets} {own}")).await, 1);
    let sold =
        "a.rate_plan_code = 'P-NEW' and p.id is null and t.activation = '{\"zip_code\": \"10001\", \"sku\": \"VZ1\"}'";
    assert_eq!(number(&app, &format!("{targets} {sold}")).await, 1);
    let rows = "select count(*) from app.m2m_device_change where ";
    assert_eq!(
        number(
            &app,
            &format!("{rows} imei = '356938035643809' and steps = array['activate_at_carrier', 'provision_ip']")
        )
        .await,
        1
    );
    assert_eq!(
        number(&app, &format!("{rows} before_carrier_rate_plan_id is not null")).await,
        1,
        "of the plan change alone"
    );
    // The day of an activation is today, and not that of one before.
    let today = "effective_date = (app.now() at time zone 'America/New_York')::date";
    assert_eq!(number(&app, &format!("{rows} 'activate_at_carrier' = any (steps) and {today}")).await, 3);

    let twice = app.plan_file("Water", &json!({}), file()).await.unwrap();
    assert_eq!((twice.status.as_u16(), &twice.json["code"]), (422, &json!("COLUMN_NEEDS_ACTIVATE")));
    // A plan alone is asked for also where the request asks for none.
    let alone = format!("iccid,carrier plan\n{},P-A\n{},\n", iccid(0), iccid(1));
    let plan = app.plan_file("Water", &json!({}), alone).await.unwrap().json;
    assert_eq!(done(&app, &plan).await, [json!(["P-OLD", "P-A"]), json!([null, null])]);

    let mut request = app.asking("Water", &asked);
    request["devices"] = json!([
        {"iccid": iccid(WITHOUT_IMEI), "imei": "356938035643809", "zip_code": 94_103},
        {"iccid": iccid(FRESH), "imei": "12"},
        {"iccid": iccid(OVER), "activation_carrier_rate_plan": "P-B"},
        {"iccid": iccid(0), "communication_plan": "C"},
    ]);
    let plan = app.post("/plans", &request).await.unwrap().json;
    let rows = done(&app, &plan).await;
    assert_eq!(rows[0], json!(["P-NEW", "94103", "356938035643809", null, null]));
    assert_eq!(
        rows[1..],
        [json!(Reason::ImeiMalformed.word()), json!(["P-B", "10001", null, null, null]), json!("PLAN_NOT_FOUND")]
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_retry_asks_the_carrier_for_the_same_again() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    let place = json!({"first_name": "Ada", "last_name": "Byron", "address_line_1": "1 Main St", "city": "Troy", "state": "NY", "zip": "12180"});
    let asked = activate(&json!({"place_of_use": place}));
    let plan = app.plan_file("Water", &asked, file()).await.unwrap().json;
    assert_eq!(done(&app, &plan).await, expected());
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert_eq!(rows[0]["after"]["carrier"]["activates"]["place_of_use"]["country"], "US");
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    let id = plan["id"].as_str().unwrap();
    app.post(&format!("/bulk-changes/{id}/cancel"), &json!({})).await.unwrap();
    app.work().await.unwrap();
    let retry = app.post(&format!("/bulk-changes/{id}/retry"), &json!({})).await.unwrap().json;
    assert_eq!(done(&app, &retry).await, expected(), "{retry}");
    let rows = app.rows("plans", &retry["id"]).await.unwrap();
    assert_eq!(rows[0]["after"]["carrier"]["activates"]["place_of_use"]["last_name"], "Byron");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_line_is_opened_for_a_sim_that_gets_its_number_with_its_activation() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    crate::billing::offers(&app).await;
    app.database
        .plant(&format!("update app.m2m_device set msisdn = null where iccid in ('{}', '{}')", iccid(FRESH), iccid(0)))
        .await
        .unwrap();
    let mut asked = activate(&json!({}));
    asked["create_rev_service"] = json!(true);
    asked["package"] = json!("Gold");
    let plan = app.plan("Acme", &asked, &[iccid(FRESH), iccid(0)]).await.unwrap().json;
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert_eq!(
        rows[0]["steps"],
        json!(["activate_at_carrier", "open_rev_service", "record_assignment"]),
        "{}",
        rows[0]
    );
    assert_eq!(rows[1]["reason"], Reason::NumberMissing.word());
    app.finish().await.unwrap();
}
