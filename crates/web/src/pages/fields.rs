//! What a form sends: names and values, in their order. Only the entrance reads it, so that no page can forget the form's token.

use crate::problem::Problem;

/// The fields of a form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The value of a field, or nothing at all.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The same, trimmed; None: it is empty.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// Every value of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Ids, each in a field of this name, or with spaces and commas between them in one.
    pub(crate) fn ids(&self, name: &str) -> Result<Vec<uuid::Uuid>, Problem> {
        self.all(name)
            .flat_map(|text| text.split([',', ' ', '\n', '\r', '\t']))
            .filter(|text| !text.is_empty())
            .map(|text| {
                uuid::Uuid::parse_str(text).map_err(|_| Problem::field(name, "FIELD_INVALID", "This is no id of ours."))
            })
            .collect()
    }
}
