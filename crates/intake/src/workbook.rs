//! XLSX files become CSV on disk, cell by cell, so that everything after this reads one format.

use calamine::{DataRef, ExcelDateTime, Reader as _, Sheet, SheetType, SheetVisible, Xlsx, XlsxError};
use std::borrow::Cow;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Write};
use std::path::Path;
use zip::ZipArchive;
use zip::result::ZipError;

/// The most parts a workbook's ZIP archive may hold; one that a program wrote has a few dozen.
const MOST_PARTS: usize = 10_000;

/// The most of each small part that calamine keeps in memory as a whole: styles, the list of sheets, relationships.
const MOST_SMALL_PART_BYTES: u64 = 8 * 1024 * 1024;

/// The most strings that a workbook may say it shares: calamine makes room for as many as it says.
const MOST_SHARED_STRINGS: u64 = 16 * 1024 * 1024;

/// The most sheets that are looked through for cells: any number of them may be the same part, read anew each time.
const MOST_SHEETS: usize = 64;

/// The most sheets that are named in a refusal, and the most characters of a name, which is also Excel's limit.
const MOST_NAMED_SHEETS: usize = 5;
const LONGEST_SHEET_NAME: usize = 31;

/// The most of another program's words that is passed on: they may quote the file.
const LONGEST_DAMAGE: usize = 200;

/// From here on Excel has lost digits of a whole number: it keeps 15.
const FIRST_ROUNDED: f64 = 1e15;

/// The serial number of the day after 9999-12-31, the last that Excel shows as a date.
const AFTER_LAST_DATE: f64 = 2_958_466.0;

type Workbook = Xlsx<BufReader<File>>;

/// Why a workbook cannot be read as a whole.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookRefusal {
    /// Not a workbook, or a damaged one.
    #[error("the XLSX file is damaged: {0}")]
    Damaged(String),
    /// Inflates to more than is taken.
    #[error("the XLSX file inflates to more than {0} bytes; send CSV instead")]
    TooLarge(u64),
    /// Encrypted.
    #[error("the XLSX file is protected by a password; save it without one")]
    Encrypted,
    /// Several sheets hold something and it is not said which is meant.
    #[error("the workbook has several sheets with rows ({0}); keep the one that is meant")]
    SeveralSheets(String),
    /// More columns than are read.
    #[error("the sheet has more than {0} columns; remove those that are not needed")]
    TooManyColumns(u32),
    /// The upload could not be read, or the CSV not written.
    #[error("the spooled file could not be read or written")]
    Io(#[from] io::Error),
}

/// How much of a workbook is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// All parts together, inflated.
    pub(crate) inflated_bytes: u64,
    /// The strings that cells share, inflated: the one large part that is held in memory.
    pub(crate) shared_strings_bytes: u64,
    /// Columns, counted from A.
    pub(crate) columns: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { inflated_bytes: 1024 * 1024 * 1024, shared_strings_bytes: 160 * 1024 * 1024, columns: 256 }
    }
}

/// Writes the one sheet that holds anything as CSV: commas, line feeds, everything quoted but numbers. No sheet holds
/// anything: nothing is written. What was written before a refusal is of no use.
///
/// # Errors
/// See [`WorkbookRefusal`].
pub(crate) fn to_csv(path: &Path, into: &mut impl Write, limits: Limits) -> Result<(), WorkbookRefusal> {
    let mut capped = Capped { into, left: limits.inflated_bytes, is_full: false };
    let converted = convert(path, &mut capped, limits);
    if capped.is_full { Err(WorkbookRefusal::TooLarge(limits.inflated_bytes)) } else { converted }
}

/// Takes so many bytes and no more: a string that a million cells share is in the file once, and in the CSV a million times.
struct Capped<W> {
    into: W,
    left: u64,
    is_full: bool,
}

impl<W: Write> Write for Capped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        // All or nothing: what is counted is written.
        self.into.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

fn convert(path: &Path, into: &mut impl Write, limits: Limits) -> Result<(), WorkbookRefusal> {
    inflate_everything(path, limits)?;
    let mut workbook = Workbook::new(BufReader::new(File::open(path)?)).map_err(from_workbook)?;
    let sheets = sheets_in_question(workbook.sheets_metadata());
    if sheets.len() > MOST_SHEETS {
        return Err(WorkbookRefusal::SeveralSheets(format!("more than {MOST_SHEETS}")));
    }
    let mut filled = Vec::new();
    for sheet in sheets {
        if filled.len() < MOST_NAMED_SHEETS && holds_something(&mut workbook, &sheet)? {
            filled.push(sheet);
        }
    }
    match filled.as_slice() {
        [] => Ok(()),
        [sheet] => write_sheet(&mut workbook, sheet, into, limits.columns),
        several => {
            let names = several.iter().map(|name| name.chars().take(LONGEST_SHEET_NAME).collect::<String>());
            Err(WorkbookRefusal::SeveralSheets(names.collect::<Vec<_>>().join(", ")))
        }
    }
}

