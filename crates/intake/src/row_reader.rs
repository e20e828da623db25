//! The rows of an input: what names the SIM, what the row asks for by itself, and its own columns to give back.

use crate::columns::Columns;
use crate::csv_file::{InputRefusal, Records, is_workbook, open_records, shown};
use crate::workbook::{Limits, to_csv};
use csv::ByteRecord;
use database::copy_lines::InputRow;
use database::service_provider::{ServiceProvider, find};
use domain::associate_customer::{AssociateCustomer, LONGEST_FIELD};
use domain::csv_cell::GUARDED;
use domain::iccid::LONGEST_CELL;
use domain::iccid_range::IccidRange;
use domain::identifier::{Column, Identifier};
use domain::ids::ServiceProviderId;
use domain::input_field::InputField;
use domain::overrides::Overrides;
use domain::reason::{Reason, Refusal};
use std::collections::VecDeque;
use std::io::BufWriter;
use std::path::Path;
use tempfile::NamedTempFile;

/// The most bytes of a row's own columns. Pages of rows are held in memory, and a range repeats its row's columns.
const MOST_RECORD_BYTES: usize = 8 * 1024;

/// An input whose columns were understood, row by row.
#[derive(Debug)]
pub struct RowReader {
    records: Records,
    columns: Columns,
    /// None: there are no headings, every cell names a SIM, or several with other separators between them.
    layout: Option<Layout>,
    first: Option<ByteRecord>,
    row_number: i32,
    /// Rows of a record that are still to be handed out: of a list without headings, or of a range.
    waiting: VecDeque<Waiting>,
    providers: Vec<ServiceProvider>,
    default_provider: Option<ServiceProviderId>,
    /// A workbook as CSV; goes when this goes.
    _converted: Option<NamedTempFile>,
}

/// Where in a record what is.
#[derive(Clone, Debug)]
struct Layout {
    sims: Vec<(usize, Column)>,
    provider: Option<usize>,
    overrides: Vec<(usize, InputField)>,
    imei: Option<usize>,
    own: Vec<usize>,
    keep_records: bool,
}

#[derive(Debug)]
enum Waiting {
    Row(Box<InputRow>),
    Range { range: IccidRange, like: Box<InputRow>, record: ByteRecord, sim: usize },
}

impl RowReader {
    /// Opens an input, finds its columns, and makes sure that there is a row.
    ///
    /// # Errors
    /// See [`InputRefusal`].
    pub fn open(
        path: &Path,
        request: &AssociateCustomer,
        providers: Vec<ServiceProvider>,
        default_provider: Option<ServiceProviderId>,
    ) -> Result<Self, InputRefusal> {
        if is_workbook(path)? {
            let folder = path.parent().unwrap_or_else(|| Path::new("."));
            let mut converted = tempfile::Builder::new().prefix("workbook.").suffix(".upload").tempfile_in(folder)?;
            to_csv(path, &mut BufWriter::new(converted.as_file_mut()), Limits::default())?;
            let reader = Self::open_text(converted.path(), Some(b','), request, providers, default_provider)?;
            return Ok(Self { _converted: Some(converted), ..reader });
        }
        Self::open_text(path, None, request, providers, default_provider)
    }

    /// The same of a text whose separator may be known.
    pub(crate) fn open_text(
        path: &Path,
        separator: Option<u8>,
        request: &AssociateCustomer,
        providers: Vec<ServiceProvider>,
        default_provider: Option<ServiceProviderId>,
    ) -> Result<Self, InputRefusal> {
        let mut records = open_records(path, separator)?;
        let mut top = ByteRecord::new();
        if !records.next(&mut top)? {
            return Err(InputRefusal::NoRows);
        }
        let (columns, layout, first) = if let Some(columns) = Columns::read(&top, request)? {
            let layout = Layout::of(&columns);
            let numbers = layout.sims.iter().filter(|(_, column)| *column != Column::Iccids).map(|(at, _)| *at);
            records.look_for_numbers_at(numbers.collect(), top.len());
            let mut first = ByteRecord::new();
            if !records.next(&mut first)? {
                return Err(InputRefusal::NoRows);
            }
            (columns, Some(layout), first)
        } else {
            // No headings: only certain if everything in the first row is a number, or is meant to be one.
            let mut given = top.iter().filter(|cell| !cell.trim_ascii().is_empty());
            if !given.all(begins_with_a_digit) {
                let headings: Vec<String> = top.iter().take(20).map(shown).collect();
                return Err(InputRefusal::NoIccidColumn(headings.join(", ")));
            }
            (Columns::without_headings(), None, top)
        };
        if request.customer.is_none() && columns.place(InputField::Customer).is_none() {
            return Err(InputRefusal::NoCustomer);
        }
        Ok(Self {
            records,
            columns,
            layout,
            first: Some(first),
            row_number: 0,
            waiting: VecDeque::new(),
            providers,
            default_provider,
            _converted: None,
        })
    }

