//! Customer rate pools: allowances that the SIMs of a customer share.

use crate::api_key::Caller;
use crate::audit::record;
use crate::written::{Edited, OnExisting, WriteRefusal, Written, edited, taken};
use crate::{Ledger, Result};
use domain::ids::{CustomerRatePoolId, ServiceProviderId, TenantId};
use serde_json::json;
use uuid::Uuid;

/// A customer rate pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRatePool {
    /// Its id.
    pub id: CustomerRatePoolId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// The one service provider it fits; None: all.
    pub service_provider: Option<(ServiceProviderId, String)>,
    /// May SIMs get it?
    pub active: bool,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// A customer rate pool that is to be there.
#[derive(Clone, Debug)]
pub struct NewCustomerRatePool {
    /// Its row in the batch.
    pub row: i32,
    /// The id it gets if it is new.
    pub id: CustomerRatePoolId,
    /// Its name.
    pub name: String,
    /// None: as it is; a new one fits all.
    pub service_provider: Option<ServiceProviderId>,
    /// None: as it is; a new one is active.
    pub active: Option<bool>,
}

/// What an edit changes.
#[derive(Clone, Debug, Default)]
pub struct CustomerRatePoolEdit {
    /// Its name.
    pub name: Option<String>,
    /// May SIMs get it?
    pub active: Option<bool>,
}

/// A page in the order of ids, after this one; `id` narrows to one, `q` to a part of a name.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    id: Option<Uuid>,
    q: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<CustomerRatePool>> {
    let pattern = q.map(crate::customer::part_of_a_name);
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select p.id, p.name, p.is_active, v.id as "provider_id?", v.name as "provider_name?",
               left(encode(sha256(convert_to(p::text, 'UTF8')), 'hex'), 32) as "etag!"
           from app.customer_rate_pool p left join app.service_provider v on v.tenant_id = p.tenant_id and v.id = p.service_provider_id
           where p.tenant_id = $1 and ($2::uuid is null or p.id = $2)
             and ($3::text is null or p.name ilike $3) and ($4::uuid is null or p.id > $4)
           order by p.id limit $5"#,
        tenant.0,
        id,
        pattern,
        after,
        limit
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| CustomerRatePool {
            id: CustomerRatePoolId(row.id),
            name: row.name,
            service_provider: row.provider_id.zip(row.provider_name).map(|(id, name)| (ServiceProviderId(id), name)),
            active: row.is_active,
            etag: row.etag,
        })
        .collect())
}

/// Makes pools, and updates those whose name is there. At most two statements and one audit entry, whatever the rows.
///
/// # Errors
/// The database does not answer.
pub async fn write(
    ledger: &Ledger,
    caller: &Caller,
    rows: &[NewCustomerRatePool],
    existing: OnExisting,
) -> Result<Written> {
    let tenant = caller.tenant.0;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let providers: Vec<Option<Uuid>> = rows.iter().map(|row| row.service_provider.map(|p| p.0)).collect();
    let active: Vec<Option<bool>> = rows.iter().map(|row| row.active).collect();
    let mut transaction = ledger.web(caller.tenant).await?;
    let created: Vec<Uuid> = sqlx::query_scalar!(
        "insert into app.customer_rate_pool (tenant_id, id, service_provider_id, name, is_active)
         select $1, u.id, u.provider, u.name, u.active is not false
         from unnest($2::uuid[], $3::text[], $4::uuid[], $5::boolean[]) as u (id, name, provider, active) order by u.name
         on conflict (tenant_id, name) do nothing returning id",
        tenant, &ids, &names, &providers as &[Option<Uuid>], &active as &[Option<bool>])
        .fetch_all(&mut *transaction).await?;
    let mut written = Written { created: created.len(), ..Written::default() };
    if existing == OnExisting::Refuse {
        let old = rows.iter().filter(|row| !created.contains(&row.id.0));
        written.refused.extend(old.map(|row| (row.row, WriteRefusal::Taken)));
    } else if created.len() < rows.len() {
        let updated = sqlx::query!(
            "update app.customer_rate_pool p set service_provider_id = coalesce(u.provider, p.service_provider_id), is_active = coalesce(u.active, p.is_active)
             from unnest($2::text[], $3::uuid[], $4::boolean[]) as u (name, provider, active)
             where p.tenant_id = $1 and p.name = u.name
               and (p.service_provider_id is distinct from coalesce(u.provider, p.service_provider_id) or p.is_active <> u.active)",
            tenant, &names, &providers as &[Option<Uuid>], &active as &[Option<bool>])
            .execute(&mut *transaction).await?;
        written.updated = usize::try_from(updated.rows_affected()).unwrap_or(usize::MAX);
    }
    if written.created + written.updated > 0 {
        let detail = json!({ "created": written.created, "updated": written.updated, "ids": created.iter().take(100).collect::<Vec<_>>() });
        record(&mut transaction, caller, "customer_rate_pools_written", detail).await?;
    }
    transaction.commit().await?;
    Ok(written)
}

/// Edits a pool that is as the caller last saw it.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    etag: Option<&str>,
    edit: &CustomerRatePoolEdit,
) -> Result<Edited> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.customer_rate_pool p set name = coalesce($4, p.name), is_active = coalesce($5, p.is_active)
         where p.tenant_id = $1 and p.id = $2
           and ($3::text is null or left(encode(sha256(convert_to(p::text, 'UTF8')), 'hex'), 32) = $3)",
        tenant,
        id,
        etag,
        edit.name,
        edit.active
    )
    .execute(&mut *transaction)
    .await;
    let written = match written {
        Err(error) if taken(&error) => return Ok(Edited::Taken),
        written => written?.rows_affected(),
    };
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.customer_rate_pool where tenant_id = $1 and id = $2) as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        let detail = json!({ "id": id, "name": edit.name, "active": edit.active });
        record(&mut transaction, caller, "customer_rate_pool_edited", detail).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}
