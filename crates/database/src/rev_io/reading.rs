//! How far an account was read: one reading of a resource at a time, fenced, and resumed where it was interrupted.

use super::Resource;
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{IntegrationAuthenticationId, TenantId};
use jiff::Timestamp;
use sqlx::PgConnection;

/// A reading that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whose.
    pub tenant: TenantId,
    /// Of which account.
    pub account: IntegrationAuthenticationId,
    /// Of what.
    pub resource: Resource,
    /// The page that comes next, from 1.
    pub next_page: i32,
    /// Did somebody begin it before us?
    pub resumed: bool,
    pub(super) epoch: i32,
}

/// Where something was read: of whom, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Whose.
    pub tenant: TenantId,
    /// Of which account.
    pub account: IntegrationAuthenticationId,
    /// Of what.
    pub resource: Resource,
}

impl Reading {
    pub(super) const fn source(&self) -> Source {
        Source { tenant: self.tenant, account: self.account, resource: self.resource }
    }
}

/// How the last reading of a resource went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Of what.
    pub resource: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none: it is under way, or was interrupted.
    pub ended_at: Option<Timestamp>,
    /// When the last one that was whole had begun: so old is the mirror. None: there was none yet.
    pub mirrored_at: Option<Timestamp>,
    /// Records that were read.
    pub read: i32,
    /// New ones.
    pub made: i32,
    /// Changed ones.
    pub changed: i32,
    /// Ones that are gone.
    pub gone: i32,
    /// Ones that could not be understood.
    pub unreadable: i32,
    /// Why what was missing was not taken for gone.
    pub kept_because: Option<String>,
}

/// Takes the reading of a resource: a new one, or one that was interrupted. None: somebody else reads it now.
///
/// # Errors
/// The database does not answer.
pub async fn claim(
    ledger: &Ledger,
    tenant: TenantId,
    account: IntegrationAuthenticationId,
    resource: Resource,
    lease_seconds: f64,
) -> Result<Option<Reading>> {
    let mut transaction = ledger.worker(tenant).await?;
    let taken = sqlx::query!(
        r#"insert into app.rev_sync as s (tenant_id, integration_authentication_id, resource, lease_until, started_at)
           values ($1, $2, $3, app.now() + make_interval(secs => $4), app.now())
           on conflict (tenant_id, integration_authentication_id, resource) do update
           set epoch = s.epoch + 1, lease_until = excluded.lease_until, ended_at = null,
               started_at = case when s.ended_at is null then s.started_at else excluded.started_at end,
               next_page = case when s.ended_at is null then s.next_page else 1 end,
               records_read = case when s.ended_at is null then s.records_read else 0 end,
               records_made = case when s.ended_at is null then s.records_made else 0 end,
               records_changed = case when s.ended_at is null then s.records_changed else 0 end,
               records_gone = case when s.ended_at is null then s.records_gone else 0 end,
               records_unreadable = case when s.ended_at is null then s.records_unreadable else 0 end,
               kept_because = case when s.ended_at is null then s.kept_because end
           where s.ended_at is not null or s.lease_until is null or s.lease_until <= app.now()
           returning epoch, next_page"#,
        tenant.0,
        account.0,
        resource.word(),
        lease_seconds
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(taken) = taken else { return Ok(None) };
    if taken.next_page == 1 {
        sqlx::query!(
            "delete from app.rev_sync_seen where tenant_id = $1 and integration_authentication_id = $2 and resource = $3",
            tenant.0,
            account.0,
            resource.word()
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(Some(Reading {
        tenant,
        account,
        resource,
        next_page: taken.next_page,
        resumed: taken.next_page > 1,
        epoch: taken.epoch,
    }))
}

/// Keeps the reading ours for longer: between pages, while we wait for the provider.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn extend(ledger: &Ledger, reading: &Reading, lease_seconds: f64) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    sqlx::query!(
        "update app.rev_sync set lease_until = app.now() + make_interval(secs => $4)
         where tenant_id = $1 and integration_authentication_id = $2 and resource = $3",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word(),
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
pub async fn release(ledger: &Ledger, reading: &Reading) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    sqlx::query!(
        "update app.rev_sync set lease_until = null
         where tenant_id = $1 and integration_authentication_id = $2 and resource = $3 and epoch = $4 and ended_at is null",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word(),
        reading.epoch
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Is the reading still ours? Locks it to the end of the transaction: whoever takes it over waits.
pub(super) async fn fence(connection: &mut PgConnection, reading: &Reading) -> Result<()> {
    let ours = sqlx::query_scalar!(
        "select epoch from app.rev_sync
         where tenant_id = $1 and integration_authentication_id = $2 and resource = $3 and epoch = $4 and ended_at is null
           and lease_until > app.now() for update",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word(),
        reading.epoch
    )
    .fetch_optional(connection)
    .await?;
    ours.map(|_| ()).ok_or(DatabaseError::LeaseLost)
}

/// How the last reading of each resource of an account went.
///
/// # Errors
/// The database does not answer.
pub async fn progress(
    ledger: &Ledger,
    tenant: TenantId,
    account: IntegrationAuthenticationId,
) -> Result<Vec<Progress>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        "select resource, started_at, ended_at, mirrored_at, records_read, records_made, records_changed, records_gone,
             records_unreadable, kept_because
         from app.rev_sync where tenant_id = $1 and integration_authentication_id = $2 order by started_at, resource",
        tenant.0,
        account.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Progress {
            resource: row.resource,
            started_at: row.started_at.to_jiff(),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
            mirrored_at: row.mirrored_at.map(jiff_sqlx::Timestamp::to_jiff),
            read: row.records_read,
            made: row.records_made,
            changed: row.records_changed,
            gone: row.records_gone,
            unreadable: row.records_unreadable,
            kept_because: row.kept_because,
        })
        .collect())
}
