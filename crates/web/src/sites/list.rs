//! `GET /sites`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::paging::{Filters, Limit, Page, id_cursor, plain};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::site::Filter;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// A part of a name.
    #[serde(default, deserialize_with = "plain")]
    q: Option<String>,
    /// Only this customer's.
    customer: Option<Uuid>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// Sites, in the order of their ids
#[utoipa::path(get, path = "/sites", tag = "Sites", operation_id = "list_sites", params(Query),
    responses((status = OK, body = Page<Shown>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Shown>>, Problem> {
    let after = id_cursor(query.cursor.as_deref())?;
    let filter = Filter { id: None, q: query.q, customer: query.customer, sites: allowed.sites() };
    let rows = database::site::list(&app.ledger, caller.tenant, &filter, after, query.limit.and_one()).await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id.to_string(), show)))
}
