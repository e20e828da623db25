//! Inputs of every kind: columns that ask for rows of their own, lists, ranges, workbooks, mixed files, and result files.

mod columns;
mod mixed;
mod ranges;
mod result_files;
mod workbooks;

use crate::devices;
use database::chunk::{claim_chunk, settle_chunk};
use domain::iccid::check_digit;
use domain::reason::Reason;
use intake::PlannerSettings;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::io::{Cursor, Write as _};
use std::time::Duration;
use testing::{Answer, TestApp, iccid};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A file whose first column names the plain devices in their order, and whose other columns are these.
pub(crate) fn sheet(headings: &str, rest: &[&str]) -> String {
    let rows: String = (0..).zip(rest).map(|(place, rest)| format!("{},{rest}\n", iccid(place))).collect();
    format!("ICCID,{headings}\n{rows}")
}

/// The plan of this answer.
#[track_caller]
pub(crate) fn planned(answer: Answer) -> Value {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
    answer.json
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, code: &str, pointer: &str) {
    assert_eq!(
        (answer.status, &answer.json["code"], &answer.json["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!(code), &json!(pointer)),
        "{}",
        answer.json
    );
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What a plan says of each row: the reason, or CHANGE.
pub(crate) async fn said(app: &TestApp, plan: &Value) -> Vec<String> {
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    rows.iter().map(|row| row["reason"].as_str().unwrap_or("CHANGE").to_owned()).collect()
}

/// The numbers of a plan's or a change's rows.
pub(crate) async fn numbers(app: &TestApp, of: &str, id: &Value) -> Vec<i64> {
    app.rows(of, id).await.unwrap().iter().map(|row| row["row"].as_i64().unwrap()).collect()
}

/// Applies the plan and works until nothing is left; the change as it ended.
pub(crate) async fn applied(app: &TestApp, plan: &Value) -> Value {
    let answer = app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    app.work().await.unwrap();
    app.get(&format!("/bulk-changes/{}", text(&plan["id"]))).await.unwrap().json
}

/// Customer, rate plan and allocation of a device, as the inventory shows them.
pub(crate) async fn device(app: &TestApp, iccid: &str) -> Value {
    let found = app.get(&format!("/devices?iccid={iccid}")).await.unwrap().json;
    let device = &found["items"][0];
    assert!(device.is_object(), "{iccid}: {found}");
    json!([device["customer"]["name"], device["customer_rate_plan"], device["customer_data_allocation_mb"]])
}

/// Plants devices that nobody has at a service provider of the first tenant.
pub(crate) async fn plant_devices(app: &TestApp, provider: &str, status: &str, iccids: &[String]) {
    let (tenant, list) = (app.fixture.tenant, iccids.join("', '"));
    app.database
        .plant(&format!(
            "insert into app.m2m_device (tenant_id, id, service_provider_id, iccid, status, site_id)
             select p.tenant_id, gen_random_uuid(), p.id, u.iccid, '{status}', s.id
             from app.service_provider p join app.site s on s.tenant_id = p.tenant_id and s.is_system_default
             cross join unnest(array['{list}']) as u (iccid) where p.tenant_id = '{tenant}' and p.name = '{provider}';
             insert into app.device_tenant (tenant_id, device_id, device_owner_tenant_id, site_id, modified_at)
             select d.tenant_id, d.id, d.tenant_id, d.site_id, app.now() from app.m2m_device d
             where d.tenant_id = '{tenant}' and d.iccid in ('{list}') on conflict do nothing"
        ))
        .await
        .unwrap();
}

/// A result file, below `/api/v1`.
pub(crate) async fn results(app: &TestApp, path: &str) -> String {
    let response = app.request(Method::GET, &format!("/api/v1{path}")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(content_type.starts_with("text/csv"), "{path}: {content_type}");
    response.text().await.unwrap()
}

/// The records of a result file, headings first; all are as long as the headings.
pub(crate) fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The first cells of each record.
pub(crate) fn first_cells(records: &[Vec<String>], count: usize) -> Vec<&[String]> {
    records.iter().map(|record| &record[..count]).collect()
}

#[tokio::test]
async fn thousands_of_rows_may_each_ask_for_something_else() {
    // Far more to ask for than rows are judged at a time.
    let settings = PlannerSettings { chunk_rows: 250, page_rows: 200, ..PlannerSettings::default() };
    let app = TestApp::start_with(3_000, settings, Duration::from_secs(60)).await.unwrap();
    let rows: String = (0..3_000)
        .zip(["Water", "Cold", "Acme"].into_iter().cycle())
        .map(|(place, customer)| format!("{},{customer},{place}\n", iccid(place)))
        .collect();
    let extra = json!({"customer": null});
    let plan = planned(app.plan_file("", &extra, format!("ICCID,Customer,Allocation\n{rows}")).await.unwrap());
    assert_eq!(
        (&plan["counts"]["rows"], &plan["counts"]["change"]),
        (&json!(3_000), &json!(3_000)),
        "{}",
        plan["counts"]
    );
    assert_eq!(app.database.number("select count(*) from app.bulk_change_target").await.unwrap(), 3_000);
    let change = applied(&app, &plan).await;
    assert_eq!((&change["status"], &change["counts"]["ok"]), (&json!("PROCESSED"), &json!(3_000)), "{change}");
    // A device's place can be read off its ICCID, and its allocation and customer were made from its place.
    let right = app
        .database
        .number(
            "select count(*) from app.device_tenant dt
             join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
             join app.site s on s.tenant_id = dt.tenant_id and s.id = dt.site_id
             cross join lateral (select (substr(d.iccid, 9, 11)::bigint - 13) / 977 as place) as p
             where dt.customer_data_allocation_mb = p.place
               and s.name = (array['Water', 'Cold', 'Acme (9000001)'])[(p.place % 3)::integer + 1]",
        )
        .await
        .unwrap();
    assert_eq!(right, 3_000);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn rows_never_vanish_each_line_with_anything_in_it_is_one() {
    let app = TestApp::start(3).await.unwrap();
    let sims = devices(3);
    let [a, b, c] = [&sims[0], &sims[1], &sims[2]];
    for file in [
        // Blank lines between rows, before the headings and at the end.
        format!("\nICCID,Note\n\n{a},x\n\n   \n{b},y\n\n\n{c},z\n\n"),
        // CRLF, and a last line that does not end.
        format!("ICCID,Note\r\n{a},x\r\n\r\n{b},\r\n,\r\n{c},z"),
        // Separators that a spreadsheet leaves behind.
        format!("ICCID;Note;;\n{a};x;;\n;;;\n{b};;;\n;;;\n{c};y;;\n;;;\n;;;\n"),
        // Rows with only a note are rows.
        format!("ICCID,Note\n{a},x\n,only a note\n{b},y\n,another\n{c},\n"),
        // Quotes, doubled, needless and in the middle.
        format!(
            "\"ICCID\",\"Note\"\n\"{a}\",\"say \"\"so\"\"\"\n\"\",\"\"\n{b},12\" pipe\n\"{c}\",\"a, b\"\n\"12\" tube,{c}\n"
        ),
        // A byte-order mark, and tabs.
        format!("\u{feff}ICCID\tNote\n{a}\tx\n\t\n{b}\t\n\ty\n{c}\n"),
        // Rows that are shorter and longer than the headings.
        format!("ICCID,Note\n{a}\n{b},x,y,z\n,,,,stray\n{c},\n"),
        // The same SIM again and again, and what is no SIM.
        format!("Note,ICCID\nx,{a}\nx,{a}\nx,{a}\nx,12\nx,{b}\ntotal,\nx,{c}\n"),
    ] {
        let plan = planned(app.plan_file("Water", &json!({}), file.clone()).await.unwrap());
        let filled = file.lines().filter(|line| line.contains(char::is_alphanumeric)).count();
        let counts = &plan["counts"];
        assert_eq!(counts["rows"], json!(filled - 1), "all but the headings: {file:?}");
        let count = |name: &str| counts[name].as_i64().unwrap();
        assert_eq!(count("rows"), count("change") + count("no_change") + count("refused"), "{file:?}");
        assert_eq!(count("change"), 3, "every SIM is found once: {file:?}");
        let rows = app.rows("plans", &plan["id"]).await.unwrap();
        assert_eq!(
            numbers(&app, "plans", &plan["id"]).await,
            (1..=count("rows")).collect::<Vec<i64>>(),
            "numbered without a gap: {file:?}"
        );
        for sim in &sims {
            assert!(
                rows.iter().any(|row| row["iccid"] == sim.as_str() && row["verdict"] == "CHANGE"),
                "{sim}: {file:?}"
            );
        }
    }

    // Lines that are no lines of the file: a note of two is one row; and a file of an old Mac has line ends, too.
    for (file, rows) in [
        (format!("ICCID,Note\n{a},\"two\nlines\"\n{b},\"three\r\nmore\r\nlines\"\n{c},x\n"), 3),
        (format!("ICCID\r{a}\r{b}\r\r{c}\r"), 3),
        (format!("{a} {b}\n\n{c};;\n"), 3),
    ] {
        let plan = planned(app.plan_file("Water", &json!({}), file.clone()).await.unwrap());
        assert_eq!((&plan["counts"]["rows"], &plan["counts"]["change"]), (&json!(rows), &json!(rows)), "{file:?}");
    }

    // A quotation mark that is not closed would swallow the rows after it: then there is no plan at all.
    for (file, row) in [
        (format!("ICCID,Note\n{a},\"open\n{b},x\n{c},y\n"), "row 2"),
        (format!("ICCID,Note\n{a},x\n{b},\"open\n{c},y\n"), "row 3"),
    ] {
        let answer = app.plan_file("Water", &json!({}), file.clone()).await.unwrap();
        assert_refused(&answer, "INPUT_QUOTE_NOT_CLOSED", "/devices");
        assert!(text(&answer.json["detail"]).contains(row), "{file:?}: {}", answer.json);
    }
    app.finish().await.unwrap();
}
