//! The OAuth token (`thingspace.md` 1): the same one for an hour, whoever asks.

use super::lot::For;
use super::profile::Profile;
use super::refusal::Refusal;
use crate::call::{Answer, Call};
use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;

/// The header that names a revoked token (its name is inferred from the gateway's product).
const REVOKED: HeaderName = HeaderName::from_static("revokedaccesstoken");

/// The present token, if there is one, and how many there were.
#[derive(Debug, Default)]
pub(super) struct Token {
    value: Option<String>,
    issued: Option<Timestamp>,
    issues: u64,
}

impl Token {
    pub(super) fn expire(&mut self) {
        self.value = None;
    }

    /// How many seconds the token has left, if it is this one.
    pub(super) fn left(&self, value: &str, now: Timestamp, seconds: u32) -> Option<i64> {
        let issued = self.issued.filter(|_| self.value.as_deref() == Some(value))?;
        let left = i64::from(seconds) - now.duration_since(issued).as_secs();
        (left > 0 && left <= i64::from(seconds)).then_some(left)
    }
}

/// Whether a call's bearer token is the profile's present one.
pub(super) fn is_good(profile: &Profile, bearer: &str, now: Timestamp) -> bool {
    profile.token.left(bearer, now, profile.settings.token_seconds).is_some()
}

/// `POST /oauth2/token`; the client has been found by its Basic credentials.
pub(super) fn issue(profile: &mut Profile, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    grant(call)?;
    let seconds = profile.settings.token_seconds;
    let present = profile.token.value.clone();
    let left = present.as_deref().and_then(|value| profile.token.left(value, now, seconds));
    let (value, left) = match (present, left) {
        (Some(value), Some(left)) => (value, left),
        _ => {
            profile.token.issues += 1;
            let value = profile.lot.uuid(For::Token, &[profile.token.issues]).to_string();
            profile.token.value = Some(value.clone());
            profile.token.issued = Some(now);
            (value, i64::from(seconds))
        }
    };
    let expires_in = if profile.inferred.expires_in_is_what_is_left { left } else { i64::from(seconds) };
    let scope = field(call, "scope").unwrap_or_else(|| "default".to_owned());
    let body = json!({ "access_token": value, "scope": scope, "token_type": "Bearer", "expires_in": expires_in });
    let answer = Answer::json(StatusCode::OK, &body).with_header(header::CACHE_CONTROL, "no-store");
    Ok(answer.with_header(header::PRAGMA, "no-cache"))
}

/// `POST /oauth2/revoke`: an empty body, whatever the token was (RFC 7009, 2.2).
pub(super) fn revoke(profile: &mut Profile, call: &Call) -> Result<Answer, Refusal> {
    let Some(token) = field(call, "token") else {
        return Err(oauth(StatusCode::BAD_REQUEST, "invalid_request", "Missing token parameter value"));
    };
    let is_ours = profile.token.value.as_deref() == Some(token.as_str());
    if is_ours {
        profile.token.expire();
    }
    let mut answer = Answer::bytes(StatusCode::OK, "text/html", "").with_header(REVOKED, token);
    answer.applied = is_ours;
    Ok(answer)
}

fn grant(call: &Call) -> Result<(), Refusal> {
    match field(call, "grant_type").as_deref() {
        Some("client_credentials") => Ok(()),
        None | Some("") => Err(oauth(StatusCode::BAD_REQUEST, "invalid_request", "Missing grant_type parameter value")),
        Some(_) => Err(oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Unsupported grant_type value")),
    }
}

/// The client is not known, or its secret is wrong.
pub(super) fn unknown_client() -> Refusal {
    oauth(StatusCode::UNAUTHORIZED, "invalid_client", "Client Authentication failed.")
}

const fn oauth(status: StatusCode, error: &'static str, description: &'static str) -> Refusal {
    Refusal::OAuth { status, error, description }
}

/// A field of the form.
fn field(call: &Call, name: &str) -> Option<String> {
    let is_form = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form =
        is_form.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
    let mut fields = form_urlencoded::parse(if is_form { &call.body } else { b"" });
    fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
}
