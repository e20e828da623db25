//! `GET /integration-authentications/{id}`

use super::{ShownWithMirror, show, show_reading};
use crate::App;
use crate::auth::Caller;
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::rev_io::Account;

/// One account at Rev.io, how far it was read, and its ETag
#[utoipa::path(get, path = "/integration-authentications/{id}", tag = "Accounts at Rev.io", operation_id = "get_integration_authentication",
    params(("id" = String, Path)), responses((status = OK, body = ShownWithMirror, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = one(&app, &caller, &id).await?;
    let etag = found.etag.clone();
    // How far it was read moves while the account stays what it is: never 304.
    Ok(shown(&HeaderMap::new(), &etag, with_mirror(&app, &caller, found).await?))
}

pub(crate) async fn with_mirror(
    app: &App,
    caller: &database::api_key::Caller,
    account: Account,
) -> Result<ShownWithMirror, Problem> {
    let left = database::rev_io::left_today(&app.ledger, caller.tenant, account.id.0).await?;
    let readings = database::rev_io::progress(&app.ledger, caller.tenant, account.id).await?;
    Ok(ShownWithMirror {
        account: show(account),
        calls_left_today: left.map_or(0, |(left, _)| left),
        mirror: readings.into_iter().map(show_reading).collect(),
    })
}

pub(crate) async fn one(app: &App, caller: &database::api_key::Caller, id: &str) -> Result<Account, Problem> {
    let id = path_id(id)?;
    let all = database::rev_io::accounts(&app.ledger, caller.tenant).await?;
    all.into_iter().find(|account| account.id.0 == id).ok_or_else(Problem::not_found)
}
