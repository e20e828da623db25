//! Bulk changes, and the plans they were: read with their counts.

use crate::api_key::Caller;
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{BulkChangeId, ServiceProviderId, TenantId};
use domain::states::{BulkChangeStatus, Counts};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// A plan or a bulk change; one row, one id.
#[derive(Clone, Debug)]
pub struct BulkChange {
    /// Its id.
    pub id: BulkChangeId,
    /// Where it is in its life.
    pub status: BulkChangeStatus,
    /// Why, where the status alone does not say.
    pub status_details: Option<String>,
    /// Whose SIMs; None while only the input can tell.
    pub service_provider: Option<(ServiceProviderId, String)>,
    /// The code of that provider's integration.
    pub integration: Option<String>,
    /// What was asked for.
    pub request: Value,
    /// The ticket.
    pub reference: Option<String>,
    /// The uploaded file's name.
    pub input_name: Option<String>,
    /// The input's columns, each with the field it is taken for.
    pub input_columns: Value,
    /// SHA-256 of the plan, hexadecimal.
    pub hash: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Until when it may be applied.
    pub expires_at: Option<Timestamp>,
    /// What it does outside: {"calls": {account: n}, "steps": {step: rows}}.
    pub outside: Value,
    /// How old what was known of Rev.io was when it was made.
    pub billing_mirrored_at: Option<Timestamp>,
    /// Is that past, and it was not applied? Derived from the clock, not a state.
    pub expired: bool,
    /// When it is to start, if not as soon as it is applied.
    pub start_at: Option<Timestamp>,
    /// While it is being planned: rows read, rows judged.
    pub progress: (i32, i32),
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
    /// When its first chunk settled.
    pub started_at: Option<Timestamp>,
    /// When its last row ended.
    pub processed_date: Option<Timestamp>,
    /// All rows of the input.
    pub rows: i32,
    /// Rows that are as asked already.
    pub no_change: i32,
    /// Rows refused.
    pub refused: i32,
    /// How many rows have which reason.
    pub by_reason: Value,
    /// The change of which this one retries what was not done.
    pub retry_of: Option<BulkChangeId>,
    /// The change that this one takes back.
    pub undo_of: Option<BulkChangeId>,
    /// The plan that has the upload of which this is a part.
    pub linked_to: Option<BulkChangeId>,
    /// The ledger's counts; all zero while planning.
    pub counts: Counts,
}

/// Which half of the life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not applied.
    Plan,
    /// Applied.
    Applied,
}

/// The plan or change with this id, if this tenant has it and the caller may see it.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn get(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<Option<BulkChange>> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let found = select(&mut transaction, caller, Some(id), None, None, 1).await?;
    transaction.commit().await?;
    Ok(found.into_iter().next())
}

/// Newest first, after this id.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn list(
    ledger: &Ledger,
    caller: &Caller,
    stage: Stage,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<BulkChange>> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let found = select(&mut transaction, caller, None, Some(stage == Stage::Plan), after, limit).await?;
    transaction.commit().await?;
    Ok(found)
}

