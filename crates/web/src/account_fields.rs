//! What accounts at Rev.io and at carriers are written with: addresses, limits of calls, and secrets that are told to nobody.

use crate::problem::Problem;
use axum::http::StatusCode;
use domain::provider_address::admitted;
use secrecy::SecretString;
use serde_json::{Map, Value};

/// An address that is taken, at one of these hosts, without a slash at its end.
pub(crate) fn address(hosts: &[String], text: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim().trim_end_matches('/');
    admitted(text, hosts).map_err(|why| Problem::field("base_url", "FIELD_INVALID", format!("The address {why}.")))?;
    Ok(Some(text.to_owned()))
}

/// A limit of calls that makes sense.
pub(crate) fn limit(field: &str, calls: Option<i32>) -> Result<Option<i32>, Problem> {
    match calls {
        Some(calls) if !(1..=10_000_000).contains(&calls) => {
            Err(Problem::field(field, "FIELD_INVALID", "A limit is from 1 to 10,000,000 calls."))
        }
        calls => Ok(calls),
    }
}

/// The secrets of a body that may name these fields. What is wrong is said without what was sent.
pub(crate) fn secrets(
    mut body: Map<String, Value>,
    fields: &[&'static str],
) -> Result<Vec<(&'static str, SecretString)>, Problem> {
    let mut secrets = Vec::new();
    for field in fields {
        let invalid = || Problem::field(field, "FIELD_INVALID", "A credential is text, one line of 1 to 512 bytes.");
        match body.remove(*field) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if (1..=512).contains(&text.len()) && !text.chars().any(char::is_control) => {
                secrets.push((*field, SecretString::from(text)));
            }
            Some(_) => return Err(invalid()),
        }
    }
    if !body.is_empty() {
        let detail = format!("Credentials are {}; something else was sent.", fields.join(", "));
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "REQUEST_INVALID", detail));
    }
    Ok(secrets)
}
