//! JSON Patch (RFC 6902) as far as Rev.io's objects need it: flat fields and `/fields/{index}/value` (`rev_io.md` C5).

use super::object::Object;
use super::refusal::Refusal;
use crate::call::Call;
use axum::http::header;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A step of a patch. `move` and `copy` are not taken.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Step {
    Add { path: String, value: Value },
    Replace { path: String, value: Value },
    Remove { path: String },
    Test { path: String, value: Value },
}

/// What may be changed, and what may be said besides.
pub(crate) struct Allowed<'a> {
    pub(crate) fields: &'a [&'a str],
    /// Names that are no fields but belong to the change, as `effective_date`.
    pub(crate) besides: &'a [&'a str],
}

/// The steps in a call's body.
pub(crate) fn steps(call: &Call, content_type_required: bool) -> Result<Vec<Step>, Refusal> {
    let content_type = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let named = content_type.and_then(|content_type| content_type.split(';').next()).unwrap_or_default().trim();
    if content_type_required && !named.eq_ignore_ascii_case("application/json-patch+json") {
        return Err(Refusal::invalid("The content type must be application/json-patch+json."));
    }
    serde_json::from_slice(&call.body).map_err(|error| Refusal::invalid(format!("This is no JSON Patch: {error}")))
}

/// The object after the patch, and what was said besides. All steps are done or none.
pub(crate) fn patched<T: Object>(
    before: &T,
    steps: &[Step],
    allowed: &Allowed<'_>,
) -> Result<(T, Map<String, Value>), Refusal> {
    let invalid = |error: serde_json::Error| Refusal::invalid(error.to_string());
    let original = serde_json::to_value(before).map_err(invalid)?;
    let mut document = original.clone();
    if let Value::Object(fields) = &mut document {
        fields.extend(allowed.besides.iter().map(|name| ((*name).to_owned(), Value::Null)));
    }
    for step in steps {
        take(&mut document, step)?;
    }
    let Value::Object(mut fields) = document else { return Err(Refusal::invalid("An object must stay an object.")) };
    let besides = allowed.besides.iter().filter_map(|name| fields.remove_entry(*name)).collect();
    let touched = |name: &&String| original.get(name.as_str()) != fields.get(name.as_str());
    let names = original.as_object().into_iter().flat_map(Map::keys).chain(fields.keys());
    if let Some(name) = names.filter(touched).find(|name| !allowed.fields.contains(&name.as_str())) {
        return Err(Refusal::rule(format!("{name} cannot be changed.")));
    }
    let after = serde_json::from_value(Value::Object(fields)).map_err(invalid)?;
    Ok((after, besides))
}

fn take(document: &mut Value, step: &Step) -> Result<(), Refusal> {
    match step {
        Step::Add { path, value } => put(document, path, value, true),
        Step::Replace { path, value } => put(document, path, value, false),
        Step::Remove { path } => remove(document, path),
        Step::Test { path, value } if document.pointer(path) == Some(value) => Ok(()),
        Step::Test { path, .. } => Err(Refusal::rule(format!("The test of {path} failed."))),
    }
}

fn put(document: &mut Value, path: &str, value: &Value, add: bool) -> Result<(), Refusal> {
    let (parent, name) = parent(document, path)?;
    match parent {
        Value::Object(fields) if add || fields.contains_key(&name) => {
            fields.insert(name, value.clone());
            Ok(())
        }
        Value::Array(values) if add => {
            let place = if name == "-" { Some(values.len()) } else { index(&name) };
            let place = place.filter(|place| *place <= values.len()).ok_or_else(|| no_such_path(path))?;
            values.insert(place, value.clone());
            Ok(())
        }
        Value::Array(values) => {
            let place = index(&name).and_then(|place| values.get_mut(place)).ok_or_else(|| no_such_path(path))?;
            *place = value.clone();
            Ok(())
        }
        _ => Err(no_such_path(path)),
    }
}

fn remove(document: &mut Value, path: &str) -> Result<(), Refusal> {
    let (parent, name) = parent(document, path)?;
    match parent {
        Value::Object(fields) => fields.remove(&name).map(drop).ok_or_else(|| no_such_path(path)),
        Value::Array(values) => {
            let place = index(&name).filter(|place| *place < values.len()).ok_or_else(|| no_such_path(path))?;
            values.remove(place);
            Ok(())
        }
        _ => Err(no_such_path(path)),
    }
}

/// What holds the last name of a JSON pointer (RFC 6901), and that name.
fn parent<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), Refusal> {
    let (parent, name) = path.rsplit_once('/').ok_or_else(|| no_such_path(path))?;
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = document.pointer_mut(parent).ok_or_else(|| no_such_path(path))?;
    Ok((parent, name))
}

/// A place in an array, without leading zeros as RFC 6901 wants it.
fn index(name: &str) -> Option<usize> {
    let plain = name == "0" || !name.starts_with(['0', '+']);
    name.parse().ok().filter(|_| plain)
}

fn no_such_path(path: &str) -> Refusal {
    Refusal::invalid(format!("There is nothing at {path}."))
}
