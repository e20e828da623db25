//! What a plan wants to know again, because it is about to open or close lines: customers, numbers, and what is new.

use crate::account::{Installation, client};
use crate::pace::{Held, Pace};
use crate::reading::{Reader, told};
use crate::records::Mirrored;
use crate::{SyncError, SyncSettings};
use database::rev_io::{
    CUSTOMERS_AT_A_TIME, ReadAgain, ReadingAgain, Resource, Source, Told, claim_wanted, end_wanted, extend_wanted,
    keep_beside, lines_known_since, mark_gone_beside, unknown_customers, untold_of,
};
use domain::ids::TenantId;
use integrations::billing::rev_io::wire::{Customer, Service, ServiceProduct};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

/// So many of what the mirror has may be missing from a list; each is asked for by its id.
const MOST_MISSING: i64 = 50;
/// So many lines of one number have their products read; more are no SIM's.
const MOST_LINES: usize = 20;
/// After trouble it is left alone for so many seconds.
const AFTER_TROUBLE: f64 = 30.0;
/// What is new is asked for from so long before the last whole reading: Rev.io's days are days of nobody knows which time zone
/// (`rev_io.md` C6).
const OVERLAP: SignedDuration = SignedDuration::from_hours(48);

/// Reads what was asked for first, and makes links again. False: nothing is asked for, or somebody reads it.
///
/// # Errors
/// [`SyncError`]; it is still asked for then, and is tried again after a while.
pub async fn read_what_is_asked_for(
    installation: &Installation<'_>,
    tenant: TenantId,
    settings: &SyncSettings,
    stop: &CancellationToken,
) -> Result<bool, SyncError> {
    let ledger = installation.ledger;
    let Some(reading) = claim_wanted(ledger, tenant, settings.lease.as_secs_f64()).await? else { return Ok(false) };
    match read(installation, &reading, settings, stop).await {
        Ok(()) => {
            end_wanted(ledger, &reading).await?;
            Ok(true)
        }
        Err(error) => {
            // If this fails, too, the lease ends by itself.
            drop(extend_wanted(ledger, &reading, AFTER_TROUBLE).await);
            Err(error)
        }
    }
}

async fn read(
    installation: &Installation<'_>,
    reading: &ReadingAgain,
    settings: &SyncSettings,
    stop: &CancellationToken,
) -> Result<(), SyncError> {
    let (ledger, tenant) = (installation.ledger, reading.tenant);
    let accounts = database::rev_io::accounts_to_read(ledger, tenant).await?;
    let account = accounts.iter().find(|account| account.id == reading.wanted.account).ok_or(SyncError::Paused)?;
    let client = client(installation, tenant, account, settings).await?;
    let pace = Pace::new(ledger, tenant, account.id, stop, settings);
    let mut reader = Reader { ledger, client: &client, settings, pace };
    match &reading.wanted.what {
        ReadAgain::Customer(id) => what_a_customer_has(&mut reader, reading, id).await?,
        ReadAgain::Number(number) => lines_of_a_number(&mut reader, reading, number).await?,
        ReadAgain::NewLines => what_is_new(&mut reader, reading).await?,
    }
    reader.pace.link(Held::Wanted(reading)).await
}

async fn what_a_customer_has(reader: &mut Reader<'_>, reading: &ReadingAgain, customer: &str) -> Result<(), SyncError> {
    let unusable = || SyncError::Unusable(format!("it has no customer {customer}"));
    let id: i64 = customer.parse().map_err(|_| unusable())?;
    let found = reader.object::<Customer>(reading, id).await?;
    keep_or_mark(reader, reading, id, found).await?;
    // A filter that is not known may be overlooked, and everybody's would be read for one.
    let filter = ("customer_id", customer);
    let lines = list(reader, reading, filter, &|line: &Service| line.customer_id == Some(id)).await?;
    missing::<Service>(reader, reading, &lines).await?;
    let products = list(reader, reading, filter, &|product: &ServiceProduct| product.customer_id == Some(id)).await?;
    missing::<ServiceProduct>(reader, reading, &products).await
}

async fn lines_of_a_number(reader: &mut Reader<'_>, reading: &ReadingAgain, number: &str) -> Result<(), SyncError> {
    let has_it = |line: &Service| line.number.as_deref().map(str::trim) == Some(number);
    let lines = list(reader, reading, ("number", number), &has_it).await?;
    missing::<Service>(reader, reading, &lines).await?;
    if lines.len() > MOST_LINES {
        let message = format!("{} lines have the number {number}", lines.len());
        return Err(SyncError::Refused { resource: Resource::Services.word(), message });
    }
    let mut products = Vec::new();
    for line in &lines {
        let is_on_it = |product: &ServiceProduct| product.service_id == Some(*line);
        products.extend(list(reader, reading, ("service_id", &line.to_string()), &is_on_it).await?);
    }
    missing::<ServiceProduct>(reader, reading, &products).await?;
    customers_of(reader, reading, &lines).await
}

