//! Importing what plans are made against: a file of rows, each of which makes a thing, updates it, or is refused with its
//! field, code and fix. Rows that are good go on; a file that tells of a part says nothing of the rest.

mod agents;
mod customers;
mod devices;
mod offers;
mod sheet;
mod sites;

pub use agents::AgentDevices;
pub use customers::Customers;
pub use devices::Devices;
pub use offers::{CustomerRatePlans, CustomerRatePools, ServiceProviders};
pub use sheet::{Cells, Column, ImportRefusal};
pub use sites::Sites;

use crate::csv_file::MOST_ROWS;
use csv::ByteRecord;
use database::api_key::Caller;
use database::written::{WriteRefusal, Written};
use database::{DatabaseError, Ledger};
use sheet::Sheet;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// Rows that are written in one transaction.
const BLOCK: usize = 2_000;
/// Refused rows that are told one by one.
const MOST_TOLD: usize = 1_000;
/// How often a block is written again after a deadlock or a lost connection.
const TRIES: u32 = 5;

/// A row that was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRefusal {
    /// Its place in the file, from 1, without the headings.
    pub row: i32,
    /// The column it is about.
    pub field: &'static str,
    /// Why.
    pub trouble: Trouble,
    /// What is particular to this row.
    pub detail: String,
}

/// Why a row is not written: stable codes, each with a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The field is empty.
    Missing,
    /// The field holds what it cannot.
    Invalid,
    /// An earlier row of the file is about the same thing.
    Duplicate,
    /// Not 18 to 22 digits.
    Iccid,
    /// Stored with, or without, its check digit.
    IccidStoredOtherwise,
    /// Not 7 to 15 digits.
    Number,
    /// Not one of the carrier's words.
    StatusUnknown,
    /// A new SIM without its status.
    StatusMissing,
    /// No such service provider.
    ServiceProviderNotFound,
    /// No such account at Rev.io, or several and none named.
    AccountNotFound,
    /// No such customer.
    CustomerNotFound,
    /// The site is another customer's, or the tenant's default.
    SiteOfAnotherCustomer,
    /// The name is another's.
    Taken,
    /// No such device.
    DeviceNotFound,
    /// The ICCID is at several service providers.
    DeviceAmbiguous,
    /// The device is archived.
    DeviceArchived,
    /// Another agent has it.
    WithAnotherAgent,
    /// The agent has assigned it to a customer of its own.
    AssignedByAgent,
    /// A change is under way with it.
    UnderWay,
}

impl Trouble {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "FIELD_MISSING",
            Self::Invalid => "FIELD_INVALID",
            Self::Duplicate => "DUPLICATE_IN_INPUT",
            Self::Iccid => "ICCID_MALFORMED",
            Self::IccidStoredOtherwise => "ICCID_STORED_OTHERWISE",
            Self::Number => "NUMBER_MALFORMED",
            Self::StatusUnknown => "STATUS_UNKNOWN",
            Self::StatusMissing => "STATUS_MISSING",
            Self::ServiceProviderNotFound => "SERVICE_PROVIDER_NOT_FOUND",
            Self::AccountNotFound => "ACCOUNT_NOT_FOUND",
            Self::CustomerNotFound => "CUSTOMER_NOT_FOUND",
            Self::SiteOfAnotherCustomer => "SITE_OF_ANOTHER_CUSTOMER",
            Self::Taken => "NAME_TAKEN",
            Self::DeviceNotFound => "DEVICE_NOT_FOUND",
            Self::DeviceAmbiguous => "DEVICE_AMBIGUOUS",
            Self::DeviceArchived => "DEVICE_ARCHIVED",
            Self::WithAnotherAgent => "WITH_ANOTHER_AGENT",
            Self::AssignedByAgent => "ASSIGNED_BY_AGENT",
            Self::UnderWay => "LOCKED_BY_OTHER_CHANGE",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Missing => "Fill the field in.",
            Self::Invalid => "Correct the field.",
            Self::Duplicate => "Keep one of the two rows.",
            Self::Iccid => "Copy the ICCID from the SIM or the carrier's export, as text.",
            Self::IccidStoredOtherwise => "Write the ICCID as it is stored.",
            Self::Number => "Copy the number from the carrier's export, with or without the country code.",
            Self::StatusUnknown => "Use one of the carrier's own words.",
            Self::StatusMissing => "Give the SIM's status: it is not known yet.",
            Self::ServiceProviderNotFound => "Create the service provider first, or correct its name.",
            Self::AccountNotFound => "Name one of the accounts at Rev.io.",
            Self::CustomerNotFound => "Create the customer first, or correct its id.",
            Self::SiteOfAnotherCustomer => "Give the new site a name of its own.",
            Self::Taken => "Choose another name.",
            Self::DeviceNotFound => "Check the ICCID; only what is your own can be given.",
            Self::DeviceAmbiguous => "Name the service provider.",
            Self::DeviceArchived => "Take the device out of the archive first.",
            Self::WithAnotherAgent => "Take it back from the other agent first.",
            Self::AssignedByAgent => "Ask the agent to unassign it, or say that it does not matter (even_if_assigned).",
            Self::UnderWay => {
                "Wait until the change that is under way with it is over, or needs attention and is resolved."
            }
        }
    }
}

/// What an import came to. `rows` = `created` + `updated` + `unchanged` + `refused`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Rows of the file.
    pub rows: usize,
    /// Rows that made something.
    pub created: usize,
    /// Rows that changed something.
    pub updated: usize,
    /// Rows that said what is so already.
    pub unchanged: usize,
    /// Rows that were not written.
    pub refused: usize,
    /// The first thousand of them.
    pub refusals: Vec<RowRefusal>,
    /// Columns of the file that stand for something.
    pub used: Vec<String>,
    /// Columns of the file that do not.
    pub ignored: Vec<String>,
}

