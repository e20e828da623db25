//! `POST /bulk-changes/{id}/pause`, `…/resume`, `…/cancel`: a person's hand on a running change.

use crate::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use database::control::{cancel_bulk_change, pause_bulk_change, resume_bulk_change};
use serde_json::Value;

pub(crate) async fn pause(
    caller: Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    pause_bulk_change(&app.ledger, &caller.0, super::visible(&app, &caller.0, &id).await?).await?;
    super::get::handle(caller, State(app), Path(id)).await
}

pub(crate) async fn resume(
    caller: Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    resume_bulk_change(&app.ledger, &caller.0, super::visible(&app, &caller.0, &id).await?).await?;
    super::get::handle(caller, State(app), Path(id)).await
}

pub(crate) async fn cancel(
    caller: Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    cancel_bulk_change(&app.ledger, &caller.0, super::visible(&app, &caller.0, &id).await?).await?;
    super::get::handle(caller, State(app), Path(id)).await
}
