//! `/bulk-changes`: plans that were applied, and how far they are.

pub(crate) mod control;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod plan_again;
pub(crate) mod resolve;
pub(crate) mod results;
pub(crate) mod results_workbook;
pub(crate) mod rows;

use crate::App;
use crate::auth::Allowed;
use crate::paging::path_id;
use crate::plans::{InputColumn, LinkedChange, columns, linked, provider};
use crate::problem::Problem;
use crate::shape::Named;
use axum::http::StatusCode;
use database::api_key::Caller;
use database::bulk_change::BulkChange;
use domain::states::BulkChangeStatus;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
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

/// How the rows of a bulk change stand: planned = ok + failed + skipped + cancelled + needs_attention + to_do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkChangeCounts {
    planned: i32,
    ok: i32,
    failed: i32,
    skipped: i32,
    cancelled: i32,
    needs_attention: i32,
    to_do: i32,
}

/// What waits for its effective date, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleCounts {
    pending: i64,
    applied: i64,
    superseded: i64,
    cancelled: i64,
    failed: i64,
}

/// What may be done with it now, as far as its state tells.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Can {
    pub(crate) pause: bool,
    pub(crate) resume: bool,
    pub(crate) cancel: bool,
    pub(crate) retry: bool,
    pub(crate) undo: bool,
    pub(crate) resolve: bool,
}

/// A plan that was applied, and how far it is. The counts travel with the status: "processed" never hides a failure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkChange)]
pub(crate) struct Shown {
    /// As its plan's.
    id: Uuid,
    change_type: &'static str,
    /// `NEW`, `SCHEDULED`, `PROCESSING`, `PAUSED`, `PROCESSED`, `ERROR` or `CANCELLED`.
    status: String,
    #[schema(required)]
    status_details: Option<String>,
    counts: BulkChangeCounts,
    /// Rows of the input.
    rows: i32,
    no_change: i32,
    refused: i32,
    #[schema(required)]
    service_provider: Option<Named>,
    /// The one that has the upload of which this is a part.
    #[schema(required)]
    linked_to: Option<Uuid>,
    /// The others that came of the same input; only where one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    linked: Option<Vec<LinkedChange>>,
    /// Only where one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ScheduleCounts>,
    #[schema(required)]
    start_at: Option<Timestamp>,
    columns: Vec<InputColumn>,
    /// What was asked for.
    #[schema(value_type = Object)]
    request: Value,
    #[schema(required)]
    reference: Option<String>,
    #[schema(required)]
    retry_of: Option<Uuid>,
    #[schema(required)]
    undo_of: Option<Uuid>,
    #[schema(required)]
    input_name: Option<String>,
    #[schema(required)]
    hash: Option<String>,
    created_at: Timestamp,
    #[schema(required)]
    applied_at: Option<Timestamp>,
    #[schema(required)]
    started_at: Option<Timestamp>,
    #[schema(required)]
    processed_date: Option<Timestamp>,
    /// Is nothing left to do?
    finished: bool,
    /// Until it is finished: ask again after so many milliseconds.
    #[schema(required)]
    poll_after_ms: Option<u32>,
    pub(crate) can: Can,
}

/// A bulk change with its schedule and the others that came of the same input.
pub(crate) async fn show_whole(app: &App, caller: &Caller, change: &BulkChange) -> Result<Shown, Problem> {
    let counts = database::schedule::counts(&app.ledger, caller.tenant, change.id).await?;
    let schedule = counts.map(|counts| ScheduleCounts {
        pending: counts.pending,
        applied: counts.applied,
        superseded: counts.superseded,
        cancelled: counts.cancelled,
        failed: counts.failed,
    });
    let mut shown = show(change);
    shown.can.cancel |= schedule.as_ref().is_some_and(|schedule| schedule.pending > 0);
    Ok(Shown { linked: Some(linked(app, caller, change).await?), schedule, ..shown })
}

/// A bulk change as the API shows it.
pub(crate) fn show(change: &BulkChange) -> Shown {
    let (c, finished) = (&change.counts, change.status.is_finished());
    let runs =
        matches!(change.status, BulkChangeStatus::New | BulkChangeStatus::Scheduled | BulkChangeStatus::Processing);
    let paused = change.status == BulkChangeStatus::Paused;
    Shown {
        id: change.id.0,
        change_type: "CustomerAssignment",
        status: change.status.word().to_owned(),
        status_details: change.status_details.clone(),
        can: Can {
            pause: runs,
            resume: paused,
            cancel: runs || paused,
            retry: finished && c.failed + c.skipped + c.cancelled > 0,
            undo: finished && c.ok > 0,
            resolve: c.needs_attention > 0,
        },
        counts: BulkChangeCounts {
            planned: c.planned,
            ok: c.ok,
            failed: c.failed,
            skipped: c.skipped,
            cancelled: c.cancelled,
            needs_attention: c.needs_attention,
            to_do: c.to_do,
        },
        rows: change.rows,
        no_change: change.no_change,
        refused: change.refused,
        service_provider: provider(&change.service_provider),
        linked_to: change.linked_to.map(|id| id.0),
        linked: None,
        schedule: None,
        start_at: change.start_at,
        columns: columns(&change.input_columns),
        request: change.request.clone(),
        reference: change.reference.clone(),
        retry_of: change.retry_of.map(|id| id.0),
        undo_of: change.undo_of.map(|id| id.0),
        input_name: change.input_name.clone(),
        hash: change.hash.clone(),
        created_at: change.created_at,
        applied_at: change.applied_at,
        started_at: change.started_at,
        processed_date: change.processed_date,
        finished,
        poll_after_ms: (!finished).then_some(500),
    }
}