/// Lines and products that were made since the last whole reading, whoever has them: as many calls as there are pages of them,
/// however many rows are at stake.
async fn what_is_new(reader: &mut Reader<'_>, reading: &ReadingAgain) -> Result<(), SyncError> {
    let unusable = || SyncError::Unusable("its lines were never read to their end".to_owned());
    let since = lines_known_since(reader.ledger, reading).await?.ok_or_else(unusable)?;
    let from = since.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN).to_zoned(TimeZone::UTC).date();
    let (day, is_new) = (from.to_string(), |created: Option<Date>| created.is_some_and(|created| created >= from));
    let filter = ("created_date_start", day.as_str());
    let lines = list(reader, reading, filter, &|line: &Service| is_new(line.created_date)).await?;
    list(reader, reading, filter, &|product: &ServiceProduct| is_new(product.created_date)).await?;
    customers_of(reader, reading, &lines).await
}

/// Whoever has these lines may be as new as they are, or was closed and is open again; and a line links by its customer.
async fn customers_of(reader: &mut Reader<'_>, reading: &ReadingAgain, lines: &[i64]) -> Result<(), SyncError> {
    let mut last = i64::MIN;
    loop {
        let customers = unknown_customers(reader.ledger, reading, lines, last).await?;
        let is_all = customers.len() < CUSTOMERS_AT_A_TIME;
        for customer in customers {
            last = customer;
            let found = reader.object::<Customer>(reading, customer).await?;
            keep_or_mark(reader, reading, customer, found).await?;
        }
        if is_all {
            return Ok(());
        }
    }
}

/// Every object that a filter finds, each page kept before the next is asked for; each has to be what was asked for.
async fn list<T: Mirrored>(
    reader: &mut Reader<'_>,
    reading: &ReadingAgain,
    filter: (&str, &str),
    is_asked_for: &(dyn Fn(&T) -> bool + Sync),
) -> Result<Vec<i64>, SyncError> {
    let (mut ids, mut page) = (Vec::new(), 1);
    let (field, value) = filter;
    let refused = |message: String| Err(SyncError::Refused { resource: T::KEPT_AS.word(), message });
    loop {
        let read = reader.page::<T>(Held::Wanted(reading), page, &[filter]).await?;
        let told = told(&read);
        if told.unreadable > 0 {
            return refused(format!("{} of {field} {value} could not be read", told.unreadable));
        }
        if !read.records.iter().all(is_asked_for) {
            return refused(format!("the list of {field} {value} has what is another's"));
        }
        keep_beside(reader.ledger, source(reading, T::KEPT_AS), &told).await?;
        ids.extend(told.ids);
        if !read.has_more {
            return Ok(ids);
        }
        page += 1;
    }
}

/// What is missing from the list is asked for by its id, because it may be another's now.
async fn missing<T: Mirrored>(reader: &mut Reader<'_>, reading: &ReadingAgain, ids: &[i64]) -> Result<(), SyncError> {
    let missing = untold_of(reader.ledger, reading, T::KEPT_AS, ids, MOST_MISSING + 1).await?;
    if missing.len() > usize::try_from(MOST_MISSING).unwrap_or(usize::MAX) {
        let (resource, of) = (T::KEPT_AS.word(), format!("{:?}", reading.wanted.what));
        return Err(SyncError::Missing { resource, of, missing: missing.len() });
    }
    for id in missing {
        let found = reader.object::<T>(reading, id).await?;
        keep_or_mark(reader, reading, id, found).await?;
    }
    Ok(())
}

async fn keep_or_mark<T: Mirrored>(
    reader: &mut Reader<'_>,
    reading: &ReadingAgain,
    id: i64,
    found: Option<T>,
) -> Result<(), SyncError> {
    let source = source(reading, T::KEPT_AS);
    match found {
        None => mark_gone_beside(reader.ledger, source, &[id]).await?,
        Some(found) => {
            let told = Told { ids: vec![id], records: vec![found.row()], unreadable: 0 };
            keep_beside(reader.ledger, source, &told).await?;
        }
    }
    Ok(())
}

fn source(reading: &ReadingAgain, resource: Resource) -> Source {
    Source { tenant: reading.tenant, account: reading.wanted.account, resource }
}
