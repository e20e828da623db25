//! CSV as people have it: any header order, comma, semicolon or tab, BOM, CRLF, quotes; or one ICCID per line without a header.

use domain::iccid::Iccid;
use domain::reason::{Reason, Refusal};
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The most rows of one input.
pub const MOST_ROWS: i32 = 1_000_000;

/// The most of a cell that is kept to show it again.
const SHOWN_CELL: usize = 64;

/// Headers that mean the ICCID, in letters and digits alone.
const ICCID_HEADERS: &[&str] =
    &["iccid", "iccids", "iccidnumber", "simiccid", "sim", "sims", "simnumber", "simid", "simcard"];

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
    /// No column of ICCIDs.
    #[error("no column is headed ICCID; the first row is: {0}")]
    NoIccidColumn(String),
    /// UTF-16, or a program's own format.
    #[error("the file is {0}; save it as CSV (UTF-8)")]
    NotCsv(&'static str),
    /// A column that would change what a row asks for.
    #[error("the column {0:?} would override the request row by row, which is not supported yet; remove it")]
    ColumnNotSupportedYet(String),
    /// More rows than are taken at once.
    #[error("the input has more than {MOST_ROWS} rows; split it")]
    TooManyRows,
    /// The file could not be read again.
    #[error("the spooled file could not be read")]
    Io(#[from] std::io::Error),
}

/// The ICCID cell of a row.
#[derive(Debug)]
pub struct Cell {
    /// As it can be shown again: at most 64 characters.
    pub input: String,
    /// What it reads as.
    pub reading: Result<Iccid, Refusal>,
}

/// A CSV file whose header was understood.
#[derive(Debug)]
pub struct CsvFile {
    reader: csv::Reader<BufReader<File>>,
    iccid_column: usize,
    first: Option<csv::ByteRecord>,
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
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator(head))
            .from_reader(BufReader::with_capacity(256 * 1024, file));
        let mut top = csv::ByteRecord::new();
        if !next_row(&mut reader, &mut top)? {
            return Err(InputRefusal::NoRows);
        }
        if let Some(iccid_column) = top.iter().position(|cell| ICCID_HEADERS.contains(&bare(cell).as_str())) {
            if let Some(cell) = top.iter().find(|cell| OVERRIDE_HEADERS.contains(&bare(cell).as_str())) {
                return Err(InputRefusal::ColumnNotSupportedYet(shown(cell)));
            }
            let mut first = csv::ByteRecord::new();
            if !next_row(&mut reader, &mut first)? {
                return Err(InputRefusal::NoRows);
            }
            return Ok(Self { reader, iccid_column, first: Some(first) });
        }
        // No header: only certain if there is one column, and it begins with a number.
        if top.len() == 1 && top.get(0).is_some_and(|cell| bare(cell).starts_with(|c: char| c.is_ascii_digit())) {
            return Ok(Self { reader, iccid_column: 0, first: Some(top) });
        }
        Err(InputRefusal::NoIccidColumn(top.iter().take(20).map(shown).collect::<Vec<_>>().join(", ")))
    }

    /// The next row: its ICCID cell as it can be shown again, and what it reads as. None at the end.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn read_row(&mut self) -> Result<Option<Cell>, InputRefusal> {
        let mut record = csv::ByteRecord::new();
        if let Some(first) = self.first.take() {
            record = first;
        } else if !next_row(&mut self.reader, &mut record)? {
            return Ok(None);
        }
        let cell = record.get(self.iccid_column).unwrap_or_default();
        let reading = match std::str::from_utf8(cell) {
            Ok(text) => Iccid::read(text),
            Err(_) => Err(Refusal::about(Reason::IccidMalformed, "the cell is not text in UTF-8")),
        };
        Ok(Some(Cell { input: shown(cell), reading }))
    }
}

/// The next row with anything in it. Rows of separators alone are what spreadsheets leave at the end of a sheet.
fn next_row(reader: &mut csv::Reader<BufReader<File>>, record: &mut csv::ByteRecord) -> Result<bool, InputRefusal> {
    while reader.read_byte_record(record).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    })? {
        if record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
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
