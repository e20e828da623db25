//! `GET /customers`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::paging::{Filters, Limit, Page, cursor, plain};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::customer::Customer;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// A part of a name, or a `rev_customer_id`.
    #[serde(default, deserialize_with = "plain")]
    q: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

/// Customers of both kinds, by name
#[utoipa::path(get, path = "/customers", tag = "Customers", operation_id = "list_customers", params(Query),
    responses((status = OK, body = Page<Shown>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Shown>>, Problem> {
    let after = after(query.cursor.as_deref())?;
    let (q, sites) = (query.q.as_deref(), allowed.sites());
    let limit = query.limit.and_one();
    let rows = database::customer::list(&app.ledger, caller.tenant, None, q, sites.as_deref(), after, limit).await?;
    Ok(Json(Page::cut(rows, query.limit, cursor_of, show)))
}

/// Where a page of customers goes on.
pub(crate) fn after(text: Option<&str>) -> Result<Option<(String, Uuid)>, Problem> {
    let Some(text) = cursor(text)? else { return Ok(None) };
    // The id first: a name may hold anything.
    let (id, name) = text.split_once(' ').unwrap_or((&text, ""));
    let id =
        Uuid::parse_str(id).map_err(|_| Problem::bad_request("CURSOR_INVALID", "This cursor is another list's."))?;
    Ok(Some((name.to_owned(), id)))
}

/// The cursor after this one.
pub(crate) fn cursor_of(row: &Customer) -> String {
    format!("{} {}", row.id, row.name)
}
