//! Lists: `{items, next_cursor}`, keyset cursors that nobody needs to understand, and filters of which none is ignored.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// The query of a list. An unknown field is refused: a filter that is ignored shows too much.
pub(crate) struct Filters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Filters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(filters)) => Ok(Self(filters)),
            Err(rejection) => Err(Problem::bad_request("QUERY_INVALID", rejection.body_text())),
        }
    }
}

/// Text of a filter: without control characters, which PostgreSQL could not even compare.
pub(crate) fn plain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    match text {
        Some(text) if text.len() > 256 || text.chars().any(char::is_control) => {
            Err(serde::de::Error::custom("a filter is too long or holds control characters"))
        }
        Some(text) if text.is_empty() => Ok(None),
        text => Ok(text),
    }
}

/// How many items a page has: 1 to 1,000, 100 if not said.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, Self::Error> {
        if (1..=1_000).contains(&limit) { Ok(Self(limit)) } else { Err("limit is from 1 to 1000") }
    }
}

impl Limit {
    /// One more than is shown: whether it comes tells whether there is a next page.
    pub(crate) const fn and_one(self) -> i64 {
        self.0 as i64 + 1
    }
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Send it as `cursor` to get the next page; null: this is the last one.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many there are on all pages; only if `include_total` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<i64>,
    /// Whether that is all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_is: Option<TotalIs>,
}

/// How far a total was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TotalIs {
    /// Everything was counted.
    Exact,
    /// Counting stopped at 10,000.
    AtLeast,
}

/// `include_total`: counting a large list takes time, so it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IncludeTotal {
    /// Counts up to 10,000.
    Estimate,
    /// Counts to the end.
    Exact,
}

/// Where an estimate stops counting.
const FAR_ENOUGH: i64 = 10_000;

impl IncludeTotal {
    /// How many are counted at most; none: all.
    pub(crate) const fn most(self) -> Option<i64> {
        match self {
            Self::Estimate => Some(FAR_ENOUGH),
            Self::Exact => None,
        }
    }
}

impl<T> Page<T> {
    /// A list that has one page.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None, total: None, total_is: None }
    }

    /// Cuts the one row too many off, and makes the cursor from the last row that is shown.
    pub(crate) fn cut<R>(mut rows: Vec<R>, limit: Limit, key: impl Fn(&R) -> String, show: impl Fn(R) -> T) -> Self {
        let more = rows.len() > limit.0 as usize;
        rows.truncate(limit.0 as usize);
        let next_cursor = rows.last().filter(|_| more).map(|row| hex::encode(key(row)));
        Self { items: rows.into_iter().map(show).collect(), next_cursor, total: None, total_is: None }
    }

    /// The page with what was counted, if it was.
    pub(crate) fn with_total(mut self, counted: Option<i64>, asked: Option<IncludeTotal>) -> Self {
        let stopped = |total| asked.and_then(IncludeTotal::most).is_some_and(|most| total >= most);
        self.total = counted;
        self.total_is = counted.map(|total| if stopped(total) { TotalIs::AtLeast } else { TotalIs::Exact });
        self
    }
}

/// What a cursor says.
pub(crate) fn cursor(text: Option<&str>) -> Result<Option<String>, Problem> {
    let invalid = || {
        Problem::new(StatusCode::BAD_REQUEST, "CURSOR_INVALID", "This cursor is not one that a list of ours gave out.")
    };
    text.filter(|text| !text.is_empty())
        .map(|text| {
            hex::decode(text)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|t| !t.contains('\0'))
                .ok_or_else(invalid)
        })
        .transpose()
}

/// A cursor that is an id.
pub(crate) fn id_cursor(text: Option<&str>) -> Result<Option<Uuid>, Problem> {
    cursor(text)?
        .map(|text| {
            Uuid::parse_str(&text)
                .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "CURSOR_INVALID", "This cursor is another list's."))
        })
        .transpose()
}

/// An id in a path; text that is none names nothing.
pub(crate) fn path_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::not_found())
}
