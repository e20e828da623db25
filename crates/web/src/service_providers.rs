//! `GET /service-providers`

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, id_cursor};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

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
    let rows = database::service_provider::list(&app.ledger, &caller, after, query.limit.and_one()).await?;
    Ok(Json(Page::cut(
        rows,
        query.limit,
        |row| row.id.to_string(),
        |row| json!({ "id": row.id, "name": row.name, "integration": row.integration, "write_enabled": row.write_enabled }),
    )))
}
