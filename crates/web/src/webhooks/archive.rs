//! `DELETE /webhooks/{id}`

use crate::App;
use crate::auth::Caller;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::webhook::Archived;

/// Archive a webhook: nothing more is sent to it, also not what is pending
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "Webhooks", operation_id = "archive_webhook",
    params(("id" = String, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    match database::webhook::archive(&app.ledger, &caller, path_id(&id)?).await? {
        Archived::Done => Ok(StatusCode::NO_CONTENT),
        Archived::NotFound => Err(Problem::not_found()),
    }
}
