//! Result files: the input's own columns in its own order, and what became of each row; they can be sent again as they are.

use crate::planner::PlanRefusal;
use csv::ReaderBuilder;
use database::bulk_change::BulkChange;
use database::input_record::part_after;
use database::rows::{DeviceChange, Filter};
use database::stage::Stage;
use database::{DatabaseError, Ledger};
use domain::csv_cell::guarded;
use domain::ids::{BulkChangeId, TenantId};
use domain::reason::Reason;
use std::collections::VecDeque;

/// Rows that are read at a time.
const PAGE: i64 = 1_000;

/// A result file that is being written, block by block.
#[derive(Debug)]
pub struct Results {
    ledger: Ledger,
    tenant: TenantId,
    change: BulkChange,
    filter: Filter,
    last_row: i32,
    begun: bool,
    over: bool,
    /// Records of the input that were read ahead, with their row numbers.
    ahead: VecDeque<(i32, Vec<String>)>,
    parts_read_to: i32,
}

impl Results {
    /// The results of a plan or a change, of the rows that pass the filter.
    #[must_use]
    pub fn new(ledger: Ledger, tenant: TenantId, change: BulkChange, filter: Filter) -> Self {
        Self {
            ledger,
            tenant,
            change,
            filter,
            last_row: 0,
            begun: false,
            over: false,
            ahead: VecDeque::new(),
            parts_read_to: 0,
        }
    }

    /// The next block of the file as CSV; None at its end.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, DatabaseError> {
        let Some(records) = self.records().await? else { return Ok(None) };
        let mut writer = csv::Writer::from_writer(Vec::new());
        for record in records {
            write(&mut writer, record.into_iter().map(guarded));
        }
        Ok(Some(writer.into_inner().unwrap_or_default()))
    }

    /// The next block of the file, record by record, the headings first; None at its end.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn records(&mut self) -> Result<Option<Vec<Vec<String>>>, DatabaseError> {
        if self.over {
            return Ok(None);
        }
        let mut block = Vec::new();
        let headings = self.headings();
        if !self.begun {
            self.begun = true;
            let added = ["_status", "_code", "_reason", "_fix", "_attempts"].map(str::to_owned);
            block.push(headings.iter().cloned().chain(added).collect());
        }
        let rows = database::rows::list(&self.ledger, self.tenant, self.change.id.0, &self.filter, self.last_row, PAGE)
            .await?;
        self.over = rows.is_empty();
        for row in rows {
            self.last_row = row.row_number;
            let own = if headings.len() > 1 { self.record_of(row.row_number).await? } else { None };
            let mut own = own.unwrap_or_else(|| vec![row.input.clone()]);
            // Every line has as many cells as the first: a file that is read by columns must not slip.
            own.resize(headings.len(), String::new());
            block.push(own.into_iter().chain(became(&row)).collect());
        }
        Ok(Some(block))
    }

    fn headings(&self) -> Vec<String> {
        let columns = self.change.input_columns.as_array().into_iter().flatten();
        let headings: Vec<String> = columns.filter_map(|c| c["column"].as_str()).map(str::to_owned).collect();
        if headings.is_empty() { vec!["ICCID".to_owned()] } else { headings }
    }

    /// The record of this row; rows are asked for in their order.
    async fn record_of(&mut self, row: i32) -> Result<Option<Vec<String>>, DatabaseError> {
        loop {
            while let Some((number, _)) = self.ahead.front() {
                if *number == row {
                    return Ok(self.ahead.pop_front().map(|(_, record)| record));
                }
                if *number > row {
                    return Ok(None);
                }
                self.ahead.pop_front();
            }
            let after = self.parts_read_to.max(row - 1);
            let Some((last, records)) = part_after(&self.ledger, self.tenant, self.change.id, after).await? else {
                return Ok(None);
            };
            self.parts_read_to = last;
            self.ahead =
                parse(&records).map(|(number, record)| (number, record.iter().map(str::to_owned).collect())).collect();
        }
    }
}

/// What became of a row, in the columns that are added.
fn became(row: &DeviceChange) -> [String; 5] {
    let detail = row.detail.as_deref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    [
        row.status.word().to_owned(),
        row.reason.map(Reason::word).unwrap_or_default().to_owned(),
        row.reason.map(|reason| format!("{}{detail}", reason.sentence())).unwrap_or_default(),
        row.reason.map(Reason::fix).unwrap_or_default().to_owned(),
        row.attempts.to_string(),
    ]
}

fn write(writer: &mut csv::Writer<Vec<u8>>, cells: impl Iterator<Item = String>) {
    // Writing to memory cannot fail.
    drop(writer.write_record(cells));
}

/// Records, each led by its row number.
fn parse(records: &str) -> impl Iterator<Item = (i32, csv::StringRecord)> + '_ {
    let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(records.as_bytes());
    reader.into_records().filter_map(Result::ok).filter_map(|record| {
        let number = record.get(0)?.parse().ok()?;
        Some((number, record.iter().skip(1).collect()))
    })
}

/// Gives the staged rows of a retry the records that they had in the change's input.
pub(crate) async fn restage_records(stage: &mut Stage, of: BulkChangeId) -> Result<(), PlanRefusal> {
    let mut after = 0;
    while let Some((last, records)) = stage.records_after(of, after).await? {
        after = last;
        let parsed: Vec<(i32, String)> = parse(&records)
            .map(|(number, record)| {
                let mut writer = csv::Writer::from_writer(Vec::new());
                write(&mut writer, record.iter().map(str::to_owned));
                let bytes = writer.into_inner().unwrap_or_default();
                (number, String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
            })
            .collect();
        stage.add_records(&parsed).await?;
    }
    Ok(())
}
