//! `GET /ledger/callbacks`: what providers told on their own, in order, with every attempt.

use super::{DEFAULT_LIMIT, MOST_LIMIT};
use crate::World;
use crate::thingspace::objects::{self, Place};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which callbacks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    account: Option<String>,
    request: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

fn place(cursor: &str) -> Option<Place> {
    let (profile, id) = cursor.split_once('.')?;
    Some(Place { profile: profile.parse().ok()?, kind: 0, id: id.parse().ok()? })
}

pub(crate) async fn callbacks(State(world): State<World>, Query(which): Query<Which>) -> Response {
    let Some(from) = which.cursor.as_deref().map_or(Some(Place::default()), place) else {
        let message = json!({ "message": "there is no such cursor" });
        return (StatusCode::BAD_REQUEST, Json(message)).into_response();
    };
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST_LIMIT);
    let (account, request) = (which.account.as_deref(), which.request.as_deref());
    let (mut items, untold) = world.thingspace(|state| {
        let untold: u64 = state.profiles().iter().map(|profile| profile.callbacks.untold()).sum();
        (objects::callbacks(state, account, request, from, limit + 1), untold)
    });
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|(Place { profile, id, .. }, _)| format!("{profile}.{id}"));
    let items: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    Json(json!({ "items": items, "next_cursor": next_cursor, "untold": untold })).into_response()
}
