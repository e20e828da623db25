//! `POST /bulk-changes/{id}/pause`, `…/resume`, `…/cancel`: a person's hand on a running change.

use super::{Touch, touched};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use database::control::{cancel_bulk_change, pause_bulk_change, resume_bulk_change};
use serde_json::Value;

pub(crate) async fn pause(
    caller: Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = touched(&app, &caller.0, &allowed, &id, Touch::Control).await?;
    pause_bulk_change(&app.ledger, &caller.0, change).await?;
    super::get::handle(caller, State(app), Path(id)).await
}

pub(crate) async fn resume(
    caller: Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = touched(&app, &caller.0, &allowed, &id, Touch::Control).await?;
    resume_bulk_change(&app.ledger, &caller.0, change).await?;
    super::get::handle(caller, State(app), Path(id)).await
}

pub(crate) async fn cancel(
    caller: Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = touched(&app, &caller.0, &allowed, &id, Touch::Control).await?;
    cancel_bulk_change(&app.ledger, &caller.0, change).await?;
    super::get::handle(caller, State(app), Path(id)).await
}
