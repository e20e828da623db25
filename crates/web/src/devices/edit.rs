//! `PATCH /devices/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::edits::{body, edited, if_match, shown};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change of a device. Its customer is changed by a plan, and what its carrier says of it by an import.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditDevice)]
pub(crate) struct Edit {
    /// Into the archive, or out of it.
    archived: bool,
}

/// Archive a device, or take it out of the archive; nothing is deleted
#[utoipa::path(patch, path = "/devices/{id}", tag = "Devices", operation_id = "edit_device",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = Edit,
    responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (found, etag) = (super::get::one(&app, &caller, &allowed, &id).await?, if_match(&headers)?);
    let asked: Edit = body(bytes)?;
    // A device of the partner's is the partner's to archive: for its agent it is not found.
    let done = database::device::archive(&app.ledger, &caller, found.id.0, etag.as_deref(), asked.archived);
    edited(done.await?)?;
    let found = super::get::one(&app, &caller, &allowed, &id).await?;
    Ok(shown(&HeaderMap::new(), &found.etag.clone(), show(found)))
}
