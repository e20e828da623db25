//! `POST /integration-authentications/{id}/credentials`: written, and never told.

use super::{Shown, show};
use crate::App;
use crate::account_fields::secrets;
use crate::auth::Caller;
use crate::edits::{body, shown};
use crate::paging::path_id;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::rev_io::{CREDENTIAL_FIELDS, CredentialRefusal};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What an account signs in with; what is not named stays. Never told again, by no request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is only the document's; the body is read so that no message repeats what was sent")]
pub(crate) struct NewCredentials {
    /// `username@clientcode`
    #[schema(min_length = 1, max_length = 512)]
    username: Option<String>,
    #[schema(min_length = 1, max_length = 512)]
    password: Option<String>,
    /// For `Ocp-Apim-Subscription-Key`; the older host has none.
    #[schema(min_length = 1, max_length = 512)]
    subscription_key: Option<String>,
}

/// Write the credentials of an account at Rev.io
#[utoipa::path(post, path = "/integration-authentications/{id}/credentials", tag = "Accounts at Rev.io",
    operation_id = "write_credentials", params(("id" = String, Path)), request_body = NewCredentials,
    responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    write(&app, &caller, &id, body(bytes)?).await?;
    let found = super::get::one(&app, &caller, &id).await?;
    Ok(shown(&HeaderMap::new(), &found.etag.clone(), show(found)))
}

/// Seals and keeps these credentials.
pub(crate) async fn write(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
    asked: Map<String, Value>,
) -> Result<(), Problem> {
    let id = path_id(id)?;
    let secrets = secrets(asked, &CREDENTIAL_FIELDS)?;
    let Some(ring) = &app.keys else { return Err(Problem::no_secret_key()) };
    match database::rev_io::keep_secrets(&app.ledger, caller, (ring, &app.ids), id, &secrets).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::not_found()),
        Err(CredentialRefusal::Database(error)) => Err(error.into()),
        Err(CredentialRefusal::Missing(_) | CredentialRefusal::Secret(..)) => Err(Problem::internal()),
    }
}
