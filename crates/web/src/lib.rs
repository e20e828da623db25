//! The door: the HTTP API and the pages. One endpoint, one file: request, refusals, handler.
//! Must not know: any rule. What may be done is decided in `domain`, by the plan, and by the ledger's procedures.

mod account_fields;
mod agents;
mod api_keys;
mod audit;
mod auth;
mod bulk_changes;
mod callbacks;
mod customer_rate_plans;
mod customer_rate_pools;
mod customers;
mod devices;
mod edits;
mod formats;
mod health;
mod idempotency;
mod imports;
mod integration_authentications;
mod limits;
mod me;
mod observed;
mod openapi;
mod pages;
mod paging;
mod people;
mod plans;
mod problem;
mod service_providers;
mod shape;
mod signing_in;
mod site_groups;
mod sites;
mod webhooks;

pub use auth::{open_routes, pages, routes};
pub use limits::Limits;
pub use signing_in::{People, PeopleSettings, SetUp};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use database::Ledger;
use database::secret::KeyRing;
use domain::ids::Ids;
use intake::{Planner, Spool};
use problem::Problem;
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

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
    /// How often a key may ask.
    pub limits: Limits,
    /// Seals secrets; none: none can be kept.
    pub keys: Option<Arc<KeyRing>>,
    /// The hosts at which an account at Rev.io may be.
    pub rev_io_hosts: Arc<[String]>,
    /// The hosts at which an account at a carrier may be.
    pub carrier_hosts: Arc<[String]>,
    /// Hosts with their ports at which a webhook may be, besides public ones.
    pub webhook_hosts: Arc<[String]>,
    /// How people sign in.
    pub people: People,
}

/// Every operation below `/api/v1`, with what it is in the document.
fn operations() -> OpenApiRouter<App> {
    // Room for the other parts of a multipart body; the spool counts the file itself.
    let upload = usize::try_from(MOST_UPLOAD_BYTES).unwrap_or(usize::MAX).saturating_add(2 * MOST_JSON_BYTES);
    let uploads = OpenApiRouter::new()
        .routes(routes!(plans::list::handle, plans::create::handle))
        .routes(routes!(devices::import::handle))
        .routes(routes!(customers::import::handle))
        .routes(routes!(sites::import::handle))
        .routes(routes!(service_providers::import::handle))
        .routes(routes!(customer_rate_plans::import::handle))
        .routes(routes!(customer_rate_pools::import::handle))
        .routes(routes!(agents::devices::give))
        .routes(routes!(agents::devices::take_back))
        .layer(DefaultBodyLimit::max(upload));
    OpenApiRouter::with_openapi(openapi::document())
        .merge(uploads)
        .routes(routes!(callbacks::handle))
        .routes(routes!(plans::get::handle))
        .routes(routes!(plans::rows::handle))
        .routes(routes!(bulk_changes::results::of_plan))
        .routes(routes!(bulk_changes::results_workbook::of_plan))
        .routes(routes!(bulk_changes::list::handle, bulk_changes::create::handle))
        .routes(routes!(bulk_changes::get::handle))
        .routes(routes!(bulk_changes::rows::handle))
        .routes(routes!(bulk_changes::log::handle))
        .routes(routes!(bulk_changes::results::of_bulk_change))
        .routes(routes!(bulk_changes::results_workbook::of_bulk_change))
        .routes(routes!(bulk_changes::events::handle))
        .routes(routes!(bulk_changes::control::pause))
        .routes(routes!(bulk_changes::control::resume))
        .routes(routes!(bulk_changes::control::cancel))
        .routes(routes!(bulk_changes::plan_again::retry))
        .routes(routes!(bulk_changes::plan_again::undo))
        .routes(routes!(bulk_changes::resolve::handle))
        .routes(routes!(devices::list::handle))
        .routes(routes!(devices::get::handle, devices::edit::handle))
        .routes(routes!(devices::timeline::handle))
        .routes(routes!(customers::list::handle, customers::create::handle))
        .routes(routes!(customers::get::handle, customers::edit::handle))
        .routes(routes!(sites::list::handle, sites::create::handle))
        .routes(routes!(sites::get::handle, sites::edit::handle))
        .routes(routes!(service_providers::list::handle, service_providers::create::handle))
        .routes(routes!(service_providers::get::handle, service_providers::edit::handle))
        .routes(routes!(service_providers::account::get::handle, service_providers::account::keep::handle))
        .routes(routes!(service_providers::account::credentials::handle))
        .routes(routes!(integration_authentications::list::handle, integration_authentications::create::handle))
        .routes(routes!(integration_authentications::get::handle, integration_authentications::edit::handle))
        .routes(routes!(integration_authentications::credentials::handle))
        .routes(routes!(customer_rate_plans::list::handle, customer_rate_plans::create::handle))
        .routes(routes!(customer_rate_plans::get::handle, customer_rate_plans::edit::handle))
        .routes(routes!(customer_rate_pools::list::handle, customer_rate_pools::create::handle))
        .routes(routes!(customer_rate_pools::get::handle, customer_rate_pools::edit::handle))
        .routes(routes!(api_keys::list::handle, api_keys::create::handle))
        .routes(routes!(api_keys::revoke::handle))
        .routes(routes!(agents::list::handle))
        .routes(routes!(site_groups::list::handle, site_groups::create::handle))
        .routes(routes!(site_groups::get::handle, site_groups::edit::handle))
        .routes(routes!(site_groups::members::add))
        .routes(routes!(site_groups::members::remove))
        .routes(routes!(webhooks::list::handle, webhooks::create::handle))
        .routes(routes!(webhooks::get::handle, webhooks::edit::handle, webhooks::archive::handle))
        .routes(routes!(webhooks::test::handle))
        .routes(routes!(webhooks::deliveries::handle))
        .routes(routes!(people::list::handle, people::create::handle))
        .routes(routes!(people::get::handle, people::edit::handle))
        .routes(routes!(people::invitation::handle))
        .routes(routes!(people::sessions::list))
        .routes(routes!(people::sessions::end))
        .routes(routes!(audit::list::handle))
        .routes(routes!(audit::verify::handle))
        .routes(routes!(me::handle))
}

