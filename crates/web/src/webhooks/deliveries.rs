//! `GET /webhooks/{id}/deliveries`

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, cursor};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use database::webhook::Delivery;
use domain::states::WebhookDeliveryStatus;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Only these.
    #[param(value_type = Option<String>)]
    status: Option<WebhookDeliveryStatus>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// One event for one webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct Shown {
    /// Its `webhook-id`, the same with every try.
    id: Uuid,
    event: String,
    /// Of which plan or change; null: a test.
    #[schema(required)]
    bulk_change: Option<Uuid>,
    /// Counts the events of one change for this webhook, from 1; they are delivered in this order.
    seq: i32,
    /// `PENDING`, `DELIVERED`, `FAILED` or `CANCELLED`.
    status: String,
    created_at: Timestamp,
    /// Null: it is over.
    #[schema(required)]
    next_attempt_at: Option<Timestamp>,
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// The last try's; null: there was none yet, or no answer came.
    #[schema(required)]
    http_status: Option<i16>,
    /// Why the last try had no answer.
    #[schema(required)]
    error: Option<String>,
    /// Every try, first to last.
    attempts: Vec<AttemptShown>,
}

/// One try of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub(crate) struct AttemptShown {
    at: Timestamp,
    /// Null: no answer came.
    #[schema(required)]
    http_status: Option<i16>,
    #[schema(required)]
    error: Option<String>,
}

/// What a webhook was told, newest first, with every try; kept for thirty days
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "Webhooks", operation_id = "list_webhook_deliveries",
    params(("id" = String, Path), Query), responses((status = OK, body = Page<Shown>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Shown>>, Problem> {
    let found = super::get::one(&app, &caller, &id).await?;
    let before = cursor(query.cursor.as_deref())?
        .map(|text| text.parse::<i64>())
        .transpose()
        .map_err(|_| Problem::bad_request("CURSOR_INVALID", "This cursor is another list's."))?;
    let status = query.status.map(WebhookDeliveryStatus::word);
    let (tenant, limit) = (caller.tenant, query.limit.and_one());
    let rows = database::webhook::deliveries(&app.ledger, tenant, found.id.0, status, before, limit).await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.number.to_string(), show)))
}

fn show(delivery: Delivery) -> Shown {
    let last = delivery.attempts.last();
    Shown {
        http_status: last.and_then(|last| last.http_status),
        error: last.and_then(|last| last.error.clone()),
        id: delivery.id,
        event: delivery.event,
        bulk_change: delivery.bulk_change,
        seq: delivery.seq,
        status: delivery.status,
        created_at: delivery.created_at,
        next_attempt_at: delivery.next_attempt_at,
        ended_at: delivery.ended_at,
        attempts: delivery
            .attempts
            .into_iter()
            .map(|one| AttemptShown { at: one.at, http_status: one.http_status, error: one.error })
            .collect(),
    }
}
