//! `GET /devices/{id}/timeline`

use crate::App;
use crate::auth::{Allowed, Caller};
use crate::paging::{Filters, Limit, Page, cursor};
use crate::problem::Problem;
use crate::shape::Named;
use axum::Json;
use axum::extract::{Path, State};
use database::device::{Happened, What, timeline};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// One thing that happened to a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimelineEntry {
    at: Timestamp,
    #[serde(flatten)]
    what: TimelineWhat,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum TimelineWhat {
    /// A bulk change made the assignment this.
    Assignment {
        bulk_change_id: Uuid,
        row: i32,
        /// When a schedule came due, and not when the change was settled.
        by_schedule: bool,
        #[schema(required)]
        customer: Option<Named>,
        site: Named,
        #[schema(required)]
        customer_rate_plan: Option<String>,
        #[schema(required)]
        customer_rate_pool: Option<String>,
        /// In MB.
        #[schema(required)]
        customer_data_allocation_mb: Option<String>,
        #[schema(required)]
        effective_date: Option<Date>,
    },
    /// The carrier's word for its state became another.
    Status {
        #[schema(required)]
        before: Option<String>,
        after: String,
    },
}

/// What happened to a device, newest first: each assignment, and each change of its state at the carrier
#[utoipa::path(get, path = "/devices/{id}/timeline", tag = "Devices", operation_id = "get_device_timeline",
    params(("id" = String, Path), Query), responses((status = OK, body = Page<TimelineEntry>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<TimelineEntry>>, Problem> {
    let device = super::get::one(&app, &caller, &allowed, &id).await?;
    let after = match cursor(query.cursor.as_deref())? {
        None => None,
        Some(text) => {
            let (at, key) = text.split_once(' ').unwrap_or((&text, ""));
            let at = at
                .parse::<Timestamp>()
                .map_err(|_| Problem::bad_request("CURSOR_INVALID", "This cursor is another list's."))?;
            Some((at, key.to_owned()))
        }
    };
    let (sites, limit) = (allowed.sites(), query.limit.and_one());
    let rows = timeline(&app.ledger, caller.tenant, device.id.0, sites.as_deref(), after, limit).await?;
    Ok(Json(Page::cut(rows, query.limit, |row| format!("{} {}", row.at, row.key), show)))
}

fn show(happened: Happened) -> TimelineEntry {
    let named = |(id, name): (Uuid, String)| Named { id, name };
    let what = match happened.what {
        What::Assigned {
            bulk_change,
            row,
            by_schedule,
            customer,
            site,
            customer_rate_plan,
            customer_rate_pool,
            allocation,
            effective_date,
        } => TimelineWhat::Assignment {
            bulk_change_id: bulk_change,
            row,
            by_schedule,
            customer: customer.map(named),
            site: named(site),
            customer_rate_plan,
            customer_rate_pool,
            customer_data_allocation_mb: allocation,
            effective_date,
        },
        What::Status { before, after } => TimelineWhat::Status { before, after },
    };
    TimelineEntry { at: happened.at, what }
}
