//! `Idempotency-Key` on requests that start work: same key and same parts, same answer; other content 422; in flight 409.

use crate::App;
use crate::problem::Problem;
use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use database::api_key::Caller;
use database::idempotency::{Answer, Claim, claim, give_back, keep};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// An in-flight mark older than this belongs to a process that died.
const IN_FLIGHT_SECONDS: f64 = 120.0;

/// An answer before it is sent: status, body and where the thing is.
pub(crate) struct Made {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) location: String,
}

impl Made {
    pub(crate) fn new<T: serde::Serialize>(status: StatusCode, shown: &T, location: String) -> Result<Self, Problem> {
        let body = serde_json::to_value(shown).map_err(|_| Problem::internal())?;
        Ok(Self { status, body, location })
    }

    fn response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::ACCEPTED {
            // There is more to come: ask again.
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// The key of a request, if it has one: 1 to 255 visible ASCII characters, with or without quotes around them.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().trim_matches('"');
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Problem::bad_request(
            "IDEMPOTENCY_KEY_INVALID",
            "An Idempotency-Key is 1 to 255 visible ASCII characters.",
        ));
    }
    Ok(Some(text.to_owned()))
}

/// Does the work once for this key, or answers what was answered before. Runs to its end even if the client goes away.
/// `made` tells again of a thing that was made when its answer was lost.
pub(crate) async fn once<Work, Telling>(
    app: &App,
    caller: Caller,
    route: &'static str,
    key: Option<String>,
    fingerprint: [u8; 32],
    work: Work,
    made: impl FnOnce(Uuid) -> Telling + Send + 'static,
) -> Result<Response, Problem>
where
    Work: Future<Output = Result<Made, Problem>> + Send + 'static,
    Telling: Future<Output = Result<Made, Problem>> + Send,
{
    let ledger = app.ledger.clone();
    let whole = async move {
        let Some(key) = key else { return work.await.map(Made::response) };
        let done = match claim(&ledger, &caller, route, &key, &fingerprint, IN_FLIGHT_SECONDS).await? {
            Claim::Ours(mark) => (work.await, mark),
            Claim::Made(id, mark) => (made(id).await, mark),
            Claim::Answered(answer) => return Ok(replay(answer)),
            Claim::InFlight => {
                let detail = "A request with this key is being worked on.";
                return Err(Problem::new(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT", detail));
            }
            Claim::OtherRequest => {
                let detail = "This key was used for another request.";
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", detail));
            }
        };
        match done {
            (Ok(made), mark) => {
                let answer = Answer {
                    status_code: made.status.as_u16(),
                    body: made.body.to_string(),
                    location: Some(made.location.clone()),
                };
                // If it cannot be kept, it can be told again from what was made.
                if let Err(error) = keep(&ledger, &mark, &answer).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an answer could not be kept");
                }
                Ok(made.response())
            }
            (Err(problem), mark) => {
                // Unless something was made, the same key may be tried again.
                give_back(&ledger, &mark).await?;
                Err(problem)
            }
        }
    };
    // In a task of its own: a client that hangs up must not leave the work half done.
    tokio::spawn(whole).await.unwrap_or_else(|_| Err(Problem::internal()))
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    if let Some(location) = answer.location.and_then(|text| HeaderValue::from_str(&text).ok()) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// How long the caller prefers to wait for an answer that is final (RFC 7240, `Prefer: wait=20`): at most a minute.
pub(crate) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let seconds = preferences.flat_map(|text| text.split(',')).find_map(|one| {
        let (name, seconds) = one.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| seconds.trim().trim_matches('"').parse::<u64>().ok())?
    });
    seconds.map(|seconds| Duration::from_secs(seconds.min(60)))
}
