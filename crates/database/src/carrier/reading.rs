//! How far a carrier's list of devices was read: one reading at a time, page by page, resumed where it was interrupted.

use crate::{DatabaseError, Ledger, Result};
use domain::ids::{ServiceProviderId, TenantId};
use jiff::Timestamp;
use sqlx::PgConnection;

/// A reading that is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetReading {
    /// Whose.
    pub tenant: TenantId,
    /// Of which service provider.
    pub service_provider: ServiceProviderId,
    /// Where the list goes on; None: from its beginning.
    pub next_cursor: Option<String>,
    /// Was the list read to its end already?
    pub is_listed: bool,
    epoch: i32,
}

/// How the last reading of a carrier's list went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; None: under way, or interrupted.
    pub ended_at: Option<Timestamp>,
    /// When the last whole one had begun.
    pub read_at: Option<Timestamp>,
    /// Devices on its pages.
    pub read: i32,
    /// Devices that are new.
    pub made: i32,
    /// Devices that were not as they are here.
    pub changed: i32,
    /// Devices that the carrier has no more.
    pub archived: i32,
    /// Records that could not be understood.
    pub unreadable: i32,
    /// Why what was missing was not archived.
    pub kept_because: Option<String>,
}

/// Takes the reading of a list: a new one, or one of the same account that was interrupted. None: somebody else reads it now.
///
/// # Errors
/// The database does not answer.
pub async fn claim(
    ledger: &Ledger,
    tenant: TenantId,
    (provider, of_account): (ServiceProviderId, &str),
    lease_seconds: f64,
) -> Result<Option<FleetReading>> {
    let mut transaction = ledger.worker(tenant).await?;
    let taken = sqlx::query!(
        "insert into app.carrier_sync as s (tenant_id, service_provider_id, lease_until, started_at, of_account)
         values ($1, $2, app.now() + make_interval(secs => $3), app.now(), $4)
         on conflict (tenant_id, service_provider_id) do update
         set epoch = s.epoch + 1, lease_until = excluded.lease_until, ended_at = null, of_account = excluded.of_account,
             started_at = case when (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) then s.started_at else excluded.started_at end,
             next_cursor = case when (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) then s.next_cursor end,
             is_listed = (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) and s.is_listed,
             devices_read = case when (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) then s.devices_read else 0 end,
             devices_made = case when (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) then s.devices_made else 0 end,
             devices_changed = case when (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) then s.devices_changed else 0 end,
             devices_archived = case when (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) then s.devices_archived else 0 end,
             devices_unreadable = case when (s.ended_at is null and s.of_account = excluded.of_account and (s.next_cursor is not null or s.is_listed)) then s.devices_unreadable else 0 end,
             kept_because = null
         where s.ended_at is not null or s.lease_until is null or s.lease_until <= app.now()
         returning epoch, next_cursor, is_listed",
        tenant.0,
        provider.0,
        lease_seconds,
        of_account
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(taken) = taken else { return Ok(None) };
    if taken.next_cursor.is_none() && !taken.is_listed {
        sqlx::query!(
            "delete from app.carrier_sync_seen where tenant_id = $1 and service_provider_id = $2",
            tenant.0,
            provider.0
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    let (service_provider, next_cursor, is_listed) = (provider, taken.next_cursor, taken.is_listed);
    Ok(Some(FleetReading { tenant, service_provider, next_cursor, is_listed, epoch: taken.epoch }))
}

/// Keeps the reading ours for longer.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn extend(ledger: &Ledger, reading: &FleetReading, lease_seconds: f64) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    sqlx::query!(
        "update app.carrier_sync set lease_until = app.now() + make_interval(secs => $3) where tenant_id = $1 and service_provider_id = $2",
        reading.tenant.0,
        reading.service_provider.0,
        lease_seconds
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Lets go of a reading that did not come to its end: the next one goes on from there at once.
///
/// # Errors
/// The database does not answer.
pub async fn release(ledger: &Ledger, reading: &FleetReading) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    sqlx::query!(
        "update app.carrier_sync set lease_until = null
         where tenant_id = $1 and service_provider_id = $2 and epoch = $3 and ended_at is null",
        reading.tenant.0,
        reading.service_provider.0,
        reading.epoch
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Ends a reading. With a reason, what was missing was kept; only one without, in which everything could be read, counts as whole.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn end(ledger: &Ledger, reading: &FleetReading, kept_because: Option<&str>) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    sqlx::query!(
        "update app.carrier_sync set ended_at = app.now(), lease_until = null, next_cursor = null, is_listed = false, kept_because = $3,
             read_at = case when $3::text is null and devices_unreadable = 0 then started_at else read_at end
         where tenant_id = $1 and service_provider_id = $2",
        reading.tenant.0,
        reading.service_provider.0,
        kept_because
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Is the reading still ours? Asked just before something is written that is not written together with where the reading stands.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub(super) async fn still_ours(ledger: &Ledger, reading: &FleetReading) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await
}

/// Is the reading still ours? Locks it to the end of the transaction: whoever takes it over waits.
pub(super) async fn fence(connection: &mut PgConnection, reading: &FleetReading) -> Result<()> {
    let ours = sqlx::query_scalar!(
        "select epoch from app.carrier_sync
         where tenant_id = $1 and service_provider_id = $2 and epoch = $3 and ended_at is null and lease_until > app.now() for update",
        reading.tenant.0,
        reading.service_provider.0,
        reading.epoch
    )
    .fetch_optional(connection)
    .await?;
    ours.map(|_| ()).ok_or(DatabaseError::LeaseLost)
}

/// How the last reading of a carrier's list went. None: there was none.
///
/// # Errors
/// The database does not answer.
pub async fn progress(ledger: &Ledger, tenant: TenantId, provider: ServiceProviderId) -> Result<Option<Progress>> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        "select started_at, ended_at, read_at, devices_read, devices_made, devices_changed, devices_archived, devices_unreadable, kept_because
         from app.carrier_sync where tenant_id = $1 and service_provider_id = $2",
        tenant.0,
        provider.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(|row| Progress {
        started_at: row.started_at.to_jiff(),
        ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
        read_at: row.read_at.map(jiff_sqlx::Timestamp::to_jiff),
        read: row.devices_read,
        made: row.devices_made,
        changed: row.devices_changed,
        archived: row.devices_archived,
        unreadable: row.devices_unreadable,
        kept_because: row.kept_because,
    }))
}
