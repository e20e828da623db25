//! `POST /service-providers`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, created, made, name};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use database::service_provider::NewServiceProvider;
use database::written::OnExisting;
use domain::ids::ServiceProviderId;
use serde::Deserialize;
use utoipa::ToSchema;

/// A service provider that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProvider {
    /// Unique in the tenant.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: String,
    /// `thingspace`, `control_center` or `telegence`.
    pub(crate) integration: String,
    /// May anything be changed at the carrier? Yes, if not said.
    pub(crate) write_enabled: Option<bool>,
}

/// Make a service provider
#[utoipa::path(post, path = "/service-providers", tag = "Service providers", operation_id = "create_service_provider",
    request_body = NewProvider, responses((status = CREATED, body = Shown, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = make(&app, &caller, body(bytes)?).await?;
    let found = super::get::one(&app, &caller, &id.to_string()).await?;
    Ok(created(&format!("/api/v1/service-providers/{id}"), &found.etag.clone(), show(found)))
}

/// Makes it; answers its id.
pub(crate) async fn make(
    app: &App,
    caller: &database::api_key::Caller,
    new: NewProvider,
) -> Result<ServiceProviderId, Problem> {
    let integrations = database::service_provider::integrations(&app.ledger, caller.tenant).await?;
    if !integrations.contains(&new.integration) {
        let detail = format!("The integration is one of {}.", integrations.join(", "));
        return Err(Problem::field("integration", "FIELD_INVALID", detail));
    }
    let id = ServiceProviderId(app.ids.next());
    let row = NewServiceProvider {
        row: 1,
        id,
        name: name("name", &new.name)?,
        integration: new.integration,
        write_enabled: new.write_enabled,
    };
    made(&database::service_provider::write(&app.ledger, caller, &[row], OnExisting::Refuse).await?)?;
    Ok(id)
}
