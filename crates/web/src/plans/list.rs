//! `GET /plans`: what is not applied, newest first.

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, id_cursor};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::bulk_change::Stage;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Value>>, Problem> {
    let after = id_cursor(query.cursor.as_deref())?;
    let rows = database::bulk_change::list(&app.ledger, &caller, Stage::Plan, after, query.limit.and_one()).await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id.to_string(), |row| super::show(&row))))
}