/// The OpenAPI document, as it is served.
#[must_use]
pub fn openapi() -> OpenApi {
    formats::document(openapi::with_refusals(operations().into_openapi()))
}

/// The whole API.
pub fn router(app: App) -> Router {
    let (api, document) = operations().split_for_parts();
    let document = formats::document(openapi::with_refusals(document));
    let columns = formats::columns(&document);
    let api = api
        .route_layer(middleware::from_fn_with_state(columns, formats::serve))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::authorize));
    // The document and its viewer hold nothing of anybody's: no key is asked for.
    let viewer = SwaggerUi::new("/api/v1/docs").url("/api/v1/openapi.json", document);
    Router::new()
        .nest("/api/v1", api)
        .merge(viewer)
        .merge(pages::router(&app))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(observed::show))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(app.clone(), pages::errors::as_pages))
        .layer(DefaultBodyLimit::max(MOST_JSON_BYTES))
        .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(Problem::internal())))
        .layer(middleware::from_fn_with_state(Arc::new(app.ids.clone()), request_id))
        .layer(middleware::from_fn_with_state(app.people.is_secure(), pages::headers::guard))
        .layer(middleware::from_fn(observed::count))
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http().make_span_with(|_: &Request| tracing::Span::none()))
        .with_state(app)
}

/// Every answer names its request, for the log line that says more than the answer may.
async fn request_id(
    axum::extract::State(ids): axum::extract::State<Arc<Ids>>,
    request: Request,
    next: Next,
) -> Response {
    // A client's own id is taken if it is harmless: it finds its request in our log, and we in its.
    let given = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    let harmless = |text: &&str| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let id = given.filter(harmless).map_or_else(|| ids.next().to_string(), str::to_owned);
    let traceparent = request.headers().get("traceparent").cloned();
    let trace = traceparent.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = shown_path(request.uri().path());
    let span = tracing::info_span!("request", id, method = %request.method(), path, traceparent = trace);
    let answering = problem::REQUEST.scope((id.clone(), path), next.run(request));
    let mut response = tracing::Instrument::instrument(answering, span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    if let Some(value) = traceparent {
        response.headers_mut().insert(HeaderName::from_static("traceparent"), value);
    }
    response
}

/// A path as it may be logged: an invitation is a secret, and so is the token of an account's callbacks, and they are in it.
fn shown_path(path: &str) -> String {
    if path.starts_with("/invitation/") {
        return "/invitation/…".to_owned();
    }
    let inbound = path.strip_prefix("/api/v1/callbacks/").and_then(|rest| rest.split_once('/'));
    match inbound {
        Some((provider, _)) => format!("/api/v1/callbacks/{provider}/…"),
        None => path.to_owned(),
    }
}
