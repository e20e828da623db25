//! What of a request and its response may be kept. What is cut here is cut before anybody else sees it.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// One request and its response, fit for a log: no headers, no secrets, nothing personal, and not long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Method, path, query and body.
    pub request: String,
    /// The body, or what can be said of it; none if none came.
    pub response: Option<String>,
    /// The status; none if none came.
    pub status: Option<u16>,
}

const CUT: &str = "[cut]";
const SECRET: &str = "[secret]";
const MOST_CHARS: usize = 8 * 1024;
const MOST_WORDS: usize = 500;

/// Fields that say who a person is or how to reach them (`rev_io.md` C6, `thingspace.md` 2.2), in whatever object they
/// stand; besides these, everything that ends in `_address`. Without underscores, because one provider writes
/// `first_name` and the other `firstName`. `fields` and custom fields are the reseller's own and may hold anything.
const PERSONAL: [&str; 28] = [
    "address",
    "addressline1",
    "addressline2",
    "city",
    "companyname",
    "contact",
    "contactname",
    "contacts",
    "customername",
    "customfields",
    "customfieldstoupdate",
    "fax",
    "fields",
    "firstname",
    "lastname",
    "line1",
    "line2",
    "middleinitial",
    "mobile",
    "nameoncard",
    "note",
    "notes",
    "phone",
    "phonenumber",
    "postalcode",
    "postalcodeextension",
    "primaryplaceofuse",
    "stateorprovince",
];

pub(crate) fn is_personal(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    let plain = field.replace('_', "");
    field.ends_with("_address") || field.contains("email") || PERSONAL.contains(&plain.as_str())
}

/// Fields whose value is a secret, whosever it is (`thingspace.md` 1 and 3: a callback says its password in clear).
const SECRET_FIELDS: [&str; 7] =
    ["accesstoken", "devicecredential", "newpassword", "oldpassword", "password", "sessiontoken", "username"];

fn is_secret(field: &str) -> bool {
    let plain = field.to_ascii_lowercase().replace('_', "");
    SECRET_FIELDS.contains(&plain.as_str())
}

