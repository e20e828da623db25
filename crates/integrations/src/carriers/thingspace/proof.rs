//! What proves that something was taken or read: 200 and what only the platform says (`thingspace.md` 2), nothing less.

use crate::depth::{self, MOST_DEPTH};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The longest request id that is believed. Samples are UUIDs, which have 36 characters.
const MOST_REQUEST_ID: usize = 64;

/// The id of a request that was accepted: 200 and a `requestId` that can be one.
pub(super) fn request_id(status: u16, text: &str) -> Result<String, String> {
    if status != 200 {
        return Err("an accepted request is answered by 200".to_owned());
    }
    let accepted: Accepted = object(text)?;
    let Some(Value::String(id)) = accepted.request_id else { return Err("the answer has no requestId".to_owned()) };
    if is_request_id(&id) { Ok(id) } else { Err("the answer's requestId is none".to_owned()) }
}

/// Letters, digits and hyphens, with a digit or a letter at least.
pub(super) fn is_request_id(id: &str) -> bool {
    id.len() <= MOST_REQUEST_ID
        && id.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// As a struct and not as a map: what says it twice proves nothing, and a map would believe the last one.
#[derive(Deserialize)]
struct Accepted {
    #[serde(rename = "requestId")]
    request_id: Option<Value>,
}

/// An object of that kind. serde reads a struct from an array too, by position; nothing of ThingSpace's is meant so.
pub(super) fn object<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if !depth::is_at_most(text, MOST_DEPTH) || !text.trim_start().starts_with('{') {
        return Err("the answer is not an object".to_owned());
    }
    serde_json::from_str(text).map_err(|error| without_values(&error))
}

/// An array of objects of that kind.
pub(super) fn array<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    if !depth::is_at_most(text, MOST_DEPTH) || !text.trim_start().starts_with('[') {
        return Err("the answer is not an array".to_owned());
    }
    let values: Vec<Value> = serde_json::from_str(text).map_err(|error| without_values(&error))?;
    let objects = values.into_iter().map(|value| {
        if !value.is_object() {
            return Err("the answer's array holds something that is no object".to_owned());
        }
        serde_json::from_value(value).map_err(|error| without_values(&error))
    });
    objects.collect()
}

/// serde's complaint without the value it complains about, which may be personal.
pub(super) fn without_values(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "595f5c44-c31c-4552-8670-020a1545a84d";

    #[test]
    fn acceptance_needs_200_and_a_request_id() {
        assert_eq!(request_id(200, &format!(r#"{{"requestId":"{ID}"}}"#)).as_deref(), Ok(ID));
        assert_eq!(request_id(200, &format!(r#" {{"more":1,"requestId":"{ID}"}}"#)).as_deref(), Ok(ID));
        for status in [201, 202, 204, 299] {
            assert!(request_id(status, &format!(r#"{{"requestId":"{ID}"}}"#)).is_err(), "{status}");
        }
        for body in [
            "",
            "ok",
            "null",
            "[]",
            "{}",
            r#"[{"requestId":"1"}]"#,
            r#"["595f5c44"]"#,
            r#"{"requestId":null}"#,
            r#"{"requestId":""}"#,
            r#"{"requestId":" "}"#,
            r#"{"requestId":"-"}"#,
            r#"{"requestId":5}"#,
            r#"{"requestId":"a b"}"#,
            r#"{"requestId":"a\"b"}"#,
            r#"{"requestId":"x"} trailing"#,
            r#"{"requestId":"x","requestId":"y"}"#,
            r#"{"requestID":"x"}"#,
        ] {
            assert!(request_id(200, body).is_err(), "{body}");
        }
        assert!(request_id(200, &format!(r#"{{"requestId":"{}"}}"#, "a".repeat(65))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_proves_acceptance_unless_it_says_so(text in "\\PC*") {
            prop_assert!(request_id(200, &text).is_err());
            let _ = (object::<Value>(&text), array::<Value>(&text));
        }

        #[test]
        fn a_truncated_proof_is_none(end in 0_usize..51) {
            let whole = format!(r#"{{"requestId":"{ID}"}}"#);
            prop_assert!(request_id(200, &whole[..end]).is_err());
        }
    }
}
