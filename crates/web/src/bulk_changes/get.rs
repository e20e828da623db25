//! `GET /bulk-changes/{id}`; a plan that was not applied is not one yet.

use super::Shown;
use crate::App;
use crate::auth::Caller;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};

/// One bulk change, with what waits for its date and the others that came of the same input
#[utoipa::path(get, path = "/bulk-changes/{id}", tag = "Bulk changes", operation_id = "get_bulk_change",
    params(("id" = String, Path)), responses((status = OK, body = Shown)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let change = database::bulk_change::get(&app.ledger, &caller, path_id(&id)?).await?;
    let change = change.filter(|change| !change.status.is_plan()).ok_or_else(Problem::not_found)?;
    Ok(Json(super::show_whole(&app, &caller, &change).await?))
}
