//! The carrier's support, which no API reaches: `GET /support/thingspace` shows each profile's settings and whether its user
//! is locked, `PATCH /support/thingspace/{user}` changes settings and inferred behaviours by name (`{"settings": {"delay":
//! {"from": 0, "to": 0}}, "inferred": {"single_session": true}}`), `POST /support/thingspace/{user}/unlock` unlocks, and
//! `POST /support/thingspace/{user}/end-sessions` and `…/expire-token` end what a client has.

use super::inferred::Inferred;
use super::profile::Profile;
use super::settings::Settings;
use crate::World;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn shown(profile: &Profile) -> Value {
    json!({
        "username": profile.username, "locked": profile.is_locked(), "settings": profile.settings,
        "inferred": profile.inferred,
    })
}

pub(crate) async fn list(State(world): State<World>) -> Json<Value> {
    let profiles: Vec<Value> = world.thingspace(|state| state.profiles().iter().map(shown).collect());
    Json(json!({ "items": profiles }))
}

/// All of it is changed or nothing.
pub(crate) async fn change(
    State(world): State<World>,
    Path(username): Path<String>,
    Json(patch): Json<Value>,
) -> Response {
    let known =
        patch.as_object().is_some_and(|fields| fields.keys().all(|name| name == "settings" || name == "inferred"));
    world.thingspace(|state| {
        let Some(profile) = state.profile_mut(&username) else { return StatusCode::NOT_FOUND.into_response() };
        let settings: Result<Settings, _> = merged(&profile.settings, patch.get("settings"));
        let inferred: Result<Inferred, _> = merged(&profile.inferred, patch.get("inferred"));
        match (known, settings, inferred) {
            (true, Ok(settings), Ok(inferred)) => {
                (profile.settings, profile.inferred) = (settings, inferred);
                Json(shown(profile)).into_response()
            }
            (false, ..) => refusal("there are settings and inferred"),
            (_, Err(error), _) | (_, _, Err(error)) => refusal(&error.to_string()),
        }
    })
}

fn merged<T: Serialize + DeserializeOwned>(present: &T, patch: Option<&Value>) -> Result<T, serde_json::Error> {
    let mut merged = serde_json::to_value(present)?;
    let patch = patch.and_then(Value::as_object).into_iter().flatten();
    for (name, value) in patch {
        if let Some(fields) = merged.as_object_mut() {
            fields.insert(name.clone(), value.clone());
        }
    }
    serde_json::from_value(merged)
}

fn refusal(message: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "message": message }))).into_response()
}

pub(crate) async fn act(State(world): State<World>, Path((username, act)): Path<(String, String)>) -> StatusCode {
    let act = match act.as_str() {
        "unlock" => Profile::unlock,
        "end-sessions" => Profile::end_sessions,
        "expire-token" => Profile::expire_token,
        _ => return StatusCode::NOT_FOUND,
    };
    world.thingspace(|state| match state.profile_mut(&username) {
        Some(profile) => {
            act(profile);
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    })
}
