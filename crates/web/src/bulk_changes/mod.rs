//! `/bulk-changes`: plans that were applied, and how far they are.

pub(crate) mod control;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod plan_again;
pub(crate) mod resolve;
pub(crate) mod results;
pub(crate) mod rows;

use crate::App;
use crate::auth::Allowed;
use crate::paging::path_id;
use crate::plans::{linked, provider};
use crate::problem::Problem;
use axum::http::StatusCode;
use database::api_key::Caller;
use database::bulk_change::BulkChange;
use serde_json::{Value, json};
use uuid::Uuid;

/// The id of a plan or change that the caller may see; to everybody else it is not there.
pub(crate) async fn visible(app: &App, caller: &Caller, id: &str) -> Result<Uuid, Problem> {
    let id = path_id(id)?;
    let found = database::bulk_change::get(&app.ledger, caller, id).await?;
    found.map(|_| id).ok_or_else(Problem::not_found)
}

/// What somebody wants to do to a change as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Apply it.
    Apply,
    /// Pause, resume, cancel it, or close rows of it.
    Control,
}

/// The id of a plan or change that the caller may see and touch, by its rights as they are now: the plan may be older than
/// they are, and somebody else's.
pub(crate) async fn touched(
    app: &App,
    caller: &Caller,
    allowed: &Allowed,
    id: &str,
    touch: Touch,
) -> Result<Uuid, Problem> {
    let found = database::bulk_change::get(&app.ledger, caller, path_id(id)?).await?;
    let change = found.ok_or_else(Problem::not_found)?;
    // A plan without a service provider has no row to change, and is refused for that.
    let may = change.integration.as_deref().is_none_or(|integration| match touch {
        Touch::Apply => allowed.0.may_assign_at(integration),
        Touch::Control => allowed.0.may_control_at(integration),
    });
    if !may {
        return Err(Problem::forbidden());
    }
    if let Some(sites) = allowed.sites()
        && database::bulk_change::reaches_beyond(&app.ledger, caller.tenant, change.id, &sites).await?
    {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "The plan reaches beyond the sites that this key is confined to now. Plan again.",
        ));
    }
    Ok(change.id.0)
}

/// A bulk change with its schedule and the others that came of the same input.
pub(crate) async fn show_whole(app: &App, caller: &Caller, change: &BulkChange) -> Result<Value, Problem> {
    let mut shown = show(change);
    shown["linked"] = linked(app, caller, change).await?;
    shown["schedule"] = json!(database::schedule::counts(&app.ledger, caller.tenant, change.id).await?);
    Ok(shown)
}

/// A bulk change as the API shows it. The counts travel with the status: "processed" never hides a failure.
pub(crate) fn show(change: &BulkChange) -> Value {
    json!({
        "id": change.id, "change_type": "CustomerAssignment", "status": change.status, "status_details": change.status_details,
        "counts": change.counts, "rows": change.rows, "no_change": change.no_change, "refused": change.refused,
        "service_provider": provider(&change.service_provider), "linked_to": change.linked_to, "start_at": change.start_at,
        "columns": change.input_columns,
        "request": change.request, "reference": change.reference, "retry_of": change.retry_of, "undo_of": change.undo_of, "input_name": change.input_name, "hash": change.hash,
        "created_at": change.created_at, "applied_at": change.applied_at, "started_at": change.started_at,
        "processed_date": change.processed_date, "finished": change.status.is_finished(),
    })
}
