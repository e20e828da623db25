//! Plans that will never be applied lose their rows in small batches; their counts and reasons stay.

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

/// Takes a plan whose planner died, to begin it again: its lease is ours, what was stored of it is gone, and plans that were
/// linked to it have failed. False: it is being made by somebody, or not to be made any more.
///
/// # Errors
/// The database does not answer.
pub async fn take_over(ledger: &Ledger, tenant: TenantId, id: Uuid) -> Result<bool> {
    let mut transaction = ledger.web(tenant).await?;
    let taken = sqlx::query!(
        "update app.device_bulk_change set planning_lease_until = app.now() + make_interval(secs => $3), rows_read = 0, rows_judged = 0
         where tenant_id = $1 and id = $2 and status = 'PLANNING' and planning_lease_until < app.now()",
        tenant.0,
        id,
        crate::plan::LEASE_SECONDS
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update app.device_bulk_change set status = 'PLAN_FAILED', planning_lease_until = null,
             status_details = 'Planning was interrupted and began again; this part of it was replaced.'
         where tenant_id = $1 and linked_to = $2 and status = 'PLANNING' and $3",
        tenant.0,
        id,
        taken.rows_affected() == 1
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    loop {
        let mut transaction = ledger.web(tenant).await?;
        let gone = sqlx::query_scalar!("select app.discard_plan_rows($1, $2, 20000) as \"gone!\"", tenant.0, id)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        if gone < 20_000 {
            return Ok(true);
        }
    }
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
