//! `GET /site-groups/{id}`

use super::{ShownWithSites, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use crate::shape::Named;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use uuid::Uuid;

/// One group of sites, with what is in it and its ETag
#[utoipa::path(get, path = "/site-groups/{id}", tag = "Site groups", operation_id = "get_site_group", params(("id" = String, Path)),
    responses((status = OK, body = ShownWithSites, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (etag, group) = one(&app, &caller, path_id(&id)?).await?;
    // What is in it moves while its name, which is what an edit changes, stays: never 304.
    Ok(shown(&HeaderMap::new(), &etag, group))
}

/// The ETag of a group, and the group with its sites.
pub(crate) async fn one(
    app: &App,
    caller: &database::api_key::Caller,
    id: Uuid,
) -> Result<(String, ShownWithSites), Problem> {
    let found = database::site_group::list(&app.ledger, caller.tenant, Some(id), None, None, 1).await?;
    let group = found.into_iter().next().ok_or_else(Problem::not_found)?;
    let sites = database::site_group::sites(&app.ledger, caller.tenant, id).await?;
    let sites = sites.into_iter().map(|(id, name)| Named { id: id.0, name }).collect();
    Ok((group.etag.clone(), ShownWithSites { group: show(group), sites }))
}
