//! `PATCH /site-groups/{id}`

use super::ShownWithSites;
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, edited, if_match, optional_name, shown};
use crate::paging::path_id;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change of a group of sites; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditSiteGroup)]
pub(crate) struct Edit {
    #[schema(min_length = 1, max_length = 256)]
    name: Option<String>,
}

/// Rename a group of sites
#[utoipa::path(patch, path = "/site-groups/{id}", tag = "Site groups", operation_id = "edit_site_group",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = Edit,
    responses((status = OK, body = ShownWithSites, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (id, etag) = (path_id(&id)?, if_match(&headers)?);
    let asked: Edit = body(bytes)?;
    let name = optional_name("name", asked.name.as_deref())?;
    edited(database::site_group::edit(&app.ledger, &caller, id, etag.as_deref(), name.as_deref()).await?)?;
    let (etag, group) = super::get::one(&app, &caller, id).await?;
    Ok(shown(&HeaderMap::new(), &etag, group))
}
