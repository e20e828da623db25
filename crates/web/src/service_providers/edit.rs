//! `PATCH /service-providers/{id}`

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
use database::service_provider::ServiceProviderEdit;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What to change of a service provider; what is not named stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditProvider {
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: Option<String>,
    /// May anything be changed at the carrier?
    pub(crate) write_enabled: Option<bool>,
}

/// Rename a service provider, or switch writing to its carrier on or off
#[utoipa::path(patch, path = "/service-providers/{id}", tag = "Service providers", operation_id = "edit_service_provider",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = EditProvider,
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
    asked: EditProvider,
) -> Result<(), Problem> {
    let edit =
        ServiceProviderEdit { name: optional_name("name", asked.name.as_deref())?, write_enabled: asked.write_enabled };
    edited(database::service_provider::edit(&app.ledger, caller, id, seen, &edit).await?)
}
