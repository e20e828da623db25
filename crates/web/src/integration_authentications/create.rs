//! `POST /integration-authentications`

use super::{Shown, show};
use crate::App;
use crate::account_fields::{address, limit};
use crate::auth::Caller;
use crate::edits::{body, created, name, name_taken};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use database::rev_io::NewAccount;
use domain::ids::IntegrationAuthenticationId;
use serde::Deserialize;
use utoipa::ToSchema;

/// An account at Rev.io that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIntegrationAuthentication {
    /// Unique in the tenant.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: String,
    /// `https://api.revioapi.com/v1`, or the older `https://restapi.rev.io/v1`. Without it nothing is read.
    pub(crate) base_url: Option<String>,
    /// What Rev.io allows; 500, if not said.
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub(crate) calls_per_minute: Option<i32>,
    /// What Rev.io allows; 150,000, if not said.
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub(crate) calls_per_day: Option<i32>,
}

/// Make an account at Rev.io known; its credentials come by a request of their own
#[utoipa::path(post, path = "/integration-authentications", tag = "Accounts at Rev.io", operation_id = "create_integration_authentication",
    request_body = NewIntegrationAuthentication,
    responses((status = CREATED, body = Shown, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = make(&app, &caller, body(bytes)?).await?;
    let found = super::get::one(&app, &caller, &id.to_string()).await?;
    Ok(created(&format!("/api/v1/integration-authentications/{id}"), &found.etag.clone(), show(found)))
}

/// Makes it; answers its id.
pub(crate) async fn make(
    app: &App,
    caller: &database::api_key::Caller,
    new: NewIntegrationAuthentication,
) -> Result<IntegrationAuthenticationId, Problem> {
    let id = IntegrationAuthenticationId(app.ids.next());
    let account = NewAccount {
        id,
        name: name("name", &new.name)?,
        base_url: address(&app.rev_io_hosts, new.base_url.as_deref())?,
        calls_per_minute: limit("calls_per_minute", new.calls_per_minute)?,
        calls_per_day: limit("calls_per_day", new.calls_per_day)?,
    };
    if !database::rev_io::create(&app.ledger, caller, &account).await? {
        return Err(name_taken());
    }
    Ok(id)
}