/// Inflates every part once and forgets it: the sizes that an archive states can lie, and calamine sets no limits.
fn inflate_everything(path: &Path, limits: Limits) -> Result<(), WorkbookRefusal> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?)).map_err(from_zip)?;
    if archive.len() > MOST_PARTS {
        return Err(damaged(format_args!("it holds more than {MOST_PARTS} parts")));
    }
    let mut left = limits.inflated_bytes;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(from_zip)?;
        // calamine finds a part whatever the case of its name and the slant of its slashes.
        let name = part.name().map_err(from_zip)?.to_ascii_lowercase();
        let file_name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let most = match file_name {
            "sharedstrings.xml" => limits.shared_strings_bytes,
            ".rels" | "styles.xml" | "theme1.xml" | "workbook.xml" | "workbook.xml.rels" => MOST_SMALL_PART_BYTES,
            _ => limits.inflated_bytes,
        };
        let mut inflating = part.take(most.min(left).saturating_add(1));
        let mut stated = StatedCount::default();
        let copied = if file_name == "sharedstrings.xml" {
            io::copy(&mut inflating, &mut stated)
        } else {
            io::copy(&mut inflating, &mut io::sink())
        };
        let inflated = copied.map_err(from_reading)?;
        if inflated > most {
            return Err(WorkbookRefusal::TooLarge(most));
        }
        left = left.checked_sub(inflated).ok_or(WorkbookRefusal::TooLarge(limits.inflated_bytes))?;
        if stated.largest > MOST_SHARED_STRINGS {
            return Err(damaged("it states more shared strings than a workbook can use"));
        }
    }
    Ok(())
}

/// Finds how many shared strings are stated. calamine reserves memory for that number unseen, and the process ends if
/// there is not as much, so a file of a few bytes could end it.
#[derive(Default)]
struct StatedCount {
    /// How much of the attribute's name the bytes before have matched.
    matched: usize,
    number: u64,
    largest: u64,
}

