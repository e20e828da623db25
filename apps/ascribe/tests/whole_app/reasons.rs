//! Every reason a plan can give, through the whole app, with its sentence and its fix.

use crate::devices;
use domain::reason::Reason;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

/// The verdict and reason of the only row.
async fn judged(app: &TestApp, customer: &str, extra: Value, device: &str) -> (String, Option<String>) {
    let plan = app.plan(customer, &extra, &[device.to_owned()]).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    let row = app.rows("plans", &plan.json["id"]).await.unwrap().remove(0);
    let reason = row["reason"].as_str().map(str::to_owned);
    if let Some(code) = &reason {
        let known = Reason::from_word(code).unwrap();
        assert!(row["detail"].as_str().unwrap().starts_with(known.sentence()), "{row}");
        assert_eq!(row["fix"], known.fix());
        assert_eq!(plan.json["counts"]["by_reason"], json!({ code.as_str(): 1 }));
    }
    (row["verdict"].as_str().unwrap().to_owned(), reason)
}

#[tokio::test]
async fn every_reason_a_row_can_be_refused_for() {
    let app = TestApp::start(3).await.unwrap();
    let good = iccid(0);
    let long = "8".repeat(70);
    let mistyped = {
        let (body, last) = good.split_at(19);
        format!("{body}{}", (last.parse::<u8>().unwrap() + 1) % 10)
    };
    let cases: [(&str, Value, &str, Reason); 22] = [
        ("Water", json!({}), "12345", Reason::IccidMalformed),
        ("Water", json!({}), "8.93E+19", Reason::IccidExcelRounded),
        ("Water", json!({}), &long, Reason::FieldTooLong),
        ("Water", json!({}), &mistyped, Reason::IccidCheckDigit),
        ("Water", json!({}), &iccid(800_000), Reason::DeviceNotFound),
        ("Water", json!({}), &iccid(910_000), Reason::DeviceNotFound),
        ("Water", json!({}), &iccid(900_000), Reason::DeviceArchived),
        ("Water", json!({}), &iccid(900_001), Reason::DeviceNotActive),
        ("Water", json!({}), &iccid(900_002), Reason::AlreadyAssignedOther),
        ("9000001", json!({}), &iccid(900_003), Reason::AlreadyAssignedOther),
        ("Nobody", json!({}), &good, Reason::CustomerNotFound),
        ("Twin", json!({}), &good, Reason::CustomerAmbiguous),
        ("9000004", json!({}), &good, Reason::CustomerClosed),
        ("9000005", json!({}), &good, Reason::SiteNotFound),
        ("Water", json!({"site": "Cold"}), &good, Reason::SiteNotFound),
        ("Water", json!({"customer_rate_plan": "P-NONE"}), &good, Reason::PlanNotFound),
        ("Water", json!({"customer_rate_plan": "P-JASPER"}), &good, Reason::PlanNotForCarrier),
        ("Water", json!({"customer_rate_pool": "None"}), &good, Reason::PoolNotFound),
        ("Water", json!({"customer_rate_pool": "Jasper pool"}), &good, Reason::PoolMismatch),
        ("Water", json!({"customer_data_allocation_mb": "lots"}), &good, Reason::AllocationInvalid),
        ("Water", json!({"customer_data_allocation_mb": -1}), &good, Reason::AllocationInvalid),
        ("Water", json!({"customer_data_allocation_mb": 1e300}), &good, Reason::AllocationInvalid),
    ];
    for (customer, extra, device, reason) in cases {
        let found = judged(&app, customer, extra.clone(), device).await;
        assert_eq!(found, ("REFUSED".into(), Some(reason.word().into())), "{customer} {extra} {device}");
    }
    assert_eq!(
        judged(&app, "Water", json!({}), &iccid(900_003)).await,
        ("NO_CHANGE".into(), Some("ALREADY_ASSIGNED_SAME".into()))
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_site_is_needed_where_a_customer_has_several() {
    let app = TestApp::start(1).await.unwrap();
    app.database
        .plant("insert into app.site (tenant_id, id, name, rev_customer_id) select tenant_id, gen_random_uuid(), 'Acme yard', id from app.rev_customer where rev_customer_id = '9000001'")
        .await
        .unwrap();
    assert_eq!(judged(&app, "Acme", json!({}), &iccid(0)).await.1.as_deref(), Some("SITE_AMBIGUOUS"));
    assert_eq!(judged(&app, "Acme", json!({"site": "Acme yard"}), &iccid(0)).await.0, "CHANGE");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_device_that_another_running_change_holds_is_refused() {
    let app = TestApp::start(1).await.unwrap();
    app.database
        .plant("insert into app.device_lock select id, gen_random_uuid(), gen_random_uuid(), 1, now() from app.m2m_device where not is_archived")
        .await
        .unwrap();
    assert_eq!(judged(&app, "Water", json!({}), &iccid(0)).await.1.as_deref(), Some("LOCKED_BY_OTHER_CHANGE"));
    app.database.plant("truncate app.device_lock").await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn rows_that_name_the_same_sim_in_any_form_are_duplicates_and_the_first_counts() {
    let app = TestApp::start(1).await.unwrap();
    let good = iccid(0);
    let spaced = format!("{} {}", &good[..10], &good[10..]);
    let short = good[..19].to_owned();
    let plan =
        app.plan("Water", &json!({}), &[good.clone(), spaced, short, iccid(800_000), iccid(800_000)]).await.unwrap();
    let rows = app.rows("plans", &plan.json["id"]).await.unwrap();
    let reasons: Vec<_> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("CHANGE")).collect();
    assert_eq!(
        reasons,
        ["CHANGE", "DUPLICATE_IN_INPUT", "DUPLICATE_IN_INPUT", "DEVICE_NOT_FOUND", "DUPLICATE_IN_INPUT"]
    );
    assert!(rows[2]["detail"].as_str().unwrap().contains("row 1"));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_exact_stored_iccid_wins_and_the_check_digit_may_be_missing_on_either_side() {
    let app = TestApp::start(2).await.unwrap();
    // Stored with 19 digits, given with 20; stored with 20, given with 19.
    for given in [iccid(900_004), iccid(900_004)[..19].to_owned(), iccid(1)[..19].to_owned()] {
        assert_eq!(judged(&app, "Water", json!({}), &given).await.0, "CHANGE", "{given}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_customer_is_found_by_id_by_rev_customer_id_and_by_unique_name() {
    let app = TestApp::start(1).await.unwrap();
    for customer in [
        app.fixture.acme.0.to_string(),
        "9000001".into(),
        "Acme".into(),
        app.fixture.water.0.to_string(),
        "Water".into(),
    ] {
        assert_eq!(judged(&app, &customer, json!({}), &iccid(0)).await.0, "CHANGE", "{customer}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn counts_of_a_plan_add_up_and_before_and_after_are_shown() {
    let app = TestApp::start(30).await.unwrap();
    let mut list = devices(30);
    list.extend(["bad".to_owned(), iccid(900_002), iccid(900_003)]);
    let plan = app
        .plan(
            "Water",
            &json!({"on_conflict": "replace", "customer_rate_plan": "P-ALL", "customer_data_allocation_mb": 250}),
            &list,
        )
        .await
        .unwrap();
    let counts = &plan.json["counts"];
    assert_eq!(
        (&counts["rows"], &counts["change"], &counts["no_change"], &counts["refused"]),
        (&json!(33), &json!(32), &json!(0), &json!(1))
    );
    assert_eq!(plan.json["hash"].as_str().unwrap().len(), 64);
    let rows = app.rows("plans", &plan.json["id"]).await.unwrap();
    let moved = &rows[31];
    assert_eq!(
        (&moved["before"]["customer"]["name"], &moved["after"]["customer"]["name"]),
        (&json!("Cold"), &json!("Water"))
    );
    assert_eq!(moved["after"]["customer_rate_plan"], "P-ALL");
    assert_eq!(moved["after"]["customer_data_allocation_mb"], 250.0);
    let only = app
        .get(&format!("/plans/{}/rows?verdict=REFUSED&reason=ICCID_MALFORMED", plan.json["id"].as_str().unwrap()))
        .await
        .unwrap();
    assert_eq!(only.json["items"].as_array().unwrap().len(), 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_subscriber_number_names_a_sim_unless_several_have_it() {
    let app = TestApp::start(5).await.unwrap();
    let number = |place: u32, msisdn: &str| {
        format!("update app.m2m_device set msisdn = '{msisdn}' where iccid = '{}'", iccid(place))
    };
    for plant in [
        number(0, "15550100200"),
        number(1, "15550100201"),
        number(2, "15550100201"),
        number(3, "5550100203"),
        number(900_000, "5550100203"),
    ] {
        app.database.plant(&plant).await.unwrap();
    }
    for given in ["15550100200", "+1 (555) 010-0200", "5550100200", "15550100203"] {
        assert_eq!(judged(&app, "Water", json!({}), given).await.0, "CHANGE", "{given}");
    }
    assert_eq!(judged(&app, "Water", json!({}), "15550100201").await.1.as_deref(), Some("DEVICE_AMBIGUOUS"));
    assert_eq!(judged(&app, "Water", json!({}), "15550100299").await.1.as_deref(), Some("DEVICE_NOT_FOUND"));
    assert_eq!(judged(&app, "Water", json!({}), "+x").await.1.as_deref(), Some("NUMBER_MALFORMED"));
    // The same SIM by number and by ICCID is a duplicate; a number in a column headed ICCID is none.
    let twins = app.plan("Water", &json!({}), &[iccid(0), "5550100200".into()]).await.unwrap();
    assert_eq!(twins.json["counts"]["by_reason"], json!({"DUPLICATE_IN_INPUT": 1}));
    let file = app.plan_file("Water", &json!({}), "iccid\n15550100200\n").await.unwrap();
    assert_eq!(file.json["counts"]["by_reason"], json!({"ICCID_MALFORMED": 1}));
    let pasted = app.plan_file("Water", &json!({}), format!("{} 15550100200; {}", iccid(3), iccid(4))).await.unwrap();
    assert_eq!(pasted.json["counts"]["change"], 3, "{}", pasted.json);
    app.finish().await.unwrap();
}