    /// The columns, and what each is taken for.
    #[must_use]
    pub const fn columns(&self) -> &Columns {
        &self.columns
    }

    /// May rows name service providers of their own?
    #[must_use]
    pub fn rows_name_providers(&self) -> bool {
        self.columns.place(InputField::ServiceProvider).is_some()
    }

    /// The next row, numbered from 1. None at the end.
    ///
    /// # Errors
    /// The file could not be read, or a row does not end.
    pub fn read_row(&mut self) -> Result<Option<InputRow>, InputRefusal> {
        loop {
            match self.waiting.pop_front() {
                Some(Waiting::Row(row)) => return Ok(Some(self.numbered(*row))),
                Some(Waiting::Range { mut range, like, record, sim }) => {
                    let Some(iccid) = range.next() else { continue };
                    let mut row = InputRow::clone(&like);
                    row.reading = Identifier::read(&iccid, Column::Iccids);
                    if let Some(layout) = self.layout.as_ref().filter(|layout| layout.keep_records) {
                        row.record = Some(layout.record(&record, Some((sim, iccid.as_bytes()))));
                    }
                    row.input = iccid;
                    self.waiting.push_front(Waiting::Range { range, like, record, sim });
                    return Ok(Some(self.numbered(row)));
                }
                None => {}
            }
            let mut record = ByteRecord::new();
            if let Some(first) = self.first.take() {
                record = first;
            } else if !self.records.next(&mut record)? {
                return Ok(None);
            }
            match self.layout.clone() {
                Some(layout) => self.read_record(&layout, record),
                None => {
                    let given: Vec<&[u8]> = record.iter().filter(|cell| !cell.trim_ascii().is_empty()).collect();
                    let numbers: Vec<Cell> = given.into_iter().flat_map(numbers_in).collect();
                    for cell in numbers {
                        let row = self.row(cell.input, cell.reading);
                        self.wait_for(row, cell.range, ByteRecord::new(), 0);
                    }
                }
            }
        }
    }

    fn numbered(&mut self, row: InputRow) -> InputRow {
        self.row_number = self.row_number.saturating_add(1);
        InputRow { row_number: self.row_number, ..row }
    }

    fn row(&self, input: String, reading: Result<Identifier, Refusal>) -> InputRow {
        InputRow {
            row_number: 0,
            input,
            reading,
            service_provider: self.default_provider,
            overrides: None,
            imei: None,
            record: None,
        }
    }

    fn wait_for(&mut self, row: InputRow, range: Option<IccidRange>, record: ByteRecord, sim: usize) {
        self.waiting.push_back(match range {
            Some(range) => Waiting::Range { range, like: Box::new(row), record, sim },
            None => Waiting::Row(Box::new(row)),
        });
    }

    fn read_record(&mut self, layout: &Layout, record: ByteRecord) {
        let filled = |at: usize| record.get(at).is_some_and(|cell| !cell.trim_ascii().is_empty());
        let Some(&(sim, column)) = layout.sims.iter().find(|(at, _)| filled(*at)).or(layout.sims.first()) else {
            return;
        };
        let cell = read_cell(unguarded(record.get(sim).unwrap_or_default()), column);
        let mut row = self.row(cell.input, cell.reading);
        let mut overrides = Overrides::default();
        let imei = layout.imei.map(|at| (at, InputField::Imei));
        for (at, field) in layout.overrides.iter().chain(&imei) {
            let bytes = unguarded(record.get(*at).unwrap_or_default());
            if bytes.len() > LONGEST_FIELD {
                row.reading =
                    Err(Refusal::about(Reason::FieldTooLong, format!("{}: {} bytes", field.word(), bytes.len())));
                continue;
            }
            let text = text_of(bytes);
            if text.is_empty() {
                continue;
            }
            if *field == InputField::Imei {
                row.imei = Some(text);
            } else if let Some(place) = overrides.field(*field) {
                *place = Some(text);
            }
        }
        if !overrides.is_empty() {
            row.overrides = serde_json::to_string(&overrides).ok();
        }
        let provider = layout.provider.map(|at| text_of(unguarded(record.get(at).unwrap_or_default())));
        if let Some(text) = provider.filter(|text| !text.is_empty()) {
            let named = find(&self.providers, &text);
            row.service_provider = named.map(|provider| provider.id);
            if named.is_none() {
                let shown: String = text.chars().take(LONGEST_CELL).collect();
                row.reading = Err(Refusal::about(Reason::ServiceProviderNotFound, shown));
            }
        }
        let bytes = record.as_slice().len();
        let fits = !layout.keep_records || bytes <= MOST_RECORD_BYTES;
        if !fits {
            let detail = format!("the row has {bytes} bytes, at most {MOST_RECORD_BYTES} are kept of one");
            row.reading = Err(Refusal::about(Reason::FieldTooLong, detail));
        }
        let range = cell.range.filter(|_| row.reading.is_ok());
        if layout.keep_records && fits && range.is_none() {
            row.record = Some(layout.record(&record, None));
        }
        self.wait_for(row, range, record, sim);
    }
}

