//! Input that nobody should send gets a documented answer, and never a 500.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{TestApp, iccid};

#[tokio::test]
async fn files_that_are_no_csv_are_422_with_a_code() {
    let app = TestApp::start(1).await.unwrap();
    let utf16: Vec<u8> = format!("\u{feff}iccid\n{}\n", iccid(0)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: [(Vec<u8>, &str); 11] = [
        (Vec::new(), "INPUT_HAS_NO_ROWS"),
        (b"iccid\n".to_vec(), "INPUT_HAS_NO_ROWS"),
        (b"iccid\n\n \n,,\n".to_vec(), "INPUT_HAS_NO_ROWS"),
        (utf16, "INPUT_FORMAT_NOT_SUPPORTED"),
        (b"PK\x03\x04 no xlsx".to_vec(), "WORKBOOK_NOT_READABLE"),
        (vec![0; 4096], "INPUT_FORMAT_NOT_SUPPORTED"),
        (b"imsi,name\n1,2\n".to_vec(), "INPUT_HAS_NO_ICCID_COLUMN"),
        (b"iccid,billing account\n1,2\n".to_vec(), "COLUMN_NOT_SUPPORTED_YET"),
        (b"iccid,imei\n1,2\n".to_vec(), "COLUMN_NEEDS_ACTIVATE"),
        (b"iccid,products\n1,2\n".to_vec(), "COLUMN_NEEDS_CREATE_REV_SERVICE"),
        (format!("iccid{}\n1\n", ",x".repeat(256)).into_bytes(), "INPUT_HAS_TOO_MANY_COLUMNS"),
    ];
    for (file, code) in files {
        let shown = String::from_utf8_lossy(&file[..file.len().min(20)]).into_owned();
        let answer = app.plan_file("Water", &json!({}), file).await.unwrap();
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(code)),
            "{shown:?}"
        );
    }
    assert_eq!(
        app.database.number("select count(*) from app.device_bulk_change where status <> 'PLAN_FAILED'").await.unwrap(),
        0,
        "nothing is half done; what was to be opened in the background says that it failed"
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn bad_cells_are_their_rows_own_trouble() {
    let app = TestApp::start(2).await.unwrap();
    let mut file = format!("iccid,note\n{},ok\n", iccid(0)).into_bytes();
    file.extend_from_slice(b"8914\x0080001234567890,nul\n\xff\xfe8914,latin\n8.93E+19,excel\n=1+1,formula\n@SUM(A1),formula\n\"=HYPERLINK(\"\"http://x\"\")\",formula\n");
    file.extend_from_slice(
        format!(
            "{},long\n'; drop table app.m2m_device; --,sql\n{},ok\n\"unclosed,quote\n",
            "9".repeat(20_000),
            iccid(1)
        )
        .as_bytes(),
    );
    let plan = app.plan_file("Water", &json!({}), file).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    let rows = app.rows("plans", &plan.json["id"]).await.unwrap();
    let reasons: Vec<_> = rows.iter().map(|row| row["reason"].as_str().unwrap_or("CHANGE").to_owned()).collect();
    assert_eq!(
        reasons,
        [
            "CHANGE",
            "ICCID_MALFORMED",
            "ICCID_MALFORMED",
            "ICCID_EXCEL_ROUNDED",
            "ICCID_MALFORMED",
            "ICCID_MALFORMED",
            "ICCID_MALFORMED",
            "FIELD_TOO_LONG",
            "ICCID_MALFORMED",
            "CHANGE",
            "ICCID_MALFORMED"
        ]
    );
    assert_eq!(rows[3]["input"], "8.93E+19");
    app.finish().await.unwrap();
}

/// Strings that have broken somebody's system.
const HOSTILE: &[&str] = &[
    "\u{0}",
    "a\u{0}b",
    "\u{7f}",
    "\u{202e}abc",
    "\u{feff}",
    "\u{fffd}",
    "\u{1f4a9}",
    "' or 1=1 --",
    "\\",
    "\\x00",
    "%",
    "_",
    "%00",
    "%s%n",
    "null",
    "undefined",
    "NaN",
    "-1",
    "1e999",
    "0x10",
    "true",
    "[]",
    "{}",
    "<script>",
    "../../etc/passwd",
    "\r\nX-Injected: 1",
    "\t",
    " ",
    "",
];

#[tokio::test]
async fn hostile_strings_in_every_field_are_never_a_500() {
    let app = TestApp::start(1).await.unwrap();
    let long = "x".repeat(100_000);
    for text in HOSTILE.iter().copied().chain([long.as_str()]) {
        for field in [
            "change_type",
            "service_provider",
            "customer",
            "site",
            "on_conflict",
            "customer_rate_plan",
            "customer_rate_pool",
            "customer_data_allocation_mb",
            "reference",
            "create_rev_service",
            text,
        ] {
            let mut request = app.asking("Water", &json!({}));
            request[field] = json!(text);
            request["devices"] = json!([iccid(0), text]);
            let answer = app.post("/plans", &request).await.unwrap();
            assert!(
                matches!(answer.status.as_u16(), 201 | 422),
                "{field} = {text:?}: {} {}",
                answer.status,
                answer.json
            );
        }
        let answer = app.post("/bulk-changes", &json!({"plan_id": text})).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{text:?}");
        if text.len() < 1_000 {
            for path in ["/devices", "/customers", "/plans", "/bulk-changes", "/service-providers"] {
                for field in ["iccid", "q", "status", "cursor", "limit", "service_provider", "customer"] {
                    let request = app.request(Method::GET, &format!("/api/v1{path}")).query(&[(field, text)]);
                    let answer = app.send(request).await.unwrap();
                    assert!(matches!(answer.status.as_u16(), 200 | 400), "{path}?{field}={text:?}: {}", answer.status);
                }
            }
        }
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn bodies_that_are_not_what_they_say_are_refused() {
    let app = TestApp::start(1).await.unwrap();
    let post = |content_type: &'static str, body: Vec<u8>| {
        app.request(Method::POST, "/api/v1/plans").header("content-type", content_type).body(body)
    };
    let big = format!("{{\"devices\": \"{}\"}}", "x".repeat(1_100_000));
    let deep = "[".repeat(100_000);
    for (content_type, body, status) in [
        ("application/json", b"{".to_vec(), 400),
        ("application/json", b"\xff".to_vec(), 400),
        ("application/json", b"[]".to_vec(), 422),
        ("application/json", b"\"\\ud800\"".to_vec(), 400),
        ("application/json", big.into_bytes(), 413),
        ("application/json", deep.into_bytes(), 400),
        ("text/plain", b"x".to_vec(), 415),
        ("multipart/form-data", b"x".to_vec(), 400),
        ("multipart/form-data; boundary=x", b"x".to_vec(), 400),
    ] {
        let answer = app.send(post(content_type, body)).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{content_type}: {}", answer.json);
        assert!(answer.json["code"].is_string());
    }
    let request = || Part::text(app.asking("Water", &json!({})).to_string());
    let file = || Part::text(format!("iccid\n{}\n", iccid(0))).file_name("../../x.csv");
    for (form, status) in [
        (Form::new().part("devices", file()).part("request", request()), 400),
        (Form::new().part("request", request()), 400),
        (Form::new().part("request", Part::text("{")).part("devices", file()), 400),
        (Form::new().part("request", request()).part("devices", file()).part("more", file()), 400),
        (Form::new().part("request", Part::text(json!({"devices": []}).to_string())).part("devices", file()), 422),
        (Form::new().part("request", request()).part("devices", file()), 201),
    ] {
        let answer = app.send(app.request(Method::POST, "/api/v1/plans").multipart(form)).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{}", answer.json);
        if status == 201 {
            assert!(!answer.json["input_name"].as_str().unwrap().contains(['/', '\r', '\n']));
        }
    }
    for body in [json!({}), json!({"plan_id": 5}), json!({"plan_id": "x", "more": 1})] {
        assert_eq!(app.post("/bulk-changes", &body).await.unwrap().status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_upload_over_the_limit_is_413() {
    let app = TestApp::start(0).await.unwrap();
    // The test's spool takes 64 MiB.
    let mut file = b"iccid\n".to_vec();
    file.resize(65 * 1024 * 1024, b'\n');
    let answer = app.plan_file("Water", &json!({}), file).await.unwrap();
    assert_eq!((answer.status, &answer.json["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("TOO_LARGE")));
    app.finish().await.unwrap();
}
