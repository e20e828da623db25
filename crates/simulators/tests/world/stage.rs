//! A running world with a clock that the test moves, and a client that knows nothing but HTTP.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use simulators::{Fleet, Running, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub(crate) const USERNAME: &str = "api@example";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const START: &str = "2026-01-15T12:00:00Z";

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) running: Running,
    pub(crate) http: Client,
    seconds: Arc<AtomicI64>,
}

impl Stage {
    pub(crate) async fn example(customers: usize, services: usize) -> Self {
        Self::of(Fleet::example(1, customers, services)).await
    }

    pub(crate) async fn of(fleet: Fleet) -> Self {
        let start: Timestamp = START.parse().unwrap();
        let seconds = Arc::new(AtomicI64::new(start.as_second()));
        let clock = Arc::clone(&seconds);
        let now = move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap();
        let world = World::new(1, Arc::new(now));
        world.load(fleet).unwrap();
        let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        // Plain HTTP needs none, but the client is not built without; a second test finds it already there.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { world, running, http, seconds }
    }

    pub(crate) fn pass(&self, duration: SignedDuration) {
        self.seconds.fetch_add(duration.as_secs(), Ordering::SeqCst);
    }

    /// A call below `/rev-io/v1` with the right credentials.
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/rev-io/v1/{path}", self.running.url());
        let request = self.http.request(method, url).basic_auth(USERNAME, Some(PASSWORD));
        request.header("Ocp-Apim-Subscription-Key", KEY)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        told(self.call(Method::GET, path).send().await.unwrap()).await
    }

    /// The records of a search.
    pub(crate) async fn found(&self, path: &str) -> Vec<Value> {
        let (status, page) = self.get(path).await;
        assert_eq!(status, 200, "{page}");
        page["records"].as_array().unwrap().clone()
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        told(self.call(method, path).json(body).send().await.unwrap()).await
    }

    pub(crate) async fn patch(&self, path: &str, patch: &Value) -> (u16, Value) {
        let call = self.call(Method::PATCH, path).header("content-type", "application/json-patch+json");
        told(call.body(patch.to_string()).send().await.unwrap()).await
    }

    /// A call of the world's own pages.
    pub(crate) async fn own(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.running.url()));
        if let Some(body) = body {
            request = request.json(body);
        }
        told(request.send().await.unwrap()).await
    }
}

pub(crate) async fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, value)
}

/// The ids of records.
pub(crate) fn ids(records: &[Value], field: &str) -> Vec<i64> {
    records.iter().map(|record| record[field].as_i64().unwrap()).collect()
}
