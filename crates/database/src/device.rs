//! Devices as the inventory shows them.

use crate::{Ledger, Result};
use domain::allocation::DataAllocation;
use domain::ids::{CustomerId, DeviceId, ServiceProviderId, SiteId, TenantId};
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
}

/// What a list of devices may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// This ICCID exactly.
    pub iccid: Option<String>,
    /// This customer's.
    pub customer: Option<Uuid>,
    /// At this service provider.
    pub service_provider: Option<Uuid>,
    /// With this status, the carrier's word.
    pub status: Option<String>,
    /// At one of these service providers, whatever else is asked.
    pub service_providers: Option<Vec<Uuid>>,
    /// At one of these sites, whatever else is asked.
    pub sites: Option<Vec<Uuid>>,
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
    // Whose devices this tenant may have: its own, and those of the partner it is an agent of.
    let parent = sqlx::query_scalar!("select parent_tenant_id from app.tenant where id = $1", tenant.0)
        .fetch_one(&mut *transaction)
        .await?;
    let owners: Vec<Uuid> = std::iter::once(tenant.0).chain(parent).collect();
    let rows = sqlx::query!(
        r#"select d.id, d.iccid, d.msisdn, d.status, coalesce(ds.is_active, false) as "active!", d.is_archived,
               p.id as provider_id, p.name as provider_name, s.customer_id as "customer_id?", s.customer_name as "customer_name?",
               s.site_id as "site_id!", s.site_name as "site_name!", cp.rate_plan_code as "plan?", po.name as "pool?",
               dt.customer_data_allocation_mb::text as allocation
           from app.device_tenant dt
           join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
           join app.service_provider p on p.tenant_id = $1 and coalesce(p.owner_service_provider_id, p.id) = d.service_provider_id
           join app.seat s on s.tenant_id = dt.tenant_id and s.site_id = dt.site_id
           left join app.device_status ds on ds.integration_id = p.integration_id and ds.status = d.status
           left join app.customer_rate_plan cp on cp.tenant_id = dt.tenant_id and cp.id = dt.customer_rate_plan_id
           left join app.customer_rate_pool po on po.tenant_id = dt.tenant_id and po.id = dt.customer_rate_pool_id
           where dt.tenant_id = $1 and ($2::text is null or d.tenant_id = any ($8) and d.iccid = $2) and ($3::uuid is null or s.customer_id = $3)
             and ($4::uuid is null or p.id = $4) and ($5::text is null or d.status = $5)
             and ($6::uuid is null or dt.device_id > $6) and ($9::uuid[] is null or dt.site_id = any ($9))
             and ($10::uuid[] is null or p.id = any ($10))
           order by dt.device_id limit $7"#,
        tenant.0, filter.iccid, filter.customer, filter.service_provider, filter.status, after, limit, &owners, filter.sites.as_deref(),
        filter.service_providers.as_deref())
        .fetch_all(&mut *transaction).await?;
    Ok(rows
        .into_iter()
        .map(|row| Device {
            id: DeviceId(row.id),
            iccid: row.iccid,
            msisdn: row.msisdn,
            status: row.status,
            active: row.active,
            archived: row.is_archived,
            service_provider: (ServiceProviderId(row.provider_id), row.provider_name),
            customer: row.customer_id.zip(row.customer_name).map(|(id, name)| (CustomerId(id), name)),
            site: (SiteId(row.site_id), row.site_name),
            customer_rate_plan: row.plan,
            customer_rate_pool: row.pool,
            allocation: row.allocation.and_then(|text| DataAllocation::parse(&text).ok()),
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
