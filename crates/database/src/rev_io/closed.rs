//! What is left with customers whose account at Rev.io was closed: to be given back by a plan, which the mirror asks for and a
//! person applies.

use super::mirror::record;
use crate::api_key::Caller;
use crate::{Ledger, Result};
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, DeviceId, Ids, SiteId, TenantId};
use domain::rights::Role;
use serde_json::json;
use uuid::Uuid;

/// The name of the API key under which the mirror plans. Nobody knows that key; who revokes it wants no such plans.
pub const MIRROR_KEY: &str = "The mirror of Rev.io";

/// A page of devices that closed customers of accounts that are read still have, after this one, as (id, ICCID).
///
/// # Errors
/// The database does not answer.
pub async fn devices_of_closed_customers(
    ledger: &Ledger,
    tenant: TenantId,
    after: Option<DeviceId>,
    limit: i64,
) -> Result<Vec<(DeviceId, String)>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        "select d.id, d.iccid from app.rev_customer r
         join app.integration_authentication a on a.tenant_id = r.tenant_id and a.id = r.integration_authentication_id and a.base_url is not null
         join app.site s on s.tenant_id = r.tenant_id and s.rev_customer_id = r.id
         join app.device_tenant dt on dt.tenant_id = r.tenant_id and dt.site_id = s.id
         join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id and not d.is_archived
         where r.tenant_id = $1 and r.status = 'CLOSED' and ($2::uuid is null or d.id > $2)
         order by d.id limit $3",
        tenant.0,
        after.map(|id| id.0),
        limit
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (DeviceId(row.id), row.iccid)).collect())
}

/// Who plans for the mirror, and where devices go back to: the key is made when it is first needed. None: somebody revoked it, or a
/// plan or change of it is not over yet.
///
/// # Errors
/// The database does not answer.
pub async fn may_plan(ledger: &Ledger, tenant: TenantId, ids: &Ids) -> Result<Option<(Caller, SiteId)>> {
    let mut transaction = ledger.web(tenant).await?;
    // Two processes must not make two keys.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('mirror key ' || $1::text, 0))", tenant.0.to_string())
        .fetch_one(&mut *transaction)
        .await?;
    let known = sqlx::query!(
        r#"select k.id, l.revoked_at is not null as "revoked!",
               exists (select from app.device_bulk_change b where b.tenant_id = $1 and b.created_by = k.id
                   and (b.status in ('PLANNING', 'NEW', 'SCHEDULED', 'PROCESSING', 'PAUSED')
                        or b.status = 'PLANNED' and b.expires_at > app.now())) as "busy!"
           from app.api_key k join app.api_key_lookup l on l.tenant_id = k.tenant_id and l.api_key_id = k.id
           where k.tenant_id = $1 and k.name = $2 order by k.id limit 1"#,
        tenant.0,
        MIRROR_KEY
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let id = match known {
        Some(known) if known.revoked || known.busy => return Ok(None),
        Some(known) => known.id,
        None => make_key(&mut transaction, tenant, ids).await?,
    };
    let nobody = sqlx::query_scalar!("select id from app.site where tenant_id = $1 and is_system_default", tenant.0)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    let rights = crate::rights::of(ledger, tenant, ApiKeyId(id)).await?;
    Ok(Some((Caller::new(tenant, ApiKeyId(id), &rights), SiteId(nobody))))
}

/// Only its hash is kept, and the key itself is dropped here.
async fn make_key(connection: &mut sqlx::PgConnection, tenant: TenantId, ids: &Ids) -> Result<Uuid> {
    let (id, key) = (ids.next(), ApiKey::new(ids));
    sqlx::query!(
        "insert into app.api_key (tenant_id, id, name, shown, created_at, role, is_site_restricted) values ($1, $2, $3, $4, app.now(), $5, false)",
        tenant.0,
        id,
        MIRROR_KEY,
        key.shown(),
        Role::PartnerAdmin.word()
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into app.api_key_lookup (key_sha256, tenant_id, api_key_id, expires_at) values ($1, $2, $3, app.now())",
        &key.sha256()[..],
        tenant.0,
        id
    )
    .execute(&mut *connection)
    .await?;
    let detail = json!({ "api_key": id, "name": MIRROR_KEY, "role": Role::PartnerAdmin });
    record(connection, tenant, "api_key_created", detail).await?;
    Ok(id)
}
