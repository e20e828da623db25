//! `GET /plans/{id}`

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
    let plan = database::bulk_change::get(&app.ledger, &caller, path_id(&id)?).await?;
    let plan = plan.ok_or_else(Problem::not_found)?;
    Ok(Json(super::show_whole(&app, &caller, &plan).await?))
}
