//! `PATCH /customers/{id}`

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
use database::customer::CustomerEdit;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What to change of a customer; what is not named stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditCustomer)]
pub(crate) struct Edit {
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: Option<String>,
    /// Closed: no SIM is assigned to it any more. Those it has stay.
    pub(crate) closed: Option<bool>,
}

/// Rename, close or open a customer
#[utoipa::path(patch, path = "/customers/{id}", tag = "Customers", operation_id = "edit_customer",
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
    let edit = CustomerEdit { name: optional_name("name", asked.name.as_deref())?, closed: asked.closed };
    edited(database::customer::edit(&app.ledger, caller, id, seen, &edit).await?)
}
