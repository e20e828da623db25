//! The client commands, run as a person would run them, against a whole app.

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use testing::{TestApp, iccid};

mod carriers;
mod doctor;
mod first_person;
mod lines;
mod mirror;
mod people;
mod reference;
mod told;
mod watching;

/// Runs `ascribe` with these arguments; standard input as given.
async fn ascribe(url: &str, key: &str, arguments: &[&str], input: &str) -> Output {
    run(&[("ASCRIBE_URL", url), ("ASCRIBE_API_KEY", key)], arguments, input).await
}

/// Runs `ascribe` in an environment that holds nothing else of ours.
async fn run(environment: &[(&str, &str)], arguments: &[&str], input: &str) -> Output {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let (environment, input): (Vec<(String, String)>, _) = (environment.iter().map(owned).collect(), input.to_owned());
    let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ascribe"))
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env_remove("ASCRIBE_API_KEY")
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

/// What it printed, if it ended with this code.
fn printed(output: &Output, code: i32) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    out.into_owned()
}

#[tokio::test]
async fn plan_apply_and_look_with_exit_codes_that_scripts_can_use() {
    let app = TestApp::start(5).await.unwrap();
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let file = format!("iccid\n{}\n{}\nbroken\n", iccid(0), iccid(1));
    let assign =
        ["plan", "assign", "--service-provider", "Verizon", "--customer", "Water", "--devices", "-", "-o", "json"];
    let planned = ascribe(&url, &key, &assign, &file).await;
    assert_eq!(planned.status.code(), Some(0), "{}", String::from_utf8_lossy(&planned.stderr));
    let plan: Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!(plan["counts"]["change"], 2);
    let id = plan["id"].as_str().unwrap();

    let rows = ascribe(&url, &key, &["plan", "rows", id, "-o", "csv", "--verdict", "REFUSED"], "").await;
    let text = String::from_utf8(rows.stdout).unwrap();
    assert!(text.lines().count() == 2 && text.contains("ICCID_MALFORMED"), "{text}");

    let working = tokio::spawn({
        let ledger = app.ledger.clone();
        async move {
            use rand::SeedableRng as _;
            loop {
                if let Ok(Some(claim)) = database::chunk::claim_chunk(&ledger, std::time::Duration::from_secs(30)).await
                {
                    let retry = processing::Retry {
                        tries: 3,
                        first_wait: std::time::Duration::from_millis(5),
                        lease: std::time::Duration::from_secs(30),
                    };
                    processing::settle(&ledger, &claim, "w", retry, &mut rand::rngs::StdRng::seed_from_u64(1)).await;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    });
    let applied = ascribe(&url, &key, &["apply", id, "--wait", "-o", "table"], "").await;
    working.abort();
    assert_eq!(applied.status.code(), Some(0), "{}", String::from_utf8_lossy(&applied.stderr));
    assert!(String::from_utf8_lossy(&applied.stdout).contains("PROCESSED"));

    for (arguments, code) in [
        (vec!["apply", id], 6),
        (vec!["apply", "00000000-0000-7000-8000-000000000000"], 4),
        (vec!["change", "get", id, "-o", "ndjson"], 0),
        (vec!["change", "rows", id, "--status", "PROCESSED"], 0),
        (vec!["change", "rows", id, "--status", "NONSENSE"], 4),
        (vec!["change", "list"], 0),
        (vec!["change", "watch", id], 0),
        (vec!["device", "list", "--iccid", &iccid(0)], 0),
        (vec!["customer", "list", "--q", "Water"], 0),
        (vec!["service-provider", "list"], 0),
        (vec!["nonsense"], 2),
        (vec!["plan", "assign"], 2),
    ] {
        let ended = ascribe(&url, &key, &arguments, "").await;
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }
    let refused = ascribe(&url, &key, &assign, "iccid\nbroken\n").await;
    assert_eq!(refused.status.code(), Some(4), "a plan of which every row is refused");
    assert_eq!(ascribe(&url, "ascribe_wrong", &["change", "list"], "").await.status.code(), Some(4));
    assert_eq!(ascribe("http://127.0.0.1:9", &key, &["change", "list"], "").await.status.code(), Some(1));
    app.finish().await.unwrap();
}
