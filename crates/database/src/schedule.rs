//! What waits for its effective date: claimed by the dispatcher, applied by the worker. One function per procedure, of the
//! same name.

use crate::{Ledger, Result};
use domain::ids::{BulkChangeId, TenantId};
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use std::time::Duration;

/// The schedule rows of one chunk and one date, due and lent to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub tenant: TenantId,
    /// Of which change.
    pub bulk_change: BulkChangeId,
    /// Of which chunk.
    pub chunk_number: i32,
    /// The date that has come.
    pub effective_date: Date,
    /// The chunk's first row.
    pub first_row: i32,
    /// The chunk's last row.
    pub last_row: i32,
}

/// What became of schedule rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Rows whose plan, pool and allocation are what was asked for now.
    pub applied: i32,
    /// Rows whose assignment had moved on.
    pub superseded: i32,
    /// Rows taken back by a person.
    pub cancelled: i32,
    /// Rows that could not be applied.
    pub failed: i32,
}

/// `claim_schedule_chunk`: what is due, over all tenants, or None.
///
/// # Errors
/// The database does not answer.
pub async fn claim_schedule_chunk(ledger: &Ledger, lease: Duration) -> Result<Option<Due>> {
    let row = sqlx::query!(
        r#"select tenant_id as "tenant_id!", bulk_change_id as "bulk_change_id!", chunk_number as "chunk_number!",
               effective_date as "effective_date!", first_row as "first_row!", last_row as "last_row!"
           from app.claim_schedule_chunk(make_interval(secs => $1))"#,
        lease.as_secs_f64()
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    Ok(row.map(|row| Due {
        tenant: TenantId(row.tenant_id),
        bulk_change: BulkChangeId(row.bulk_change_id),
        chunk_number: row.chunk_number,
        effective_date: row.effective_date.to_jiff(),
        first_row: row.first_row,
        last_row: row.last_row,
    }))
}

/// `apply_schedule_chunk`: these rows, in one transaction. See the procedure's header.
///
/// # Errors
/// `Data` for a row the database will not take, or an outage.
pub async fn apply_schedule_chunk(
    ledger: &Ledger,
    due: &Due,
    first_row: i32,
    last_row: i32,
    worker: &str,
) -> Result<Applied> {
    let mut transaction = ledger.worker(due.tenant).await?;
    let row = sqlx::query!(
        r#"select applied as "applied!", superseded as "superseded!", cancelled as "cancelled!", failed as "failed!"
           from app.apply_schedule_chunk($1, $2, $3, $4, $5, $6, $7)"#,
        due.tenant.0,
        due.bulk_change.0,
        due.chunk_number,
        due.effective_date.to_sqlx() as jiff_sqlx::Date,
        first_row,
        last_row,
        worker
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Applied { applied: row.applied, superseded: row.superseded, cancelled: row.cancelled, failed: row.failed })
}

/// `fail_schedule_row`: the one row of a schedule that the database would not take.
///
/// # Errors
/// The database does not answer, or will not take this either.
pub async fn fail_schedule_row(
    ledger: &Ledger,
    due: &Due,
    row_number: i32,
    sqlstate: &str,
    worker: &str,
) -> Result<()> {
    let mut transaction = ledger.worker(due.tenant).await?;
    sqlx::query!(
        "select app.fail_schedule_row($1, $2, $3, $4, $5, $6, $7)",
        due.tenant.0,
        due.bulk_change.0,
        due.chunk_number,
        due.effective_date.to_sqlx() as jiff_sqlx::Date,
        row_number,
        sqlstate,
        worker
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// How many rows of a change wait for their date, and what became of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ScheduleCounts {
    /// Rows that wait.
    pub pending: i64,
    /// Rows whose date came, and that are as asked for.
    pub applied: i64,
    /// Rows whose assignment a newer change has moved on.
    pub superseded: i64,
    /// Rows taken back, by cancel or by undo.
    pub cancelled: i64,
    /// Rows that could not be applied.
    pub failed: i64,
}

/// The schedule of a change; None if it has none.
///
/// # Errors
/// The database does not answer.
pub async fn counts(ledger: &Ledger, tenant: TenantId, change: BulkChangeId) -> Result<Option<ScheduleCounts>> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        r#"select count(*) as "rows!", count(*) filter (where status = 'PENDING') as "pending!", count(*) filter (where status = 'APPLIED') as "applied!",
               count(*) filter (where status = 'SUPERSEDED') as "superseded!", count(*) filter (where status = 'CANCELLED') as "cancelled!",
               count(*) filter (where status = 'FAILED') as "failed!"
           from app.device_change_schedule where tenant_id = $1 and bulk_change_id = $2"#,
        tenant.0, change.0)
        .fetch_one(&mut *transaction).await?;
    Ok((row.rows > 0).then_some(ScheduleCounts {
        pending: row.pending,
        applied: row.applied,
        superseded: row.superseded,
        cancelled: row.cancelled,
        failed: row.failed,
    }))
}
