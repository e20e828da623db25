//! Rows that are due at the gate of an account, claimed by the dispatcher.

use crate::{Ledger, Result};
use domain::ids::{BulkChangeId, TenantId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use std::time::Duration;
use uuid::Uuid;

/// Rows of one change that are ours until the lease runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueClaim {
    /// Whose.
    pub tenant: TenantId,
    /// Of which change.
    pub bulk_change: BulkChangeId,
    /// Whose gate their next call goes through.
    pub account: Uuid,
    /// Which rows.
    pub rows: Vec<i32>,
    /// The fence: never used again.
    pub claim: Uuid,
}

/// `claim_due_work`: rows that are due, over all tenants, or None. `claim` is a new uuid.
///
/// # Errors
/// The database does not answer.
pub async fn claim_due_work(ledger: &Ledger, claim: Uuid, lease: Duration) -> Result<Option<DueClaim>> {
    let row = sqlx::query!(
        r#"select tenant_id as "tenant_id!", bulk_change_id as "bulk_change_id!", account as "account!", row_numbers as "row_numbers!"
           from app.claim_due_work($1, make_interval(secs => $2))"#,
        claim,
        lease.as_secs_f64()
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    Ok(row.map(|row| DueClaim {
        tenant: TenantId(row.tenant_id),
        bulk_change: BulkChangeId(row.bulk_change_id),
        account: row.account,
        rows: row.row_numbers,
        claim,
    }))
}

/// More time for the rows that are still ours. Answers which those are.
///
/// # Errors
/// The database does not answer.
pub async fn extend(ledger: &Ledger, claim: &DueClaim, lease: Duration) -> Result<Vec<i32>> {
    let mut transaction = ledger.worker(claim.tenant).await?;
    let rows = sqlx::query_scalar!(
        "update app.due_work set lease_until = app.now() + make_interval(secs => $5)
         where tenant_id = $1 and bulk_change_id = $2 and row_number = any ($3) and claim = $4 and lease_until > app.now()
         returning row_number",
        claim.tenant.0,
        claim.bulk_change.0,
        &claim.rows,
        claim.claim,
        lease.as_secs_f64()
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(rows)
}

/// `release_due_work`: rows given back, each with when and at whose gate it is due again.
///
/// # Errors
/// The database does not answer.
pub async fn release_due_work(ledger: &Ledger, claim: &DueClaim, rows: &[(i32, Timestamp, Uuid)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i32> = rows.iter().map(|row| row.0).collect();
    let due: Vec<jiff_sqlx::Timestamp> = rows.iter().map(|row| row.1.to_sqlx()).collect();
    let accounts: Vec<Uuid> = rows.iter().map(|row| row.2).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    sqlx::query!(
        "select app.release_due_work($1, $2, $3, $4, $5, $6)",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        &numbers,
        &due as &[jiff_sqlx::Timestamp],
        &accounts
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Lines to be closed that were found to be over without our doing, by row: they are not read again. One statement.
///
/// # Errors
/// The database does not answer.
pub async fn note_found_over(ledger: &Ledger, claim: &DueClaim, found: &[(i32, i64)]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let (rows, lines): (Vec<i32>, Vec<i64>) = found.iter().copied().unzip();
    let mut transaction = ledger.worker(claim.tenant).await?;
    sqlx::query!(
        "update app.due_work w set found_over = coalesce(w.found_over, '{}') || u.lines
         from (select f.row_number, array_agg(f.line) as lines from unnest($4::integer[], $5::bigint[]) as f (row_number, line) group by 1) as u
         where w.tenant_id = $1 and w.bulk_change_id = $2 and w.row_number = u.row_number and w.row_number = any ($4) and w.claim = $3
           and w.lease_until > app.now()",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        &rows,
        &lines
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Of these rows nothing can be read from now on, or something can again. One statement.
///
/// # Errors
/// The database does not answer.
pub async fn note_blind(ledger: &Ledger, claim: &DueClaim, rows: &[i32], is_blind: bool) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut transaction = ledger.worker(claim.tenant).await?;
    sqlx::query!(
        "update app.due_work set blind_since = case when $5 then coalesce(blind_since, app.now()) end
         where tenant_id = $1 and bulk_change_id = $2 and row_number = any ($4) and claim = $3 and lease_until > app.now()",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        rows,
        is_blind
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// `heal_turns`: turns that say of their change what is not so any more. Answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn heal_turns(ledger: &Ledger, tenant: TenantId) -> Result<i32> {
    let mut transaction = ledger.worker(tenant).await?;
    let healed = sqlx::query_scalar!(r#"select app.heal_turns($1) as "healed!""#, tenant.0);
    let healed = healed.fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(healed)
}

/// How calls to an account went lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Calls in a row that came to nothing.
    pub failures: i32,
}

/// Nothing is claimed for an account for so long; and so many more of its calls in a row came to nothing. Answers how many by now.
///
/// # Errors
/// The database does not answer.
pub async fn shut_gate(ledger: &Ledger, tenant: TenantId, account: Uuid, wait: Duration, failed: u32) -> Result<Gate> {
    let mut transaction = ledger.worker(tenant).await?;
    let failures = sqlx::query_scalar!(
        "update app.account_gate
         set not_before = greatest(not_before, app.now() + make_interval(secs => $3)), failures = least(failures + $4, 1000000)
         where tenant_id = $1 and account = $2 returning failures",
        tenant.0,
        account,
        wait.as_secs_f64(),
        i32::try_from(failed).unwrap_or(i32::MAX).min(100_000)
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Gate { failures: failures.unwrap_or(0) })
}

/// A call came through: the circuit is closed again. Writes nothing if it was.
///
/// # Errors
/// The database does not answer.
pub async fn open_gate(ledger: &Ledger, tenant: TenantId, account: Uuid) -> Result<()> {
    let mut transaction = ledger.worker(tenant).await?;
    sqlx::query!(
        "update app.account_gate set failures = 0 where tenant_id = $1 and account = $2 and failures > 0",
        tenant.0,
        account
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}
