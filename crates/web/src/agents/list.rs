//! `GET /agents`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, id_cursor};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
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

/// Agent partners of the tenant, in the order of their ids, and how many devices each has of it
#[utoipa::path(get, path = "/agents", tag = "Agents", operation_id = "list_agents", params(Query),
    responses((status = OK, body = Page<Shown>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Shown>>, Problem> {
    let after = id_cursor(query.cursor.as_deref())?;
    let rows = database::agent::list(&app.ledger, caller.tenant, after, query.limit.and_one()).await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id.to_string(), show)))
}
