//! What exists now, with how often each was made: a duplicate shows as an object that was made twice.

use super::{DEFAULT_LIMIT, MOST_LIMIT};
use crate::World;
use crate::rev_io::{Account, Kind};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which objects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    provider: Option<String>,
    account: Option<String>,
    kind: Option<String>,
    created_at_least: Option<u32>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Behind which object a page begins: places of the account and of the collection, and an id.
#[derive(Clone, Copy, Default)]
struct Place {
    account: usize,
    kind: usize,
    id: i64,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = Self {
            account: parts.next()?.parse().ok()?,
            kind: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(place)
    }
}

pub(crate) async fn objects(State(world): State<World>, Query(which): Query<Which>) -> Response {
    let kind = which.kind.as_deref().map(Kind::named);
    let place = which.cursor.as_deref().map_or(Some(Place::default()), Place::read);
    let provider = which.provider.as_deref().is_none_or(|provider| provider == "rev-io");
    let (Some(place), false, true) = (place, kind == Some(None), provider) else {
        let message = json!({ "message": "there is no such provider, kind or cursor" });
        return (StatusCode::BAD_REQUEST, Json(message)).into_response();
    };
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST_LIMIT);
    let mut items = world.rev_io(|state| found(state.accounts(), &which, kind.flatten(), place, limit + 1));
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|(place, _)| {
        let Place { account, kind, id } = place;
        format!("{account}.{kind}.{id}")
    });
    let items: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    Json(json!({ "items": items, "next_cursor": next_cursor })).into_response()
}

fn found(accounts: &[Account], which: &Which, only: Option<Kind>, from: Place, most: usize) -> Vec<(Place, Value)> {
    let mut items = Vec::new();
    for (account_place, account) in accounts.iter().enumerate().skip(from.account) {
        if which.account.as_ref().is_some_and(|wanted| *wanted != account.username) {
            continue;
        }
        for (kind_place, kind) in Kind::ALL.into_iter().enumerate() {
            let begun = (account_place, kind_place) == (from.account, from.kind);
            let passed = (account_place, kind_place) < (from.account, from.kind);
            if passed || only.is_some_and(|only| only != kind) {
                continue;
            }
            let after = if begun { from.id } else { 0 };
            let left = most.saturating_sub(items.len());
            let listed = account.shelf(kind).listed(after, left, which.created_at_least.unwrap_or(0));
            items.extend(listed.into_iter().map(|listed| {
                let place = Place { account: account_place, kind: kind_place, id: listed.id };
                let item = json!({
                    "provider": "rev-io", "account": account.username, "kind": kind.name(), "id": listed.id,
                    "natural_key": listed.natural_key, "times_created": listed.tally.created,
                    "open_alike": listed.tally.open, "open": listed.open, "born": listed.born,
                    "object": listed.object,
                });
                (place, item)
            }));
        }
    }
    items
}
