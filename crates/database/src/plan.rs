//! Plans: begun, finished or failed, and applied.

use crate::api_key::Caller;
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{BulkChangeId, ServiceProviderId, TenantId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// A plan that is about to be made.
#[derive(Clone, Debug)]
pub struct NewPlan<'a> {
    /// Its id, and that of the bulk change it may become.
    pub id: BulkChangeId,
    /// Whose SIMs; None while only the input can tell.
    pub service_provider: Option<ServiceProviderId>,
    /// What was asked for, as it is shown again.
    pub request: serde_json::Value,
    /// A ticket to find it by.
    pub reference: Option<&'a str>,
    /// The name of the uploaded file.
    pub input_name: Option<&'a str>,
    /// The input's columns and what each is taken for.
    pub input_columns: serde_json::Value,
    /// When it is to start, if not at once.
    pub start_at: Option<Timestamp>,
    /// The plan that has the upload, if that one's input mixes service providers.
    pub linked_to: Option<BulkChangeId>,
    /// The finished change that this one comes from.
    pub origin: Option<Origin>,
}

/// The finished change that a plan comes from, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its rows that were not done, once more.
    RetryOf(BulkChangeId),
    /// Its rows that were done, backwards.
    UndoOf(BulkChangeId),
}

/// A plan whose every row is judged and stored.
#[derive(Clone, Debug)]
pub struct FinishedPlan {
    /// Its id.
    pub id: BulkChangeId,
    /// Whose SIMs; None if no row has or names a service provider.
    pub service_provider: Option<ServiceProviderId>,
    /// All rows of the input.
    pub rows: i32,
    /// Rows with verdict CHANGE.
    pub change: i32,
    /// Rows with verdict NO_CHANGE.
    pub no_change: i32,
    /// Rows with verdict REFUSED.
    pub refused: i32,
    /// How many rows have which reason.
    pub by_reason: BTreeMap<&'static str, i32>,
    /// SHA-256 over every row's verdict and versions.
    pub hash: [u8; 32],
    /// First and last row of each chunk; chunks without a row to change do not exist.
    pub chunks: Vec<(i32, i32)>,
    /// What it will do outside: {"calls": {account: n}, "steps": {step: rows}}.
    pub outside: serde_json::Value,
    /// When Rev.io was asked again about the customers whose lines it opens, closes or takes, if it was about all of them.
    pub billing_read_at: Option<Timestamp>,
}

/// For how long a planner is believed to be alive without a word of it.
pub const LEASE_SECONDS: f64 = 10.0;

/// A plan that somebody makes, with the fence: whoever takes it over has a later epoch, and who made it before writes nothing
/// more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Making {
    /// The plan that has the upload.
    pub id: BulkChangeId,
    /// Of that plan.
    pub epoch: i32,
}

impl Making {
    /// A plan that was begun just now.
    #[must_use]
    pub const fn new(id: BulkChangeId) -> Self {
        Self { id, epoch: 0 }
    }

    /// The epoch that this plan, or one that is linked to it, has to have. Linked ones are never taken over: they are made anew.
    pub(crate) fn epoch_of(self, id: BulkChangeId) -> i32 {
        if id == self.id { self.epoch } else { 0 }
    }
}

