//! Nobody is billed twice: what is opened, closed and taken over, and what a plan says of it.

use super::{judged, line, number, offers, planned};
use domain::reason::Reason;
use serde_json::{Value, json};
use testing::TestApp;

fn gold() -> Value {
    json!({"create_rev_service": true, "package": "Gold"})
}

fn closing(extra: Value) -> Value {
    let mut request = json!({"on_conflict": "replace", "disconnect_existing": true});
    request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    request
}

#[tokio::test]
async fn a_plan_says_what_is_opened_for_each_and_how_long_that_takes() {
    let app = TestApp::start(3).await.unwrap();
    offers(&app).await;
    let asked = json!({"create_rev_service": true, "products": ["Data", 6], "rates": [null, "2.50"], "service_type": "SIM", "prorate": true,
        "description": "Pump", "effective_date": "2026-01-31"});
    let (plan, rows) = planned(&app, "9000001", asked, &[0, 1]).await;
    assert_eq!(rows[0]["steps"], json!(["open_rev_service", "record_assignment"]), "{}", rows[0]);
    let opens = &rows[0]["after"]["billing"]["opens"];
    assert_eq!(
        *opens,
        json!({"provider": {"id": 1, "description": "Verizon"}, "service_type": {"id": 2, "description": "SIM"}, "package": null,
            "products": [{"id": 5, "description": "Data", "rate": "7.5000"}, {"id": 6, "description": "Voice", "rate": "2.5000"}],
            "usage_plan_group": null, "prorate": true, "description": "Pump", "activated_date": "2026-01-31"})
    );
    assert!(rows[0]["before"].get("billing").is_none());
    assert_eq!(
        plan["side_effects"],
        json!([
            {"step": "open_rev_service", "rows": 2, "outside": true, "says": ["2 SIMs get lines at Rev.io and are billed there"]},
            {"step": "record_assignment", "rows": 2, "outside": false, "says": ["2 SIMs are assigned here"]},
        ])
    );
    let eta = &plan["eta"][0];
    // Three calls a line, at 98 of a hundred of 500 in a minute.
    assert_eq!((&eta["calls"], &eta["account"]["name"]), (&json!(6), &json!("Rev.io")), "{plan}");
    assert_eq!((&eta["calls_left_today"], &eta["calls_per_minute"]), (&json!(150_000), &json!(500)));
    assert!((eta["seconds"].as_f64().unwrap() - 6.0 * 60.0 / 490.0).abs() < 0.01, "{eta}");
    // When the day's calls are spent, it takes days.
    app.database.plant("insert into app.call_budget (tenant_id, account, next_at, day, taken_today) select tenant_id, id, now(), (app.now() at time zone 'UTC')::date, 149998 from app.integration_authentication").await.unwrap();
    let later = app.get(&format!("/plans/{}", plan["id"].as_str().unwrap())).await.unwrap().json;
    assert_eq!(later["eta"][0]["calls_left_today"], 2);
    assert!(later["eta"][0]["seconds"].as_f64().unwrap() > 86_400.0, "{later}");
    let listed = app.get("/plans").await.unwrap().json;
    assert_eq!(listed["items"][0]["eta"][0]["calls"], 6);

    // What is stored is what is agreed with who carries it out.
    let stored = "select count(*) from app.bulk_change_target where opens_rev_service and rev_provider_id = 1 and rev_service_type_id = 2
        and rev_package_id is null and rev_product_ids = '{5,6}' and rates = '{7.5,2.5}' and prorate and rev_service_description = 'Pump'";
    assert_eq!(app.database.number(stored).await.unwrap(), 1);
    let rows = "select count(*) from app.m2m_device_change where steps = '{open_rev_service}' and closes is null and status = 'PENDING'";
    assert_eq!(app.database.number(rows).await.unwrap(), 2);
    let (plan, rows) = planned(&app, "9000001", gold(), &[2]).await;
    let opens = &rows[0]["after"]["billing"]["opens"];
    assert_eq!(
        (&opens["package"]["id"], &opens["service_type"]["id"], &opens["products"]),
        (&json!(4), &json!(2), &json!([]))
    );
    assert_eq!(plan["eta"][0]["calls"], 2);
    // Nothing outside is asked for, and nothing is said of it.
    let (plan, rows) = planned(&app, "9000001", json!({}), &[2]).await;
    assert_eq!((&plan["eta"], &plan["warnings"]), (&json!([]), &json!([])));
    assert_eq!(rows[0]["steps"], json!(["record_assignment"]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_customer_who_is_billed_already_gets_no_second_line() {
    let app = TestApp::start(4).await.unwrap();
    offers(&app).await;
    // The SIM is his already; without a line that is a change, with one it is refused.
    app.carry_out("9000001", &json!({}), &[testing::iccid(0), testing::iccid(1)]).await.unwrap();
    assert_eq!(judged(&app, "9000001", json!({}), 0).await, "ALREADY_ASSIGNED_SAME");
    assert_eq!(judged(&app, "9000001", gold(), 0).await, "CHANGE");
    line(&app, 50, "9000001", &number(0)[1..], 2).await;
    line(&app, 51, "9000001", &number(2), 1).await;
    assert_eq!(judged(&app, "9000001", gold(), 0).await, Reason::ActiveServiceLineSameCustomer.word());
    // Nobody's here, and billed there.
    assert_eq!(judged(&app, "9000001", gold(), 2).await, Reason::ActiveServiceLineSameCustomer.word());
    assert_eq!(judged(&app, "9000001", json!({}), 2).await, "CHANGE");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn others_lines_are_closed_only_where_that_was_asked_for() {
    let app = TestApp::start(4).await.unwrap();
    offers(&app).await;
    app.carry_out("9000001", &json!({}), &[testing::iccid(0)]).await.unwrap();
    // Two lines of the customer who has it, one of a stranger.
    line(&app, 60, "9000001", &number(0), 2).await;
    line(&app, 61, "9000001", &number(0)[1..], 1).await;
    line(&app, 62, "9000003", &number(0), 1).await;
    let other = Reason::ActiveServiceLineOtherCustomer.word();
    for extra in [json!({}), json!({"on_conflict": "replace"}), gold()] {
        assert_eq!(judged(&app, "9000002", extra.clone(), 0).await, other, "{extra}");
    }
    let (plan, rows) = planned(&app, "9000002", closing(gold()), &[0, 1]).await;
    assert_eq!(rows[0]["steps"], json!(["close_rev_service", "open_rev_service", "record_assignment"]), "{}", rows[0]);
    assert_eq!(rows[1]["steps"], json!(["open_rev_service", "record_assignment"]));
    let closes: Vec<&Value> = rows[0]["after"]["billing"]["closes"].as_array().unwrap().iter().collect();
    let ids: Vec<&Value> = closes.iter().map(|line| &line["rev_service_id"]).collect();
    assert_eq!(ids, [&json!(60), &json!(61), &json!(62)]);
    assert_eq!((&closes[0]["customer"], &closes[0]["number"]), (&json!("Acme"), &json!(number(0))));
    // 2 + 2, 2 + 1 and 2 + 1 to close; 2 and 2 to open.
    assert_eq!(plan["eta"][0]["calls"], 14);
    let stored = "select count(*) from app.m2m_device_change c where steps = '{close_rev_service,open_rev_service}'
        and closes = (select array_agg(id order by rev_service_id) from app.rev_service)";
    assert_eq!(app.database.number(stored).await.unwrap(), 1);
    // Given back to nobody, nobody goes on being billed.
    let (_, rows) = planned(&app, "Unassigned", closing(json!({})), &[0]).await;
    assert_eq!(rows[0]["steps"], json!(["close_rev_service", "record_assignment"]));
    // The customer keeps his own lines; the stranger's is closed, and that is a change.
    let (_, rows) = planned(&app, "9000001", closing(json!({})), &[0]).await;
    assert_eq!(rows[0]["after"]["billing"]["closes"][0]["rev_service_id"], 62, "{}", rows[0]);
    assert_eq!(rows[0]["after"]["billing"]["closes"].as_array().unwrap().len(), 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_existing_line_is_taken_by_one_sim() {
    let app = TestApp::start(5).await.unwrap();
    offers(&app).await;
    line(&app, 80, "9000001", "", 1).await;
    line(&app, 81, "9000001", &number(3), 1).await;
    let (plan, rows) = planned(&app, "9000001", json!({"service_id": 80}), &[0, 1]).await;
    assert_eq!(rows[0]["steps"], json!(["update_rev_service", "record_assignment"]), "{}", rows[0]);
    assert_eq!(rows[0]["after"]["billing"]["uses"], json!({"rev_service_id": 80, "number": null}));
    assert_eq!(rows[1]["reason"], Reason::ServiceInUse.word());
    assert!(rows[1]["detail"].as_str().unwrap().contains("row 1"), "{}", rows[1]);
    assert_eq!(plan["eta"][0]["calls"], 2);
    assert_eq!(judged(&app, "9000001", json!({"service_id": "Line 80"}), 0).await, "CHANGE");
    assert_eq!(judged(&app, "9000001", json!({"service_id": 81}), 0).await, Reason::ServiceInUse.word());
    // It bills the SIM, but not by its ICCID.
    let (_, rows) = planned(&app, "9000001", json!({"service_id": 81}), &[3]).await;
    assert_eq!(rows[0]["steps"], json!(["update_rev_service", "record_assignment"]));
    // Another line of the same customer for a SIM that has one is a second bill.
    assert_eq!(
        judged(&app, "9000001", json!({"service_id": 80}), 3).await,
        Reason::ActiveServiceLineSameCustomer.word()
    );
    let stored = "select count(*) from app.bulk_change_target t join app.rev_service v on v.id = t.existing_rev_service_id where not t.opens_rev_service";
    assert!(app.database.number(stored).await.unwrap() > 0);
    app.finish().await.unwrap();
}
