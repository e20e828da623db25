//! Who is asking: an API key, which belongs to one tenant. Missing, mistyped, unknown, revoked and expired are one answer.

use crate::App;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::api_key::ApiKey;

/// The caller of a request.
pub(crate) struct Caller(pub(crate) database::api_key::Caller);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let text = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, key) = text.split_once(' ').unwrap_or_default();
        let key = scheme.eq_ignore_ascii_case("bearer").then(|| ApiKey::read(key.trim())).flatten();
        let Some(key) = key else { return Err(Problem::unauthorized()) };
        match database::api_key::caller(&app.ledger, &key).await? {
            Some(caller) => Ok(Self(caller)),
            None => {
                tracing::warn!(key = key.shown(), "a key that is unknown, revoked or expired");
                Err(Problem::unauthorized())
            }
        }
    }
}
