//! `GET /devices`

use crate::App;
use crate::auth::{Allowed, Caller};
use crate::paging::{Filters, Limit, Page, id_cursor, plain};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::device::Filter;
use domain::iccid::Iccid;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    #[serde(default, deserialize_with = "plain")]
    iccid: Option<String>,
    customer: Option<Uuid>,
    #[serde(default, deserialize_with = "plain")]
    service_provider: Option<String>,
    #[serde(default, deserialize_with = "plain")]
    status: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Value>>, Problem> {
    let after = id_cursor(query.cursor.as_deref())?;
    let service_provider = match query.service_provider {
        None => None,
        Some(text) => match database::service_provider::named(&app.ledger, caller.tenant, &text).await? {
            Some(found) => Some(found.id.0),
            None => return Ok(Json(Page { items: Vec::new(), next_cursor: None })),
        },
    };
    // Spaces and quotes around a pasted ICCID are taken away as they are in a file.
    let iccid = query.iccid.map(|text| Iccid::read(&text).map_or(text, |iccid| iccid.as_str().to_owned()));
    let seen = if caller.m2m && caller.mobility {
        None
    } else {
        let seen = database::service_provider::list(&app.ledger, &caller, None, i64::MAX).await?;
        Some(seen.into_iter().map(|provider| provider.id.0).collect())
    };
    let filter = Filter {
        service_providers: seen,
        iccid,
        customer: query.customer,
        service_provider,
        status: query.status,
        sites: allowed.sites(),
    };
    let rows = database::device::list(&app.ledger, caller.tenant, &filter, after, query.limit.and_one()).await?;
    Ok(Json(Page::cut(
        rows,
        query.limit,
        |row| row.id.to_string(),
        |row| {
            json!({
                "id": row.id, "iccid": row.iccid, "msisdn": row.msisdn, "status": row.status, "active": row.active, "archived": row.archived,
                "service_provider": { "id": row.service_provider.0, "name": row.service_provider.1 },
                "customer": row.customer.map(|(id, name)| json!({ "id": id, "name": name })),
                "site": { "id": row.site.0, "name": row.site.1 },
                "customer_rate_plan": row.customer_rate_plan, "customer_rate_pool": row.customer_rate_pool,
                "customer_data_allocation_mb": row.allocation.map(domain::allocation::DataAllocation::megabytes),
                "rev_service": null,
            })
        },
    )))
}
