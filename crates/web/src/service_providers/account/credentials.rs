//! `POST /service-providers/{id}/account/credentials`: written, and never told.

use super::{Shown, own, shown_now};
use crate::App;
use crate::account_fields::secrets;
use crate::auth::Caller;
use crate::edits::{body, shown};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::carrier::CARRIER_CREDENTIAL_FIELDS;
use database::rev_io::CredentialRefusal;
use domain::ids::ServiceProviderId;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What an account at a carrier signs in with; what is not named stays. Never told again, by no request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is only the document's; the body is read so that no message repeats what was sent")]
pub(crate) struct NewCarrierCredentials {
    /// The application's key at the carrier.
    #[schema(min_length = 1, max_length = 512)]
    key: Option<String>,
    /// The application's secret.
    #[schema(min_length = 1, max_length = 512)]
    secret: Option<String>,
    /// The user that calls are made for.
    #[schema(min_length = 1, max_length = 512)]
    username: Option<String>,
    #[schema(min_length = 1, max_length = 512)]
    password: Option<String>,
}

/// Write the credentials of the account at a carrier behind a service provider
#[utoipa::path(post, path = "/service-providers/{id}/account/credentials", tag = "Accounts at carriers",
    operation_id = "write_carrier_credentials", params(("id" = String, Path)), request_body = NewCarrierCredentials,
    responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let provider = write(&app, &caller, &id, body(bytes)?).await?;
    let (etag, account) = shown_now(&app, &caller, provider).await?;
    Ok(shown(&HeaderMap::new(), &etag, account))
}

/// Seals and keeps these credentials.
pub(crate) async fn write(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
    asked: Map<String, Value>,
) -> Result<ServiceProviderId, Problem> {
    let secrets = secrets(asked, &CARRIER_CREDENTIAL_FIELDS)?;
    let provider = own(app, caller, id).await?;
    let Some(ring) = &app.keys else { return Err(Problem::no_secret_key()) };
    match database::carrier::keep_secrets(&app.ledger, caller, (ring, &app.ids), provider, &secrets).await {
        Ok(true) => {}
        Ok(false) => return Err(Problem::not_found()),
        Err(CredentialRefusal::Database(error)) => return Err(error.into()),
        Err(CredentialRefusal::Missing(_) | CredentialRefusal::Secret(..)) => return Err(Problem::internal()),
    }
    Ok(provider)
}
