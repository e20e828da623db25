//! `PATCH /integration-authentications/{id}`

use super::{Shown, show};
use crate::App;
use crate::account_fields::{address, limit};
use crate::auth::Caller;
use crate::edits::{body, edited, if_match, optional_name, shown};
use crate::paging::path_id;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::rev_io::AccountEdit;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What to change of an account at Rev.io; what is not named stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditIntegrationAuthentication {
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: Option<String>,
    pub(crate) base_url: Option<String>,
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub(crate) calls_per_minute: Option<i32>,
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub(crate) calls_per_day: Option<i32>,
    /// Send nothing to it; or go on, also after it refused our credentials.
    pub(crate) paused: Option<bool>,
}

/// Rename an account at Rev.io, move it, pace it, pause it
#[utoipa::path(patch, path = "/integration-authentications/{id}", tag = "Accounts at Rev.io", operation_id = "edit_integration_authentication",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = EditIntegrationAuthentication,
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
    let found = super::get::one(&app, &caller, &id.to_string()).await?;
    Ok(shown(&HeaderMap::new(), &found.etag.clone(), show(found)))
}

/// Changes it, if it is what was last seen; with nothing seen, whatever it is now.
pub(crate) async fn change(
    app: &App,
    caller: &database::api_key::Caller,
    id: Uuid,
    seen: Option<&str>,
    asked: EditIntegrationAuthentication,
) -> Result<(), Problem> {
    let edit = AccountEdit {
        name: optional_name("name", asked.name.as_deref())?,
        base_url: address(&app.rev_io_hosts, asked.base_url.as_deref())?,
        calls_per_minute: limit("calls_per_minute", asked.calls_per_minute)?,
        calls_per_day: limit("calls_per_day", asked.calls_per_day)?,
        paused: asked.paused,
    };
    edited(database::rev_io::edit(&app.ledger, caller, id, seen, &edit).await?)
}
