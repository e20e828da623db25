//! The input's own columns, kept some thousand rows a part: CSV records, each led by its row number.

use crate::staged_row::JudgedRow;
use crate::{Ledger, Result};
use domain::ids::{BulkChangeId, TenantId};
use sqlx::PgConnection;
use std::fmt::Write as _;
use uuid::Uuid;

/// Stores the records of these rows, if they have any. One statement.
pub(crate) async fn store(
    connection: &mut PgConnection,
    tenant: TenantId,
    change: BulkChangeId,
    rows: &[JudgedRow],
) -> Result<()> {
    let mut records = String::new();
    for row in rows {
        if let Some(record) = &row.row.record {
            // Writing to a String cannot fail.
            let _ = writeln!(records, "{},{record}", row.row.row_number);
        }
    }
    let (Some(first), Some(last), false) = (rows.first(), rows.last(), records.is_empty()) else { return Ok(()) };
    sqlx::query!(
        "insert into app.bulk_change_input (tenant_id, bulk_change_id, first_row, last_row, records) values ($1, $2, $3, $4, $5)",
        tenant.0, change.0, first.row.row_number, last.row.row_number, records.replace('\0', "\u{fffd}"))
        .execute(connection).await?;
    Ok(())
}

pub(crate) async fn next_part(
    connection: &mut PgConnection,
    tenant: TenantId,
    change: Uuid,
    after: i32,
) -> Result<Option<(i32, String)>> {
    let part = sqlx::query!(
        "select last_row, records from app.bulk_change_input where tenant_id = $1 and bulk_change_id = $2 and last_row > $3
         order by first_row limit 1",
        tenant.0,
        change,
        after
    )
    .fetch_optional(connection)
    .await?;
    Ok(part.map(|part| (part.last_row, part.records)))
}

/// The part of a change's input that has the row after this one: its last row, and its records, each led by its row number.
///
/// # Errors
/// The database does not answer.
pub async fn part_after(
    ledger: &Ledger,
    tenant: TenantId,
    change: BulkChangeId,
    after: i32,
) -> Result<Option<(i32, String)>> {
    let mut transaction = ledger.web(tenant).await?;
    next_part(&mut transaction, tenant, change.0, after).await
}
