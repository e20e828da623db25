//! The file of an import: its headings, and its rows cell by cell.

use super::{RowRefusal, Trouble};
use crate::csv_file::{InputRefusal, Records, is_workbook, open_records, shown};
use crate::row_reader::unguarded;
use crate::workbook::{Limits, to_csv};
use csv::ByteRecord;
use database::DatabaseError;
use std::io::BufWriter;
use std::path::Path;
use tempfile::NamedTempFile;

/// A column that an import knows. The first of a list is what tells rows apart.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name: the field's in the API.
    pub name: &'static str,
    /// What else people head it with; letters and digits alone, in lower case.
    pub also: &'static [&'static str],
    /// Has every file to have it?
    pub required: bool,
}

/// Why nothing was imported, or not all.
#[derive(Debug, thiserror::Error)]
pub enum ImportRefusal {
    /// The file as a whole cannot be read.
    #[error(transparent)]
    Input(#[from] InputRefusal),
    /// A column that has to be there.
    #[error("no column is headed {0}; the first row is: {1}")]
    ColumnMissing(&'static str, String),
    /// Two columns for the same field.
    #[error("two columns stand for {0}; remove one of them")]
    ColumnTwice(&'static str),
    /// More rows than are taken at once.
    #[error("the file has more than a million rows; split it. The rows before are imported")]
    TooManyRows,
    /// The database, before anything was written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database, in the middle.
    #[error(
        "the first {rows} rows are imported, then the database went away; send the file again, nothing happens twice"
    )]
    Stopped {
        /// Rows that are done.
        rows: usize,
        /// What it said.
        source: DatabaseError,
    },
    /// The task that read the file ended without a word.
    #[error("reading the file was interrupted after {rows} rows; send it again, nothing happens twice")]
    Interrupted {
        /// Rows that are done.
        rows: usize,
    },
}

/// A file whose headings were understood.
#[derive(Debug)]
pub(super) struct Sheet {
    records: Records,
    /// For each heading, the known column it stands for.
    headings: Vec<(String, Option<usize>)>,
    known: &'static [Column],
    /// A workbook as CSV; goes when this goes.
    _converted: Option<NamedTempFile>,
}

impl Sheet {
    pub(super) fn open(path: &Path, known: &'static [Column]) -> Result<Self, ImportRefusal> {
        let (mut records, converted) = if is_workbook(path)? {
            let folder = path.parent().unwrap_or_else(|| Path::new("."));
            let mut converted = tempfile::Builder::new()
                .prefix("workbook.")
                .suffix(".upload")
                .tempfile_in(folder)
                .map_err(InputRefusal::Io)?;
            to_csv(path, &mut BufWriter::new(converted.as_file_mut()), Limits::default())
                .map_err(InputRefusal::from)?;
            (open_records(converted.path(), Some(b','))?, Some(converted))
        } else {
            (open_records(path, None)?, None)
        };
        let mut top = ByteRecord::new();
        if !records.next(&mut top)? {
            return Err(InputRefusal::NoRows.into());
        }
        let headings: Vec<(String, Option<usize>)> = top
            .iter()
            .map(|cell| shown(unguarded(cell)).trim().to_owned())
            .map(|heading| {
                let place = known.iter().position(|column| column.is_headed(&heading));
                (heading, place)
            })
            .collect();
        for (place, column) in known.iter().enumerate() {
            let found = headings.iter().filter(|(_, at)| *at == Some(place)).count();
            if found > 1 {
                return Err(ImportRefusal::ColumnTwice(column.name));
            }
            if found == 0 && column.required {
                let shown: Vec<&str> = headings.iter().take(20).map(|(heading, _)| heading.as_str()).collect();
                return Err(ImportRefusal::ColumnMissing(column.name, shown.join(", ")));
            }
        }
        Ok(Self { records, headings, known, _converted: converted })
    }

    /// The headings that stand for something, and those that do not.
    pub(super) fn headings(&self) -> (Vec<String>, Vec<String>) {
        let some = |used: bool| {
            let which = self.headings.iter().filter(|(_, at)| at.is_some() == used);
            which.map(|(heading, _)| heading.clone()).collect()
        };
        (some(true), some(false))
    }

    /// For each known column, where it is.
    pub(super) fn places(&self) -> Vec<Option<usize>> {
        (0..self.known.len()).map(|known| self.headings.iter().position(|(_, at)| *at == Some(known))).collect()
    }

    /// The next so many rows; none at the end.
    pub(super) fn block(&mut self, rows: usize) -> Result<Vec<ByteRecord>, ImportRefusal> {
        let (mut block, mut bytes) = (Vec::new(), 0);
        // A block of long rows is a short one.
        while block.len() < rows && bytes < 4 * 1024 * 1024 {
            let mut record = ByteRecord::new();
            if !self.records.next(&mut record)? {
                break;
            }
            bytes += record.as_slice().len();
            block.push(record);
        }
        Ok(block)
    }
}

impl Column {
    fn is_headed(&self, heading: &str) -> bool {
        let bare =
            |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let heading = bare(heading);
        !heading.is_empty() && (heading == bare(self.name) || self.also.contains(&heading.as_str()))
    }
}

/// The longest text of a field, in bytes.
pub(super) const LONGEST: usize = 256;

/// The cells of a row, by the names of their columns. An empty cell says nothing.
#[derive(Debug)]
pub struct Cells<'a> {
    record: &'a ByteRecord,
    columns: &'a [Column],
    places: &'a [Option<usize>],
}

impl<'a> Cells<'a> {
    pub(super) const fn new(record: &'a ByteRecord, columns: &'a [Column], places: &'a [Option<usize>]) -> Self {
        Self { record, columns, places }
    }

    /// The text of a cell, if it has any.
    pub(super) fn text(&self, row: i32, field: &'static str) -> Result<Option<String>, RowRefusal> {
        let place = self.columns.iter().position(|column| column.name == field).and_then(|at| self.places[at]);
        let Some(cell) = place.and_then(|at| self.record.get(at)) else { return Ok(None) };
        let invalid = |detail: &str| RowRefusal { row, field, trouble: Trouble::Invalid, detail: detail.to_owned() };
        let text = std::str::from_utf8(unguarded(cell)).map_err(|_| invalid("not text in UTF-8"))?.trim();
        if text.len() > LONGEST {
            return Err(invalid("longer than 256 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(invalid("holds control characters"));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// The text of a cell that has to have some.
    pub(super) fn needed(&self, row: i32, field: &'static str) -> Result<String, RowRefusal> {
        let missing = RowRefusal { row, field, trouble: Trouble::Missing, detail: String::new() };
        self.text(row, field)?.ok_or(missing)
    }

    /// A cell that says yes or no.
    pub(super) fn yes(&self, row: i32, field: &'static str) -> Result<Option<bool>, RowRefusal> {
        let Some(text) = self.text(row, field)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "1" | "t" => Ok(Some(true)),
            "false" | "no" | "n" | "0" | "f" => Ok(Some(false)),
            _ => {
                let detail = format!("{:?} is neither true nor false", text.chars().take(32).collect::<String>());
                Err(RowRefusal { row, field, trouble: Trouble::Invalid, detail })
            }
        }
    }
}
