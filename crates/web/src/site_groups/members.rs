//! `POST /site-groups/{id}/sites` and `POST /site-groups/{id}/sites/remove`: what is in a group. Twice is as once.

use super::{ShownWithSites, grouped, named};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, shown};
use crate::paging::path_id;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Sites to put into a group, or to take out of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteGroupMembers {
    #[schema(max_items = 1000)]
    sites: Vec<Uuid>,
}

/// Put sites into a group; those that are in it stay. Keys that are confined to it see them at once
#[utoipa::path(post, path = "/site-groups/{id}/sites", tag = "Site groups", operation_id = "add_sites_to_group",
    params(("id" = String, Path)), request_body = SiteGroupMembers,
    responses((status = OK, body = ShownWithSites, headers(("ETag" = String)))))]
pub(crate) async fn add(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = path_id(&id)?;
    let asked: SiteGroupMembers = body(bytes)?;
    grouped(database::site_group::add(&app.ledger, &caller, id, &named(asked.sites)?).await?)?;
    let (etag, group) = super::get::one(&app, &caller, id).await?;
    Ok(shown(&HeaderMap::new(), &etag, group))
}

/// Take sites out of a group; those that are not in it are no matter. Keys that are confined to it lose them at once
#[utoipa::path(post, path = "/site-groups/{id}/sites/remove", tag = "Site groups", operation_id = "remove_sites_from_group",
    params(("id" = String, Path)), request_body = SiteGroupMembers,
    responses((status = OK, body = ShownWithSites, headers(("ETag" = String)))))]
pub(crate) async fn remove(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = path_id(&id)?;
    let asked: SiteGroupMembers = body(bytes)?;
    grouped(database::site_group::remove(&app.ledger, &caller, id, &named(asked.sites)?).await?)?;
    let (etag, group) = super::get::one(&app, &caller, id).await?;
    Ok(shown(&HeaderMap::new(), &etag, group))
}
