//! Imports: good rows go on, bad ones say which field and what to do; a part says nothing of the rest; twice is once.

use super::{import, import_as, text};
use crate::devices;
use crate::rights::{key, sites};
use domain::rights::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{Agent, TestApp, iccid};

fn tally(json: &Value) -> [i64; 5] {
    ["rows", "created", "updated", "unchanged", "refused"].map(|field| json[field].as_i64().unwrap())
}

/// Each refused row: its number, field and code.
fn refusals(json: &Value) -> Vec<(i64, String, String)> {
    let refused = json["refusals"].as_array().unwrap().iter();
    refused
        .map(|row| (row["row"].as_i64().unwrap(), text(&row["field"]).to_owned(), text(&row["code"]).to_owned()))
        .collect()
}

const VERIZON: &str = "/devices/import?service_provider=Verizon";

#[tokio::test]
async fn devices_are_made_updated_and_left_alone_and_bad_rows_say_why() {
    let app = TestApp::start(3).await.unwrap();
    let before = app.database.number("select count(*) from app.m2m_device").await.unwrap();
    let file = format!(
        "Iccid,MSISDN,Status,Carrier plan,IP,Archived,Activation date,Color\n{a},+1 555 010 0200,Active,4G-1,10.0.0.7,,2024-02-29,red\n{known},15550100201,,,,,,\n{known},15550100202,,,,,,\nbroken,,active,,,,,\n{b},12,active,,,,,\n{c},,sleeping,,,,,\n{d},,,,,,,\n{e},,active,,nowhere,,,\n{f},,active,,,maybe,,\n{g},,active,,,,2999-01-01,\n",
        a = iccid(600_000),
        known = iccid(0),
        b = iccid(600_001),
        c = iccid(600_002),
        d = iccid(600_003),
        e = iccid(600_004),
        f = iccid(600_005),
        g = iccid(600_006),
    );
    let done = import(&app, VERIZON, &file).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.json);
    assert_eq!(tally(&done.json), [10, 1, 1, 0, 8], "{}", done.json);
    let expected = [
        (3, "iccid", "DUPLICATE_IN_INPUT"),
        (4, "iccid", "ICCID_MALFORMED"),
        (5, "msisdn", "NUMBER_MALFORMED"),
        (6, "status", "STATUS_UNKNOWN"),
        (7, "status", "STATUS_MISSING"),
        (8, "ip_address", "FIELD_INVALID"),
        (9, "archived", "FIELD_INVALID"),
        (10, "activated_at", "FIELD_INVALID"),
    ]
    .map(|(row, field, code)| (row, field.to_owned(), code.to_owned()));
    assert_eq!(refusals(&done.json), expected);
    assert!(done.json["refusals"].as_array().unwrap().iter().all(|row| !text(&row["fix"]).is_empty()));
    assert_eq!(done.json["columns_ignored"], json!(["Color"]), "and said so");
    assert_eq!(app.database.number("select count(*) from app.m2m_device").await.unwrap(), before + 1, "none is gone");
    let made = app.get(&format!("/devices?iccid={}", iccid(600_000))).await.unwrap().json["items"][0].clone();
    assert_eq!(
        (&made["status"], &made["msisdn"], &made["carrier_rate_plan"], &made["ip_address"], &made["customer"]),
        (&json!("active"), &json!("15550100200"), &json!("4G-1"), &json!("10.0.0.7"), &Value::Null),
        "the carrier's own word, and nobody's SIM: {made}"
    );
    let known = app.get(&format!("/devices?iccid={}", iccid(0))).await.unwrap().json["items"][0].clone();
    assert_eq!((&known["msisdn"], &known["status"]), (&json!("15550100201"), &json!("active")));

    // The same file once more: nothing happens twice.
    let again = import(&app, VERIZON, &file).await;
    assert_eq!(tally(&again.json), [10, 0, 0, 2, 8], "{}", again.json);
    // Its activation is the date that a plan without one takes.
    let plan = app.plan("Water", &json!({"customer_rate_plan": "P-ALL"}), &[iccid(600_000)]).await.unwrap().json;
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert_eq!(rows[0]["effective_date"], "2024-02-29", "{}", rows[0]);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_sim_is_not_stored_twice_with_and_without_its_check_digit() {
    let app = TestApp::start(1).await.unwrap();
    let bare = iccid(0)[..19].to_owned();
    let done = import(&app, VERIZON, &format!("iccid,status\n{bare},active\n")).await;
    assert_eq!(refusals(&done.json), [(1, "iccid".to_owned(), "ICCID_STORED_OTHERWISE".to_owned())]);
    assert!(text(&done.json["refusals"][0]["detail"]).contains(&iccid(0)));
    let both = format!("iccid,status\n{},active\n{},active\n", iccid(600_000), &iccid(600_000)[..19]);
    let done = import(&app, VERIZON, &both).await;
    assert_eq!(tally(&done.json), [2, 1, 0, 0, 1], "{}", done.json);
    assert_eq!(refusals(&done.json)[0].2, "DUPLICATE_IN_INPUT");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_moved_under_a_plan_is_seen_by_its_settle() {
    let app = TestApp::start(2).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(2)).await.unwrap().json;
    let done = import(&app, VERIZON, &format!("iccid,status\n{},suspend\n", iccid(1))).await;
    assert_eq!(tally(&done.json), [1, 0, 1, 0, 0]);
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    app.work().await.unwrap();
    let change = app.get(&format!("/bulk-changes/{}", text(&plan["id"]))).await.unwrap().json;
    assert_eq!((&change["counts"]["ok"], &change["counts"]["skipped"]), (&json!(1), &json!(1)), "{change}");
    let one = app.get(&format!("/devices?iccid={}", iccid(1))).await.unwrap().json["items"][0]["id"].clone();
    let timeline = app.get(&format!("/devices/{}/timeline", text(&one))).await.unwrap().json;
    assert_eq!(
        (&timeline["items"][0]["kind"], &timeline["items"][0]["before"], &timeline["items"][0]["after"]),
        (&json!("status"), &json!("active"), &json!("suspend")),
        "{timeline}"
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn more_rows_than_a_block_are_all_imported_and_imports_at_once_agree() {
    let app = TestApp::start(0).await.unwrap();
    let lines: Vec<String> = (0..4_500).map(|n| format!("{},active", iccid(610_000 + n))).collect();
    let (forth, back) = (lines.join("\n"), lines.iter().rev().cloned().collect::<Vec<_>>().join("\n"));
    let files = [format!("iccid,status\n{forth}\n"), format!("iccid,status\n{back}\n")];
    let (one, two) = tokio::join!(import(&app, VERIZON, &files[0]), import(&app, VERIZON, &files[1]));
    let sum = one.json["created"].as_i64().unwrap() + two.json["created"].as_i64().unwrap();
    assert_eq!(sum, 4_500, "{} {}", one.json, two.json);
    for done in [&one, &two] {
        assert_eq!((&done.json["rows"], &done.json["refused"]), (&json!(4_500), &json!(0)), "{}", done.json);
    }
    let assignments =
        "select count(*) from app.device_tenant dt join app.m2m_device d on d.id = dt.device_id where d.iccid >= '";
    let found = app.database.number(&format!("{assignments}{}'", iccid(610_000))).await.unwrap();
    assert!(found >= 4_500, "{found}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn customers_sites_offers_and_providers_come_from_files_too() {
    let app = TestApp::start(0).await.unwrap();
    for (path, file, expected, codes) in [
        (
            "/customers/import",
            "Name,Rev customer id,Closed\nGale,,\nStorm,8800,no\nStormier,9000001,\nCold,,yes\nClone,8800,\n,1,\n",
            [6, 2, 2, 0, 2],
            vec![(5, "DUPLICATE_IN_INPUT"), (6, "FIELD_MISSING")],
        ),
        (
            "/sites/import",
            "site,customer,active\nDock,9000001,\nDock 2,nobody,\nWater,9000001,\nUnassigned,,no\nCold,,no\n",
            [5, 1, 0, 1, 3],
            vec![(2, "CUSTOMER_NOT_FOUND"), (3, "SITE_OF_ANOTHER_CUSTOMER"), (4, "SITE_OF_ANOTHER_CUSTOMER")],
        ),
        (
            "/customer-rate-plans/import",
            "code;name;provider;active\nP-ALL;All;;\nP-X;;Nowhere;\nP-Y;;verizon;no\n",
            [3, 1, 1, 0, 1],
            vec![(2, "SERVICE_PROVIDER_NOT_FOUND")],
        ),
        ("/customer-rate-pools/import", "pool\tactive\nShared\tno\nNew\t\n", [2, 1, 1, 0, 0], vec![]),
        (
            "/service-providers/import",
            "name,integration,write enabled\nVerizon,thingspace,no\nVerizon 2,thingspace,\nJasper,telegence,\nX,sonar,\n",
            [4, 1, 1, 0, 2],
            vec![(3, "NAME_TAKEN"), (4, "FIELD_INVALID")],
        ),
    ] {
        let done = import(&app, path, file).await;
        assert_eq!(done.status, StatusCode::OK, "{path}: {}", done.json);
        assert_eq!(tally(&done.json), expected, "{path}: {}", done.json);
        let found: Vec<(i64, String)> = refusals(&done.json).into_iter().map(|(row, _, code)| (row, code)).collect();
        let codes: Vec<(i64, String)> = codes.into_iter().map(|(row, code)| (row, code.to_owned())).collect();
        assert_eq!(found, codes, "{path}");
        let [rows, created, updated, unchanged, refused] = expected;
        let again = import(&app, path, file).await;
        assert_eq!(tally(&again.json), [rows, 0, 0, created + updated + unchanged, refused], "{path}, twice is once");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_as_a_whole_and_so_is_who_may_not() {
    let app = TestApp::start(1).await.unwrap();
    for (path, file, status, code) in [
        (VERIZON, "", 422, "INPUT_HAS_NO_ROWS"),
        (VERIZON, "imsi\n1\n", 422, "COLUMN_NOT_FOUND"),
        (VERIZON, "iccid,sim\n1,2\n", 422, "COLUMN_TWICE"),
        (VERIZON, "%PDF-1.7", 422, "INPUT_FORMAT_NOT_SUPPORTED"),
        ("/devices/import?service_provider=Nowhere", "iccid\n1\n", 422, "SERVICE_PROVIDER_NOT_FOUND"),
        ("/devices/import", "iccid\n1\n", 400, "QUERY_INVALID"),
        ("/devices/import?service_provider=Verizon&delete=yes", "iccid\n1\n", 400, "QUERY_INVALID"),
    ] {
        let refused = import(&app, path, file).await;
        assert_eq!((refused.status.as_u16(), &refused.json["code"]), (status, &json!(code)), "{path} {file:?}");
    }
    let agent = Agent::make(&app, &devices(1)).await.unwrap();
    let file = format!("iccid,status\n{},active\n", iccid(600_000));
    for (key, who) in [
        (key(&app, Role::User, None).await, "who only looks"),
        (key(&app, Role::PartnerAdmin, Some(&sites(&[app.fixture.water.1]))).await, "who is confined"),
        (agent.key.clone(), "an agent, at its partner's carrier account"),
    ] {
        let refused = import_as(&app, &key, VERIZON, &file).await;
        assert!(matches!(refused.status.as_u16(), 403 | 422), "{who}: {}", refused.json);
        assert_ne!(refused.status, StatusCode::OK);
    }
    assert_eq!(app.get(&format!("/devices?iccid={}", iccid(600_000))).await.unwrap().json["items"], json!([]));
    app.finish().await.unwrap();
}
