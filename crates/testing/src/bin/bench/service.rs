//! The program as it is shipped, as a process of its own, driven over HTTP.

use crate::prepared::request;
use anyhow::{Context as _, Result, ensure};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client, Method, RequestBuilder};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The service as a process, ended with this.
pub(crate) struct Service {
    child: Child,
    url: String,
    http: Client,
    key: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where it finds its database.
pub(crate) enum Database<'a> {
    /// It runs one of its own.
    Embedded,
    /// This one.
    At(&'a str),
}

impl Service {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(data: &Path, database: Database<'_>) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = std::env::current_exe()?.with_file_name("ascribe");
        let mut command = Command::new(&program);
        command.arg("serve").env_remove("DATABASE_URL");
        match database {
            Database::Embedded => command.arg("--work"),
            Database::At(url) => command.env("DATABASE_URL", url),
        };
        let child = command
            .env("ASCRIBE_DATA", data)
            .env("ASCRIBE_LISTEN", format!("127.0.0.1:{port}"))
            .env("ASCRIBE_LOG", "error")
            .env("ASCRIBE_REQUESTS_PER_SECOND", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start; the bench wants it built beside itself", program.display()))?;
        let (url, http) = (format!("http://127.0.0.1:{port}"), Client::builder().build()?);
        let service = Self { child, url, http, key: String::new() };
        let mut tries = 0;
        while !service.is_ready().await {
            tries += 1;
            ensure!(tries < 3_000, "the service did not become ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(service)
    }

    /// The same, with a key.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/readyz", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.request(Method::GET, path).send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        Ok(answer.json().await?)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.request(Method::POST, path).json(body).send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        Ok(answer.json().await?)
    }

    /// Sends a file, asking for this besides what is always asked for, and waits until it is planned; answers the plan's id.
    pub(crate) async fn plan_file(&self, path: &Path, rows: u32, besides: Value) -> Result<String> {
        let mut request = request();
        if let (Some(request), Value::Object(besides)) = (request.as_object_mut(), besides) {
            request.extend(besides);
        }
        let upload = Part::stream(Body::from(tokio::fs::File::open(path).await?)).file_name("devices.csv");
        let form = Form::new().part("request", Part::text(request.to_string())).part("devices", upload);
        let mut plan: Value = self.request(Method::POST, "/plans").multipart(form).send().await?.json().await?;
        let id = plan["id"].as_str().with_context(|| plan.to_string())?.to_owned();
        while plan["status"] == "PLANNING" {
            tokio::time::sleep(Duration::from_millis(50)).await;
            plan = self.get(&format!("/plans/{id}")).await?;
        }
        ensure!(plan["counts"]["change"] == rows, "{plan}");
        Ok(id)
    }

    /// Applies a plan.
    pub(crate) async fn apply(&self, plan: &str) -> Result<()> {
        self.post("/bulk-changes", &serde_json::json!({ "plan_id": plan })).await?;
        Ok(())
    }

    /// Is this change over?
    pub(crate) async fn is_finished(&self, change: &str) -> Result<bool> {
        Ok(self.get(&format!("/bulk-changes/{change}")).await?["finished"] == true)
    }

    /// The most memory the service has had resident since it was asked the last time, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = peak.trim().trim_end_matches("kB").trim().parse()?;
        // From here on it counts anew (Linux: 5 resets the peak).
        std::fs::OpenOptions::new().write(true).open(process.join("clear_refs"))?.write_all(b"5")?;
        Ok(kib / 1024.0)
    }
}
