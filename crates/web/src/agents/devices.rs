//! `POST /agents/{id}/devices/give` and `POST /agents/{id}/devices/take-back`

use crate::App;
use crate::auth::Caller;
use crate::imports::{ImportResult, run};
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use database::agent::Giving;
use domain::ids::{ServiceProviderId, TenantId};
use intake::import::AgentDevices;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GiveQuery {
    /// Only SIMs of this one, by name or id; where an ICCID is at several, it has to be said.
    service_provider: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TakeBackQuery {
    /// Only SIMs of this one, by name or id; where an ICCID is at several, it has to be said.
    service_provider: Option<String>,
    /// Also those that the agent has assigned to customers of its own?
    #[serde(default)]
    #[param(required = false)]
    even_if_assigned: bool,
}

/// Give devices to an agent: a CSV or XLSX file with a column `iccid`
///
/// The agent has them at its default site from then on, and assigns them to customers of its own; who they are assigned to
/// here stays as it is. `created` are given, `unchanged` the agent had already. Up to 1,000,000 rows and 256 MiB.
#[utoipa::path(post, path = "/agents/{id}/devices/give", tag = "Agents", operation_id = "give_devices_to_agent",
    params(("id" = String, Path), GiveQuery), request_body(content = String, content_type = "text/csv"),
    responses((status = OK, body = ImportResult)))]
pub(crate) async fn give(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<GiveQuery>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let what = asked(&app, &caller, &id, query.service_provider.as_deref(), Giving::Give).await?;
    run(&app, &caller, body, &what).await
}

/// Take devices back from an agent: a CSV or XLSX file with a column `iccid`
///
/// The agent does not see them any more, and rows of its plans that have them are skipped. Those that it has assigned to a
/// customer of its own are refused, unless `even_if_assigned` says otherwise. `updated` are taken back, `unchanged` the agent
/// had not.
#[utoipa::path(post, path = "/agents/{id}/devices/take-back", tag = "Agents", operation_id = "take_devices_back_from_agent",
    params(("id" = String, Path), TakeBackQuery), request_body(content = String, content_type = "text/csv"),
    responses((status = OK, body = ImportResult)))]
pub(crate) async fn take_back(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<TakeBackQuery>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let giving = Giving::TakeBack { even_if_assigned: query.even_if_assigned };
    let what = asked(&app, &caller, &id, query.service_provider.as_deref(), giving).await?;
    run(&app, &caller, body, &what).await
}

/// What is asked for, of an agent that is the caller's; anybody else is not there.
async fn asked(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
    provider: Option<&str>,
    giving: Giving,
) -> Result<AgentDevices, Problem> {
    let agent = TenantId(path_id(id)?);
    if !database::agent::is_agent(&app.ledger, caller.tenant, agent).await? {
        return Err(Problem::not_found());
    }
    let provider: Option<ServiceProviderId> = match provider {
        None => None,
        Some(named) => {
            let found = database::service_provider::named(&app.ledger, caller.tenant, named).await?;
            let found = found.ok_or_else(|| {
                let detail = "This tenant has no such service provider.";
                Problem::field("service_provider", "SERVICE_PROVIDER_NOT_FOUND", detail)
            })?;
            Some(found.id)
        }
    };
    Ok(AgentDevices { agent, provider, giving })
}
