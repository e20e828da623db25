//! The end of a reading: what was not there, and what is made of that.

use super::reading::{Reading, Source, fence};
use super::{links, mirror};
use crate::{Ledger, Result};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// What a reading did not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Some of it, the lowest ids.
    pub ids: Vec<i64>,
    /// How many in all.
    pub missing: i64,
    /// How many the mirror has that are not gone.
    pub known: i64,
}

/// What the mirror has and the reading did not meet. Two statements.
///
/// # Errors
/// The database does not answer.
pub async fn missing(ledger: &Ledger, reading: &Reading, most: i64) -> Result<Missing> {
    let (table, key, _) = reading.resource.shape();
    // Only words from our own tables go into the statements. A customer that was made by hand and has no number as its id can
    // be neither read nor missing.
    let known = format!(
        "with known as materialized (
             select case when t.{key}::text ~ '^[0-9]{{1,18}}$' then t.{key}::bigint end as id from app.{table} t
             where t.tenant_id = $1 and t.integration_authentication_id = $2 and t.gone_at is null
         ), unseen as (
             select k.id from known k where k.id is not null and not exists (
                 select from app.rev_sync_seen s where s.tenant_id = $1 and s.integration_authentication_id = $2 and s.resource = $3
                     and s.rev_id = k.id)
         )"
    );
    let mut transaction = ledger.worker(reading.tenant).await?;
    // What was seen is fresh, and the planner knows nothing of it yet: it would go through all of it for every object (50,000
    // took more than a minute, measured). There is one good way to compare two large sets.
    transaction.execute("set local enable_nestloop = off").await?;
    let (missing, known_count): (i64, i64) = sqlx::query_as(AssertSqlSafe(format!(
        "{known} select (select count(*) from unseen), (select count(*) from known)"
    )))
    .bind(reading.tenant.0)
    .bind(reading.account.0)
    .bind(reading.resource.word())
    .fetch_one(&mut *transaction)
    .await?;
    let ids = sqlx::query_scalar(AssertSqlSafe(format!("{known} select id from unseen order by id limit $4")))
        .bind(reading.tenant.0)
        .bind(reading.account.0)
        .bind(reading.resource.word())
        .bind(most)
        .fetch_all(&mut *transaction)
        .await?;
    Ok(Missing { ids, missing, known: known_count })
}

/// Marks objects as gone that were asked for by their ids and are not there. A customer is CLOSED then. Three statements.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn mark_gone(ledger: &Ledger, reading: &Reading, ids: &[i64]) -> Result<u64> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    let gone = mark(&mut transaction, reading.source(), ids).await?;
    sqlx::query!(
        "update app.rev_sync set records_gone = records_gone + $4
         where tenant_id = $1 and integration_authentication_id = $2 and resource = $3",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word(),
        i32::try_from(gone).unwrap_or(i32::MAX)
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(gone)
}

/// The same of objects that were asked for by themselves, beside any reading of the whole account.
///
/// # Errors
/// The database does not answer.
pub async fn mark_gone_beside(ledger: &Ledger, source: Source, ids: &[i64]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut transaction = ledger.worker(source.tenant).await?;
    mark(&mut transaction, source, ids).await?;
    Ok(transaction.commit().await?)
}

async fn mark(connection: &mut PgConnection, source: Source, ids: &[i64]) -> Result<u64> {
    let (table, key, _) = source.resource.shape();
    let closed = if table == "rev_customer" { ", status = 'CLOSED'" } else { "" };
    let gone = sqlx::query(AssertSqlSafe(format!(
        "update app.{table} t set gone_at = app.now(){closed} from unnest($3::bigint[]) as u (id)
         where t.tenant_id = $1 and t.integration_authentication_id = $2 and t.{key}::text = u.id::text and t.gone_at is null"
    )))
    .bind(source.tenant.0)
    .bind(source.account.0)
    .bind(ids)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if source.resource.is_linked_by() {
        links::mark_due(connection, source, ids, &[]).await?;
    }
    let detail = json!({ "resource": source.resource.word(), "account": source.account, "gone": gone, "ids": ids });
    mirror::record(connection, source.tenant, "rev_io_gone", detail).await?;
    Ok(gone)
}

/// Ends a reading: whole, or with why what was missing was kept. A whole one says how old the mirror is.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn end_reading(ledger: &Ledger, reading: &Reading, kept_because: Option<&str>) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    sqlx::query!(
        "update app.rev_sync set ended_at = app.now(), lease_until = null, kept_because = $4::text,
             mirrored_at = case when $4::text is null and records_unreadable = 0 then started_at else mirrored_at end
         where tenant_id = $1 and integration_authentication_id = $2 and resource = $3",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word(),
        kept_because
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "delete from app.rev_sync_seen where tenant_id = $1 and integration_authentication_id = $2 and resource = $3",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word()
    )
    .execute(&mut *transaction)
    .await?;
    if let Some(why) = kept_because {
        let detail = json!({ "resource": reading.resource.word(), "account": reading.account, "kept_because": why });
        mirror::record(&mut transaction, reading.tenant, "rev_io_kept", detail).await?;
    }
    Ok(transaction.commit().await?)
}
