//! Credentials show nowhere: not in the database, not in what is told, not in what is logged.

use crate::stage::Stage;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use tracing::Level;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn canaries_are_in_no_log_no_dump_no_answer_and_no_error() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(move || writer.clone()).finish();
    let logging = tracing::subscriber::set_default(subscriber);
    let stage = Stage::of(2, 5, 2).await;
    let stop = CancellationToken::new();
    let mut told = Vec::new();
    // A good reading, and each way in which one can fail.
    stage.read("Rev.io", &stop).await.unwrap();
    for fault in [
        json!({"kind": "garbage"}),
        json!({"kind": "refuse", "message": "no"}),
        json!({"kind": "refuse_text", "message": "no"}),
        json!({"kind": "server_error_before"}),
        json!({"kind": "cut_before"}),
        json!({"kind": "unauthorized"}),
    ] {
        stage.world.faults(simulators::faults::Faults::clear);
        stage.fault(json!({"provider": "rev-io", "path": "/customers", "when": {"next": 20}, "fault": fault}));
        let error = stage.read("Rev.io", &stop).await.unwrap_err();
        told.push(format!("{error} {error:?}"));
    }
    for path in ["/integration-authentications", "/audit?limit=1000", "/customers"] {
        told.push(stage.app.get(path).await.unwrap().json.to_string());
    }
    drop(logging);
    told.push(String::from_utf8_lossy(&log.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned());
    let tables =
        "select table_name from information_schema.tables where table_schema = 'app' and table_type = 'BASE TABLE'";
    let mut admin = stage.app.database.admin().connect().await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut admin).await.unwrap();
    assert!(tables.len() > 40);
    for table in tables {
        let dump = sqlx::AssertSqlSafe(format!("select coalesce(string_agg(t::text, ' '), '') from app.{table} as t"));
        told.push(sqlx::query_scalar(dump).fetch_one(&mut admin).await.unwrap());
    }
    let told = told.join("\n");
    assert!(
        told.contains("refused the credentials") && told.contains("customers"),
        "what is searched has what it should have"
    );
    // As it is, in Basic's base64 of "api@first:canary-password" (from its inside), and in hexadecimal.
    for canary in ["canary-password", "canarykey", "Y2FuYXJ5LXBhc3N3b3Jk", "OmNhbmFyeS1wYXNzd29yZ", "63616e617279"] {
        assert!(!told.contains(canary), "{canary}");
    }
    stage.finish().await;
}
