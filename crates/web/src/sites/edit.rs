//! `PATCH /sites/{id}`

use super::{Shown, show};
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
use database::site::SiteEdit;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What to change of a site; what is not named stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditSite)]
pub(crate) struct Edit {
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: Option<String>,
    /// May SIMs be assigned to it? Those that are there stay.
    pub(crate) active: Option<bool>,
}

/// Rename, close or open a site
#[utoipa::path(patch, path = "/sites/{id}", tag = "Sites", operation_id = "edit_site",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = Edit,
    responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (id, etag) = (path_id(&id)?, if_match(&headers)?);
    change(&app, &caller, id, etag.as_deref(), body(bytes)?).await?;
    let found = super::get::one(&app, caller.tenant, id, None).await?;
    Ok(shown(&HeaderMap::new(), &found.etag.clone(), show(found)))
}

/// Changes it, if it is what was last seen; with nothing seen, whatever it is now.
pub(crate) async fn change(
    app: &App,
    caller: &database::api_key::Caller,
    id: Uuid,
    seen: Option<&str>,
    asked: Edit,
) -> Result<(), Problem> {
    let edit = SiteEdit { name: optional_name("name", asked.name.as_deref())?, active: asked.active };
    edited(database::site::edit(&app.ledger, caller, id, seen, &edit).await?)
}
