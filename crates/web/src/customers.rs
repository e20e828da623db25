//! `GET /customers`

use crate::App;
use crate::auth::{Allowed, Caller};
use crate::paging::{Filters, Limit, Page, cursor, plain};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// A part of a name, or a rev_customer_id.
    #[serde(default, deserialize_with = "plain")]
    q: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Value>>, Problem> {
    let after = match cursor(query.cursor.as_deref())? {
        None => None,
        Some(text) => {
            // The id first: a name may hold anything.
            let (id, name) = text.split_once(' ').unwrap_or((&text, ""));
            let id = Uuid::parse_str(id)
                .map_err(|_| Problem::bad_request("CURSOR_INVALID", "This cursor is another list's."))?;
            Some((name.to_owned(), id))
        }
    };
    let rows = database::customer::list(
        &app.ledger,
        caller.tenant,
        query.q.as_deref(),
        allowed.sites().as_deref(),
        after,
        query.limit.and_one(),
    )
    .await?;
    Ok(Json(Page::cut(
        rows,
        query.limit,
        |row| format!("{} {}", row.id, row.name),
        |row| {
            json!({
                "id": row.id, "name": row.name, "kind": row.kind, "rev_customer_id": row.rev_customer_id, "closed": row.is_closed,
                "site": row.site.map(|(id, name)| json!({ "id": id, "name": name })), "devices": row.devices,
            })
        },
    )))
}
