//! The door: the HTTP API. One endpoint, one file: request, refusals, handler.
//! Must not know: any rule. What may be done is decided in `domain`, by the plan, and by the ledger's procedures.

mod auth;
mod bulk_changes;
mod customers;
mod devices;
mod health;
mod idempotency;
mod paging;
mod plans;
mod problem;
mod service_providers;

pub use auth::routes;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use database::Ledger;
use domain::ids::Ids;
use intake::{Planner, Spool};
use problem::Problem;
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;

/// The most bytes of a JSON body.
pub const MOST_JSON_BYTES: usize = 1024 * 1024;
/// The most bytes of an uploaded file.
pub const MOST_UPLOAD_BYTES: u64 = 256 * 1024 * 1024;

/// What every handler is given.
#[derive(Clone, Debug)]
pub struct App {
    /// The ledger.
    pub ledger: Ledger,
    /// Makes plans.
    pub planner: Planner,
    /// Takes uploads.
    pub spool: Spool,
    /// Makes ids.
    pub ids: Ids,
    /// How long an answer waits for a plan before it is 202 and PLANNING.
    pub plan_wait: Duration,
}

/// The whole API.
pub fn router(app: App) -> Router {
    // Room for the other parts of a multipart body; the spool counts the file itself.
    let upload = usize::try_from(MOST_UPLOAD_BYTES).unwrap_or(usize::MAX).saturating_add(2 * MOST_JSON_BYTES);
    let api = Router::new()
        .route("/plans", get(plans::list::handle).post(plans::create::handle).layer(DefaultBodyLimit::max(upload)))
        .route("/plans/{id}", get(plans::get::handle))
        .route("/plans/{id}/rows", get(plans::rows::handle))
        .route("/plans/{id}/results.csv", get(bulk_changes::results::handle))
        .route("/bulk-changes", get(bulk_changes::list::handle).post(bulk_changes::create::handle))
        .route("/bulk-changes/{id}", get(bulk_changes::get::handle))
        .route("/bulk-changes/{id}/rows", get(bulk_changes::rows::handle))
        .route("/bulk-changes/{id}/results.csv", get(bulk_changes::results::handle))
        .route("/bulk-changes/{id}/resolve", post(bulk_changes::resolve::handle))
        .route("/bulk-changes/{id}/events", get(bulk_changes::events::handle))
        .route("/bulk-changes/{id}/pause", post(bulk_changes::control::pause))
        .route("/bulk-changes/{id}/resume", post(bulk_changes::control::resume))
        .route("/bulk-changes/{id}/cancel", post(bulk_changes::control::cancel))
        .route("/bulk-changes/{id}/retry", post(bulk_changes::plan_again::retry))
        .route("/bulk-changes/{id}/undo", post(bulk_changes::plan_again::undo))
        .route("/devices", get(devices::handle))
        .route("/customers", get(customers::handle))
        .route("/service-providers", get(service_providers::handle))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::authorize));
    Router::new()
        .nest("/api/v1", api)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(MOST_JSON_BYTES))
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(Problem::internal())))
        .layer(middleware::from_fn_with_state(Arc::new(app.ids.clone()), request_id))
        .layer(TraceLayer::new_for_http())
        .with_state(app)
}

/// Every answer names its request, for the log line that says more than the answer may.
async fn request_id(
    axum::extract::State(ids): axum::extract::State<Arc<Ids>>,
    request: Request,
    next: Next,
) -> Response {
    let id = ids.next().to_string();
    let span = tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    let mut response = tracing::Instrument::instrument(next.run(request), span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    response.headers_mut().insert(axum::http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
