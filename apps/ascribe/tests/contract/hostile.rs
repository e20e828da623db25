//! Strings that nobody should send, in every string field and parameter that the document knows.

use crate::{furnished, is_deep};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What breaks programs that were not made for it.
fn strings() -> Vec<String> {
    let mut strings: Vec<String> = [
        "",
        " ",
        "\0",
        "a\0b",
        "null",
        "NaN",
        "-1",
        "1e309",
        "99999999999999999999999999",
        "' or 1=1 --",
        "'; drop table app.m2m_device; --",
        "\" || true",
        "$1",
        "%00",
        "%s%n%x",
        "../../../etc/passwd",
        "{{7*7}}",
        "${jndi:ldap://127.0.0.1/a}",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
        "\r\nSet-Cookie: a=b",
        "\u{feff}name",
        "\u{202e}eman",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}",
        "👩‍👩‍👧‍👦",
        "ﷺ",
        "İıſK",
        "\u{10ffff}",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "2024-02-30",
        "9999-12-31T23:59:60Z",
        "-262143-01-01T00:00:00Z",
        "true",
        "[]",
        "{}",
    ]
    .map(str::to_owned)
    .to_vec();
    strings.push("x".repeat(300));
    strings.push("9".repeat(5_000));
    strings
}

/// Percent-encodes everything that is not a letter or digit.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

/// The string fields of an operation's JSON body, by name, and a body in which everything else is as it should be.
fn body_fields(document: &Value, operation: &Value) -> (Vec<String>, Map<String, Value>) {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let (mut strings, mut body) = (Vec::new(), Map::new());
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let is = |kind: &str| {
            field["type"] == kind || field["type"].as_array().is_some_and(|all| all.contains(&json!(kind)))
        };
        if is("string") {
            strings.push(name.clone());
        }
        if required.contains(&name.as_str()) {
            let filled = if is("string") {
                json!("x")
            } else if is("array") {
                json!([])
            } else if is("boolean") {
                json!(true)
            } else {
                json!("failed")
            };
            body.insert(name.clone(), filled);
        }
    }
    (strings, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_strings_in_every_field_get_a_documented_answer_and_never_a_5xx() {
    let (app, plan, change) = furnished().await;
    let document = serde_json::to_value(web::openapi()).unwrap();
    let strings = strings();
    let (mut sent, mut fields) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let id = if path.starts_with("/plans") { &plan } else { &change };
            let real = path.replace("{id}", id).replace("{row}", "1");
            let mut requests: Vec<(String, Option<Value>)> = Vec::new();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, at) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
                fields += 1;
                for string in &strings {
                    match at {
                        "path" if !string.is_empty() => {
                            let hostile = path.replace(&format!("{{{name}}}"), &encoded(string));
                            requests.push((hostile.replace("{id}", id).replace("{row}", "1"), None));
                        }
                        "query" => requests.push((format!("{real}?{name}={}", encoded(string)), None)),
                        _ => {}
                    }
                }
            }
            let (names, good) = body_fields(&document, operation);
            for name in names {
                fields += 1;
                for string in &strings {
                    let mut body = good.clone();
                    body.insert(name.clone(), json!(string));
                    requests.push((real.clone(), Some(Value::Object(body))));
                }
            }
            if operation["requestBody"]["content"]["text/csv"].is_object() {
                for string in &strings {
                    requests.push((
                        format!("{real}?service_provider=Verizon"),
                        Some(json!(format!("iccid,name,status\n{string},{string},{string}\n"))),
                    ));
                }
            }
            let every = if is_deep() { 1 } else { 2 };
            for (path, body) in requests.into_iter().step_by(every) {
                let mut request = app.request(method.clone(), &format!("/api/v1{path}")).header("If-Match", "*");
                request = match &body {
                    Some(Value::String(file)) => request.header("Content-Type", "text/csv").body(file.clone()),
                    Some(json) => request.json(json),
                    None if method == Method::GET || method == Method::DELETE => request,
                    None => request.json(&good),
                };
                let answer = app.send(request).await.unwrap();
                sent += 1;
                let status = answer.status.as_u16().to_string();
                assert!(!answer.status.is_server_error(), "{method} {path} {body:?}: {status} {}", answer.json);
                // A path that is no longer the operation's (a slash in it) is nobody's.
                let known = operation["responses"].get(&status).is_some()
                    || answer.status == StatusCode::NOT_FOUND
                    || answer.status == StatusCode::METHOD_NOT_ALLOWED;
                assert!(known, "{method} {path} {body:?}: {status} is not documented: {}", answer.json);
                if !answer.status.is_success() && answer.status != StatusCode::NOT_MODIFIED {
                    assert!(answer.json["code"].is_string(), "{method} {path} {body:?}: {status} without a code");
                }
            }
        }
    }
    assert!(fields > 80, "{fields}");
    assert!(sent > 1_500, "{sent}");
    eprintln!("{fields} fields, {sent} requests");
    // Nothing was broken by it: the app still does its work.
    app.work().await.unwrap();
    assert_eq!(app.get("/me").await.unwrap().status, StatusCode::OK);
    app.finish().await.unwrap();
}
