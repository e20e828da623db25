//! Files as people have them: CSV with any header order, comma, semicolon or tab, BOM, CRLF, quotes; or, without a header,
//! ICCIDs and subscriber numbers with any separators between them.

use domain::identifier::{Column, Identifier};
use domain::reason::{Reason, Refusal};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most rows of one input.
pub const MOST_ROWS: i32 = 1_000_000;

/// The most of a cell that is kept to show it again.
const SHOWN_CELL: usize = 64;

/// Headers that mean the ICCID, in letters and digits alone.
const ICCID_HEADERS: &[&str] =
    &["iccid", "iccids", "iccidnumber", "simiccid", "sim", "sims", "simnumber", "simid", "simcard"];

/// Headers that mean the subscriber number.
const NUMBER_HEADERS: &[&str] =
    &["msisdn", "subscribernumber", "phonenumber", "phone", "mobilenumber", "telephonenumber", "ctn", "mdn", "number"];

/// Headers that the design lets override the request per row; until they do, a file that has them is refused, not half read.
const OVERRIDE_HEADERS: &[&str] = &[
    "customer",
    "customerid",
    "customername",
    "revcustomerid",
    "revcustomer",
    "site",
    "sitename",
    "customerrateplan",
    "rateplan",
    "customerratepool",
    "ratepool",
    "pool",
    "customerdataallocationmb",
    "dataallocation",
    "allocation",
    "effectivedate",
    "products",
    "rates",
    "carrierrateplan",
    "zipcode",
    "imei",
    "billingaccount",
];

