//! Plans that will never be applied lose their rows in small batches; their counts and reasons stay.

use crate::plan::Making;
use crate::{Ledger, Result};
use domain::ids::{BulkChangeId, TenantId};
use uuid::Uuid;

/// Every tenant's id; read as the dispatcher, which may see nothing else of them.
///
/// # Errors
/// The database does not answer.
pub async fn tenants(ledger: &Ledger) -> Result<Vec<TenantId>> {
    let ids = sqlx::query_scalar!("select id from app.tenant order by id").fetch_all(&ledger.dispatcher).await?;
    Ok(ids.into_iter().map(TenantId).collect())
}

/// Plans of a tenant that expired unapplied or failed, and still have their rows.
///
/// # Errors
/// The database does not answer.
pub async fn discardable(ledger: &Ledger, tenant: TenantId) -> Result<Vec<BulkChangeId>> {
    let mut transaction = ledger.worker(tenant).await?;
    let ids = sqlx::query_scalar!(
        "select id from app.device_bulk_change
         where tenant_id = $1 and rows_removed_at is null and applied_at is null
           and (status = 'PLAN_FAILED' or status = 'PLANNED' and expires_at <= app.now())
         order by expires_at limit 100",
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(ids.into_iter().map(BulkChangeId).collect())
}

/// `discard_plan_rows`, as the worker: at most this many rows. Answers how many went.
///
/// # Errors
/// The database does not answer.
pub async fn discard_plan_rows(ledger: &Ledger, tenant: TenantId, id: BulkChangeId, limit: i32) -> Result<i32> {
    let mut transaction = ledger.worker(tenant).await?;
    let gone = sqlx::query_scalar!("select app.discard_plan_rows($1, $2, $3) as \"gone!\"", tenant.0, id.0, limit)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(gone)
}

/// Ends plans of a tenant whose planner died and did not come back within an hour: nobody else would notice. Until then a
/// restart may go on with them from the spool. Answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn end_dead_plans(ledger: &Ledger, tenant: TenantId) -> Result<u64> {
    let mut transaction = ledger.web(tenant).await?;
    let ended = sqlx::query!(
        "update app.device_bulk_change set status = 'PLAN_FAILED', planning_lease_until = null,
             status_details = 'Planning was interrupted; send the input again.'
         where tenant_id = $1 and status = 'PLANNING' and planning_lease_until < app.now() - interval '1 hour'",
        tenant.0
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(ended.rows_affected())
}

/// How often a plan is begun at most.
const MOST_TRIES: i32 = 10;

/// Takes a plan whose planner died, to begin it again: its lease is ours, what was stored of it is gone, and plans that were
/// linked to it have failed. None: it is being made by somebody, or not to be made any more.
///
/// # Errors
/// The database does not answer.
pub async fn take_over(ledger: &Ledger, tenant: TenantId, id: Uuid) -> Result<Option<Making>> {
    let mut transaction = ledger.web(tenant).await?;
    let taken = sqlx::query_scalar!(
        "update app.device_bulk_change set planning_lease_until = app.now() + make_interval(secs => $3), rows_read = 0, rows_judged = 0,
             planning_epoch = planning_epoch + 1
         where tenant_id = $1 and id = $2 and status = 'PLANNING' and planning_lease_until < app.now() and planning_epoch < $4
         returning planning_epoch",
        tenant.0,
        id,
        crate::plan::LEASE_SECONDS,
        MOST_TRIES
    )
    .fetch_optional(&mut *transaction)
    .await?;
    sqlx::query!(
        "update app.device_bulk_change set status = 'PLAN_FAILED', planning_lease_until = null,
             status_details = 'Planning was interrupted and began again; this part of it was replaced.'
         where tenant_id = $1 and linked_to = $2 and status = 'PLANNING' and $3",
        tenant.0,
        id,
        taken.is_some()
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let Some(epoch) = taken else {
        give_up(ledger, tenant, id).await?;
        return Ok(None);
    };
    let making = Making { id: BulkChangeId(id), epoch };
    loop {
        let mut transaction = ledger.web(tenant).await?;
        let gone = sqlx::query_scalar!("select app.discard_plan_rows($1, $2, 20000) as \"gone!\"", tenant.0, id)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        if gone < 20_000 {
            return Ok(Some(making));
        }
    }
}

/// A plan that was begun as often as that and never came to its end is not begun again.
async fn give_up(ledger: &Ledger, tenant: TenantId, id: Uuid) -> Result<()> {
    let mut transaction = ledger.web(tenant).await?;
    sqlx::query!(
        "update app.device_bulk_change set status = 'PLAN_FAILED', planning_lease_until = null,
             status_details = 'Planning was interrupted again and again; send the input again, in parts if it is large.'
         where tenant_id = $1 and (id = $2 or linked_to = $2) and status = 'PLANNING'
           and exists (select from app.device_bulk_change m where m.tenant_id = $1 and m.id = $2
               and m.planning_lease_until < app.now() and m.planning_epoch >= $3)",
        tenant.0,
        id,
        MOST_TRIES
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Is it still being planned?
///
/// # Errors
/// The database does not answer.
pub async fn is_planning(ledger: &Ledger, tenant: TenantId, id: Uuid) -> Result<bool> {
    let mut transaction = ledger.web(tenant).await?;
    let found = sqlx::query_scalar!(
        "select exists (select from app.device_bulk_change where tenant_id = $1 and id = $2 and status = 'PLANNING') as \"found!\"",
        tenant.0, id)
        .fetch_one(&mut *transaction).await?;
    Ok(found)
}
