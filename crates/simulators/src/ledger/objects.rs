//! What exists now, with how often each was made: a duplicate shows as an object that was made twice.

use super::{DEFAULT_LIMIT, MOST_LIMIT};
use crate::World;
use crate::rev_io::{Account, Kind};
use crate::thingspace::{self, objects};
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

/// Where a page begins: somewhere in Rev.io, behind which all of ThingSpace follows, or somewhere in ThingSpace.
enum Cursor {
    RevIo(Place),
    ThingSpace(objects::Place),
}

impl Cursor {
    fn read(text: &str) -> Option<Self> {
        match text.strip_prefix("thingspace.") {
            Some(rest) => {
                let Place { account, kind, id } = Place::read(rest)?;
                Some(Self::ThingSpace(objects::Place { profile: account, kind, id }))
            }
            None => Place::read(text).map(Self::RevIo),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::RevIo(Place { account, kind, id }) => format!("{account}.{kind}.{id}"),
            Self::ThingSpace(objects::Place { profile, kind, id }) => format!("thingspace.{profile}.{kind}.{id}"),
        }
    }
}

/// A kind that is asked for: at which provider it is.
fn kinds(which: &Which) -> Option<(Option<Kind>, Option<usize>, [bool; 2])> {
    let at = match which.provider.as_deref() {
        None => [true, true],
        Some("rev-io") => [true, false],
        Some(thingspace::NAME) => [false, true],
        Some(_) => return None,
    };
    let Some(name) = which.kind.as_deref() else { return Some((None, None, at)) };
    let rev_io = Kind::named(name).filter(|_| at[0]);
    let other = objects::KINDS.iter().position(|kind| kind.eq_ignore_ascii_case(name)).filter(|_| at[1]);
    (rev_io.is_some() || other.is_some()).then_some((rev_io, other, [rev_io.is_some(), other.is_some()]))
}

pub(crate) async fn objects(State(world): State<World>, Query(which): Query<Which>) -> Response {
    let cursor = which.cursor.as_deref().map_or(Some(Cursor::RevIo(Place::default())), Cursor::read);
    let (Some(cursor), Some((rev_kind, thingspace_kind, at))) = (cursor, kinds(&which)) else {
        let message = json!({ "message": "there is no such provider, kind or cursor" });
        return (StatusCode::BAD_REQUEST, Json(message)).into_response();
    };
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST_LIMIT);
    let mut items: Vec<(Cursor, Value)> = Vec::new();
    let mut from = objects::Place::default();
    match cursor {
        Cursor::RevIo(place) if at[0] => {
            let found = world.rev_io(|state| found(state.accounts(), &which, rev_kind, place, limit + 1));
            items.extend(found.into_iter().map(|(place, item)| (Cursor::RevIo(place), item)));
        }
        Cursor::RevIo(_) => {}
        Cursor::ThingSpace(place) => from = place,
    }
    if at[1] && items.len() <= limit {
        let created_at_least = which.created_at_least.unwrap_or(0);
        let wanted = objects::Wanted { account: which.account.as_deref(), kind: thingspace_kind, created_at_least };
        let (left, now) = (limit + 1 - items.len(), world.now());
        let found = world.thingspace(|state| objects::found(state, &wanted, from, left, now));
        items.extend(found.into_iter().map(|(place, item)| (Cursor::ThingSpace(place), item)));
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|(cursor, _)| cursor.written());
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
