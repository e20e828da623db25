//! `POST /customer-rate-pools`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, created, made, name};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use database::customer_rate_pool::{NewCustomerRatePool, write};
use database::written::OnExisting;
use domain::ids::CustomerRatePoolId;
use serde::Deserialize;
use utoipa::ToSchema;

/// A customer rate pool that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCustomerRatePool)]
pub(crate) struct New {
    /// Unique in the tenant.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: String,
    /// The one it fits, by name or id; all, if not said.
    pub(crate) service_provider: Option<String>,
    /// May SIMs join it? Yes, if not said.
    pub(crate) active: Option<bool>,
}

/// Make a customer rate pool
#[utoipa::path(post, path = "/customer-rate-pools", tag = "Customer rate pools", operation_id = "create_customer_rate_pool",
    request_body = New, responses((status = CREATED, body = Shown, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = make(&app, &caller, body(bytes)?).await?;
    let found = super::get::one(&app, caller.tenant, id.0).await?;
    Ok(created(&format!("/api/v1/customer-rate-pools/{id}"), &found.etag.clone(), show(found)))
}

/// Makes it; answers its id.
pub(crate) async fn make(
    app: &App,
    caller: &database::api_key::Caller,
    new: New,
) -> Result<CustomerRatePoolId, Problem> {
    let row = NewCustomerRatePool {
        row: 1,
        id: CustomerRatePoolId(app.ids.next()),
        name: name("name", &new.name)?,
        service_provider: crate::service_providers::named(app, caller.tenant, new.service_provider.as_deref()).await?,
        active: new.active,
    };
    let id = row.id;
    made(&write(&app.ledger, caller, &[row], OnExisting::Refuse).await?)?;
    Ok(id)
}
