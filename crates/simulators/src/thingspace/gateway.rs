//! What stands before the platform: the application's credentials (`thingspace.md` 1).

use super::ThingSpace;
use super::paths::{OAUTH, PLATFORM};
use super::profile::Profile;
use super::refusal::Refusal;
use super::token;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

/// Tells whose application calls, by its key or by its token. Paths that are no API want no credentials (inferred).
pub(super) fn admit(
    state: &ThingSpace,
    path: &str,
    headers: &HeaderMap,
    now: Timestamp,
) -> (Option<String>, Result<(), Refusal>) {
    let profile = if path.starts_with(OAUTH) {
        by_key(state, headers)
    } else if path.starts_with(PLATFORM) {
        by_token(state, headers, now)
    } else {
        return (None, Err(Refusal::no_such_api()));
    };
    match profile {
        Ok(profile) => (Some(profile.username.clone()), Ok(())),
        Err(refusal) => (None, Err(refusal)),
    }
}

fn by_key<'a>(state: &'a ThingSpace, headers: &HeaderMap) -> Result<&'a Profile, Refusal> {
    let encoded = credentials(headers, "basic").ok_or_else(Refusal::missing_credentials)?;
    let decoded = BASE64_STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (key, secret) = pair.ok_or_else(token::unknown_client)?;
    let found = state.profiles().iter().find(|profile| profile.key == key && profile.secret == secret);
    found.ok_or_else(token::unknown_client)
}

/// Another scheme than Bearer is the "wrong authentication" that is answered with 403 (inferred).
fn by_token<'a>(state: &'a ThingSpace, headers: &HeaderMap, now: Timestamp) -> Result<&'a Profile, Refusal> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Err(Refusal::missing_credentials());
    }
    let bearer = credentials(headers, "bearer").ok_or(Refusal::Forbidden)?;
    let found = state.profiles().iter().find(|profile| token::is_good(profile, bearer, now));
    found.ok_or_else(Refusal::invalid_credentials)
}

fn credentials<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim())
}
