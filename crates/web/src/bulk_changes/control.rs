//! `POST /bulk-changes/{id}/pause`, `…/resume`, `…/cancel`: a person's hand on a running change.

use super::{Shown, Touch, touched};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use database::control::{cancel_bulk_change, pause_bulk_change, resume_bulk_change};

/// Pause: no further chunk begins; one that is being settled is finished
#[utoipa::path(post, path = "/bulk-changes/{id}/pause", tag = "Bulk changes", operation_id = "pause_bulk_change",
    params(("id" = String, Path)), responses((status = OK, body = Shown)))]
pub(crate) async fn pause(
    caller: Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let change = touched(&app, &caller.0, &allowed, &id, Touch::Control).await?;
    pause_bulk_change(&app.ledger, &caller.0, change).await?;
    super::get::handle(caller, State(app), Path(id)).await
}

/// Resume what was paused
#[utoipa::path(post, path = "/bulk-changes/{id}/resume", tag = "Bulk changes", operation_id = "resume_bulk_change",
    params(("id" = String, Path)), responses((status = OK, body = Shown)))]
pub(crate) async fn resume(
    caller: Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let change = touched(&app, &caller.0, &allowed, &id, Touch::Control).await?;
    resume_bulk_change(&app.ledger, &caller.0, change).await?;
    super::get::handle(caller, State(app), Path(id)).await
}

/// Cancel what has not begun, and what waits for its date; what is done stays done
#[utoipa::path(post, path = "/bulk-changes/{id}/cancel", tag = "Bulk changes", operation_id = "cancel_bulk_change",
    params(("id" = String, Path)), responses((status = OK, body = Shown)))]
pub(crate) async fn cancel(
    caller: Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let change = touched(&app, &caller.0, &allowed, &id, Touch::Control).await?;
    cancel_bulk_change(&app.ledger, &caller.0, change).await?;
    super::get::handle(caller, State(app), Path(id)).await
}
