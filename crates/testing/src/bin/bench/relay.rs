//! A relay before the simulator, in which each call takes its time, as over the Internet.

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// From the call to its answer, besides the simulator's own time; half of it on the way there.
const MILLISECONDS: std::ops::RangeInclusive<u64> = 50..=300;
/// No body of a bench is longer.
const LONGEST: usize = 1 << 20;

#[derive(Clone)]
struct Relay {
    to: String,
    http: reqwest::Client,
    random: Arc<Mutex<StdRng>>,
}

/// Starts it. Answers its address, without a path.
pub(crate) async fn start(to: &str) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let random = Arc::new(Mutex::new(StdRng::seed_from_u64(1)));
    let relay = Relay { to: to.to_owned(), http: reqwest::Client::builder().build()?, random };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass).with_state(relay)).await });
    Ok(url)
}

async fn pass(State(relay): State<Relay>, request: Request) -> Response {
    let takes = relay.random.lock().unwrap_or_else(PoisonError::into_inner).random_range(MILLISECONDS);
    let half = Duration::from_millis(takes) / 2;
    tokio::time::sleep(half).await;
    let answer = relay.ask(request).await;
    tokio::time::sleep(half).await;
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

impl Relay {
    async fn ask(&self, request: Request) -> Result<Response> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
        parts.headers.remove(header::HOST);
        parts.headers.remove(header::CONTENT_LENGTH);
        let body = to_bytes(body, LONGEST).await?;
        let url = format!("{}{path}", self.to);
        let answer = self.http.request(parts.method, url).headers(parts.headers).body(body).send().await?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            if *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING {
                response = response.header(name, value);
            }
        }
        Ok(response.body(Body::from(answer.bytes().await?))?)
    }
}
