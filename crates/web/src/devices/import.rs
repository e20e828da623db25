//! `POST /devices/import`

use crate::App;
use crate::auth::{Allowed, Caller};
use crate::imports::{ImportResult, run};
use crate::paging::Filters;
use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use domain::dates::Moment;
use domain::rights::Module;
use intake::import::Devices;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Whose SIMs, by name or id.
    service_provider: String,
}

/// Import devices of a service provider from a CSV or XLSX file
///
/// Columns: `iccid`, `msisdn`, `imei`, `eid`, `status` (the carrier's word; needed of a SIM that is new),
/// `carrier_rate_plan`, `ip_address`, `archived`, `activated_at`. New SIMs are made, at the default site; those that are
/// there are updated; an empty cell, and a SIM that is not in the file, say nothing. Up to 1,000,000 rows and 256 MiB.
#[utoipa::path(post, path = "/devices/import", tag = "Devices", operation_id = "import_devices", params(Query),
    request_body(content = String, content_type = "text/csv"), responses((status = OK, body = ImportResult)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Filters(query): Filters<Query>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let found = database::service_provider::named(&app.ledger, caller.tenant, &query.service_provider).await?;
    let found = found.ok_or_else(|| {
        let detail = "This tenant has no such service provider.";
        Problem::field("service_provider", "SERVICE_PROVIDER_NOT_FOUND", detail)
    })?;
    if !allowed.0.edits(Module::of_integration(&found.integration)) {
        return Err(Problem::forbidden());
    }
    if found.at_owner != (caller.tenant, found.id) {
        let detail = "This service provider is your partner's, and so are its SIMs: the partner gives them to you.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    let (now, zone) = database::tenant::now_and_zone(&app.ledger, caller.tenant).await?;
    let statuses = database::device::statuses(&app.ledger, caller.tenant, found.id).await?;
    let devices = Devices {
        ids: app.ids.clone(),
        provider: found.id,
        statuses: statuses.into_iter().map(|(word, _)| word).collect(),
        moment: Moment { now, zone: TimeZone::get(&zone).map_err(|_| Problem::internal())? },
    };
    run(&app, &caller, body, &devices).await
}
