//! What proves that something has happened: 2xx and `{"ok":true,"id":N}` (`rev_io.md` C4), nothing less.

use crate::depth::{self, MOST_DEPTH};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What an answer must say of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// `ok` and the id of what was made.
    Created,
    /// `ok`, and if there is an id, that one.
    Changed {
        /// The object's id.
        id: i64,
        /// Whether nothing at all is enough: [`super::Inferred::empty_answer_proves_change`].
        empty_is_enough: bool,
    },
}

/// The object's id, or what is missing.
pub(super) fn of_write(text: &str, proof: Proof) -> Result<i64, &'static str> {
    if let Proof::Changed { id, empty_is_enough: true } = proof
        && text.trim().is_empty()
    {
        return Ok(id);
    }
    if !is_object(text) {
        return Err("the answer is not an object");
    }
    let answer: Written = serde_json::from_str(text).map_err(|_| "the answer is not JSON, or says a field twice")?;
    if answer.ok != Some(Value::Bool(true)) {
        return Err("the answer does not say ok");
    }
    // A fraction, a string or a number beyond i64 is not the id of anything.
    let positive = |id: Value| id.as_i64().filter(|id| *id > 0).ok_or("the answer's id is not a positive whole number");
    let said = answer.id.map(positive).transpose()?;
    match (proof, said) {
        (Proof::Created, Some(id)) => Ok(id),
        (Proof::Created, None) => Err("the answer has no id"),
        (Proof::Changed { id, .. }, said) if said.is_none_or(|said| said == id) => Ok(id),
        (Proof::Changed { .. }, _) => Err("the answer's id is another object's"),
    }
}

/// As a struct and not as a map: what says `ok` twice proves nothing, and a map would believe the last one.
#[derive(Deserialize)]
struct Written {
    ok: Option<Value>,
    id: Option<Value>,
}

/// serde reads a struct from an array too, by position; nothing of Rev.io's is meant so.
pub(super) fn is_object(text: &str) -> bool {
    depth::is_at_most(text, MOST_DEPTH) && text.trim_start().starts_with('{')
}

/// The object that was asked for by its id, or what is wrong with the answer.
pub(super) fn of_object<T: DeserializeOwned>(text: &str, id_field: &str, id: i64) -> Result<T, String> {
    if !is_object(text) {
        return Err("the answer is not an object".to_owned());
    }
    let answer: Map<String, Value> = serde_json::from_str(text).map_err(|error| without_values(&error))?;
    if answer.get("ok").is_some_and(|ok| ok != &Value::Bool(true)) {
        return Err("the answer does not say ok".to_owned());
    }
    if answer.get(id_field).and_then(Value::as_i64) != Some(id) {
        return Err(format!("the answer's {id_field} is not the one that was asked for"));
    }
    // From the text and not from the value: numbers in the value have lost digits.
    serde_json::from_str(text).map_err(|error| without_values(&error))
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

    const CHANGED: Proof = Proof::Changed { id: 7, empty_is_enough: false };

    #[test]
    fn a_creation_needs_ok_and_a_positive_whole_id() {
        assert_eq!(of_write(r#"{"ok":true,"id":9,"links":[]}"#, Proof::Created), Ok(9));
        for body in [
            "",
            "ok",
            "null",
            "[]",
            r#"[{"ok":true,"id":9}]"#,
            r#"{"ok":true}"#,
            r#"{"ok":true,"id":null}"#,
            r#"{"ok":true,"id":0}"#,
            r#"{"ok":true,"id":-9}"#,
            r#"{"ok":true,"id":9.0}"#,
            r#"{"ok":true,"id":"9"}"#,
            r#"{"ok":true,"id":99999999999999999999}"#,
            r#"{"ok":"true","id":9}"#,
            r#"{"ok":1,"id":9}"#,
            r#"{"id":9}"#,
            r#"{"ok":false,"id":9}"#,
            r#"{"ok":true,"id":9"#,
            r#"{"ok":true,"id":9} trailing"#,
            r#"{"ok":false,"ok":true,"id":9}"#,
            r#"{"ok":true,"id":8,"id":9}"#,
            "[true,9]",
        ] {
            assert!(of_write(body, Proof::Created).is_err(), "{body}");
        }
    }

    #[test]
    fn a_change_needs_ok_and_no_other_objects_id() {
        assert_eq!(of_write(r#"{"ok":true}"#, CHANGED), Ok(7));
        assert_eq!(of_write(r#"{"ok":true,"id":7}"#, CHANGED), Ok(7));
        for body in [r#"{"ok":true,"id":8}"#, r#"{"ok":false}"#, "", " ", r#"{"id":7}"#] {
            assert!(of_write(body, CHANGED).is_err(), "{body}");
        }
        let lax = Proof::Changed { id: 7, empty_is_enough: true };
        assert_eq!(of_write(" ", lax), Ok(7));
        assert!(of_write("<html>", lax).is_err());
    }

    #[test]
    fn a_complaint_does_not_quote_the_value() {
        let error = serde_json::from_str::<i64>(r#""ann@example.com""#).unwrap_err();
        assert_eq!(without_values(&error), "expected i64 at line 1 column 17");
    }

    proptest! {
        #[test]
        fn no_text_proves_a_write_unless_it_says_so(text in ".*") {
            prop_assert!(of_write(&text, Proof::Created).is_err());
            prop_assert!(of_write(&text, CHANGED).is_err());
        }

        #[test]
        fn a_truncated_proof_is_none(end in 0_usize..28) {
            let whole = r#"{"ok":true,"id":1234567,"a":1}"#;
            prop_assert!(of_write(&whole[..end], Proof::Created).is_err());
        }
    }
}