/// What the rows of a file are about.
pub trait Importing: Send + Sync {
    /// A row as it is written.
    type Row: Send + Sync;

    /// The columns that are known; the others are ignored.
    fn columns(&self) -> &'static [Column];

    /// Reads a row. Answers it with what tells it from the others.
    ///
    /// # Errors
    /// Why the row cannot be written.
    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(Self::Row, String), RowRefusal>;

    /// Writes rows in one transaction.
    fn write(
        &self,
        ledger: &Ledger,
        caller: &Caller,
        rows: &[Self::Row],
    ) -> impl Future<Output = Result<Written, DatabaseError>> + Send;
}

/// Imports a spooled CSV or XLSX file, block by block: each is committed by itself, and the same file may be sent again.
/// Memory: a block of rows, and 8 bytes for each row before it.
///
/// # Errors
/// The file as a whole cannot be read, a column is missing, or the database does not answer; then `Interrupted` says how far
/// it came.
pub async fn import<What: Importing>(
    ledger: &Ledger,
    caller: &Caller,
    path: &Path,
    what: &What,
) -> Result<Imported, ImportRefusal> {
    let (columns, path) = (what.columns(), path.to_owned());
    let opened = tokio::task::spawn_blocking(move || Sheet::open(&path, columns));
    let mut sheet = opened.await.map_err(|_| ImportRefusal::Interrupted { rows: 0 })??;
    let (used, ignored) = sheet.headings();
    let mut done = Imported { used, ignored, ..Imported::default() };
    let places = sheet.places();
    let (send, mut receive) = mpsc::channel::<Vec<ByteRecord>>(2);
    let reading = tokio::task::spawn_blocking(move || {
        loop {
            let block = sheet.block(BLOCK)?;
            if block.is_empty() || send.blocking_send(block).is_err() {
                return Ok::<(), ImportRefusal>(());
            }
        }
    });
    let (hasher, mut seen) = (RandomState::new(), HashSet::new());
    while let Some(block) = receive.recv().await {
        let (mut rows, mut refused) = (Vec::with_capacity(block.len()), Vec::new());
        let first = done.rows;
        for (at, record) in block.iter().enumerate() {
            let number = i32::try_from(first + at + 1).unwrap_or(i32::MAX);
            if number > MOST_ROWS {
                return Err(ImportRefusal::TooManyRows);
            }
            match what.read(number, &Cells::new(record, columns, &places)) {
                Ok((row, key)) if seen.insert(hasher.hash_one(&key)) => rows.push(row),
                Ok((_, key)) => refused.push(RowRefusal {
                    row: number,
                    field: columns.first().map_or("", |column| column.name),
                    trouble: Trouble::Duplicate,
                    detail: key,
                }),
                Err(refusal) => refused.push(refusal),
            }
        }
        let written = write(ledger, caller, what, &rows).await.map_err(|source| {
            if first == 0 { ImportRefusal::Database(source) } else { ImportRefusal::Stopped { rows: first, source } }
        })?;
        let of_rows = written.refused.iter().map(|(row, why)| told(*row, why, columns));
        refused.extend(of_rows);
        refused.sort_by_key(|refusal| refusal.row);
        done.rows += block.len();
        done.created += written.created;
        done.updated += written.updated;
        done.unchanged += rows.len() - written.created - written.updated - written.refused.len();
        done.refused += refused.len();
        let room = MOST_TOLD - done.refusals.len();
        done.refusals.extend(refused.into_iter().take(room));
    }
    reading.await.map_err(|_| ImportRefusal::Interrupted { rows: done.rows })??;
    Ok(done)
}

async fn write<What: Importing>(
    ledger: &Ledger,
    caller: &Caller,
    what: &What,
    rows: &[What::Row],
) -> Result<Written, DatabaseError> {
    if rows.is_empty() {
        return Ok(Written::default());
    }
    let mut tries = 0;
    loop {
        match what.write(ledger, caller, rows).await {
            // Rows that were written before a lost answer are unchanged the second time; nothing is written twice.
            Err(error) if error.is_outage() && tries + 1 < TRIES => {
                tries += 1;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    tries,
                    "a block of an import did not go through"
                );
                tokio::time::sleep(Duration::from_millis(100 << tries)).await;
            }
            ended => return ended,
        }
    }
}

/// Why a row was not written, in the words of its file.
fn told(row: i32, why: &WriteRefusal, columns: &[Column]) -> RowRefusal {
    let key = columns.first().map_or("", |column| column.name);
    let (field, trouble, detail) = match why {
        WriteRefusal::Taken => (key, Trouble::Taken, String::new()),
        WriteRefusal::SiteOfAnotherCustomer => (key, Trouble::SiteOfAnotherCustomer, String::new()),
        WriteRefusal::StatusMissing => ("status", Trouble::StatusMissing, String::new()),
        WriteRefusal::DeviceNotFound => (key, Trouble::DeviceNotFound, String::new()),
        WriteRefusal::DeviceAmbiguous => (key, Trouble::DeviceAmbiguous, String::new()),
        WriteRefusal::DeviceArchived => (key, Trouble::DeviceArchived, String::new()),
        WriteRefusal::WithAnotherAgent => (key, Trouble::WithAnotherAgent, String::new()),
        WriteRefusal::AssignedByAgent => (key, Trouble::AssignedByAgent, String::new()),
        WriteRefusal::UnderWay => (key, Trouble::UnderWay, String::new()),
        WriteRefusal::StoredAs(iccid) => (key, Trouble::IccidStoredOtherwise, format!("stored as {iccid}")),
    };
    RowRefusal { row, field, trouble, detail }
}
