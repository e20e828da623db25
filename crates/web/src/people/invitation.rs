//! `POST /people/{id}/invitation`

use super::edit::of_the_partner;
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::secret_token::SecretToken;
use serde::Serialize;
use utoipa::ToSchema;

/// A link that sets a password.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// Hand it to them, and to nobody else: whoever opens it sets the password. It works once, for seven days.
    invitation: String,
}

/// Make another link that sets the password; those before stop to work, the password they have goes on until it is used
#[utoipa::path(post, path = "/people/{id}/invitation", tag = "People", operation_id = "invite_person",
    params(("id" = String, Path)), responses((status = CREATED, body = Invitation)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let invitation = invite(&app, &caller, &allowed, &id).await?;
    let mut response = (StatusCode::CREATED, Json(Invitation { invitation })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Makes a link for one of the tenant's own people.
pub(crate) async fn invite(
    app: &App,
    caller: &database::api_key::Caller,
    allowed: &Allowed,
    id: &str,
) -> Result<String, Problem> {
    let person = super::get::one(app, caller, id).await?;
    if !person.own {
        return Err(of_the_partner());
    }
    // Whoever has the link is that person: nobody makes one for somebody who may do more.
    if !allowed.0.role.may_give(person.role) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Their role may do more than yours."));
    }
    let link = SecretToken::new(&app.ids);
    if database::person::invitation::make(&app.ledger, caller, person.id, &link).await? {
        Ok(app.people.invitation_link(&link))
    } else {
        Err(Problem::new(StatusCode::CONFLICT, "PERSON_DEACTIVATED", "They were deactivated; activate them first."))
    }
}
