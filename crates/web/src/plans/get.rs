//! `GET /plans/{id}`

use super::Plan;
use crate::App;
use crate::auth::Caller;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};

/// One plan: what it would do, counted
#[utoipa::path(get, path = "/plans/{id}", tag = "Plans", operation_id = "get_plan", params(("id" = String, Path)),
    responses((status = OK, body = Plan)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Plan>, Problem> {
    let plan = database::bulk_change::get(&app.ledger, &caller, path_id(&id)?).await?;
    let plan = plan.ok_or_else(Problem::not_found)?;
    Ok(Json(super::show_whole(&app, &caller, &plan).await?))
}