/// Begins a plan: the change in PLANNING.
///
/// # Errors
/// The database does not answer.
pub async fn begin(ledger: &Ledger, caller: &Caller, plan: &NewPlan<'_>) -> Result<()> {
    let (retry_of, undo_of) = match plan.origin {
        None => (None, None),
        Some(Origin::RetryOf(id)) => (Some(id.0), None),
        Some(Origin::UndoOf(id)) => (None, Some(id.0)),
    };
    let mut transaction = ledger.web(caller.tenant).await?;
    sqlx::query!(
        "insert into app.device_bulk_change (tenant_id, id, change_request_type_id, service_provider_id, status, request, reference,
             input_name, created_by, created_at, planning_lease_until, retry_of, undo_of, input_columns, start_at, linked_to)
         values ($1, $2, 4, $3, 'PLANNING', $4, $5, $6, $7, app.now(), app.now() + make_interval(secs => $8), $9, $10, $11, $12, $13)",
        caller.tenant.0, plan.id.0, plan.service_provider.map(|provider| provider.0), plan.request, plan.reference, plan.input_name,
        caller.api_key.0, LEASE_SECONDS, retry_of, undo_of, plan.input_columns, plan.start_at.map(|at| at.to_sqlx()) as Option<jiff_sqlx::Timestamp>,
        plan.linked_to.map(|id| id.0))
        .execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// More time for a plan that is being made, and those linked to it; and how far it is. False: it is not being made any more,
/// stop.
///
/// # Errors
/// The database does not answer.
pub async fn renew(ledger: &Ledger, tenant: TenantId, making: Making, read: i32, judged: i32) -> Result<bool> {
    let mut transaction = ledger.web(tenant).await?;
    let renewed = sqlx::query!(
        "update app.device_bulk_change b set planning_lease_until = app.now() + make_interval(secs => $3),
             rows_read = case when b.id = $2 then $4 else 0 end, rows_judged = case when b.id = $2 then $5 else 0 end
         where b.tenant_id = $1 and (b.id = $2 or b.linked_to = $2) and b.status = 'PLANNING'
           and exists (select from app.device_bulk_change m where m.tenant_id = $1 and m.id = $2 and m.planning_epoch = $6)",
        tenant.0,
        making.id.0,
        LEASE_SECONDS,
        read,
        judged,
        making.epoch
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(renewed.rows_affected() > 0)
}

/// What an input says of itself, of a plan that was begun before it was opened.
///
/// # Errors
/// `PlanNotReady` if somebody else makes the plan now; the database does not answer.
pub async fn describe(
    ledger: &Ledger,
    tenant: TenantId,
    making: Making,
    service_provider: Option<ServiceProviderId>,
    input_columns: &serde_json::Value,
) -> Result<()> {
    let mut transaction = ledger.web(tenant).await?;
    let described = sqlx::query!(
        "update app.device_bulk_change set input_columns = $4, service_provider_id = $5
         where tenant_id = $1 and id = $2 and status = 'PLANNING' and planning_epoch = $3",
        tenant.0,
        making.id.0,
        making.epoch,
        input_columns,
        service_provider.map(|provider| provider.0)
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    if described.rows_affected() == 1 { Ok(()) } else { Err(DatabaseError::PlanNotReady) }
}

/// Ends planning: PLANNED, with counts, chunks and one audit entry each, in one transaction for all that are linked.
///
/// # Errors
/// The database does not answer.
pub async fn finish(
    ledger: &Ledger,
    caller: &Caller,
    making: Making,
    plans: &[FinishedPlan],
    expires_in: Duration,
) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    for plan in plans {
        finish_one(&mut transaction, caller, making, plan, expires_in).await?;
    }
    Ok(transaction.commit().await?)
}

async fn finish_one(
    transaction: &mut sqlx::PgConnection,
    caller: &Caller,
    making: Making,
    plan: &FinishedPlan,
    expires_in: Duration,
) -> Result<()> {
    let id = plan.id;
    let by_reason = serde_json::to_value(&plan.by_reason).unwrap_or_default();
    let (first, last): (Vec<i32>, Vec<i32>) = plan.chunks.iter().copied().unzip();
    let planned = sqlx::query!(
        "update app.device_bulk_change
         set status = 'PLANNED', row_count = $3, no_change_count = $4, refused_count = $5, by_reason = $6, plan_hash = $7,
             planned_at = app.now(), expires_at = app.now() + make_interval(secs => $8), planning_lease_until = null,
             service_provider_id = coalesce(service_provider_id, $9), outside = $11,
             billing_mirrored_at = coalesce($12, (
                 select case when bool_and(s.mirrored_at is not null) then min(s.mirrored_at) end
                 from app.integration_authentication a
                 cross join unnest(array['customers', 'services', 'service_products']) as r (resource)
                 left join app.rev_sync s on s.tenant_id = a.tenant_id and s.integration_authentication_id = a.id and s.resource = r.resource
                 where a.tenant_id = $1 and a.base_url is not null))
         where tenant_id = $1 and id = $2 and status = 'PLANNING' and planning_epoch = $10",
        caller.tenant.0, id.0, plan.rows, plan.no_change, plan.refused, by_reason, &plan.hash[..], expires_in.as_secs_f64(),
        plan.service_provider.map(|provider| provider.0), making.epoch_of(id), plan.outside, plan.billing_read_at.map(|at| at.to_sqlx()) as Option<jiff_sqlx::Timestamp>)
        .execute(&mut *transaction).await?;
    if planned.rows_affected() != 1 {
        // Somebody took the planner for dead and said so; then there is no plan.
        return Err(DatabaseError::PlanNotReady);
    }
    sqlx::query!(
        "insert into app.bulk_change_counter (tenant_id, bulk_change_id, planned, to_do) values ($1, $2, $3, $3)",
        caller.tenant.0,
        id.0,
        plan.change
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "insert into app.bulk_change_chunk (tenant_id, bulk_change_id, chunk_number, first_row, last_row, state)
         select $1, $2, u.n::integer, u.first_row, u.last_row, 'PLANNED'
         from unnest($3::integer[], $4::integer[]) with ordinality as u (first_row, last_row, n)",
        caller.tenant.0,
        id.0,
        &first,
        &last
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail, digest)
         values ($1, app.now(), $2, 'plan_made', $3, jsonb_build_object('rows', $4::integer, 'change', $5::integer), $6)",
        caller.tenant.0, caller.actor(), id.0, plan.rows, plan.change, &plan.hash[..])
        .execute(&mut *transaction).await?;
    Ok(())
}

