//! `GET /devices/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::device::{Device, Filter};

/// One device, with its ETag
#[utoipa::path(get, path = "/devices/{id}", tag = "Devices", operation_id = "get_device", params(("id" = String, Path)),
    responses((status = OK, body = Shown, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = one(&app, &caller, &allowed, &id).await?;
    Ok(shown(&headers, &found.etag.clone(), show(found)))
}

/// A device that the caller may see; to everybody else it is not there.
pub(crate) async fn one(
    app: &App,
    caller: &database::api_key::Caller,
    allowed: &Allowed,
    id: &str,
) -> Result<Device, Problem> {
    let filter = Filter {
        id: Some(path_id(id)?),
        service_providers: super::list::seen(app, caller).await?,
        sites: allowed.sites(),
        ..Filter::default()
    };
    let found = database::device::list(&app.ledger, caller.tenant, &filter, None, 1).await?;
    found.into_iter().next().ok_or_else(Problem::not_found)
}
