//! `GET /audit`

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, cursor, plain};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::audit::{AuditEntry, Filter};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Of this plan or bulk change.
    bulk_change: Option<Uuid>,
    /// Of this kind, such as `plan_applied`.
    #[serde(default, deserialize_with = "plain")]
    action: Option<String>,
    /// By this actor, such as `api_key:<id>`.
    #[serde(default, deserialize_with = "plain")]
    actor: Option<String>,
    /// From this moment on.
    since: Option<Timestamp>,
    /// Before this moment.
    until: Option<Timestamp>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// One entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct Shown {
    /// Grows, with gaps.
    id: i64,
    at: Timestamp,
    /// `api_key:<id>`, `worker:<id>` or `ascribe`.
    actor: String,
    action: String,
    #[schema(required)]
    bulk_change_id: Option<Uuid>,
    #[schema(required)]
    chunk_number: Option<i32>,
    #[schema(value_type = Object)]
    detail: Value,
    /// SHA-256 over the rows that it speaks of, hexadecimal.
    #[schema(required)]
    digest: Option<String>,
}

/// The audit trail, newest first
#[utoipa::path(get, path = "/audit", tag = "Audit", operation_id = "list_audit", params(Query),
    responses((status = OK, body = Page<Shown>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Shown>>, Problem> {
    let after = after(query.cursor.as_deref())?;
    let filter = Filter {
        bulk_change: query.bulk_change,
        action: query.action,
        actor: query.actor,
        since: query.since,
        until: query.until,
    };
    let rows = database::audit::list(&app.ledger, caller.tenant, &filter, after, query.limit.and_one()).await?;
    Ok(Json(Page::cut(rows, query.limit, cursor_of, show)))
}

fn show(entry: AuditEntry) -> Shown {
    Shown {
        id: entry.id,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        bulk_change_id: entry.bulk_change,
        chunk_number: entry.chunk_number,
        detail: entry.detail,
        digest: entry.digest,
    }
}

/// Where a page of the trail goes on.
pub(crate) fn after(text: Option<&str>) -> Result<Option<(i64, i64)>, Problem> {
    let invalid = || Problem::bad_request("CURSOR_INVALID", "This cursor is another list's.");
    let Some(text) = cursor(text)? else { return Ok(None) };
    let (made_in, id) = text.split_once(' ').ok_or_else(invalid)?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(invalid);
    Ok(Some((number(made_in)?, number(id)?)))
}

/// The cursor after this one.
pub(crate) fn cursor_of(row: &AuditEntry) -> String {
    format!("{} {}", row.made_in, row.id)
}
