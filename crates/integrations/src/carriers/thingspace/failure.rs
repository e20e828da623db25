//! The shapes of a failure (`thingspace.md` 1, Error bodies): the gateway's in JSON or XML, the platform's, OAuth's, text.

use crate::depth::{self, MOST_DEPTH};
use serde_json::{Map, Value};

/// What a failed call's body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// `{"fault":{code, message, description}}`, or the same in XML: the gateway's.
    Gateway { code: String, message: String },
    /// `{errorCode, errorMessage}`: the platform's.
    Platform { code: String, message: String },
    /// `{error, error_description}`: RFC 6749 5.2. That the token endpoint writes it so is inferred.
    OAuth { message: String },
    /// HTML, prose, nothing, or JSON of another shape.
    Text(String),
}

impl Failure {
    /// Never fails.
    pub(super) fn read(text: &str) -> Self {
        let trimmed = text.trim_start();
        let read = if trimmed.starts_with('<') {
            from_xml(trimmed)
        } else if depth::is_at_most(text, MOST_DEPTH) {
            serde_json::from_str(text).ok().and_then(|value: Value| value.as_object().and_then(from_object))
        } else {
            None
        };
        read.unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// The words in it.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Gateway { message, .. } | Self::Platform { message, .. } | Self::OAuth { message } => message,
            Self::Text(text) => text,
        }
    }
}

fn from_object(object: &Map<String, Value>) -> Option<Failure> {
    // An object that says both is neither's.
    match (object.get("fault"), object.get("errorCode"), object.get("error")) {
        (Some(Value::Object(fault)), None, None) => {
            let said = [words(fault, "message"), words(fault, "description")];
            let message = said.into_iter().flatten().collect::<Vec<_>>().join(": ");
            Some(Failure::Gateway { code: words(fault, "code")?, message })
        }
        (None, Some(_), None) => {
            let code = words(object, "errorCode")?;
            let message = words(object, "errorMessage").unwrap_or_else(|| code.clone());
            Some(Failure::Platform { code, message })
        }
        (None, None, Some(_)) => {
            let said = [words(object, "error"), words(object, "error_description")];
            let message = said.into_iter().flatten().collect::<Vec<_>>().join(": ");
            Some(Failure::OAuth { message }).filter(|failure| !failure.message().is_empty())
        }
        _ => None,
    }
}

fn words(object: &Map<String, Value>, field: &str) -> Option<String> {
    match object.get(field)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `<am:fault><am:code>404</am:code>…`: three elements are looked for by name, whatever their prefix. Nothing of XML's own is
/// undone, so that nothing of it can do harm.
fn from_xml(text: &str) -> Option<Failure> {
    element(text, "fault")?;
    let said = [element(text, "message"), element(text, "description")];
    let message = said.into_iter().flatten().collect::<Vec<_>>().join(": ");
    Some(Failure::Gateway { code: element(text, "code")?.to_owned(), message })
}

/// The text within the first element of that name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, inside) = after.split_once('>')?;
        rest = inside;
        let whole = tag.split_whitespace().next().unwrap_or_default();
        if !tag.ends_with('/') && whole.rsplit(':').next() == Some(name) {
            return inside.split_once(&format!("</{whole}>")).map(|(within, _)| within.trim());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gateway(code: &str, message: &str) -> Failure {
        Failure::Gateway { code: code.to_owned(), message: message.to_owned() }
    }

    fn platform(code: &str, message: &str) -> Failure {
        Failure::Platform { code: code.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn the_shapes_are_told_apart() {
        for (body, expected) in [
            (
                r#"{"fault":{"code":"900901","message":"Invalid Credentials","description":"Look"}}"#,
                gateway("900901", "Invalid Credentials: Look"),
            ),
            (r#"{"fault":{"code":900902}}"#, gateway("900902", "")),
            (
                r#"{"errorCode":"UnifiedWebService.REQUEST_FAILED.DeviceNotFound","errorMessage":"no"}"#,
                platform("UnifiedWebService.REQUEST_FAILED.DeviceNotFound", "no"),
            ),
            (r#"{"errorCode":"X","more":[1]}"#, platform("X", "X")),
            (
                r#"{"error":"invalid_client","error_description":"who"}"#,
                Failure::OAuth { message: "invalid_client: who".to_owned() },
            ),
            (
                "<am:fault xmlns:am=\"http://x\">\n<am:code>404</am:code><am:type>Status report</am:type>\
                 <am:message>Not Found</am:message><am:description>d</am:description></am:fault>",
                gateway("404", "Not Found: d"),
            ),
            ("<?xml version=\"1.0\"?><fault><code> 1 </code></fault>", gateway("1", "")),
        ] {
            assert_eq!(Failure::read(body), expected, "{body}");
        }
    }

    #[test]
    fn what_has_no_known_shape_is_text() {
        for body in [
            "",
            "Missing grant_type parameter value",
            "<html><body>502</body></html>",
            "<am:fault/>",
            "<am:fault><am:code>404",
            "<am:fault><am:code>404</other:code></am:fault>",
            "<fault",
            "[]",
            "null",
            "{}",
            r#"{"fault":"900901"}"#,
            r#"{"fault":{"message":"no code"}}"#,
            r#"{"errorCode":null}"#,
            r#"{"errorCode":""}"#,
            r#"{"errorMessage":"no code"}"#,
            r#"{"error":{}}"#,
            r#"{"fault":{"code":"1"},"errorCode":"2"}"#,
            r#"[{"errorCode":"X"}]"#,
            r#"{"errorCode":"X""#,
            r#"{"requestId":"595f5c44-c31c-4552-8670-020a1545a84d"}"#,
        ] {
            assert_eq!(Failure::read(body), Failure::Text(body.to_owned()));
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(Failure::read(&deep), Failure::Text(deep.clone()));
        let wide = "<a>".repeat(100_000);
        assert_eq!(Failure::read(&wide), Failure::Text(wide.clone()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC*") {
            let _ = Failure::read(&text).message();
        }

        #[test]
        fn no_markup_makes_it_fail(text in "[<>/:a-c faultcode]{0,60}") {
            let _ = Failure::read(&format!("<{text}")).message();
        }
    }
}
