//! `GET /webhooks/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::webhook::Webhook;

/// One webhook, also an archived one, with its ETag
#[utoipa::path(get, path = "/webhooks/{id}", tag = "Webhooks", operation_id = "get_webhook", params(("id" = String, Path)),
    responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = one(&app, &caller, &id).await?;
    // What is pending moves while the webhook stays what it is: never 304.
    Ok(shown(&HeaderMap::new(), &found.etag.clone(), show(found)))
}

pub(crate) async fn one(app: &App, caller: &database::api_key::Caller, id: &str) -> Result<Webhook, Problem> {
    let found = database::webhook::webhooks(&app.ledger, caller.tenant, Some(path_id(id)?), None, 1).await?;
    found.into_iter().next().ok_or_else(Problem::not_found)
}
