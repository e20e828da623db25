use super::*;
use std::fs;
use tempfile::NamedTempFile;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const ICCID: &str = "89148000001234567896";

/// A sheet of a test's workbook.
struct Page<'a> {
    name: &'a str,
    state: &'a str,
    kind: &'a str,
    rows: &'a str,
}

fn visible<'a>(name: &'a str, rows: &'a str) -> Page<'a> {
    Page { name, state: "visible", kind: "worksheet", rows }
}

fn hidden<'a>(name: &'a str, rows: &'a str) -> Page<'a> {
    Page { state: "hidden", ..visible(name, rows) }
}

fn archive(parts: &[(String, String)]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let mut writer = ZipWriter::new(file.reopen().unwrap());
    let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in parts {
        writer.start_file(name, deflated).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    file
}

fn shared_strings(strings: &[&str]) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let items: String =
        strings.iter().map(|text| format!(r#"<si><t xml:space="preserve">{}</t></si>"#, escaped(text))).collect();
    let count = strings.len();
    format!(r#"{DECLARATION}<sst xmlns="{MAIN}" count="{count}" uniqueCount="{count}">{items}</sst>"#)
}

fn workbook_with(pages: &[Page<'_>], shared_strings: String) -> NamedTempFile {
    let (mut sheets, mut relationships) = (String::new(), String::new());
    let mut parts = vec![
        (
            "[Content_Types].xml".to_owned(),
            format!(
                r#"{DECLARATION}<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#
            ),
        ),
        (
            "_rels/.rels".to_owned(),
            format!(
                r#"{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/styles.xml".to_owned(),
            format!(
                r#"{DECLARATION}<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/></numFmts><cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/><xf numFmtId="46"/></cellXfs></styleSheet>"#
            ),
        ),
        ("xl/sharedStrings.xml".to_owned(), shared_strings),
    ];
    for (at, Page { name, state, kind, rows }) in pages.iter().enumerate() {
        let id = at + 1;
        sheets += &format!(r#"<sheet name="{name}" sheetId="{id}" state="{state}" r:id="rId{id}"/>"#);
        relationships +=
            &format!(r#"<Relationship Id="rId{id}" Type="{OFFICE}/{kind}" Target="worksheets/sheet{id}.xml"/>"#);
        parts.push((
            format!("xl/worksheets/sheet{id}.xml"),
            format!(r#"{DECLARATION}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>"#),
        ));
    }
    parts.push((
        "xl/workbook.xml".to_owned(),
        format!(r#"{DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>"#),
    ));
    parts.push((
        "xl/_rels/workbook.xml.rels".to_owned(),
        format!(r#"{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{relationships}</Relationships>"#),
    ));
    archive(&parts)
}

fn workbook(pages: &[Page<'_>], strings: &[&str]) -> NamedTempFile {
    workbook_with(pages, shared_strings(strings))
}

fn one_sheet(rows: &str, strings: &[&str]) -> NamedTempFile {
    workbook(&[visible("SIMs", rows)], strings)
}

fn written(file: &NamedTempFile) -> String {
    let mut csv = Vec::new();
    to_csv(file.path(), &mut csv, Limits::default()).unwrap();
    String::from_utf8(csv).unwrap()
}

fn rows(file: &NamedTempFile) -> Vec<Vec<String>> {
    let csv = written(file);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn refusal_within(file: &NamedTempFile, limits: Limits) -> WorkbookRefusal {
    to_csv(file.path(), &mut io::sink(), limits).unwrap_err()
}

fn refusal(file: &NamedTempFile) -> WorkbookRefusal {
    refusal_within(file, Limits::default())
}

fn raw(bytes: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

#[test]
fn text_numbers_truth_and_errors_are_what_the_sheet_shows() {
    let file = one_sheet(
        r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>Number</t></is></c><c r="C1" t="str"><v>a &amp; b</v></c></row>
            <row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2"><v>15550100200</v></c><c r="C2" t="b"><v>1</v></c></row>
            <row r="3"><c r="A3" t="e"><v>#N/A</v></c><c r="B3"><v>1.5</v></c><c r="C3" t="b"><v>0</v></c></row>
            <row r="4"><c r="A4" t="n"><v>-7</v></c><c r="B4"><v>490154203237518</v></c><c r="C4" t="d"><v>2025-10-13</v></c></row>"#,
        &["ICCID", ICCID],
    );
    assert_eq!(
        rows(&file),
        [
            ["ICCID", "Number", "a & b"],
            [ICCID, "15550100200", "TRUE"],
            ["#N/A", "1.5", "FALSE"],
            ["-7", "490154203237518", "2025-10-13"],
        ]
    );
}

#[test]
fn a_number_that_lost_digits_never_looks_whole() {
    let file = one_sheet(
        r#"<row r="1"><c r="A1"><v>8914800000123456789</v></c><c r="B1"><v>8.9148000001234568E+19</v></c></row>
           <row r="2"><c r="A2"><v>1000000000000000</v></c><c r="B2"><v>999999999999999</v></c></row>
           <row r="3"><c r="A3" s="1"><v>8914800000123456789</v></c><c r="B3"><v>-1E+15</v></c></row>"#,
        &[],
    );
    assert_eq!(
        rows(&file),
        [
            ["8.914800000123457E+18", "8.914800000123457E+19"],
            ["1E+15", "999999999999999"],
            ["8.914800000123457E+18", "-1E+15"],
        ]
    );
}

#[test]
fn dates_are_iso_and_what_no_calendar_has_stays_a_number() {
    let file = one_sheet(
        r#"<row r="1"><c r="A1" s="1"><v>45943</v></c><c r="B1" s="2"><v>45943.5</v></c><c r="C1" s="2"><v>45943</v></c></row>
           <row r="2"><c r="A2" s="1"><v>15550100200</v></c><c r="B2" s="3"><v>1.5</v></c><c r="C2"><v>45943</v></c></row>"#,
        &[],
    );
    assert_eq!(rows(&file), [["2025-10-13", "2025-10-13T12:00:00", "2025-10-13"], ["15550100200", "1.5", "45943"]]);
}

#[test]
fn gaps_are_filled_and_rows_with_nothing_in_them_are_gone() {
    let file = one_sheet(
        r#"<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="D2" t="s"><v>2</v></c><c r="E2" s="1"/></row>
           <row r="3"/>
           <row r="5"><c r="B5"><v>5</v></c><c r="ZZ5" s="1"/></row>
           <row r="6"><c r="A6" t="s"><v>3</v></c><c r="B6" s="1"/></row>
           <row r="9"><c r="F9"><v>9</v></c></row>"#,
        &["iccid", "name", "note", "  "],
    );
    assert_eq!(rows(&file), [vec!["iccid", "name", "", "note"], vec!["", "5", "", ""], vec!["", "", "", "", "", "9"]]);
}

#[test]
fn cells_need_not_say_where_they_are() {
    let file = one_sheet("<row><c><v>1</v></c><c><v>2</v></c></row><row><c/><c><v>4</v></c></row>", &[]);
    assert_eq!(rows(&file), [["1", "2"], ["", "4"]]);
}

#[test]
fn separators_quotes_and_lines_in_a_cell_come_back_as_they_were() {
    let texts = ["note; with; semicolons", "a,b", "say \"so\"", "two\nlines", "tab\there", " blanks ", "<&>"];
    let cells: String = (0..texts.len()).map(|at| format!(r#"<c t="s"><v>{at}</v></c>"#)).collect();
    let file = one_sheet(&format!("<row>{cells}</row><row>{cells}</row>"), &texts);
    assert_eq!(rows(&file), [texts, texts]);
}

#[test]
fn text_is_quoted_so_that_the_separator_is_found() {
    let file = one_sheet(
        r#"<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row><c t="s"><v>2</v></c></row>"#,
        &["iccid", "a;b;c", ICCID],
    );
    assert_eq!(written(&file), format!("\"iccid\",\"a;b;c\"\n{ICCID},\"\"\n"));
}

#[test]
fn the_one_visible_sheet_with_cells_is_read() {
    let (one, two) = ("<row><c><v>1</v></c></row>", "<row><c><v>2</v></c></row>");
    let blank = r#"<row r="1"><c r="A1" s="1"/></row>"#;
    let chart = || Page { kind: "chartsheet", ..visible("Chart", "") };
    for pages in [
        vec![visible("A", one)],
        vec![visible("A", one), hidden("B", two)],
        vec![hidden("B", two), visible("A", one)],
        vec![visible("A", blank), chart(), visible("B", one)],
        vec![chart(), hidden("A", one)],
    ] {
        assert_eq!(rows(&workbook(&pages, &[])), [["1"]]);
    }
    for pages in [vec![], vec![visible("A", blank)], vec![visible("A", blank), hidden("B", one)]] {
        assert_eq!(written(&workbook(&pages, &[])), "");
    }
    let file = workbook(&[visible("June", one), visible("Empty", ""), visible("July", two), hidden("C", two)], &[]);
    let refusal = refusal(&file);
    assert!(matches!(&refusal, WorkbookRefusal::SeveralSheets(names) if names == "June, July"), "{refusal:?}");
    assert_eq!(
        refusal.to_string(),
        "the workbook has several sheets with rows (June, July); keep the one that is meant"
    );
}

#[test]
fn more_sheets_than_are_looked_through_are_refused() {
    let pages: Vec<_> = (0..=MOST_SHEETS).map(|_| visible("A", "")).collect();
    assert!(matches!(refusal(&workbook(&pages, &[])), WorkbookRefusal::SeveralSheets(_)));
}

#[test]
fn columns_end_at_256() {
    let last = one_sheet(r#"<row r="1"><c r="IV1"><v>1</v></c></row>"#, &[]);
    assert_eq!(rows(&last).first().unwrap().len(), 256);
    let beyond = one_sheet(r#"<row r="1"><c r="IW1"><v>1</v></c></row>"#, &[]);
    assert!(matches!(refusal(&beyond), WorkbookRefusal::TooManyColumns(256)));
}

#[test]
fn what_inflates_too_far_is_refused() {
    let many: String = (1..=20_000).map(|row| format!(r#"<row r="{row}"><c><v>1</v></c></row>"#)).collect();
    let file = one_sheet(&many, &[]);
    assert!(fs::metadata(file.path()).unwrap().len() < 200_000);
    let limits = Limits { inflated_bytes: 200_000, ..Limits::default() };
    let refused = refusal_within(&file, limits);
    assert!(matches!(refused, WorkbookRefusal::TooLarge(200_000)), "{refused:?}");
    assert_eq!(rows(&file).len(), 20_000);

    let long = "9".repeat(10_000);
    let file = one_sheet(r#"<row><c t="s"><v>0</v></c></row>"#, &[&long]);
    let limits = Limits { shared_strings_bytes: 5_000, ..Limits::default() };
    let refused = refusal_within(&file, limits);
    assert!(matches!(refused, WorkbookRefusal::TooLarge(5_000)), "{refused:?}");
    assert_eq!(rows(&file), [[long]]);
}

#[test]
fn a_lie_about_the_number_of_shared_strings_does_not_end_the_process() {
    for count in ["uniqueCount=\"999999999999999\"", "uniqueCount = '0099999999999999999999999'"] {
        let strings = format!(r#"{DECLARATION}<sst xmlns="{MAIN}" {count}><si><t>a</t></si></sst>"#);
        let file = workbook_with(&[visible("A", r#"<row><c t="s"><v>0</v></c></row>"#)], strings);
        let refused = refusal(&file);
        assert!(matches!(&refused, WorkbookRefusal::Damaged(how) if how.contains("shared strings")), "{refused:?}");
    }
}

#[test]
fn what_is_no_workbook_is_damaged() {
    let whole = one_sheet(r#"<row><c t="s"><v>0</v></c></row>"#, &["iccid"]);
    let bytes = fs::read(whole.path()).unwrap();
    let mut flipped = bytes.clone();
    // Inside the first part's compressed content: a local header is 30 bytes and the name, `[Content_Types].xml`, is 19.
    for byte in &mut flipped[60..70] {
        *byte ^= 0xff;
    }
    let other = archive(&[("readme.txt".to_owned(), "no workbook".to_owned())]);
    for file in [
        raw(b""),
        raw(b"PK\x03\x04 garbage"),
        raw(&[0xa5; 4096]),
        raw(&bytes[..bytes.len() / 2]),
        raw(&bytes[..bytes.len() - 10]),
        raw(&flipped),
        other,
        one_sheet("<row><c t=\"s\"><v>7</v></c></row>", &["only one"]),
        one_sheet("<row><c><v>1</v>", &[]),
    ] {
        let refused = refusal(&file);
        assert!(matches!(refused, WorkbookRefusal::Damaged(_)), "{refused:?}");
    }
}

#[test]
fn cells_out_of_order_are_damage() {
    for rows in [
        r#"<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>2</v></c></row>"#,
        r#"<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>"#,
        r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="1"><c r="A1"><v>2</v></c></row>"#,
    ] {
        let refused = refusal(&one_sheet(rows, &[]));
        assert!(matches!(&refused, WorkbookRefusal::Damaged(how) if how.contains("out of order")), "{refused:?}");
    }
}

#[test]
fn an_encrypted_part_asks_for_a_file_without_a_password() {
    let file = one_sheet("<row><c><v>1</v></c></row>", &[]);
    let mut bytes = fs::read(file.path()).unwrap();
    // The first bit of the flags in each entry of the directory.
    let entries: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"PK\x01\x02")).collect();
    for at in entries {
        bytes[at + 8] |= 1;
    }
    assert!(matches!(refusal(&raw(&bytes)), WorkbookRefusal::Encrypted));
}

#[test]
fn a_string_that_many_cells_share_is_not_written_without_end() {
    let note = "n".repeat(1_000);
    let row = r#"<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>"#;
    let rows = row.repeat(500);
    let file = workbook_with(&[visible("SIMs", &rows)], shared_strings(&[ICCID, &note]));
    let limits = Limits { inflated_bytes: 200_000, ..Limits::default() };
    let (refused, taken) = (refusal_within(&file, limits), written(&file));
    assert!(matches!(refused, WorkbookRefusal::TooLarge(200_000)), "{refused:?}");
    assert!(taken.len() > 500_000);
}