/// Ends planning that came to nothing: PLAN_FAILED, with the reason; so do those linked to it.
///
/// # Errors
/// The database does not answer.
pub async fn fail(ledger: &Ledger, tenant: TenantId, making: Making, why: &str) -> Result<()> {
    let mut transaction = ledger.web(tenant).await?;
    sqlx::query!(
        "update app.device_bulk_change set status = 'PLAN_FAILED', status_details = $3, planning_lease_until = null
         where tenant_id = $1 and (id = $2 or linked_to = $2) and status = 'PLANNING'
           and exists (select from app.device_bulk_change m where m.tenant_id = $1 and m.id = $2 and m.planning_epoch = $4)",
        tenant.0,
        making.id.0,
        why,
        making.epoch
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// `apply_plan`: a stored plan becomes a bulk change. See the procedure's header. `key` is the route and Idempotency-Key of
/// the request, which remembers in the same transaction what it made.
///
/// # Errors
/// `PlanNotFound`, `PlanNotReady`, `PlanExpired`, `NothingToChange`, `AlreadyApplied`, or the database does not answer.
pub async fn apply(ledger: &Ledger, caller: &Caller, id: Uuid, key: Option<(&str, &str)>) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    sqlx::query!("select app.apply_plan($1, $2, $3, $4)", caller.tenant.0, id, caller.api_key.0, caller.actor())
        .fetch_one(&mut *transaction)
        .await?;
    if let Some((route, key)) = key {
        sqlx::query!(
            "update app.idempotency_key set made_id = $5 where tenant_id = $1 and api_key_id = $2 and route = $3 and key = $4",
            caller.tenant.0,
            caller.api_key.0,
            route,
            key,
            id
        )
        .execute(&mut *transaction)
        .await?;
    }
    Ok(transaction.commit().await?)
}
