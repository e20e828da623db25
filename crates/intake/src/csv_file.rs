//! The records of a file as people have them: comma, semicolon or tab, BOM, CRLF, quotes; what is no CSV says what it is.

use crate::workbook::WorkbookRefusal;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most rows of one input.
pub const MOST_ROWS: i32 = 1_000_000;

/// The most bytes of all rows' own columns.
pub(crate) const MOST_RECORDS_BYTES: usize = 1024 * 1024 * 1024;

/// The most columns of one input.
pub(crate) const MOST_COLUMNS: usize = 256;

/// The most of a cell that is kept to show it again.
pub(crate) const SHOWN_CELL: usize = 64;

/// Why a file as a whole cannot be planned from. Rows never are a reason: each has its own.
#[derive(Debug, thiserror::Error)]
pub enum InputRefusal {
    /// No row in it.
    #[error("the file has no rows")]
    NoRows,
    /// No column of ICCIDs or subscriber numbers.
    #[error("no column is headed ICCID or MSISDN, and none was named as one; the first row is: {0}")]
    NoIccidColumn(String),
    /// UTF-16, or a program's own format.
    #[error("the file is {0}; save it as CSV (UTF-8)")]
    NotCsv(&'static str),
    /// A column that would change what a row asks for.
    #[error("the column {0:?} asks for something that is not supported yet; remove it, or map it to null")]
    ColumnNotSupportedYet(String),
    /// A column says what a new line has, and no line is asked for.
    #[error(
        "the column {0:?} says what a new line at Rev.io has; ask for one with create_rev_service: true, or map it to null"
    )]
    ColumnNeedsNewLine(String),
    /// A column says what a SIM is activated with, and no activation is asked for.
    #[error("the column {0:?} says what a SIM is activated with; ask for that with activate: {{}}, or map it to null")]
    ColumnNeedsActivation(String),
    /// The request says what a column stands for that the file has not.
    #[error("the file has no column headed {0:?}")]
    ColumnNotFound(String),
    /// Two columns stand for the same field.
    #[error("the columns {0:?} and {1:?} stand for the same field; map one of them to null")]
    ColumnTwice(String, String),
    /// More columns than are read.
    #[error("the file has more than {MOST_COLUMNS} columns")]
    TooManyColumns,
    /// Neither the request nor a column says which customer.
    #[error("neither the request nor a column of the input names a customer")]
    NoCustomer,
    /// A workbook that cannot be read as a whole.
    #[error(transparent)]
    Workbook(#[from] WorkbookRefusal),
    /// A cell that holds other rows.
    #[error("in row {0} a quotation mark is not closed: the cell goes on over lines that name other SIMs")]
    QuoteNotClosed(i32),
    /// A row that does not end.
    #[error("a row after row {0} is longer than 1 MiB; a quotation mark is probably not closed")]
    RowTooLong(i32),
    /// Rows' own columns, repeated for each SIM of a range, come to more than is kept.
    #[error("the rows' own columns come to more than {} MiB; leave columns out, or split the file", MOST_RECORDS_BYTES / (1024 * 1024))]
    TooManyBytes,
    /// More rows than are taken at once.
    #[error("the input has more than {MOST_ROWS} rows; split it")]
    TooManyRows,
    /// The file could not be read again.
    #[error("the spooled file could not be read")]
    Io(#[from] std::io::Error),
}

/// Opens a text file: finds the byte-order mark and the separator.
///
/// # Errors
/// See [`InputRefusal`].
pub(crate) fn open_records(path: &Path, known_separator: Option<u8>) -> Result<Records, InputRefusal> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    (&mut file).take(64 * 1024).read_to_end(&mut start)?;
    let (bom, head) = match start.as_slice() {
        [0xef, 0xbb, 0xbf, head @ ..] => (3, head),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(InputRefusal::NotCsv("UTF-16 text")),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            return Err(InputRefusal::NotCsv("an old Excel file, or one protected by a password"));
        }
        [b'%', b'P', b'D', b'F', ..] => return Err(InputRefusal::NotCsv("a PDF file")),
        head => (0, head),
    };
    // UTF-16 without a mark: every other byte of ASCII is zero. A few NULs inside a CSV are rows' own trouble.
    if head.len() >= 8 && head.iter().filter(|b| **b == 0).count() * 4 > head.len() {
        return Err(InputRefusal::NotCsv("not text in UTF-8"));
    }
    file.seek(SeekFrom::Start(bom))?;
    Ok(Records::new(file, known_separator.unwrap_or_else(|| separator(head)), known_separator.is_some()))
}

/// Is it a ZIP file, as workbooks are?
pub(crate) fn is_workbook(path: &Path) -> Result<bool, InputRefusal> {
    let mut start = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut start)?;
    Ok(start == [b'P', b'K', 3, 4])
}

