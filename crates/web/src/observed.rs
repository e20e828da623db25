//! `/metrics`: how many requests came, how long they took, and how much work waits. No tenant is in it.

use crate::App;
use crate::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Duration;

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// How long a request takes: from a look-up to an upload.
const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The one recorder of the process; None if another was installed before it.
fn recorder() -> Option<&'static PrometheusHandle> {
    let made = RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full("ascribe_http_request_seconds".to_owned()), &SECONDS)
            .ok()?;
        builder.install_recorder().ok()
    });
    made.as_ref()
}

/// Counts a request under its route, never under its path: ids are not labels.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    // Whoever asks first installs it; requests before that would be counted nowhere.
    let _ = recorder();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    #[expect(clippy::disallowed_methods, reason = "how long an answer took is the machine's time")]
    let began = std::time::Instant::now();
    let response = next.run(request).await;
    let took: Duration = began.elapsed();
    let labels = [("route", route), ("method", method), ("status", response.status().as_str().to_owned())];
    metrics::counter!("ascribe_http_requests_total", &labels).increment(1);
    metrics::histogram!("ascribe_http_request_seconds", &labels[..2]).record(took.as_secs_f64());
    response
}

/// In Prometheus's text format.
pub(crate) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let work = database::chunk::waiting(&app.ledger).await?;
    for (state, chunks) in [("ready", work.ready), ("running", work.running), ("overdue", work.overdue)] {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 chunks")]
        metrics::gauge!("ascribe_chunks", "state" => state).set(chunks as f64);
    }
    metrics::gauge!("ascribe_oldest_due_chunk_seconds").set(work.oldest_due_seconds);
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
