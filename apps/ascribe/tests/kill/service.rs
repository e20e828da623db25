//! The service as a process, and how it is killed.

use database::Server;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testing::{Fixture, number};

/// The service as a process: serves and works.
pub(crate) struct Service {
    child: Child,
    data: PathBuf,
    pub(crate) url: String,
}

impl Service {
    pub(crate) async fn start(data: &Path, port: u16, settings: &[(&str, &str)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_ascribe"))
            .args(["serve", "--work"])
            .env("ASCRIBE_DATA", data)
            .env("ASCRIBE_LISTEN", format!("127.0.0.1:{port}"))
            .env("ASCRIBE_LEASE_SECONDS", "2")
            .env("ASCRIBE_POLL_SECONDS", "0.1")
            .env("ASCRIBE_CHUNK_ROWS", "50")
            .env("ASCRIBE_PLAN_WAIT_SECONDS", "0.02")
            .env("ASCRIBE_LOG", "error")
            .envs(settings.iter().copied())
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let service = Self { child, data: data.to_owned(), url: format!("http://127.0.0.1:{port}") };
        for _ in 0..1_800 {
            if reqwest::get(format!("{}/readyz", service.url)).await.is_ok_and(|answer| answer.status().is_success()) {
                return service;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("the service did not become ready within 90 s");
    }

    pub(crate) fn postmaster(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.data.join("postgresql/cluster/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    /// kill -9, and the parent-death signal does the rest: the postmaster goes by itself.
    pub(crate) async fn kill(mut self) {
        let postmaster = self.postmaster();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let Some(pid) = postmaster else { return };
        for _ in 0..1_200 {
            if !Path::new(&format!("/proc/{pid}")).exists() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("the postmaster outlived its service by 60 s");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // After a test that failed half way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks for a plan until it is made.
pub(crate) async fn planned(http: &reqwest::Client, service: &Service, fixture: &Fixture, plan: &Value) -> Value {
    let id = plan["id"].as_str().unwrap();
    let mut shown = Value::Null;
    for _ in 0..1_800 {
        let ask = http.get(format!("{}/api/v1/plans/{id}", service.url)).bearer_auth(fixture.key.reveal());
        shown = ask.send().await.unwrap().json().await.unwrap();
        if shown["status"] != "PLANNING" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    shown
}

/// How many rows are done; None while the database is away.
pub(crate) async fn done(server: &Server) -> Option<i64> {
    let asking = number(server, "select coalesce(sum(ok), 0)::bigint from app.bulk_change_counter");
    tokio::time::timeout(Duration::from_secs(2), asking).await.ok()?.ok()
}
