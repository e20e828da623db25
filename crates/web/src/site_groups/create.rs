//! `POST /site-groups`

use super::{ShownWithSites, grouped, named};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, created, name};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A group of sites that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSiteGroup)]
pub(crate) struct New {
    /// Unique in the tenant.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// What is in it from the beginning; nothing, if not said.
    #[schema(max_items = 1000)]
    sites: Option<Vec<Uuid>>,
}

/// Make a group of sites
#[utoipa::path(post, path = "/site-groups", tag = "Site groups", operation_id = "create_site_group", request_body = New,
    responses((status = CREATED, body = ShownWithSites, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let new: New = body(bytes)?;
    let (id, called, sites) = (app.ids.next(), name("name", &new.name)?, named(new.sites.unwrap_or_default())?);
    grouped(database::site_group::create(&app.ledger, &caller, id, &called, &sites).await?)?;
    let (etag, shown) = super::get::one(&app, &caller, id).await?;
    Ok(created(&format!("/api/v1/site-groups/{id}"), &etag, shown))
}
