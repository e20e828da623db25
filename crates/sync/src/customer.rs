//! One customer read again, because a plan is about to open or close its lines.

use crate::account::{Installation, client};
use crate::pace::{Held, Pace};
use crate::reading::{Reader, told};
use crate::records::Mirrored;
use crate::{SyncError, SyncSettings};
use database::rev_io::{
    CustomerReading, Resource, Source, Told, claim_customer, end_customer, extend_customer, keep_of_customer,
    mark_gone_of_customer, untold_of,
};
use domain::ids::TenantId;
use integrations::billing::rev_io::wire::{Customer, Service, ServiceProduct};
use tokio_util::sync::CancellationToken;

/// So many of a customer's lines or products may be missing from its list; each is asked for by its id.
const MOST_MISSING: i64 = 50;
/// After trouble a customer is left alone for so many seconds.
const AFTER_TROUBLE: f64 = 30.0;

/// Reads the customer that was asked for first, and its lines and their products, and makes links again. False: none is asked for,
/// or somebody reads it.
///
/// # Errors
/// [`SyncError`]; the customer is still asked for then, and is tried again after a while.
pub async fn read_customer_asked_for(
    installation: &Installation<'_>,
    tenant: TenantId,
    settings: &SyncSettings,
    stop: &CancellationToken,
) -> Result<bool, SyncError> {
    let ledger = installation.ledger;
    let Some(reading) = claim_customer(ledger, tenant, settings.lease.as_secs_f64()).await? else { return Ok(false) };
    match read(installation, &reading, settings, stop).await {
        Ok(()) => {
            end_customer(ledger, &reading).await?;
            Ok(true)
        }
        Err(error) => {
            // If this fails, too, the lease ends by itself.
            drop(extend_customer(ledger, &reading, AFTER_TROUBLE).await);
            Err(error)
        }
    }
}

async fn read(
    installation: &Installation<'_>,
    reading: &CustomerReading,
    settings: &SyncSettings,
    stop: &CancellationToken,
) -> Result<(), SyncError> {
    let (ledger, tenant) = (installation.ledger, reading.tenant);
    let unusable = || SyncError::Unusable(format!("it has no customer {}", reading.rev_customer_id));
    let accounts = database::rev_io::accounts_to_read(ledger, tenant).await?;
    let account = accounts.iter().find(|account| account.id == reading.account).ok_or(SyncError::Paused)?;
    let id: i64 = reading.rev_customer_id.parse().map_err(|_| unusable())?;
    let client = client(installation, tenant, account, settings).await?;
    let pace = Pace::new(ledger, tenant, account.id, stop, settings);
    let mut reader = Reader { ledger, client: &client, settings, pace };
    let customer = reader.object::<Customer>(reading, id).await?;
    keep_or_mark(&mut reader, reading, id, customer).await?;
    all_of::<Service>(&mut reader, reading).await?;
    all_of::<ServiceProduct>(&mut reader, reading).await?;
    reader.pace.link(Held::Customer(reading)).await
}

/// Every line, or product, of the customer; what is missing from its list is asked for by its id, because it may be another's now.
async fn all_of<T: Mirrored>(reader: &mut Reader<'_>, reading: &CustomerReading) -> Result<(), SyncError> {
    let filter = [("customer_id", reading.rev_customer_id.as_str())];
    let (mut ids, mut page) = (Vec::new(), 1);
    loop {
        let read = reader.page::<T>(Held::Customer(reading), page, &filter).await?;
        let told = told(&read);
        let refused = |message: String| Err(SyncError::Refused { resource: T::KEPT_AS.word(), message });
        if told.unreadable > 0 {
            return refused(format!("{} of customer {} could not be read", told.unreadable, reading.rev_customer_id));
        }
        // A filter that is not known may be overlooked, and everybody's would be read for one.
        if told.records.iter().any(|row| row["rev_customer_id"] != reading.rev_customer_id.as_str()) {
            return refused(format!("the list of customer {} has what is another's", reading.rev_customer_id));
        }
        keep_of_customer(reader.ledger, source(reading, T::KEPT_AS), &told).await?;
        ids.extend(told.ids);
        if !read.has_more {
            break;
        }
        page += 1;
    }
    let missing = untold_of(reader.ledger, reading, T::KEPT_AS, &ids, MOST_MISSING + 1).await?;
    if missing.len() > usize::try_from(MOST_MISSING).unwrap_or(usize::MAX) {
        let (resource, customer) = (T::KEPT_AS.word(), reading.rev_customer_id.clone());
        return Err(SyncError::Missing { resource, customer, missing: missing.len() });
    }
    for id in missing {
        let found = reader.object::<T>(reading, id).await?;
        keep_or_mark(reader, reading, id, found).await?;
    }
    Ok(())
}

async fn keep_or_mark<T: Mirrored>(
    reader: &mut Reader<'_>,
    reading: &CustomerReading,
    id: i64,
    found: Option<T>,
) -> Result<(), SyncError> {
    let source = source(reading, T::KEPT_AS);
    match found {
        None => mark_gone_of_customer(reader.ledger, source, &[id]).await?,
        Some(found) => {
            let told = Told { ids: vec![id], records: vec![found.row()], unreadable: 0 };
            keep_of_customer(reader.ledger, source, &told).await?;
        }
    }
    Ok(())
}

fn source(reading: &CustomerReading, resource: Resource) -> Source {
    Source { tenant: reading.tenant, account: reading.account, resource }
}