async fn select(
    connection: &mut sqlx::PgConnection,
    caller: &Caller,
    id: Option<Uuid>,
    plans: Option<bool>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<BulkChange>> {
    let rows = sqlx::query!(
        r#"select b.id, b.status, b.status_details, b.service_provider_id, p.name as "provider_name?", i.code as "integration?", b.request, b.reference, b.input_name,
               encode(b.plan_hash, 'hex') as hash, b.created_at, b.expires_at, b.outside, b.billing_mirrored_at, b.applied_at, b.started_at, b.processed_date,
               (b.status = 'PLANNED' and b.expires_at <= app.now()) as "expired!", b.row_count, b.no_change_count, b.refused_count,
               b.by_reason, b.retry_of, b.undo_of, b.linked_to, b.input_columns, b.start_at, b.rows_read, b.rows_judged, k.planned as "planned?", k.ok as "ok?", k.failed as "failed?", k.skipped as "skipped?",
               k.cancelled as "cancelled?", k.needs_attention as "needs_attention?", k.to_do as "to_do?"
           from app.device_bulk_change b
           left join app.service_provider p on p.tenant_id = b.tenant_id and p.id = b.service_provider_id
           left join app.integration i on i.id = p.integration_id
           left join app.bulk_change_counter k on k.tenant_id = b.tenant_id and k.bulk_change_id = b.id
           where b.tenant_id = $1 and ($2::uuid is null or b.id = $2) and ($3::boolean is null or (b.applied_at is null) = $3)
             and ($4::uuid is null or b.id < $4)
             and ($6::uuid is null or b.created_by = $6)
             and (i.module is null or i.module = 'm2m' and $7 or i.module = 'mobility' and $8)
           order by b.id desc limit $5"#,
        caller.tenant.0, id, plans, after, limit, caller.confined.then_some(caller.api_key.0), caller.m2m, caller.mobility)
        .fetch_all(connection).await?;
    rows.into_iter()
        .map(|row| {
            let time = |t: Option<jiff_sqlx::Timestamp>| t.map(jiff_sqlx::Timestamp::to_jiff);
            Ok(BulkChange {
                id: BulkChangeId(row.id),
                status: BulkChangeStatus::from_word(&row.status).ok_or(DatabaseError::Inconsistent {
                    table: "device_bulk_change",
                    column: "status",
                    value: row.status,
                })?,
                status_details: row.status_details,
                service_provider: row.service_provider_id.map(ServiceProviderId).zip(row.provider_name),
                integration: row.integration,
                request: row.request,
                reference: row.reference,
                input_name: row.input_name,
                input_columns: row.input_columns,
                hash: row.hash,
                created_at: row.created_at.to_jiff(),
                expires_at: time(row.expires_at),
                outside: row.outside,
                billing_mirrored_at: time(row.billing_mirrored_at),
                expired: row.expired,
                start_at: time(row.start_at),
                progress: (row.rows_read, row.rows_judged),
                applied_at: time(row.applied_at),
                started_at: time(row.started_at),
                processed_date: time(row.processed_date),
                rows: row.row_count,
                no_change: row.no_change_count,
                refused: row.refused_count,
                by_reason: row.by_reason,
                retry_of: row.retry_of.map(BulkChangeId),
                undo_of: row.undo_of.map(BulkChangeId),
                linked_to: row.linked_to.map(BulkChangeId),
                counts: Counts {
                    planned: row.planned.unwrap_or(0),
                    ok: row.ok.unwrap_or(0),
                    failed: row.failed.unwrap_or(0),
                    skipped: row.skipped.unwrap_or(0),
                    cancelled: row.cancelled.unwrap_or(0),
                    needs_attention: row.needs_attention.unwrap_or(0),
                    to_do: row.to_do.unwrap_or(0),
                },
            })
        })
        .collect()
}

/// A change that came of the same input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Its id.
    pub id: BulkChangeId,
    /// Whose SIMs.
    pub service_provider: Option<(ServiceProviderId, String)>,
    /// Where it is in its life.
    pub status: String,
}

/// The other changes that came of the same input and that the caller may see, in the order of their ids.
///
/// # Errors
/// The database does not answer.
pub async fn linked(ledger: &Ledger, caller: &Caller, change: &BulkChange) -> Result<Vec<Linked>> {
    let leading = change.linked_to.unwrap_or(change.id);
    let mut transaction = ledger.web(caller.tenant).await?;
    let rows = sqlx::query!(
        r#"select b.id, b.status, p.id as "provider_id?", p.name as "provider_name?" from app.device_bulk_change b
           left join app.service_provider p on p.tenant_id = b.tenant_id and p.id = b.service_provider_id
           left join app.integration i on i.id = p.integration_id
           where b.tenant_id = $1 and (b.id = $2 or b.linked_to = $2) and b.id <> $3
             and (i.module is null or i.module = 'm2m' and $4 or i.module = 'mobility' and $5) order by b.id"#,
        caller.tenant.0,
        leading.0,
        change.id.0,
        caller.m2m,
        caller.mobility
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Linked {
            id: BulkChangeId(row.id),
            service_provider: row.provider_id.map(ServiceProviderId).zip(row.provider_name),
            status: row.status,
        })
        .collect())
}

/// Does a change do anything outside of these sites: to a SIM that is elsewhere, or by putting one elsewhere?
///
/// # Errors
/// The database does not answer.
pub async fn reaches_beyond(ledger: &Ledger, tenant: TenantId, id: BulkChangeId, sites: &[Uuid]) -> Result<bool> {
    let mut transaction = ledger.web(tenant).await?;
    Ok(sqlx::query_scalar!(
        r#"select exists (select from app.m2m_device_change c
               join app.bulk_change_target t using (tenant_id, bulk_change_id, target_number)
               where c.tenant_id = $1 and c.bulk_change_id = $2 and c.status not in ('REFUSED', 'NO_CHANGE')
                 and not (c.before_site_id is not null and c.before_site_id = any ($3) and t.site_id = any ($3))) as "beyond!""#,
        tenant.0,
        id.0,
        sites
    )
    .fetch_one(&mut *transaction)
    .await?)
}
