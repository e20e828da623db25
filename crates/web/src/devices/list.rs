//! `GET /devices`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::paging::{Filters, IncludeTotal, Limit, Page, id_cursor, plain};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::device::Filter;
use domain::iccid::Iccid;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// This ICCID; spaces and quotes around it are taken away.
    #[serde(default, deserialize_with = "plain")]
    iccid: Option<String>,
    /// Only this customer's.
    customer: Option<Uuid>,
    /// Only at this service provider, by name or id.
    #[serde(default, deserialize_with = "plain")]
    service_provider: Option<String>,
    /// With this status, the carrier's word.
    #[serde(default, deserialize_with = "plain")]
    status: Option<String>,
    /// Adds `total`: counted up to 10,000, or to the end.
    #[param(inline)]
    include_total: Option<IncludeTotal>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// Devices, in the order of their ids
#[utoipa::path(get, path = "/devices", tag = "Devices", operation_id = "list_devices", params(Query),
    responses((status = OK, body = Page<Shown>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Shown>>, Problem> {
    let after = id_cursor(query.cursor.as_deref())?;
    let service_provider = match query.service_provider {
        None => None,
        Some(text) => match database::service_provider::named(&app.ledger, caller.tenant, &text).await? {
            Some(found) => Some(found.id.0),
            None => {
                let none = Page::whole(Vec::new());
                return Ok(Json(none.with_total(query.include_total.map(|_| 0), query.include_total)));
            }
        },
    };
    // Spaces and quotes around a pasted ICCID are taken away as they are in a file.
    let iccid = query.iccid.map(|text| Iccid::read(&text).map_or(text, |iccid| iccid.as_str().to_owned()));
    let filter = Filter {
        id: None,
        iccid,
        customer: query.customer,
        service_provider,
        status: query.status,
        among: None,
        service_providers: seen(&app, &caller).await?,
        sites: allowed.sites(),
    };
    let rows = database::device::list(&app.ledger, caller.tenant, &filter, after, query.limit.and_one()).await?;
    let total = match query.include_total {
        None => None,
        Some(asked) => Some(database::device::count(&app.ledger, caller.tenant, &filter, asked.most()).await?),
    };
    Ok(Json(Page::cut(rows, query.limit, |row| row.id.to_string(), show).with_total(total, query.include_total)))
}

/// The service providers that the caller may see, if those are not all.
pub(crate) async fn seen(app: &App, caller: &database::api_key::Caller) -> Result<Option<Vec<Uuid>>, Problem> {
    if caller.m2m && caller.mobility {
        return Ok(None);
    }
    let seen = database::service_provider::list(&app.ledger, caller, None, i64::MAX).await?;
    Ok(Some(seen.into_iter().map(|provider| provider.id.0).collect()))
}
