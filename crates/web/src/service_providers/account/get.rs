//! `GET /service-providers/{id}/account`

use super::{Shown, shown_now};
use crate::App;
use crate::auth::Caller;
use crate::edits::shown;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

/// The account at a carrier behind a service provider, how far its devices were read, and its ETag
#[utoipa::path(get, path = "/service-providers/{id}/account", tag = "Accounts at carriers", operation_id = "get_carrier_account",
    params(("id" = String, Path)), responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let provider = crate::service_providers::get::one(&app, &caller, &id).await?;
    let (etag, account) = shown_now(&app, &caller, provider.id).await?;
    // How far it was read moves while the account stays what it is: never 304.
    Ok(shown(&HeaderMap::new(), &etag, account))
}
