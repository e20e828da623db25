//! `DELETE /api-keys/{id}`

use crate::App;
use crate::auth::Caller;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// Revoke an API key: it stops to work at once, and stays in the list
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "API keys", operation_id = "revoke_api_key",
    params(("id" = String, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if database::api_key::revoke(&app.ledger, &caller, path_id(&id)?).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}
