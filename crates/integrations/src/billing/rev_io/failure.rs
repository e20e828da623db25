//! The three shapes of a failure (`rev_io.md` C4): an array is the application's, an object the gateway's, and the rest
//! is text.

use crate::depth::{self, MOST_DEPTH};
use serde_json::{Map, Value};

/// What a failed call's body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// `[{ok: false, error, message, …}, …]`, or one such object alone (inferred: what the exact object looks like is
    /// open, but `ok` is the application's word and not the gateway's).
    Application { code: Option<String>, message: String },
    /// `{statusCode, message}`.
    Gateway { status: Option<i64>, message: String },
    /// HTML, prose, nothing, or JSON of another shape.
    Text(String),
}

impl Failure {
    /// Array, then object, then text. Never fails.
    pub(super) fn read(text: &str) -> Self {
        let value = if depth::is_at_most(text, MOST_DEPTH) { serde_json::from_str(text).ok() } else { None };
        let read = match &value {
            Some(Value::Array(errors)) => application(errors),
            Some(Value::Object(error)) if is_not_ok(error) => Some(one(error)),
            Some(Value::Object(error)) => gateway(error),
            _ => None,
        };
        read.unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// The words in it.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Application { message, .. } | Self::Gateway { message, .. } | Self::Text(message) => message,
        }
    }
}

/// Every element must be an error; half a list of errors is not one that we know.
fn application(errors: &[Value]) -> Option<Failure> {
    let errors: Option<Vec<&Map<String, Value>>> =
        errors.iter().map(|error| error.as_object().filter(|error| is_not_ok(error))).collect();
    let errors = errors.filter(|errors| !errors.is_empty())?;
    let code = errors.iter().find_map(|error| words(error, "error"));
    let messages: Vec<String> = errors.iter().map(|error| one(error).message().to_owned()).collect();
    Some(Failure::Application { code, message: messages.join("; ") })
}

fn one(error: &Map<String, Value>) -> Failure {
    let code = words(error, "error");
    let message = words(error, "message").or_else(|| code.clone()).unwrap_or_default();
    Failure::Application { code, message }
}

fn gateway(error: &Map<String, Value>) -> Option<Failure> {
    let message = words(error, "message")?;
    Some(Failure::Gateway { status: error.get("statusCode").and_then(Value::as_i64), message })
}

fn is_not_ok(error: &Map<String, Value>) -> bool {
    error.get("ok") == Some(&Value::Bool(false))
}

fn words(error: &Map<String, Value>, field: &str) -> Option<String> {
    match error.get(field)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        // An object within may be the record itself; it is kept with the exchange, where what is personal is cut.
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn application(code: Option<&str>, message: &str) -> Failure {
        Failure::Application { code: code.map(str::to_owned), message: message.to_owned() }
    }

    fn gateway(status: Option<i64>, message: &str) -> Failure {
        Failure::Gateway { status, message: message.to_owned() }
    }

    #[test]
    fn the_shapes_are_told_apart() {
        for (body, expected) in [
            (r#"[{"ok":false,"error":"E1","message":"no","more":1}]"#, application(Some("E1"), "no")),
            (
                r#"[{"ok":false,"message":"a"},{"ok":false,"error":"E2","message":"b"}]"#,
                application(Some("E2"), "a; b"),
            ),
            (r#"[{"ok":false,"error":{"email":"a@b.c"}}]"#, application(None, "")),
            (r#"[{"ok":false,"error":17}]"#, application(Some("17"), "17")),
            (r#"[{"ok":false,"error":null,"message":""}]"#, application(None, "")),
            (r#"{"ok":false,"error":"E1","message":"no"}"#, application(Some("E1"), "no")),
            (r#"{"statusCode":429,"message":"slow"}"#, gateway(Some(429), "slow")),
            (r#"{"message":"An error has occurred."}"#, gateway(None, "An error has occurred.")),
        ] {
            assert_eq!(Failure::read(body), expected, "{body}");
        }
    }

    #[test]
    fn what_has_no_known_shape_is_text() {
        for body in [
            "",
            "Internal Server Error",
            "<html><body>504</body></html>",
            "[]",
            "[1]",
            "null",
            "\"no\"",
            "{}",
            r#"{"ok":true,"id":5}"#,
            r#"[{"ok":true,"message":"fine"}]"#,
            r#"[{"ok":false,"message":"no"},{"ok":true}]"#,
            r#"[{"ok":false,"message":"no"},7]"#,
            r#"{"statusCode":400}"#,
            r#"{"statusCode":400,"message":"trunc"#,
        ] {
            assert_eq!(Failure::read(body), Failure::Text(body.to_owned()));
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(Failure::read(&deep), Failure::Text(deep.clone()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in ".*") {
            let _ = Failure::read(&text).message();
        }
    }
}
