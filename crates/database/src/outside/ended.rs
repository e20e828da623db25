//! How a row ends outside: recorded, or otherwise.

use super::DueClaim;
use crate::{Ledger, Result};
use domain::states::DeviceChangeStatus;
use serde_json::Value;
use std::time::Duration;

/// A row that ends otherwise than done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The row.
    pub row: i32,
    /// `Failed`, `Skipped`, `Cancelled` or `NeedsAttention`.
    pub status: DeviceChangeStatus,
    /// The reason's code.
    pub reason: &'static str,
    /// What a person should know, in words.
    pub details: String,
}

/// `settle_outside_rows`: everything outside has happened; the assignment is recorded. Answers how many rows.
///
/// # Errors
/// A row's data, or the database does not answer.
pub async fn settle_outside_rows(
    ledger: &Ledger,
    claim: &DueClaim,
    rows: &[i32],
    products: &Value,
    first_sweep: Duration,
    worker: &str,
) -> Result<i32> {
    if rows.is_empty() {
        return Ok(0);
    }
    let mut transaction = ledger.worker(claim.tenant).await?;
    let settled = sqlx::query_scalar!(
        r#"select app.settle_outside_rows($1, $2, $3, $4, $5, make_interval(secs => $6), $7) as "rows!""#,
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        rows,
        products,
        first_sweep.as_secs_f64(),
        worker
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(settled)
}

/// `end_outside_rows`: rows that end otherwise. Answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn end_outside_rows(
    ledger: &Ledger,
    claim: &DueClaim,
    endings: &[Ending],
    first_sweep: Duration,
    worker: &str,
) -> Result<i32> {
    if endings.is_empty() {
        return Ok(0);
    }
    let rows: Vec<i32> = endings.iter().map(|e| e.row).collect();
    let statuses: Vec<String> = endings.iter().map(|e| e.status.word().to_owned()).collect();
    let reasons: Vec<String> = endings.iter().map(|e| e.reason.to_owned()).collect();
    let details: Vec<String> = endings.iter().map(|e| e.details.clone()).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    let ended = sqlx::query_scalar!(
        r#"select app.end_outside_rows($1, $2, $3, $4, $5, $6, $7, make_interval(secs => $8), $9) as "rows!""#,
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        &rows,
        &statuses,
        &reasons,
        &details,
        first_sweep.as_secs_f64(),
        worker
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(ended)
}

/// What was done of these rows is taken back from now on, and why. One statement.
///
/// # Errors
/// The database does not answer.
pub async fn give_up(ledger: &Ledger, claim: &DueClaim, rows: &[(i32, &'static str, String)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i32> = rows.iter().map(|row| row.0).collect();
    let reasons: Vec<String> = rows.iter().map(|row| row.1.to_owned()).collect();
    let details: Vec<String> = rows.iter().map(|row| row.2.clone()).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    sqlx::query!(
        "update app.due_work w set giving_up = u.reason, giving_up_details = u.details
         from unnest($4::integer[], $5::text[], $6::text[]) as u (row_number, reason, details)
         where w.tenant_id = $1 and w.bulk_change_id = $2 and w.row_number = u.row_number and w.claim = $3 and w.lease_until > app.now()
           and w.giving_up is null",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        &numbers,
        &reasons,
        &details
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Rows that were looked at again: due once more after the wait, or never again.
///
/// # Errors
/// The database does not answer.
pub async fn next_sweep(ledger: &Ledger, claim: &DueClaim, rows: &[i32], wait: Option<Duration>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut transaction = ledger.worker(claim.tenant).await?;
    match wait {
        Some(wait) => {
            sqlx::query!(
                "update app.due_work set sweeps = sweeps + 1, due_at = app.now() + make_interval(secs => $5), claim = null, lease_until = null
                 where tenant_id = $1 and bulk_change_id = $2 and row_number = any ($3) and claim = $4 and lease_until > app.now() and sweeps is not null",
                claim.tenant.0,
                claim.bulk_change.0,
                rows,
                claim.claim,
                wait.as_secs_f64()
            )
            .execute(&mut *transaction)
            .await?;
        }
        None => {
            sqlx::query!(
                "delete from app.due_work
                 where tenant_id = $1 and bulk_change_id = $2 and row_number = any ($3) and claim = $4 and lease_until > app.now() and sweeps is not null",
                claim.tenant.0,
                claim.bulk_change.0,
                rows,
                claim.claim
            )
            .execute(&mut *transaction)
            .await?;
        }
    }
    Ok(transaction.commit().await?)
}

/// `reopen_for_attention`: rows that had ended, and of which something came late that could not be ended. Answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn reopen_for_attention(ledger: &Ledger, claim: &DueClaim, endings: &[Ending], worker: &str) -> Result<i32> {
    if endings.is_empty() {
        return Ok(0);
    }
    let rows: Vec<i32> = endings.iter().map(|e| e.row).collect();
    let reasons: Vec<String> = endings.iter().map(|e| e.reason.to_owned()).collect();
    let details: Vec<String> = endings.iter().map(|e| e.details.clone()).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    let reopened = sqlx::query_scalar!(
        r#"select app.reopen_for_attention($1, $2, $3, $4, $5, $6, $7) as "rows!""#,
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        &rows,
        &reasons,
        &details,
        worker
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(reopened)
}
