//! Devices as the inventory shows them.

mod import;
mod picked;
mod timeline;

pub use import::{ToldDevice, import, statuses};
pub(crate) use import::{import_partial, import_read};
pub use picked::{BilledBy, Named, billed_by, iccids, named};
pub use timeline::{Happened, What, timeline};

use crate::api_key::Caller;
use crate::audit::record;
use crate::written::{Edited, edited};
use crate::{Ledger, Result};
use domain::allocation::DataAllocation;
use domain::ids::{CustomerId, DeviceId, ServiceProviderId, SiteId, TenantId};
use serde_json::json;
use uuid::Uuid;

/// A SIM with its assignment in this tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// As stored.
    pub iccid: String,
    /// The subscriber number.
    pub msisdn: Option<String>,
    /// The equipment's number.
    pub imei: Option<String>,
    /// The embedded SIM's number.
    pub eid: Option<String>,
    /// Its static address.
    pub ip_address: Option<String>,
    /// The code of its carrier rate plan; the partner's own, an agent does not see it.
    pub carrier_rate_plan: Option<String>,
    /// The carrier's own word.
    pub status: String,
    /// Does the word mean active?
    pub active: bool,
    /// In the archive?
    pub archived: bool,
    /// Its carrier account.
    pub service_provider: (ServiceProviderId, String),
    /// None: at the default site.
    pub customer: Option<(CustomerId, String)>,
    /// Where it sits.
    pub site: (SiteId, String),
    /// The code of its customer rate plan.
    pub customer_rate_plan: Option<String>,
    /// The name of its pool.
    pub customer_rate_pool: Option<String>,
    /// Its data allocation.
    pub allocation: Option<DataAllocation>,
    /// What bills it at Rev.io: the line's id there, its number, and whether it is active.
    pub rev_service: Option<(i64, Option<String>, bool)>,
    /// Has another account an active line for it?
    pub billed_elsewhere: bool,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// What a list of devices may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// This one.
    pub id: Option<Uuid>,
    /// This ICCID exactly.
    pub iccid: Option<String>,
    /// This customer's.
    pub customer: Option<Uuid>,
    /// At this service provider.
    pub service_provider: Option<Uuid>,
    /// With this status, the carrier's word.
    pub status: Option<String>,
    /// One of these: see [`named`].
    pub among: Option<Vec<Uuid>>,
    /// At one of these service providers, whatever else is asked.
    pub service_providers: Option<Vec<Uuid>>,
    /// At one of these sites, whatever else is asked.
    pub sites: Option<Vec<Uuid>>,
}

/// Whose devices this tenant may have, its own and those of the partner it is an agent of, and where the customer's sit.
pub(crate) async fn narrowed(
    transaction: &mut sqlx::PgConnection,
    tenant: TenantId,
    filter: &Filter,
) -> Result<(Vec<Uuid>, Option<Vec<Uuid>>)> {
    let parent = sqlx::query_scalar!("select parent_tenant_id from app.tenant where id = $1", tenant.0)
        .fetch_one(&mut *transaction)
        .await?;
    let owners: Vec<Uuid> = std::iter::once(tenant.0).chain(parent).collect();
    // The customer's sites first, a handful: known to the planner they are looked up; in a sub-select it reads the fleet in the
    // order of ids until it has met enough of them (0.5 s of a million, measured).
    let theirs = match filter.customer {
        None => None,
        Some(customer) => Some(
            sqlx::query_scalar!(
                r#"select site_id as "id!" from app.seat where tenant_id = $1 and customer_id = $2"#,
                tenant.0,
                customer
            )
            .fetch_all(&mut *transaction)
            .await?,
        ),
    };
    Ok((owners, theirs))
}

/// How many devices the filter leaves, counted up to a most.
///
/// # Errors
/// The database does not answer.
pub async fn count(ledger: &Ledger, tenant: TenantId, filter: &Filter, most: Option<i64>) -> Result<i64> {
    let mut transaction = ledger.web(tenant).await?;
    let (owners, theirs) = narrowed(&mut transaction, tenant, filter).await?;
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from app.device_tenant dt
             join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
             join app.service_provider p on p.tenant_id = $1 and coalesce(p.owner_service_provider_id, p.id) = d.service_provider_id
             where dt.tenant_id = $1 and ($2::text is null or d.tenant_id = any ($7) and d.iccid = $2)
               and ($3::uuid[] is null or dt.site_id = any ($3)) and ($4::uuid is null or p.id = $4)
               and ($5::text is null or d.status = $5) and ($8::uuid[] is null or dt.site_id = any ($8))
               and ($9::uuid[] is null or p.id = any ($9)) and ($10::uuid[] is null or dt.device_id = any ($10))
             limit $6) as counted"#,
        tenant.0,
        filter.iccid,
        theirs.as_deref(),
        filter.service_provider,
        filter.status,
        most,
        &owners,
        filter.sites.as_deref(),
        filter.service_providers.as_deref(),
        filter.among.as_deref()
    )
    .fetch_one(&mut *transaction)
    .await?)
}