/// Words that must not leave this crate, even if a server says them back.
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    pub(crate) fn new(words: Vec<SecretString>) -> Self {
        Self(Vec::new()).and(words)
    }

    /// These, and those that one call brings.
    pub(crate) fn and(&self, words: Vec<SecretString>) -> Self {
        let mut all = self.0.clone();
        for word in words.into_iter().filter(|word| !word.expose_secret().is_empty()) {
            // Said back within JSON that cannot be parsed, it has its quotes and backslashes escaped.
            let escaped = Value::String(word.expose_secret().to_owned()).to_string();
            let escaped = SecretString::from(escaped.trim_matches('"'));
            if escaped.expose_secret() != word.expose_secret() {
                all.push(escaped);
            }
            all.push(word);
        }
        Self(all)
    }

    /// The text without secrets and without anything that looks like an e-mail address.
    pub(crate) fn scrub(&self, text: &str) -> String {
        // What no ledger takes (U+0000) and what only hides something goes, too.
        let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c };
        let mut text: String = text.chars().map(plain).collect();
        for word in &self.0 {
            text = text.replace(word.expose_secret(), SECRET);
        }
        if text.contains('@') {
            let is_edge = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | ',' | ';');
            let words = text.split_inclusive(is_edge).map(|word| {
                let (word, edge) = word.split_at(word.trim_end_matches(is_edge).len());
                if word.contains('@') { format!("{CUT}{edge}") } else { format!("{word}{edge}") }
            });
            text = words.collect();
        }
        text
    }

    /// The provider's words as an error may carry them. Where prose goes over into JSON it ends: a record said back in an
    /// error, or half of one, has fields that cannot be told apart any more.
    pub(crate) fn words(&self, text: &str) -> String {
        let text = text.trim();
        let ends = [text.find('{'), text.find("[\"")];
        match ends.into_iter().flatten().min() {
            Some(end) => shorten(format!("{}{CUT}", self.scrub(text.get(..end).unwrap_or_default())), MOST_WORDS),
            None => shorten(self.scrub(text), MOST_WORDS),
        }
    }

    /// A body as it may be kept: JSON without what is personal, anything else as words.
    pub(crate) fn body(&self, text: &str) -> String {
        if !crate::depth::is_at_most(text, crate::depth::MOST_DEPTH) {
            return "[nests too deep]".to_owned();
        }
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                self.cut(&mut value);
                shorten(value.to_string(), MOST_CHARS)
            }
            Err(_) => self.words(text),
        }
    }

    /// JSON without what is secret or personal, whole; nothing if it is no JSON, or nests too deep.
    pub(crate) fn json(&self, text: &str) -> Option<Value> {
        if !crate::depth::is_at_most(text, crate::depth::MOST_DEPTH) {
            return None;
        }
        let mut value = serde_json::from_str(text).ok()?;
        self.cut(&mut value);
        Some(value)
    }

    fn cut(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.scrub(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.cut(value)),
            Value::Object(fields) => {
                // A JSON Patch names the field in a value.
                let patched = fields.get("path").and_then(Value::as_str);
                let patches_personal = patched.is_some_and(|path| path.split('/').any(is_personal));
                // ThingSpace names it in a key beside the value, and puts the place of use into the key.
                let keyed = fields.get("key").and_then(Value::as_str).map(str::to_ascii_lowercase);
                let keys_personal = keyed.is_some_and(|key| {
                    is_personal(&key) || key.starts_with("primaryplaceofuse") || key.starts_with("customfield")
                });
                for (name, value) in fields.iter_mut() {
                    let is_named_beside = (patches_personal || keys_personal) && name == "value";
                    if value.is_null() {
                        continue;
                    }
                    if is_secret(name) {
                        *value = Value::String(SECRET.to_owned());
                    } else if is_personal(name) || is_named_beside {
                        *value = Value::String(CUT.to_owned());
                    } else {
                        self.cut(value);
                    }
                }
                // A name may hold what a value may: the ledger takes neither U+0000 nor a secret.
                if fields.keys().any(|name| self.scrub(name) != *name) {
                    *fields = std::mem::take(fields).into_iter().map(|(name, v)| (self.scrub(&name), v)).collect();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn shorten(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets() -> Secrets {
        Secrets::new(vec![SecretString::from("hunter\"2"), SecretString::from("")])
    }

    #[test]
    fn personal_fields_are_cut_wherever_they_stand() {
        let body = r#"[{"customer_id":7,"email":"a@b.c","finance":{"bill_profile_id":2},"fields":[{"value":"Ann"}],
            "billing_address":{"line_1":"1 Elm"},"service_address":null,"address_id":5,"x":{"last_name":"Lee"}}]"#;
        let kept = secrets().body(body);
        for gone in ["a@b.c", "Elm", "Lee", "Ann"] {
            assert!(!kept.contains(gone), "{kept}");
        }
        for stays in ["\"customer_id\":7", "\"bill_profile_id\":2", "\"address_id\":5", "\"service_address\":null"] {
            assert!(kept.contains(stays), "{kept}");
        }
    }

    #[test]
    fn a_patch_of_a_personal_field_is_cut() {
        let kept = secrets().body(r#"[{"op":"replace","path":"/billing_address/city","value":"Oslo"}]"#);
        assert_eq!(kept, r#"[{"op":"replace","path":"/billing_address/city","value":"[cut]"}]"#);
        let kept = secrets().body(r#"[{"op":"replace","path":"/quantity","value":5}]"#);
        assert!(kept.contains("5"), "{kept}");
    }

    #[test]
    fn secrets_and_addresses_are_taken_out_of_words() {
        assert_eq!(secrets().words(" no: hunter\"2 for <ann@b.c>, sorry"), "no: [secret] for <[cut]>, sorry");
        assert_eq!(secrets().body(r#"{"message":"it is hunter\"2"}"#), r#"{"message":"it is [secret]"}"#);
    }

    #[test]
    fn prose_ends_where_json_begins() {
        for (text, kept) in [
            (r#"POST failed: {"last_name":"Lee"}"#, "POST failed: [cut]"),
            (r#"[{"ok":false,"last_name":"Le"#, "[[cut]"),
            (r#"bad values ["Lee", 5"#, "bad values [cut]"),
            ("customer [12] is closed", "customer [12] is closed"),
            (r#"it was hunter\"2"#, "it was [secret]"),
        ] {
            assert_eq!(secrets().body(text), kept);
        }
    }

    #[test]
    fn what_thingspace_says_of_people_and_secrets_is_cut() {
        let body = r#"{"primaryPlaceOfUse":{"address":{"addressLine1":"1 Elm"},"customerName":{"firstName":"Ann"}},
            "devices":[{"extendedAttributes":[{"key":"PrimaryPlaceOfUseCity","value":"Oslo"},{"key":"DeviceId","value":"7"},
            {"key":"PrimaryPlaceOfUseTitle"}],"customFields":[{"key":"CustomField1","value":"Lee"}]}],"ipAddress":"10.0.0.1",
            "username":"listener","password":"canary","deviceCredential":{"username":"u","password":"p"},"a\u0000b":1}"#;
        let kept = secrets().body(body);
        for gone in ["Elm", "Ann", "Oslo", "Lee", "listener", "canary", "\\u0000"] {
            assert!(!kept.contains(gone), "{gone} in {kept}");
        }
        for stays in ["\"value\":\"7\"", "\"ipAddress\":\"10.0.0.1\"", "\"a b\":1"] {
            assert!(kept.contains(stays), "{stays} in {kept}");
        }
        assert_eq!(secrets().json(body).unwrap().to_string(), kept);
        assert_eq!(secrets().json("nothing"), None);
    }

    #[test]
    fn what_is_long_is_shortened() {
        assert_eq!(secrets().words(&"é".repeat(501)).chars().count(), 501);
        assert!(secrets().body(&format!("\"{}\"", "x".repeat(100_000))).len() < 9_000);
        assert_eq!(secrets().body(&"[".repeat(100)), "[nests too deep]");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_fail_or_gives_a_secret_away(before in ".*", after in ".*") {
            let text = format!("{before}hunter\"2{after}");
            prop_assert!(!secrets().body(&text).contains("hunter\"2"));
        }
    }
}
