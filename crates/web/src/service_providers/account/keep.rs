//! `PUT /service-providers/{id}/account`

use super::{Shown, own, shown_now};
use crate::App;
use crate::account_fields::{address, limit};
use crate::auth::Caller;
use crate::edits::{body, created, edited, if_match, optional_name, shown};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::carrier::{CarrierAccountEdit, Kept};
use database::written::Edited;
use domain::ids::ServiceProviderId;
use serde::Deserialize;
use utoipa::ToSchema;

/// What an account at a carrier is to be; what is not named stays, or has its default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeepCarrierAccount {
    /// Such as `https://thingspace.verizon.com/api`, at a host that the installation names; a new account needs it.
    pub(crate) base_url: Option<String>,
    /// The account's name at the carrier, such as `0000123456-00001`; a new account needs it.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) account_name: Option<String>,
    /// What the carrier allows; 100, if it was never said.
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub(crate) calls_per_minute: Option<i32>,
    /// What the carrier allows; 100,000, if it was never said.
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub(crate) calls_per_day: Option<i32>,
    /// Send nothing to it; or go on, also after it refused our credentials.
    pub(crate) paused: Option<bool>,
}

/// Make the account at a carrier behind a service provider (`If-Match: *`), move it, pace it, pause it
#[utoipa::path(put, path = "/service-providers/{id}/account", tag = "Accounts at carriers", operation_id = "keep_carrier_account",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = KeepCarrierAccount,
    responses((status = OK, body = Shown, headers(("ETag" = String))),
        (status = CREATED, body = Shown, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let etag = if_match(&headers)?;
    let (provider, kept) = keep(&app, &caller, &id, etag.as_deref(), body(bytes)?).await?;
    let (etag, account) = shown_now(&app, &caller, provider).await?;
    Ok(match kept {
        Kept::Made => created(&format!("/api/v1/service-providers/{provider}/account"), &etag, account),
        _ => shown(&HeaderMap::new(), &etag, account),
    })
}

/// Makes or changes the account of this service provider, if it is what was last seen; with nothing seen, whatever it is now.
pub(crate) async fn keep(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
    seen: Option<&str>,
    asked: KeepCarrierAccount,
) -> Result<(ServiceProviderId, Kept), Problem> {
    let edit = CarrierAccountEdit {
        base_url: address(&app.carrier_hosts, asked.base_url.as_deref())?,
        account_name: optional_name("account_name", asked.account_name.as_deref())?,
        calls_per_minute: limit("calls_per_minute", asked.calls_per_minute)?,
        calls_per_day: limit("calls_per_day", asked.calls_per_day)?,
        paused: asked.paused,
    };
    let provider = own(app, caller, id).await?;
    let kept = database::carrier::keep(&app.ledger, caller, provider, seen, &edit).await?;
    match kept {
        Kept::Made | Kept::Changed => {}
        Kept::Moved => edited(Edited::Moved)?,
        Kept::NotFound => return Err(Problem::not_found()),
        Kept::Missing(field) => {
            return Err(Problem::field(field, "FIELD_MISSING", "A new account needs its address and its name."));
        }
    }
    Ok((provider, kept))
}