impl Layout {
    fn of(columns: &Columns) -> Self {
        let sims = [
            (InputField::Iccid, Column::Iccids),
            (InputField::Msisdn, Column::SubscriberNumbers),
            (InputField::Device, Column::Either),
        ];
        Self {
            sims: sims.into_iter().filter_map(|(field, column)| Some((columns.place(field)?, column))).collect(),
            provider: columns.place(InputField::ServiceProvider),
            overrides: columns.fields().filter(|(_, field)| Overrides::default().field(*field).is_some()).collect(),
            imei: columns.place(InputField::Imei),
            own: columns.own(),
            keep_records: columns.have_more_than_the_sim(),
        }
    }

    /// The record's own columns as CSV, without its end; with another cell in the place of the one that names the SIM.
    fn record(&self, record: &ByteRecord, instead: Option<(usize, &[u8])>) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let cells = self.own.iter().map(|at| match instead {
            Some((place, cell)) if place == *at => cell,
            _ => unguarded(record.get(*at).unwrap_or_default()),
        });
        // Writing to memory cannot fail; a record that did would be an empty one.
        drop(writer.write_record(cells));
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()
    }
}

/// The cell of a row that names its SIM.
struct Cell {
    input: String,
    reading: Result<Identifier, Refusal>,
    range: Option<IccidRange>,
}

fn read_cell(cell: &[u8], column: Column) -> Cell {
    let Ok(text) = std::str::from_utf8(cell) else {
        let reason = if column == Column::SubscriberNumbers { Reason::NumberMalformed } else { Reason::IccidMalformed };
        let reading = Err(Refusal::about(reason, "the cell is not text in UTF-8"));
        return Cell { input: shown(cell.trim_ascii()), reading, range: None };
    };
    match IccidRange::read(text).filter(|_| column != Column::SubscriberNumbers) {
        Some(Ok(range)) => {
            let first = range.clone().next().unwrap_or_default();
            Cell {
                input: shown(cell.trim_ascii()),
                reading: Identifier::read(&first, Column::Iccids),
                range: Some(range),
            }
        }
        Some(Err(refusal)) => Cell { input: shown(cell.trim_ascii()), reading: Err(refusal), range: None },
        None => Cell { input: shown(cell.trim_ascii()), reading: Identifier::read(text, column), range: None },
    }
}

/// The numbers of a cell without a heading: one, as it stands, if it reads as one (`8914 8000 …` is one number in groups);
/// else one per part, if every part is long enough to be a number of its own.
fn numbers_in(cell: &[u8]) -> Vec<Cell> {
    let whole = read_cell(cell, Column::Either);
    if whole.reading.is_ok() {
        return vec![whole];
    }
    let parts: Vec<&[u8]> = cell
        .split(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b'|' | b'/'))
        .filter(|part| !part.is_empty())
        .collect();
    if !parts.is_empty() && parts.iter().all(|part| part.len() >= 7) {
        return parts.into_iter().map(|part| read_cell(part, Column::Either)).collect();
    }
    vec![whole]
}

/// A cell without the quotation mark that our result files put before what a spreadsheet would run.
pub(crate) fn unguarded(cell: &[u8]) -> &[u8] {
    let Some(rest) = cell.strip_prefix(b"'") else { return cell };
    let runs = GUARDED.iter().any(|c| rest.starts_with(c.encode_utf8(&mut [0; 4]).as_bytes()));
    if runs { rest } else { cell }
}

/// Text of a cell: trimmed, what is not UTF-8 as the mark for it, and control characters as spaces.
fn text_of(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell);
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.trim().to_owned()
}

pub(crate) fn begins_with_a_digit(cell: &[u8]) -> bool {
    let text = String::from_utf8_lossy(cell);
    text.chars().find(|c| c.is_alphanumeric()).is_some_and(|c| c.is_ascii_digit())
}

#[cfg(test)]
#[path = "row_reader_tests.rs"]
mod tests;
