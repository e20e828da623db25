//! `GET /people`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, id_cursor, plain};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// A part of a name or an address.
    #[serde(default, deserialize_with = "plain")]
    q: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// People, in the order of their ids; also those who were deactivated
#[utoipa::path(get, path = "/people", tag = "People", operation_id = "list_people", params(Query),
    responses((status = OK, body = Page<Shown>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Shown>>, Problem> {
    let after = id_cursor(query.cursor.as_deref())?;
    let (q, limit) = (query.q.as_deref(), query.limit.and_one());
    let rows = database::person::list::list(&app.ledger, caller.tenant, None, q, after, limit).await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id.to_string(), show)))
}
