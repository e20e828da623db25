//! `PATCH /customer-rate-plans/{id}`

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
use database::customer_rate_plan::CustomerRatePlanEdit;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What to change of a customer rate plan; what is not named stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditCustomerRatePlan)]
pub(crate) struct Edit {
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) rate_plan_name: Option<String>,
    /// May SIMs get it? Those that have it keep it.
    pub(crate) active: Option<bool>,
}

/// Rename, close or open a customer rate plan
#[utoipa::path(patch, path = "/customer-rate-plans/{id}", tag = "Customer rate plans", operation_id = "edit_customer_rate_plan",
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
    let name = optional_name("rate_plan_name", asked.rate_plan_name.as_deref())?;
    let edit = CustomerRatePlanEdit { name, active: asked.active };
    edited(database::customer_rate_plan::edit(&app.ledger, caller, id, seen, &edit).await?)
}
