//! `GET /people/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::person::list::Listed;

/// One person, with its ETag
#[utoipa::path(get, path = "/people/{id}", tag = "People", operation_id = "get_person", params(("id" = String, Path)),
    responses((status = OK, body = Shown, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let person = one(&app, &caller, &id).await?;
    Ok(shown(&headers, &person.etag.clone(), show(person)))
}

/// Somebody with a role in the caller's tenant; everybody else is not there.
pub(crate) async fn one(app: &App, caller: &database::api_key::Caller, id: &str) -> Result<Listed, Problem> {
    let found = database::person::list::get(&app.ledger, caller, path_id(id)?).await?;
    found.ok_or_else(Problem::not_found)
}
