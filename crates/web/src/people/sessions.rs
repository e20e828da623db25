//! `GET /people/{id}/sessions` and `POST /people/{id}/sessions/end`: where somebody is signed in, and ending it.

use super::edit::of_the_partner;
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::paging::Page;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::person::PersonKey;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One browser in which somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    id: Uuid,
    created_at: Timestamp,
    /// To the minute.
    last_seen_at: Timestamp,
    /// From where it began.
    address: String,
    /// As the browser says.
    user_agent: String,
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ended {
    ended: u64,
}

/// Where somebody is signed in, newest first
#[utoipa::path(get, path = "/people/{id}/sessions", tag = "People", operation_id = "list_sessions",
    params(("id" = String, Path)), responses((status = OK, body = Page<Session>)))]
pub(crate) async fn list(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Page<Session>>, Problem> {
    let person = super::get::one(&app, &caller, &id).await?;
    if !person.own {
        return Err(of_the_partner());
    }
    let key = PersonKey { tenant: caller.tenant, person: person.id };
    let sessions = database::person::session::list(&app.ledger, key, app.people.limits()).await?;
    let one = |session: database::person::session::Listed| Session {
        id: session.id,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        address: session.address,
        user_agent: session.user_agent,
    };
    Ok(Json(Page::whole(sessions.into_iter().map(one).collect())))
}

/// Sign somebody out everywhere, at once
#[utoipa::path(post, path = "/people/{id}/sessions/end", tag = "People", operation_id = "end_sessions",
    params(("id" = String, Path)), responses((status = OK, body = Ended)))]
pub(crate) async fn end(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Ended>, Problem> {
    Ok(Json(Ended { ended: end_all(&app, &caller, &allowed, &id).await? }))
}

/// Ends every session of one of the tenant's own people.
pub(crate) async fn end_all(
    app: &App,
    caller: &database::api_key::Caller,
    allowed: &Allowed,
    id: &str,
) -> Result<u64, Problem> {
    let person = super::get::one(app, caller, id).await?;
    if !allowed.0.role.may_give(person.role) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Their role may do more than yours."));
    }
    database::person::keep::end_sessions(&app.ledger, caller, person.id).await?.ok_or_else(of_the_partner)
}
