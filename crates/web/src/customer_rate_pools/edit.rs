//! `PATCH /customer-rate-pools/{id}`

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
use database::customer_rate_pool::CustomerRatePoolEdit;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What to change of a customer rate pool; what is not named stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditCustomerRatePool)]
pub(crate) struct Edit {
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: Option<String>,
    /// May SIMs join it? Those that are in it stay.
    pub(crate) active: Option<bool>,
}

/// Rename, close or open a customer rate pool
#[utoipa::path(patch, path = "/customer-rate-pools/{id}", tag = "Customer rate pools", operation_id = "edit_customer_rate_pool",
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
    let found = super::get::one(&app, caller.tenant, id).await?;
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
    let name = optional_name("name", asked.name.as_deref())?;
    let edit = CustomerRatePoolEdit { name, active: asked.active };
    edited(database::customer_rate_pool::edit(&app.ledger, caller, id, seen, &edit).await?)
}
