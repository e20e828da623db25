//! Chunks: claimed by the dispatcher, settled by the worker. One function per procedure, of the same name.

use crate::{Ledger, Result};
use domain::ids::{BulkChangeId, TenantId};
use std::time::Duration;

/// A chunk that is ours until its lease runs out or the epoch moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub tenant: TenantId,
    /// Of which change.
    pub bulk_change: BulkChangeId,
    /// Which one, from 1.
    pub chunk_number: i32,
    /// Its first row.
    pub first_row: i32,
    /// Its last row.
    pub last_row: i32,
    /// The fence: a write with an older epoch is refused.
    pub epoch: i32,
}

/// What a settle did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Rows that ended in this call.
    pub rows: i32,
    /// Of them, done.
    pub ok: i32,
    /// Of them, left alone.
    pub skipped: i32,
    /// Is no row of the chunk left to do?
    pub chunk_done: bool,
    /// Rows of the change that are left to do.
    pub to_do: i32,
}

/// `claim_chunk`: the next chunk that is due, over all tenants, or None.
///
/// # Errors
/// The database does not answer.
pub async fn claim_chunk(ledger: &Ledger, lease: Duration) -> Result<Option<Claim>> {
    let row = sqlx::query!(
        r#"select tenant_id as "tenant_id!", bulk_change_id as "bulk_change_id!", chunk_number as "chunk_number!",
               first_row as "first_row!", last_row as "last_row!", epoch as "epoch!"
           from app.claim_chunk(make_interval(secs => $1))"#,
        lease.as_secs_f64()
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    Ok(row.map(|row| Claim {
        tenant: TenantId(row.tenant_id),
        bulk_change: BulkChangeId(row.bulk_change_id),
        chunk_number: row.chunk_number,
        first_row: row.first_row,
        last_row: row.last_row,
        epoch: row.epoch,
    }))
}

/// How much work waits, over all tenants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waiting {
    /// Chunks that are due and not begun.
    pub ready: i64,
    /// Chunks that somebody works on.
    pub running: i64,
    /// Chunks whose lease ran out.
    pub overdue: i64,
    /// For how long the oldest of those that are due has waited.
    pub oldest_due_seconds: f64,
}

/// Counts the chunks that are not done. Reads two partial indexes.
///
/// # Errors
/// The database does not answer.
pub async fn waiting(ledger: &Ledger) -> Result<Waiting> {
    let row = sqlx::query!(
        r#"select count(*) filter (where state = 'READY' and start_at <= app.now()) as "ready!",
               count(*) filter (where state = 'RUNNING') as "running!",
               count(*) filter (where state = 'RUNNING' and lease_until <= app.now()) as "overdue!",
               coalesce(extract(epoch from app.now() - min(start_at) filter (where state = 'READY' and start_at <= app.now())), 0)::float8 as "oldest!"
           from app.bulk_change_chunk where not is_paused and state in ('READY', 'RUNNING')"#
    )
    .fetch_one(&ledger.dispatcher)
    .await?;
    Ok(Waiting { ready: row.ready, running: row.running, overdue: row.overdue, oldest_due_seconds: row.oldest })
}

/// `extend_chunk_lease`: more time. False: the lease is lost, stop.
///
/// # Errors
/// The database does not answer; then the lease counts as lost, too.
pub async fn extend_chunk_lease(ledger: &Ledger, claim: &Claim, lease: Duration) -> Result<bool> {
    let until = sqlx::query_scalar!(
        "select app.extend_chunk_lease($1, $2, $3, $4, make_interval(secs => $5))",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.chunk_number,
        claim.epoch,
        lease.as_secs_f64()
    )
    .fetch_one(&ledger.dispatcher)
    .await?;
    Ok(until.is_some())
}

/// `release_chunk`: handed back unfinished.
///
/// # Errors
/// The database does not answer; then the lease runs out by itself.
pub async fn release_chunk(ledger: &Ledger, claim: &Claim) -> Result<()> {
    sqlx::query!(
        "select app.release_chunk($1, $2, $3, $4)",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.chunk_number,
        claim.epoch
    )
    .fetch_one(&ledger.dispatcher)
    .await?;
    Ok(())
}

/// `settle_chunk`: the record step of these rows, in one transaction. See the procedure's header.
///
/// # Errors
/// `LeaseLost`, `Data` for a row the database will not take, or an outage.
pub async fn settle_chunk(
    ledger: &Ledger,
    claim: &Claim,
    first_row: i32,
    last_row: i32,
    worker: &str,
) -> Result<Settled> {
    let mut transaction = ledger.worker(claim.tenant).await?;
    let row = sqlx::query!(
        r#"select settled as "settled!", ok as "ok!", skipped as "skipped!", chunk_done as "chunk_done!", to_do as "to_do!"
           from app.settle_chunk($1, $2, $3, $4, $5, $6, $7)"#,
        claim.tenant.0, claim.bulk_change.0, claim.chunk_number, claim.epoch, first_row, last_row, worker)
        .fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(Settled { rows: row.settled, ok: row.ok, skipped: row.skipped, chunk_done: row.chunk_done, to_do: row.to_do })
}

/// `fail_poison_row`: the one row of a chunk that the database would not take.
///
/// # Errors
/// `LeaseLost`, or an outage.
pub async fn fail_poison_row(
    ledger: &Ledger,
    claim: &Claim,
    row_number: i32,
    sqlstate: &str,
    worker: &str,
) -> Result<()> {
    let mut transaction = ledger.worker(claim.tenant).await?;
    sqlx::query!(
        "select chunk_done from app.fail_poison_row($1, $2, $3, $4, $5, $6, $7)",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.chunk_number,
        claim.epoch,
        row_number,
        sqlstate,
        worker
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Wake-ups: a connection that hears when work was made. Hints only; who relies on them alone will miss some.
#[derive(Debug)]
pub struct WakeUps(sqlx::postgres::PgListener);

impl WakeUps {
    /// Listens on a connection of its own, outside the pools (a listener in a pool keeps that pool from closing).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn listen(ledger: &Ledger) -> Result<Self> {
        let pool = sqlx::postgres::PgPoolOptions::new()
            .max_connections(1)
            .connect_with(ledger.server().options_for(crate::Role::Dispatcher))
            .await?;
        let mut listener = sqlx::postgres::PgListener::connect_with(&pool).await?;
        listener.listen("ascribe_work").await?;
        Ok(Self(listener))
    }

    /// Waits for the next one.
    ///
    /// # Errors
    /// The connection is gone; listen again.
    pub async fn next(&mut self) -> Result<()> {
        self.0.recv().await?;
        Ok(())
    }
}
