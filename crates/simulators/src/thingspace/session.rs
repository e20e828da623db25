//! Sessions (`thingspace.md` 1): a login opens one, every use keeps it open, twenty idle minutes end it.

use super::body;
use super::codes;
use super::lot::For;
use super::profile::Profile;
use super::refusal::Refusal;
use crate::call::{Answer, Call};
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// Open sessions and wrong logins.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// When each was used last.
    open: HashMap<String, Timestamp>,
    opened: u64,
    resets: u64,
    pub(super) wrong_logins: u32,
}

impl Sessions {
    pub(super) fn end_all(&mut self) {
        self.open.clear();
    }
}

#[derive(Deserialize)]
struct LogIn {
    username: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reset {
    old_password: Option<String>,
}

/// The session that a call is made in, whose idle time begins again.
pub(super) fn used(profile: &mut Profile, headers: &HeaderMap, now: Timestamp) -> Result<String, Refusal> {
    let token = headers.get("vz-m2m-token").and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default();
    if token.is_empty() {
        return Err(codes::SESSION_ABSENT.into());
    }
    if Uuid::try_parse(token).is_err() {
        return Err(codes::SESSION_INVALID.into());
    }
    let idle = i64::from(profile.settings.session_seconds);
    let Some(last) = profile.sessions.open.get_mut(token) else { return Err(codes::SESSION_EXPIRED.into()) };
    if now.duration_since(*last).as_secs() > idle {
        profile.sessions.open.remove(token);
        return Err(codes::SESSION_EXPIRED.into());
    }
    *last = now;
    Ok(token.to_owned())
}

/// `POST /session/login`.
pub(super) fn log_in(profile: &mut Profile, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let login: LogIn = body::read_with_any_signs(call)?;
    let username = login.username.ok_or_else(|| codes::Code::not_defined("Username"))?;
    let password = login.password.ok_or_else(|| codes::Code::not_defined("Password"))?;
    if profile.is_locked() {
        return Err(codes::LOCKED.into());
    }
    if username != profile.username || password != profile.password {
        profile.sessions.wrong_logins += 1;
        return Err(codes::WRONG_LOGIN.into());
    }
    let sessions = &mut profile.sessions;
    sessions.wrong_logins = 0;
    if profile.inferred.single_session {
        sessions.open.clear();
    }
    sessions.opened += 1;
    let token = profile.lot.uuid(For::Session, &[sessions.opened]).to_string();
    sessions.open.insert(token.clone(), now);
    Ok(Answer::json(StatusCode::OK, &json!({ "sessionToken": token })))
}

/// `POST /session/logout`.
pub(super) fn log_out(profile: &mut Profile, session: &str) -> Answer {
    profile.sessions.open.remove(session);
    Answer::json(StatusCode::OK, &json!({ "sessionToken": session }))
}

/// `PUT /session/password/actions/reset`: the carrier chooses the new password.
pub(super) fn reset_password(profile: &mut Profile, call: &Call) -> Result<Answer, Refusal> {
    let reset: Reset = body::read_with_any_signs(call)?;
    let old = reset.old_password.ok_or_else(|| codes::Code::not_defined("OldPassword"))?;
    if old != profile.password {
        return Err(codes::WRONG_PASSWORD.into());
    }
    profile.sessions.resets += 1;
    let drawn = profile.lot.uuid(For::Password, &[profile.sessions.resets]).simple().to_string();
    profile.password = format!("Aa1!{}", drawn.get(..12).unwrap_or(&drawn));
    let mut answer = Answer::json(StatusCode::OK, &json!({ "newPassword": profile.password }));
    answer.applied = true;
    Ok(answer)
}
