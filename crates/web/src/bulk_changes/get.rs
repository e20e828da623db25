//! `GET /bulk-changes/{id}`; a plan that was not applied is not one yet.

use crate::App;
use crate::auth::Caller;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = database::bulk_change::get(&app.ledger, &caller, path_id(&id)?).await?;
    let change = change.filter(|change| !change.status.is_plan()).ok_or_else(Problem::not_found)?;
    Ok(Json(super::show_whole(&app, &caller, &change).await?))
}