/// Why a file as a whole cannot be planned from. Rows never are a reason: each has its own.
#[derive(Debug, thiserror::Error)]
pub enum InputRefusal {
    /// No row in it.
    #[error("the file has no rows")]
    NoRows,
    /// No column of ICCIDs or subscriber numbers.
    #[error("no column is headed ICCID or MSISDN; the first row is: {0}")]
    NoIccidColumn(String),
    /// UTF-16, or a program's own format.
    #[error("the file is {0}; save it as CSV (UTF-8)")]
    NotCsv(&'static str),
    /// A column that would change what a row asks for.
    #[error("the column {0:?} would override the request row by row, which is not supported yet; remove it")]
    ColumnNotSupportedYet(String),
    /// A cell that holds other rows.
    #[error("in row {0} a quotation mark is not closed: the cell goes on over lines that name other SIMs")]
    QuoteNotClosed(i32),
    /// A row that does not end.
    #[error("a row after row {0} is longer than 1 MiB; a quotation mark is probably not closed")]
    RowTooLong(i32),
    /// More rows than are taken at once.
    #[error("the input has more than {MOST_ROWS} rows; split it")]
    TooManyRows,
    /// The file could not be read again.
    #[error("the spooled file could not be read")]
    Io(#[from] std::io::Error),
}

/// The cell of a row that names its SIM.
#[derive(Debug)]
pub struct Cell {
    /// As it can be shown again: at most 64 characters.
    pub input: String,
    /// What it reads as.
    pub reading: Result<Identifier, Refusal>,
}

/// A file whose header, or lack of one, was understood.
#[derive(Debug)]
pub struct CsvFile {
    records: Records,
    layout: Layout,
    first: Option<csv::ByteRecord>,
    /// Cells of a row without a header that are still to be handed out.
    waiting: VecDeque<Cell>,
}

/// Where in a row the SIM is named.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// In this one column.
    Column(usize, Column),
    /// There is no header: every cell names one, or several with other separators between them.
    Everywhere,
}

impl CsvFile {
    /// Opens it, finds the separator and the column, and makes sure that there is a row.
    ///
    /// # Errors
    /// See [`InputRefusal`].
    pub fn open(path: &Path) -> Result<Self, InputRefusal> {
        let mut file = File::open(path)?;
        let mut start = Vec::new();
        (&mut file).take(64 * 1024).read_to_end(&mut start)?;
        let (bom, head) = match start.as_slice() {
            [0xef, 0xbb, 0xbf, head @ ..] => (3, head),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(InputRefusal::NotCsv("UTF-16 text")),
            [b'P', b'K', 3, 4, ..] => {
                return Err(InputRefusal::NotCsv("an XLSX or ZIP file, which is not supported yet"));
            }
            [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(InputRefusal::NotCsv("an old Excel file")),
            [b'%', b'P', b'D', b'F', ..] => return Err(InputRefusal::NotCsv("a PDF file")),
            head => (0, head),
        };
        // UTF-16 without a mark: every other byte of ASCII is zero. A few NULs inside a CSV are rows' own trouble.
        if head.len() >= 8 && head.iter().filter(|b| **b == 0).count() * 4 > head.len() {
            return Err(InputRefusal::NotCsv("not text in UTF-8"));
        }
        file.seek(SeekFrom::Start(bom))?;
        let mut records = Records::new(file, separator(head));
        let mut top = csv::ByteRecord::new();
        if !records.next(&mut top)? {
            return Err(InputRefusal::NoRows);
        }
        let headed = |headers: &[&str]| top.iter().position(|cell| headers.contains(&bare(cell).as_str()));
        let column = headed(ICCID_HEADERS)
            .map(|at| (at, Column::Iccids))
            .or_else(|| headed(NUMBER_HEADERS).map(|at| (at, Column::SubscriberNumbers)));
        if let Some((at, column)) = column {
            if let Some(cell) = top.iter().find(|cell| OVERRIDE_HEADERS.contains(&bare(cell).as_str())) {
                return Err(InputRefusal::ColumnNotSupportedYet(shown(cell)));
            }
            let mut first = csv::ByteRecord::new();
            if !records.next(&mut first)? {
                return Err(InputRefusal::NoRows);
            }
            return Ok(Self {
                records,
                layout: Layout::Column(at, column),
                first: Some(first),
                waiting: VecDeque::new(),
            });
        }
        // No header: only certain if everything in the first row is a number, or is meant to be one.
        let mut given = top.iter().filter(|cell| !cell.trim_ascii().is_empty());
        if given.all(|cell| bare(cell).starts_with(|c: char| c.is_ascii_digit())) {
            return Ok(Self { records, layout: Layout::Everywhere, first: Some(top), waiting: VecDeque::new() });
        }
        Err(InputRefusal::NoIccidColumn(top.iter().take(20).map(shown).collect::<Vec<_>>().join(", ")))
    }

    /// The next row: the cell that names its SIM, and what it reads as. None at the end.
    ///
    /// # Errors
    /// The file could not be read, or a row does not end.
    pub fn read_row(&mut self) -> Result<Option<Cell>, InputRefusal> {
        loop {
            if let Some(cell) = self.waiting.pop_front() {
                return Ok(Some(cell));
            }
            let mut record = csv::ByteRecord::new();
            if let Some(first) = self.first.take() {
                record = first;
            } else if !self.records.next(&mut record)? {
                return Ok(None);
            }
            match self.layout {
                Layout::Column(at, column) => return Ok(Some(read(record.get(at).unwrap_or_default(), column))),
                Layout::Everywhere => {
                    let given = record.iter().filter(|cell| !cell.trim_ascii().is_empty());
                    self.waiting.extend(given.flat_map(numbers_in));
                }
            }
        }
    }
}

/// Reads one cell.
fn read(cell: &[u8], column: Column) -> Cell {
    let reading = match std::str::from_utf8(cell) {
        Ok(text) => Identifier::read(text, column),
        Err(_) if column == Column::SubscriberNumbers => {
            Err(Refusal::about(Reason::NumberMalformed, "the cell is not text in UTF-8"))
        }
        Err(_) => Err(Refusal::about(Reason::IccidMalformed, "the cell is not text in UTF-8")),
    };
    Cell { input: shown(cell), reading }
}

/// The numbers of a cell without a header: one, as it stands, if it reads as one (`8914 8000 …` is one number in groups);
/// else one per part, if every part is long enough to be a number of its own.
fn numbers_in(cell: &[u8]) -> Vec<Cell> {
    let whole = read(cell, Column::Either);
    if whole.reading.is_ok() {
        return vec![whole];
    }
    let parts: Vec<&[u8]> = cell
        .split(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b'|' | b'/'))
        .filter(|part| !part.is_empty())
        .collect();
    if parts.len() > 1 && parts.iter().all(|part| part.len() >= 7) {
        return parts.into_iter().map(|part| read(part, Column::Either)).collect();
    }
    vec![whole]
}

/// The records of a file, none longer than a mebibyte: a quotation mark that is not closed does not pull the rest of the
/// file into memory.
#[derive(Debug)]
struct Records {
    reader: csv::Reader<Bounded>,
    rows: i32,
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
    fn new(file: File, separator: u8) -> Self {
        let left = Arc::new(AtomicU64::new(LONGEST_ROW));
        let bounded = Bounded { file, left: Arc::clone(&left) };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(64 * 1024)
            .from_reader(bounded);
        Self { reader, rows: 0, left }
    }

    /// The next row with anything in it. Rows of separators alone are what spreadsheets leave at the end of a sheet.
    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool, InputRefusal> {
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
            if record.iter().any(swallows_a_row) {
                return Err(InputRefusal::QuoteNotClosed(self.rows));
            }
            if record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                return Ok(true);
            }
        }
    }
}

/// Does a cell of several lines hold another line's SIM? Then a quotation mark is not closed where it should be, and rows
/// would vanish in it.
fn swallows_a_row(cell: &[u8]) -> bool {
    let digits = |line: &[u8]| line.split(|b| !b.is_ascii_digit()).any(|run| run.len() >= 17);
    cell.contains(&b'\n') && cell.split(|b| *b == b'\n').skip(1).any(digits)
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

/// A header's letters and digits, small.
fn bare(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .take(SHOWN_CELL)
        .collect()
}

/// A cell as it can be shown again: at most 64 characters, and what is not text as the mark for it.
fn shown(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(&cell[..cell.len().min(4 * SHOWN_CELL)]);
    text.chars().take(SHOWN_CELL).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
#[path = "csv_file_tests.rs"]
mod tests;
