//! A receiver of webhooks on a real port: keeps what came, checks its signature by its own arithmetic, and answers as it is told.

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One notice that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, to the byte.
    pub body: String,
    /// The same, as JSON.
    pub json: Value,
}

impl Received {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Is it signed with this secret, over what came?
    ///
    /// # Errors
    /// It is not.
    pub fn verify(&self, secret: &str) -> Result<()> {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").context("no secret")?)?;
        let signed = format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        // RFC 2104 for a key no longer than a block of 64 bytes.
        ensure!(key.len() == 32, "a key of {} bytes", key.len());
        let pad = |with: u8| -> Vec<u8> { (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ with).collect() };
        let inner = Sha256::digest([pad(0x36), signed.into_bytes()].concat());
        let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
        let expected = format!("v1,{}", BASE64_STANDARD.encode(outer));
        ensure!(self.header("webhook-signature") == expected, "{} is not {expected}", self.header("webhook-signature"));
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Kept {
    received: Vec<Received>,
    answers: VecDeque<u16>,
    hangs: bool,
}

/// A receiver; gone when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    /// `127.0.0.1:port`
    pub host: String,
    kept: Arc<Mutex<Kept>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// On a free port; it answers 200 to everything that it is told no other answer to.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> Result<Self> {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let keeping = Arc::clone(&kept);
        let app = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let keeping = Arc::clone(&keeping);
            async move {
                let (answer, hangs) = {
                    let mut kept = keeping.lock().unwrap_or_else(PoisonError::into_inner);
                    let body = String::from_utf8_lossy(&body).into_owned();
                    let json = serde_json::from_str(&body).unwrap_or(Value::Null);
                    kept.received.push(Received { headers, body, json });
                    (kept.answers.pop_front().unwrap_or(200), kept.hangs)
                };
                if hangs {
                    tokio::time::sleep(Duration::from_secs(3_600)).await;
                }
                StatusCode::from_u16(answer).unwrap_or(StatusCode::OK)
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let host = listener.local_addr()?.to_string();
        let serving = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { host, kept, serving })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook?token=t", self.host)
    }

    /// The next so many answers; then 200 again.
    pub fn answer(&self, statuses: &[u16]) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).answers.extend(statuses);
    }

    /// From now on nothing is answered at all.
    pub fn hang(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).hangs = true;
    }

    /// What came so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).received.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
