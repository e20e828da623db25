//! Edits of one thing: `ETag` tells what it is now, `If-Match` what the caller last saw. Without it 428, with another 412
//! (RFC 9110, RFC 6585): nobody overwrites what they have not seen.

use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use database::written::{Edited, Written};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the caller last saw; None: `*`, whatever it is now.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "IF_MATCH_MISSING",
            "Send If-Match with the ETag that you last saw of this, or with *.",
        ));
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    // Of several, or a weak one, none is what we gave out.
    Ok(Some(text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or_default().to_owned()))
}

/// What an edit that did not go means.
pub(crate) fn edited(edited: Edited) -> Result<(), Problem> {
    match edited {
        Edited::Done => Ok(()),
        Edited::NotFound => Err(Problem::not_found()),
        Edited::Taken => Err(name_taken()),
        Edited::Moved => Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "CHANGED_MEANWHILE",
            "It is not what you last saw. Get it again, and decide again.",
        )),
    }
}

pub(crate) fn name_taken() -> Problem {
    Problem::new(StatusCode::CONFLICT, "NAME_TAKEN", "That name, code or number is taken.")
}

/// One new thing that was made, or whose name is taken.
pub(crate) fn made(written: &Written) -> Result<(), Problem> {
    if written.created == 1 { Ok(()) } else { Err(name_taken()) }
}

/// A thing with its ETag; 304 if the caller has it already.
pub(crate) fn shown<T: Serialize>(headers: &HeaderMap, etag: &str, thing: T) -> Response {
    let tag = format!("\"{etag}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let same = known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response = if same { StatusCode::NOT_MODIFIED.into_response() } else { Json(thing).into_response() };
    if let Ok(value) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// The same, just made.
pub(crate) fn created<T: Serialize>(location: &str, etag: &str, thing: T) -> Response {
    let mut response = shown(&HeaderMap::new(), etag, thing);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// A JSON body of at most 1 MiB: 400 if it is no JSON, 422 if it is not what is asked for.
pub(crate) fn body<T: DeserializeOwned>(bytes: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let bytes = bytes.map_err(|_| Problem::too_large("The body is larger than 1 MiB, or broke off."))?;
    let json: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| Problem::bad_request("JSON_INVALID", error.to_string()))?;
    serde_json::from_value(json)
        .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "REQUEST_INVALID", error.to_string()))
}

/// The longest name or code, in bytes.
const LONGEST: usize = 256;

/// A name as it is kept: trimmed, one line, not empty, at most 256 bytes.
pub(crate) fn name(field: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(Problem::field(field, "FIELD_INVALID", "A name is one line of 1 to 256 bytes."));
    }
    Ok(text.to_owned())
}

/// The same, if it is given.
pub(crate) fn optional_name(field: &str, text: Option<&str>) -> Result<Option<String>, Problem> {
    text.map(|text| name(field, text)).transpose()
}