/// A page in the order of ids, after this one.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Device>> {
    let mut transaction = ledger.web(tenant).await?;
    let (owners, theirs) = narrowed(&mut transaction, tenant, filter).await?;
    let rows = sqlx::query!(
        r#"select d.id, d.iccid, d.msisdn, d.imei, d.eid, d.ip_address, cr.rate_plan_code as "carrier_rate_plan?", d.status, coalesce(ds.is_active, false) as "active!", d.is_archived,
               p.id as provider_id, p.name as provider_name, s.customer_id as "customer_id?", s.customer_name as "customer_name?",
               s.site_id as "site_id!", s.site_name as "site_name!", cp.rate_plan_code as "plan?", po.name as "pool?",
               dt.customer_data_allocation_mb::text as allocation, rs.rev_service_id as "rev_service_id?", rs.number as "rev_service_number?",
               dt.rev_service_is_active, dt.other_rev_service_ids is not null as "billed_elsewhere!",
               left(encode(sha256(convert_to(d::text, 'UTF8')), 'hex'), 32) as "etag!"
           from app.device_tenant dt
           join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
           join app.service_provider p on p.tenant_id = $1 and coalesce(p.owner_service_provider_id, p.id) = d.service_provider_id
           join app.seat s on s.tenant_id = dt.tenant_id and s.site_id = dt.site_id
           left join app.device_status ds on ds.integration_id = p.integration_id and ds.status = d.status
           left join app.carrier_rate_plan cr on cr.tenant_id = d.tenant_id and cr.id = d.carrier_rate_plan_id
           left join app.customer_rate_plan cp on cp.tenant_id = dt.tenant_id and cp.id = dt.customer_rate_plan_id
           left join app.customer_rate_pool po on po.tenant_id = dt.tenant_id and po.id = dt.customer_rate_pool_id
           left join app.rev_service rs on rs.tenant_id = dt.tenant_id and rs.id = dt.rev_service_id
           where dt.tenant_id = $1 and ($2::text is null or d.tenant_id = any ($8) and d.iccid = $2) and ($3::uuid[] is null or dt.site_id = any ($3))
             and ($4::uuid is null or p.id = $4) and ($5::text is null or d.status = $5)
             and ($6::uuid is null or dt.device_id > $6) and ($9::uuid[] is null or dt.site_id = any ($9))
             and ($10::uuid[] is null or p.id = any ($10)) and ($11::uuid is null or dt.device_id = $11)
             and ($12::uuid[] is null or dt.device_id = any ($12))
           order by dt.device_id limit $7"#,
        tenant.0, filter.iccid, theirs.as_deref(), filter.service_provider, filter.status, after, limit, &owners, filter.sites.as_deref(),
        filter.service_providers.as_deref(), filter.id, filter.among.as_deref())
        .fetch_all(&mut *transaction).await?;
    Ok(rows
        .into_iter()
        .map(|row| Device {
            id: DeviceId(row.id),
            iccid: row.iccid,
            msisdn: row.msisdn,
            imei: row.imei,
            eid: row.eid,
            ip_address: row.ip_address,
            carrier_rate_plan: row.carrier_rate_plan,
            rev_service: row.rev_service_id.map(|id| (id, row.rev_service_number, row.rev_service_is_active)),
            billed_elsewhere: row.billed_elsewhere,
            status: row.status,
            active: row.active,
            archived: row.is_archived,
            service_provider: (ServiceProviderId(row.provider_id), row.provider_name),
            customer: row.customer_id.zip(row.customer_name).map(|(id, name)| (CustomerId(id), name)),
            site: (SiteId(row.site_id), row.site_name),
            customer_rate_plan: row.plan,
            customer_rate_pool: row.pool,
            allocation: row.allocation.and_then(|text| DataAllocation::parse(&text).ok()),
            etag: row.etag,
        })
        .collect())
}

/// How many devices there are, over all tenants; read as the auditor, for the demo.
///
/// # Errors
/// The database does not answer.
pub async fn count_all(server: &crate::Server) -> Result<i64> {
    let mut auditor = server.connect_as(crate::Role::Auditor).await?;
    Ok(sqlx::query_scalar!("select count(*) as \"n!\" from app.m2m_device").fetch_one(&mut auditor).await?)
}

/// Archives a SIM of the tenant's own, or takes it out of the archive, if it is as the caller last saw it. Nothing is deleted.
///
/// # Errors
/// The database does not answer.
pub async fn archive(ledger: &Ledger, caller: &Caller, id: Uuid, etag: Option<&str>, archived: bool) -> Result<Edited> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.m2m_device d set is_archived = $4
         where d.tenant_id = $1 and d.id = $2
           and ($3::text is null or left(encode(sha256(convert_to(d::text, 'UTF8')), 'hex'), 32) = $3)",
        tenant,
        id,
        etag,
        archived
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.m2m_device where tenant_id = $1 and id = $2) as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        // An archived SIM is linked to nothing; one that comes back is looked at again.
        sqlx::query!(
            "insert into app.device_link_due (tenant_id, device_id, agents_too)
             select $1, $2, true on conflict (tenant_id, device_id) do update set agents_too = device_link_due.agents_too or excluded.agents_too",
            caller.tenant.0,
            id
        )
        .execute(&mut *transaction)
        .await?;
        record(&mut transaction, caller, "device_edited", json!({ "id": id, "archived": archived })).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}
