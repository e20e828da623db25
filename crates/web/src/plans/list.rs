//! `GET /plans`: what is not applied, newest first.

use super::Plan;
use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, id_cursor};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::bulk_change::Stage;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// Plans that are not applied, newest first
#[utoipa::path(get, path = "/plans", tag = "Plans", operation_id = "list_plans", params(Query),
    responses((status = OK, body = Page<Plan>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Plan>>, Problem> {
    let after = id_cursor(query.cursor.as_deref())?;
    let rows = database::bulk_change::list(&app.ledger, &caller, Stage::Plan, after, query.limit.and_one()).await?;
    let budgets = super::outside::budgets(&app, &caller, &rows).await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id.to_string(), |row| super::show(&row, &budgets))))
}
