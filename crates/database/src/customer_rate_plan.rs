//! Customer rate plans: what the reseller charges its customer.

use crate::api_key::Caller;
use crate::audit::record;
use crate::written::{Edited, OnExisting, WriteRefusal, Written, edited};
use crate::{Ledger, Result};
use domain::ids::{CustomerRatePlanId, ServiceProviderId, TenantId};
use serde_json::json;
use uuid::Uuid;

/// A customer rate plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRatePlan {
    /// Its id.
    pub id: CustomerRatePlanId,
    /// Its code, unique in the tenant.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The one service provider it fits; None: all.
    pub service_provider: Option<(ServiceProviderId, String)>,
    /// May SIMs get it?
    pub active: bool,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// A customer rate plan that is to be there.
#[derive(Clone, Debug)]
pub struct NewCustomerRatePlan {
    /// Its row in the batch.
    pub row: i32,
    /// The id it gets if it is new.
    pub id: CustomerRatePlanId,
    /// Its code.
    pub code: String,
    /// None: as it is; a new one is named as its code.
    pub name: Option<String>,
    /// None: as it is; a new one fits all.
    pub service_provider: Option<ServiceProviderId>,
    /// None: as it is; a new one is active.
    pub active: Option<bool>,
}

/// What an edit changes.
#[derive(Clone, Debug, Default)]
pub struct CustomerRatePlanEdit {
    /// Its name.
    pub name: Option<String>,
    /// May SIMs get it?
    pub active: Option<bool>,
}

/// A page in the order of ids, after this one; `id` narrows to one, `q` to a part of a code or name.
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
) -> Result<Vec<CustomerRatePlan>> {
    let pattern = q.map(crate::customer::part_of_a_name);
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select p.id, p.rate_plan_code, p.rate_plan_name, p.is_active, v.id as "provider_id?", v.name as "provider_name?",
               left(encode(sha256(convert_to(p::text, 'UTF8')), 'hex'), 32) as "etag!"
           from app.customer_rate_plan p left join app.service_provider v on v.tenant_id = p.tenant_id and v.id = p.service_provider_id
           where p.tenant_id = $1 and ($2::uuid is null or p.id = $2)
             and ($3::text is null or p.rate_plan_code ilike $3 or p.rate_plan_name ilike $3) and ($4::uuid is null or p.id > $4)
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
        .map(|row| CustomerRatePlan {
            id: CustomerRatePlanId(row.id),
            code: row.rate_plan_code,
            name: row.rate_plan_name,
            service_provider: row.provider_id.zip(row.provider_name).map(|(id, name)| (ServiceProviderId(id), name)),
            active: row.is_active,
            etag: row.etag,
        })
        .collect())
}

/// Makes plans, and updates those whose code is there. At most two statements and one audit entry, whatever the rows.
///
/// # Errors
/// The database does not answer.
pub async fn write(
    ledger: &Ledger,
    caller: &Caller,
    rows: &[NewCustomerRatePlan],
    existing: OnExisting,
) -> Result<Written> {
    let tenant = caller.tenant.0;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let codes: Vec<String> = rows.iter().map(|row| row.code.clone()).collect();
    let names: Vec<Option<String>> = rows.iter().map(|row| row.name.clone()).collect();
    let providers: Vec<Option<Uuid>> = rows.iter().map(|row| row.service_provider.map(|p| p.0)).collect();
    let active: Vec<Option<bool>> = rows.iter().map(|row| row.active).collect();
    let mut transaction = ledger.web(caller.tenant).await?;
    let created: Vec<Uuid> = sqlx::query_scalar!(
        "insert into app.customer_rate_plan (tenant_id, id, service_provider_id, rate_plan_code, rate_plan_name, is_active)
         select $1, u.id, u.provider, u.code, coalesce(u.name, u.code), u.active is not false
         from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::boolean[]) as u (id, code, name, provider, active) order by u.code
         on conflict (tenant_id, rate_plan_code) do nothing returning id",
        tenant, &ids, &codes, &names as &[Option<String>], &providers as &[Option<Uuid>], &active as &[Option<bool>])
        .fetch_all(&mut *transaction).await?;
    let mut written = Written { created: created.len(), ..Written::default() };
    if existing == OnExisting::Refuse {
        let old = rows.iter().filter(|row| !created.contains(&row.id.0));
        written.refused.extend(old.map(|row| (row.row, WriteRefusal::Taken)));
    } else if created.len() < rows.len() {
        let updated = sqlx::query!(
            "update app.customer_rate_plan p set rate_plan_name = coalesce(u.name, p.rate_plan_name),
                 service_provider_id = coalesce(u.provider, p.service_provider_id), is_active = coalesce(u.active, p.is_active)
             from unnest($2::text[], $3::text[], $4::uuid[], $5::boolean[]) as u (code, name, provider, active)
             where p.tenant_id = $1 and p.rate_plan_code = u.code
               and (p.rate_plan_name <> u.name or p.service_provider_id is distinct from coalesce(u.provider, p.service_provider_id) or p.is_active <> u.active)",
            tenant, &codes, &names as &[Option<String>], &providers as &[Option<Uuid>], &active as &[Option<bool>])
            .execute(&mut *transaction).await?;
        written.updated = usize::try_from(updated.rows_affected()).unwrap_or(usize::MAX);
    }
    if written.created + written.updated > 0 {
        let detail = json!({ "created": written.created, "updated": written.updated, "ids": created.iter().take(100).collect::<Vec<_>>() });
        record(&mut transaction, caller, "customer_rate_plans_written", detail).await?;
    }
    transaction.commit().await?;
    Ok(written)
}

/// Edits a plan that is as the caller last saw it.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    etag: Option<&str>,
    edit: &CustomerRatePlanEdit,
) -> Result<Edited> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.customer_rate_plan p set rate_plan_name = coalesce($4, p.rate_plan_name), is_active = coalesce($5, p.is_active)
         where p.tenant_id = $1 and p.id = $2
           and ($3::text is null or left(encode(sha256(convert_to(p::text, 'UTF8')), 'hex'), 32) = $3)",
        tenant,
        id,
        etag,
        edit.name,
        edit.active
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.customer_rate_plan where tenant_id = $1 and id = $2) as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        let detail = json!({ "id": id, "name": edit.name, "active": edit.active });
        record(&mut transaction, caller, "customer_rate_plan_edited", detail).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}
