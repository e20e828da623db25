//! Rows of an input as PostgreSQL's COPY reads them.

use domain::identifier::Identifier;
use domain::ids::ServiceProviderId;
use domain::reason::Refusal;
use std::fmt::Write as _;

/// A row of an input before its SIM is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputRow {
    /// Its place in the input, from 1.
    pub row_number: i32,
    /// What named the SIM, as it can be shown again: at most 64 characters.
    pub input: String,
    /// What that was read as.
    pub reading: Result<Identifier, Refusal>,
    /// The service provider that the row or the request names.
    pub service_provider: Option<ServiceProviderId>,
    /// What the row asks for in place of the request, as JSON.
    pub overrides: Option<String>,
    /// The IMEI that the row names, as it was written.
    pub imei: Option<String>,
    /// The row's own columns as a CSV record, if it has more than the one that names the SIM.
    pub record: Option<String>,
}

/// A block of lines in PostgreSQL's COPY text format.
#[derive(Clone, Debug, Default)]
pub struct CopyLines(pub(crate) String);

/// The columns of `staged_row` in the order that [`CopyLines::push`] writes them.
pub(crate) const COLUMNS: &str =
    "row_number, input, identifier, is_number, other_form, reason, detail, provider, overrides, imei, record";

impl CopyLines {
    /// The lines, as they go to the server.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Adds one row.
    pub fn push(&mut self, row: &InputRow) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}\t", row.row_number);
        self.escaped(&row.input);
        match &row.reading {
            Ok(read) => {
                let (digits, other) = (read.as_str(), read.other_form());
                let other = other.as_deref().unwrap_or("\\N");
                let _ = write!(self.0, "\t{digits}\t{}\t{other}\t\\N\t\\N", read.is_number());
            }
            Err(refusal) => {
                let _ = write!(self.0, "\t\\N\tf\t\\N\t{}\t", refusal.reason.word());
                self.escaped(&refusal.detail);
            }
        }
        match row.service_provider {
            Some(provider) => {
                let _ = write!(self.0, "\t{provider}");
            }
            None => self.0.push_str("\t\\N"),
        }
        for text in [&row.overrides, &row.imei, &row.record] {
            self.0.push('\t');
            match text {
                Some(text) => self.escaped(text),
                None => self.0.push_str("\\N"),
            }
        }
        self.0.push('\n');
    }

    /// Adds a row number and a record, for staging the records of an earlier input.
    pub(crate) fn push_record(&mut self, row_number: i32, record: &str) {
        let _ = write!(self.0, "{row_number}\t");
        self.escaped(record);
        self.0.push('\n');
    }

    /// How many bytes are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there nothing in it?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '\t' => self.0.push_str("\\t"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                // PostgreSQL text cannot hold it; shown as what it is, a character that cannot be shown.
                '\0' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
    }
}
