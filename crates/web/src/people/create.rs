//! `POST /people`

use super::{Shown, reach, role, show, site_not_found};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::edits::{body, name};
use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use database::person::{Made, NewPerson};
use domain::email::Email;
use domain::ids::{ApiKeyId, PersonId};
use domain::secret_token::SecretToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody who is to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPerson)]
pub(crate) struct New {
    /// What they will sign in with; one address is one person's in the whole installation.
    #[schema(min_length = 3, max_length = 254)]
    pub(crate) email: String,
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: String,
    /// `super_admin`, `partner_admin`, `agent_partner_admin`, `agent`, `user` or `notification_only`; at most your own.
    pub(crate) role: String,
    /// Confines them to these sites; not said: the whole tenant.
    #[schema(max_items = 1000)]
    pub(crate) sites: Option<Vec<Uuid>>,
    /// Confines them to the sites of these groups, whatever they become, besides `sites`.
    #[schema(max_items = 100)]
    pub(crate) site_groups: Option<Vec<Uuid>>,
}

/// Somebody who was added, with the link that sets the password, which is told this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewPersonShown {
    #[serde(flatten)]
    about: Shown,
    /// Hand it to them, and to nobody else: whoever opens it sets the password. It works once, for seven days.
    invitation: String,
}

/// Add somebody; the link that sets the password is in the answer, once
#[utoipa::path(post, path = "/people", tag = "People", operation_id = "create_person", request_body = New,
    responses((status = CREATED, body = NewPersonShown)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (id, link) = add(&app, &caller, &allowed, body(bytes)?).await?;
    let about = show(super::get::one(&app, &caller, &id.to_string()).await?);
    let mut response = (StatusCode::CREATED, Json(NewPersonShown { about, invitation: link })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Adds somebody; answers their id and the link.
pub(crate) async fn add(
    app: &App,
    caller: &database::api_key::Caller,
    allowed: &Allowed,
    new: New,
) -> Result<(PersonId, String), Problem> {
    let email = Email::read(&new.email)
        .ok_or_else(|| Problem::field("email", "FIELD_INVALID", "This is no e-mail address."))?;
    let (role, called) = (role(allowed, &new.role)?, name("name", &new.name)?);
    let (sites, site_groups) = reach(new.sites, new.site_groups)?;
    let (id, link) = (PersonId(app.ids.next()), SecretToken::new(&app.ids));
    let person = NewPerson {
        id,
        role_id: ApiKeyId(app.ids.next()),
        email: &email,
        name: &called,
        role,
        sites: sites.as_deref(),
        site_groups: &site_groups,
    };
    match database::person::keep::add(&app.ledger, caller, &person, &link).await? {
        Made::Done => Ok((id, app.people.invitation_link(&link))),
        Made::Taken => Err(Problem::new(
            StatusCode::CONFLICT,
            "EMAIL_TAKEN",
            "Somebody signs in with this address already, in this tenant or another.",
        )),
        Made::SiteNotFound => Err(site_not_found()),
    }
}