impl Write for StatedCount {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const NAME: &[u8] = b"uniqueCount";
        for byte in bytes {
            match NAME.get(self.matched) {
                Some(expected) if expected == byte => {
                    self.matched += 1;
                    self.number = 0;
                }
                Some(_) => self.matched = usize::from(NAME.first() == Some(byte)),
                None if byte.is_ascii_digit() => {
                    self.number = self.number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                    self.largest = self.largest.max(self.number);
                }
                None if byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\'') => {}
                None => self.matched = 0,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The worksheets one can see; if there is none, those one cannot. Charts are no worksheets.
fn sheets_in_question(all: &[Sheet]) -> Vec<String> {
    let worksheets = || all.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let visible: Vec<_> = worksheets().filter(|sheet| sheet.visible == SheetVisible::Visible).collect();
    let chosen = if visible.is_empty() { worksheets().collect() } else { visible };
    chosen.into_iter().map(|sheet| sheet.name.clone()).collect()
}

/// Reads on until a cell has more in it than blanks.
fn holds_something(workbook: &mut Workbook, sheet: &str) -> Result<bool, WorkbookRefusal> {
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(from_workbook)?;
    while let Some(cell) = cells.next_cell().map_err(from_workbook)? {
        if !text(cell.get_value()).trim().is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a sheet, never holding more than one row of it.
fn write_sheet(
    workbook: &mut Workbook,
    sheet: &str,
    into: &mut impl Write,
    columns: u32,
) -> Result<(), WorkbookRefusal> {
    let mut rows = Rows::new(into);
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(from_workbook)?;
    // The first row and column where the next cell may be.
    let mut next = (0_u32, 0_u32);
    while let Some(cell) = cells.next_cell().map_err(from_workbook)? {
        let (row, column) = cell.get_position();
        if (row, column) < next {
            return Err(damaged(format_args!("its cells are out of order in row {}", u64::from(row) + 1)));
        }
        if row > next.0 {
            rows.end_row()?;
        }
        next = (row, column.saturating_add(1));
        let text = text(cell.get_value());
        // A cell that only has a colour is not there, and does not make the sheet any wider.
        if text.is_empty() {
            continue;
        }
        if column >= columns {
            return Err(WorkbookRefusal::TooManyColumns(columns));
        }
        rows.put(column as usize, &text);
    }
    rows.end_row()?;
    rows.writer.flush()?;
    Ok(())
}

/// Rows on their way into the CSV file.
struct Rows<W: Write> {
    writer: csv::Writer<W>,
    row: csv::ByteRecord,
    row_holds_something: bool,
    /// The columns of the first row, which every later row has at least.
    width: usize,
}

impl<W: Write> Rows<W> {
    fn new(into: W) -> Self {
        // Text is always quoted: the separator is found by counting in the first line, where a heading may hold others.
        let writer =
            csv::WriterBuilder::new().flexible(true).quote_style(csv::QuoteStyle::NonNumeric).from_writer(into);
        Self { writer, row: csv::ByteRecord::new(), row_holds_something: false, width: 0 }
    }

    fn pad(&mut self, columns: usize) {
        while self.row.len() < columns {
            self.row.push_field(b"");
        }
    }

    fn put(&mut self, column: usize, text: &str) {
        self.pad(column);
        self.row.push_field(text.as_bytes());
        self.row_holds_something |= !text.trim().is_empty();
    }

    fn end_row(&mut self) -> io::Result<()> {
        if self.row_holds_something {
            self.pad(self.width);
            if self.width == 0 {
                self.width = self.row.len();
            }
            self.writer.write_byte_record(&self.row)?;
        }
        self.row.clear();
        self.row_holds_something = false;
        Ok(())
    }
}

/// A cell as it is written.
fn text<'a>(value: &'a DataRef<'_>) -> Cow<'a, str> {
    match value {
        DataRef::Empty => Cow::Borrowed(""),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cow::Borrowed(text.as_str()),
        DataRef::SharedString(text) => Cow::Borrowed(*text),
        DataRef::Bool(true) => Cow::Borrowed("TRUE"),
        DataRef::Bool(false) => Cow::Borrowed("FALSE"),
        DataRef::Int(number) => Cow::Owned(number.to_string()),
        DataRef::Float(value) => Cow::Owned(number(*value)),
        DataRef::DateTime(moment) => Cow::Owned(date(moment)),
        DataRef::Error(error) => Cow::Owned(error.to_string()),
    }
}

/// A number, a whole one without decimals. One that Excel has rounded must never look like all of its digits: it is
/// written as `8.914800000123457E+18`, which the reader refuses for just that reason.
fn number(value: f64) -> String {
    if value.is_finite() && value.abs() >= FIRST_ROUNDED {
        return format!("{value:E}").replace('E', "E+");
    }
    value.to_string()
}

/// A date, with the time if there is one. A duration is a number of days; and what no calendar has is a number too, an
/// identifier in a column that was given the wrong format.
fn date(moment: &ExcelDateTime) -> String {
    let serial = moment.as_f64();
    if moment.is_duration() || !(0.0..AFTER_LAST_DATE).contains(&serial) {
        return number(serial);
    }
    let (year, month, day, hour, minute, second, millisecond) = moment.to_ymd_hms_milli();
    if (hour, minute, second, millisecond) == (0, 0, 0, 0) {
        return format!("{year:04}-{month:02}-{day:02}");
    }
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

fn damaged(how: impl Display) -> WorkbookRefusal {
    WorkbookRefusal::Damaged(how.to_string().chars().take(LONGEST_DAMAGE).collect())
}

/// The operating system's errors are the disk's; all others are made by what was read.
fn from_reading(error: io::Error) -> WorkbookRefusal {
    if error.raw_os_error().is_some() { WorkbookRefusal::Io(error) } else { damaged(error) }
}

fn from_zip(error: ZipError) -> WorkbookRefusal {
    match error {
        ZipError::Io(error) => from_reading(error),
        ZipError::InvalidPassword | ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            WorkbookRefusal::Encrypted
        }
        other => damaged(other),
    }
}

fn from_workbook(error: XlsxError) -> WorkbookRefusal {
    match error {
        XlsxError::Io(error) => from_reading(error),
        XlsxError::Zip(error) => from_zip(error),
        XlsxError::Password => WorkbookRefusal::Encrypted,
        other => damaged(other),
    }
}

#[cfg(test)]
#[path = "workbook_tests.rs"]
mod tests;
