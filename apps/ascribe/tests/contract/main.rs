//! The API against its own OpenAPI document: whatever is sent, no answer is a 5xx or one that the document does not know.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod hostile;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use testing::{TestApp, iccid};

fn is_deep() -> bool {
    std::env::var_os("ASCRIBE_DEEP").is_some()
}

/// A whole app with something of every kind in it, and the ids of a plan and a finished change.
async fn furnished() -> (TestApp, String, String) {
    let app = TestApp::start(20).await.unwrap();
    let devices: Vec<String> = (0..20).map(iccid).collect();
    let change = app.carry_out("Water", &json!({"customer_rate_plan": "P-ALL"}), &devices[..10]).await.unwrap();
    let plan = app.plan("Cold", &json!({}), &devices[10..]).await.unwrap().json;
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    (app, id(&plan), id(&change))
}

/// Where the tool is; it is installed before the tests run, by `make test`.
fn schemathesis() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = Command::new(root.join("scripts/contract-tools")).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
}

/// What an answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth";

/// Generated requests: valid ones and broken ones, for every operation of a document. Answers how many were sent, or what the
/// tool found.
async fn generated(app: &TestApp, document: &str, extra: &[&str]) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.ndjson");
    let mut command = Command::new(schemathesis());
    let header = format!("Authorization: Bearer {}", app.fixture.key.reveal());
    command
        .current_dir(folder.path())
        .args(["run", document, "--url", &format!("{}/api/v1", app.url()), "-H", &header])
        .args(["--phases", "coverage,fuzzing", "--mode", "all", "--no-shrink", "--continue-on-failure"])
        .args(["--checks", CHECKS])
        .args(["--seed", "20261125", "--workers", "1"])
        .args(extra)
        .args(["--request-timeout", "30", "--suppress-health-check", "all", "--warnings", "off"])
        // A stream of events is no document; it has a test of its own.
        .args(["--exclude-operation-id", "watch_bulk_change"])
        .args(["--report", "ndjson", "--report-ndjson-path", report.to_str().unwrap()]);
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    if !ended.status.success() {
        return Err(format!("{said}\n{}", String::from_utf8_lossy(&ended.stderr)));
    }
    let text = std::fs::read_to_string(report).unwrap();
    Ok(text.matches("\"status_code\":").count())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_generated_request_gets_an_answer_that_the_document_does_not_know() {
    let (app, ..) = furnished().await;
    let (examples, least) = if is_deep() { ("100", 5_000) } else { ("20", 1_500) };
    let document = format!("{}/api/v1/openapi.json", app.url());
    let sent =
        generated(&app, &document, &["--max-examples", examples]).await.unwrap_or_else(|found| unreachable!("{found}"));
    assert!(sent >= least, "only {sent} cases");
    eprintln!("{sent} cases");
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_document_does_not_know_is_found() {
    let (app, ..) = furnished().await;
    let mut document = serde_json::to_value(web::openapi()).unwrap();
    document["paths"]["/sites"]["post"]["responses"].as_object_mut().unwrap().remove("422");
    document["components"]["schemas"]["Me"]["properties"]["role"]["type"] = json!("integer");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openapi.json");
    std::fs::write(&path, document.to_string()).unwrap();
    let some = ["--max-examples", "5", "--include-path-regex", "^/(sites|me)$"];
    let found = generated(&app, path.to_str().unwrap(), &some).await.unwrap_err();
    assert!(found.contains("Undocumented status code") && found.contains("Response violates schema"), "{found}");
    app.finish().await.unwrap();
}
