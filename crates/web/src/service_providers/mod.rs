//! `/service-providers`: accounts at carriers.

pub(crate) mod account;
pub(crate) mod create;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;

use crate::App;
use crate::problem::Problem;
use database::service_provider::ServiceProvider;
use domain::ids::{ServiceProviderId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One account at one carrier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceProvider)]
pub(crate) struct Shown {
    id: Uuid,
    name: String,
    /// `thingspace`, `control_center` or `telegence`.
    integration: String,
    /// May anything be changed at the carrier?
    write_enabled: bool,
    /// Given by the partner, whose account it is.
    is_partners: bool,
}

pub(crate) fn show(provider: ServiceProvider) -> Shown {
    Shown {
        is_partners: provider.at_owner.1 != provider.id,
        id: provider.id.0,
        name: provider.name,
        integration: provider.integration,
        write_enabled: provider.write_enabled,
    }
}

/// The service provider that a text means, if there is a text.
pub(crate) async fn named(
    app: &App,
    tenant: TenantId,
    text: Option<&str>,
) -> Result<Option<ServiceProviderId>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let found = database::service_provider::named(&app.ledger, tenant, text).await?;
    let missing = || {
        let detail = "This tenant has no such service provider.";
        Problem::field("service_provider", "SERVICE_PROVIDER_NOT_FOUND", detail)
    };
    found.map(|provider| Some(provider.id)).ok_or_else(missing)
}
