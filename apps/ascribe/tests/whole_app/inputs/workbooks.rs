//! XLSX files.

use super::*;

fn text_cell(text: &str) -> String {
    format!(r#"<c t="inlineStr"><is><t>{text}</t></is></c>"#)
}

fn number_cell(number: &str) -> String {
    format!("<c><v>{number}</v></c>")
}

/// A number that is shown as a date, or as a date and a time.
fn date_cell(serial: &str, with_time: bool) -> String {
    format!(r#"<c s="{}"><v>{serial}</v></c>"#, 1 + u8::from(with_time))
}

fn sheet_row(cells: &[String]) -> String {
    format!("<row>{}</row>", cells.concat())
}

/// The smallest workbook with these sheets: each a name, and its rows.
fn workbook(sheets: &[(&str, String)]) -> Vec<u8> {
    let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut names, mut targets, mut parts) = (String::new(), String::new(), Vec::new());
    for (id, (name, rows)) in (1..).zip(sheets) {
        names += &format!(r#"<sheet name="{name}" sheetId="{id}" r:id="rId{id}"/>"#);
        targets +=
            &format!(r#"<Relationship Id="rId{id}" Type="{office}/worksheet" Target="worksheets/sheet{id}.xml"/>"#);
        let content = format!(r#"{xml}<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>"#);
        parts.push((format!("xl/worksheets/sheet{id}.xml"), content));
    }
    parts.push((
        "[Content_Types].xml".to_owned(),
        format!(
            r#"{xml}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#
        ),
    ));
    parts.push((
        "_rels/.rels".to_owned(),
        format!(
            r#"{xml}<Relationships xmlns="{package}"><Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
        ),
    ));
    // Built-in formats: 14 is a date, 22 a date with its time.
    parts.push((
        "xl/styles.xml".to_owned(),
        format!(
            r#"{xml}<styleSheet xmlns="{main}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>"#
        ),
    ));
    parts.push((
        "xl/workbook.xml".to_owned(),
        format!(r#"{xml}<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>"#),
    ));
    parts.push((
        "xl/_rels/workbook.xml.rels".to_owned(),
        format!(r#"{xml}<Relationships xmlns="{package}">{targets}</Relationships>"#),
    ));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_workbook_is_planned_as_the_same_csv_would_be() {
    let app = TestApp::start(3).await.unwrap();
    let empty = || "<c/>".to_owned();
    let rows = [
        sheet_row(&["ICCID", "Customer", "Effective date", "Note"].map(text_cell)),
        sheet_row(&[
            text_cell(&iccid(0)),
            text_cell("Cold"),
            date_cell("36526", false),
            text_cell("a; \"b\", c &amp; d"),
        ]),
        sheet_row(&[number_cell("8.9148000001234568E+19"), empty(), empty(), text_cell("a number")]),
        sheet_row(&[text_cell(&iccid(1)), empty(), date_cell("36526", true)]),
        "<row/>".to_owned(),
        sheet_row(&[text_cell(&iccid(2)), text_cell("Water"), date_cell("36526.5", true), text_cell("at noon")]),
    ];
    let file = workbook(&[("Summary", String::new()), ("SIMs", rows.concat())]);
    let form = Form::new()
        .part("request", Part::text(app.asking("Water", &json!({})).to_string()))
        .part("devices", Part::bytes(file).file_name("sims.xlsx"));
    let answer = app.send(app.request(Method::POST, "/api/v1/plans").multipart(form)).await.unwrap();
    let plan = planned(answer);
    assert_eq!(plan["input_name"], "sims.xlsx");
    assert_eq!(said(&app, &plan).await, ["CHANGE", "ICCID_EXCEL_ROUNDED", "CHANGE", "EFFECTIVE_DATE_INVALID"]);
    let of_workbook = app.rows("plans", &plan["id"]).await.unwrap();
    assert_eq!(
        (&of_workbook[0]["effective_date"], &of_workbook[2]["effective_date"]),
        (&json!("2000-01-01"), &json!("2000-01-01"))
    );

    let same = format!(
        "ICCID,Customer,Effective date,Note\n{},Cold,2000-01-01,\"a; \"\"b\"\", c & d\"\n8.914800000123457E+19,,,a number\n{},,2000-01-01,\n{},Water,2000-01-01T12:00:00,at noon\n",
        iccid(0),
        iccid(1),
        iccid(2)
    );
    let csv = planned(app.plan_file("Water", &json!({}), same).await.unwrap());
    for field in ["columns", "counts", "hash"] {
        assert_eq!(plan[field], csv[field], "{field}");
    }
    assert_eq!(of_workbook, app.rows("plans", &csv["id"]).await.unwrap());

    let change = applied(&app, &plan).await;
    assert_eq!(change["counts"]["ok"], 2, "{change}");
    let all = records(&results(&app, &format!("/bulk-changes/{}/results.csv", text(&change["id"]))).await);
    assert_eq!(
        first_cells(&all, 4)[1..3],
        [[iccid(0).as_str(), "Cold", "2000-01-01", "a; \"b\", c & d"], ["8.914800000123457E+19", "", "", "a number"],]
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_workbook_that_cannot_be_read_for_certain_is_refused() {
    let app = TestApp::start(1).await.unwrap();
    let rows = || sheet_row(&[text_cell("ICCID")]) + &sheet_row(&[text_cell(&iccid(0))]);
    let whole = workbook(&[("SIMs", rows())]);
    let two = workbook(&[("June", rows()), ("July", rows())]);
    for (file, code) in [
        (two.clone(), "WORKBOOK_HAS_SEVERAL_SHEETS"),
        (b"PK\x03\x04 garbage".to_vec(), "WORKBOOK_NOT_READABLE"),
        (whole[..whole.len() / 2].to_vec(), "WORKBOOK_NOT_READABLE"),
        (workbook(&[("Empty", String::new())]), "INPUT_HAS_NO_ROWS"),
        (workbook(&[("Headings", sheet_row(&[text_cell("ICCID")]))]), "INPUT_HAS_NO_ROWS"),
    ] {
        assert_refused(&app.plan_file("Water", &json!({}), file).await.unwrap(), code, "/devices");
    }
    let several = app.plan_file("Water", &json!({}), two).await.unwrap();
    assert!(text(&several.json["detail"]).contains("June, July"), "{}", several.json);
    // What is in it counts, not what it is called: this one is sent as devices.csv.
    let plan = planned(app.plan_file("Water", &json!({}), whole).await.unwrap());
    assert_eq!(plan["counts"]["change"], 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_workbook_is_opened_in_the_background() {
    let app = TestApp::start_with(2, PlannerSettings::default(), Duration::ZERO).await.unwrap();
    let rows = [sheet_row(&["ICCID".to_owned()].map(|t| text_cell(&t))), sheet_row(&[text_cell(&iccid(0))])];
    for (sheet, ends) in [(rows.concat(), "PLANNED"), (sheet_row(&[text_cell("nothing here")]), "PLAN_FAILED")] {
        let form = Form::new()
            .part("request", Part::text(app.asking("Water", &json!({})).to_string()))
            .part("devices", Part::bytes(workbook(&[("SIMs", sheet)])).file_name("sims.xlsx"));
        let answer = app.send(app.request(Method::POST, "/api/v1/plans").multipart(form)).await.unwrap();
        // 202, whatever it says by now: a workbook this small may have been read before the answer was written.
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
        let path = format!("/plans/{}", text(&answer.json["id"]));
        let mut plan = answer.json;
        while plan["status"] == "PLANNING" {
            tokio::time::sleep(Duration::from_millis(20)).await;
            plan = app.get(&path).await.unwrap().json;
        }
        assert_eq!(plan["status"], ends, "{plan}");
        assert_eq!(plan["status_details"].is_null(), ends == "PLANNED", "{plan}");
    }
    app.finish().await.unwrap();
}