/// The records of a file, none longer than a mebibyte: a quotation mark that is not closed does not pull the rest of the
/// file into memory.
#[derive(Debug)]
pub(crate) struct Records {
    reader: csv::Reader<Bounded>,
    rows: i32,
    /// Written by a program of ours, so that no quotation mark is left open.
    trusted: bool,
    numbers: Numbers,
    left: Arc<AtomicU64>,
}

/// Reads on while the current record may still be of a sensible length.
#[derive(Debug)]
struct Bounded {
    file: File,
    left: Arc<AtomicU64>,
}

const LONGEST_ROW: u64 = 1024 * 1024;

impl std::io::Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = self.file.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed);
        if got as u64 > left {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.left.store(left - got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl Records {
    fn new(file: File, separator: u8, trusted: bool) -> Self {
        let left = Arc::new(AtomicU64::new(LONGEST_ROW));
        let bounded = Bounded { file, left: Arc::clone(&left) };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(64 * 1024)
            .from_reader(bounded);
        let numbers = Numbers { separator, ..Numbers::default() };
        Self { reader, rows: 0, trusted, numbers, left }
    }

    /// Says in which columns of how many subscriber numbers are.
    pub(crate) fn look_for_numbers_at(&mut self, at: Vec<usize>, columns: usize) {
        self.numbers = Numbers { at, columns, separator: self.numbers.separator };
    }

    /// The next row with anything in it. Rows of separators alone are what spreadsheets leave at the end of a sheet.
    pub(crate) fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool, InputRefusal> {
        loop {
            self.left.store(LONGEST_ROW, Ordering::Relaxed);
            let found = self.reader.read_byte_record(record).map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                    InputRefusal::RowTooLong(self.rows)
                }
                csv::ErrorKind::Io(error) => InputRefusal::Io(error),
                other => InputRefusal::Io(std::io::Error::other(format!("{other:?}"))),
            })?;
            if !found {
                return Ok(false);
            }
            self.rows = self.rows.saturating_add(1);
            let swallows = |cell: &[u8]| swallows_a_row(cell) || self.numbers.in_a_further_line(cell);
            if !self.trusted && record.iter().any(swallows) {
                return Err(InputRefusal::QuoteNotClosed(self.rows));
            }
            if record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                return Ok(true);
            }
        }
    }
}

/// Does a cell of several lines hold another line's SIM? Then a quotation mark is not closed where it should be, and rows
/// would vanish in it. An ICCID counts in groups, too.
fn swallows_a_row(cell: &[u8]) -> bool {
    let holds_a_sim = |line: &[u8]| {
        let joined: Vec<u8> = line.iter().copied().filter(|b| !matches!(b, b' ' | b'-')).collect();
        joined.split(|b| !b.is_ascii_digit()).any(|run| run.len() >= 17)
    };
    further_lines(cell).any(holds_a_sim)
}

fn further_lines(cell: &[u8]) -> impl Iterator<Item = &[u8]> {
    cell.split(|b| matches!(b, b'\n' | b'\r')).skip(1)
}

/// Where a file has subscriber numbers. They are too short to be told from other numbers, so a swallowed line has to look
/// like a row as well: a number where its column is.
#[derive(Debug, Default)]
struct Numbers {
    at: Vec<usize>,
    columns: usize,
    separator: u8,
}

impl Numbers {
    fn in_a_further_line(&self, cell: &[u8]) -> bool {
        further_lines(cell).any(|line| {
            let parts: Vec<&[u8]> = line.split(|b| *b == self.separator).collect();
            let is_row = parts.len() >= 2 || self.columns == 1;
            is_row && self.at.iter().any(|at| parts.get(*at).is_some_and(|part| is_number(part)))
        })
    }
}

fn is_number(part: &[u8]) -> bool {
    let known = |b: &u8| b.is_ascii_digit() || matches!(b, b'+' | b' ' | b'-' | b'.' | b'(' | b')' | b'"');
    (7..=15).contains(&part.iter().filter(|b| b.is_ascii_digit()).count()) && part.iter().all(known)
}

/// The separator: whichever of the three the first line has most of; a comma if it has none.
fn separator(head: &[u8]) -> u8 {
    let line = head.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let (mut counts, mut quoted) = ([0_usize; 3], false);
    for byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => counts[0] += 1,
            b';' if !quoted => counts[1] += 1,
            b'\t' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    let most = *counts.iter().max().unwrap_or(&0);
    match counts.iter().position(|count| *count == most) {
        Some(1) => b';',
        Some(2) => b'\t',
        _ => b',',
    }
}

/// A cell as it can be shown again: at most 64 characters, and what is not text as the mark for it.
pub(crate) fn shown(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(&cell[..cell.len().min(4 * SHOWN_CELL)]);
    text.chars().take(SHOWN_CELL).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}
