//! Devices that somebody picks out: a list that they have, or everything that a filter leaves.

use super::{Filter, narrowed};
use crate::{Ledger, Result};
use domain::ids::{DeviceId, TenantId};
use uuid::Uuid;

/// A device that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The device.
    pub id: Uuid,
    /// Its ICCID, as stored.
    pub iccid: String,
    /// Its number.
    pub msisdn: Option<String>,
}

/// The devices of these ICCIDs and numbers that may be seen, exactly as stored. One look-up by index for each; three statements.
///
/// # Errors
/// The database does not answer.
pub async fn named(
    ledger: &Ledger,
    tenant: TenantId,
    seen: &Filter,
    iccids: &[String],
    numbers: &[String],
) -> Result<Vec<Named>> {
    let mut transaction = ledger.web(tenant).await?;
    let (owners, _) = narrowed(&mut transaction, tenant, &Filter::default()).await?;
    let rows = sqlx::query!(
        r#"with named as (
               select d.tenant_id, d.id, d.iccid, d.msisdn, d.service_provider_id from app.m2m_device d
               where d.tenant_id = any ($4) and d.iccid = any ($2)
               union
               select d.tenant_id, d.id, d.iccid, d.msisdn, d.service_provider_id from app.m2m_device d
               where d.tenant_id = any ($4) and d.msisdn = any ($3))
           select d.id as "id!", d.iccid as "iccid!", d.msisdn
           from named d
           join app.device_tenant dt on dt.tenant_id = $1 and dt.device_id = d.id and dt.device_owner_tenant_id = d.tenant_id
           join app.service_provider p on p.tenant_id = $1 and coalesce(p.owner_service_provider_id, p.id) = d.service_provider_id
           where ($5::uuid[] is null or dt.site_id = any ($5)) and ($6::uuid[] is null or p.id = any ($6))"#,
        tenant.0,
        iccids,
        numbers,
        &owners,
        seen.sites.as_deref(),
        seen.service_providers.as_deref()
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(|row| Named { id: row.id, iccid: row.iccid, msisdn: row.msisdn }).collect())
}

/// The ICCIDs of a page of devices in the order of ids, after this one: what a list shows, without what it says of them.
///
/// # Errors
/// The database does not answer.
pub async fn iccids(
    ledger: &Ledger,
    tenant: TenantId,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(Uuid, String)>> {
    let mut transaction = ledger.web(tenant).await?;
    let (owners, theirs) = narrowed(&mut transaction, tenant, filter).await?;
    let rows = sqlx::query!(
        r#"select d.id, d.iccid
           from app.device_tenant dt
           join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
           join app.service_provider p on p.tenant_id = $1 and coalesce(p.owner_service_provider_id, p.id) = d.service_provider_id
           where dt.tenant_id = $1 and ($2::text is null or d.tenant_id = any ($8) and d.iccid = $2)
             and ($3::uuid[] is null or dt.site_id = any ($3)) and ($4::uuid is null or p.id = $4)
             and ($5::text is null or d.status = $5) and ($6::uuid is null or dt.device_id > $6)
             and ($9::uuid[] is null or dt.site_id = any ($9)) and ($10::uuid[] is null or p.id = any ($10))
             and ($11::uuid[] is null or dt.device_id = any ($11))
           order by dt.device_id limit $7"#,
        tenant.0,
        filter.iccid,
        theirs.as_deref(),
        filter.service_provider,
        filter.status,
        after,
        limit,
        &owners,
        filter.sites.as_deref(),
        filter.service_providers.as_deref(),
        filter.among.as_deref()
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.iccid)).collect())
}

/// A line at Rev.io that is called by a device's number, as the mirror has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BilledBy {
    /// Its id there.
    pub rev_service_id: i64,
    /// Who is billed, by the id there.
    pub rev_customer_id: String,
    /// And by name, if that customer is known.
    pub customer: Option<String>,
    /// The number that it bills.
    pub number: Option<String>,
    /// Is it the one that the device is linked to?
    pub linked: bool,
    /// Is it over?
    pub disconnected: bool,
    /// Products in force on it.
    pub products: i64,
}

/// The lines at Rev.io that are called by this device's number, of whatever account of the tenant: at most fifty, those in force
/// first.
///
/// # Errors
/// The database does not answer.
pub async fn billed_by(ledger: &Ledger, tenant: TenantId, device: DeviceId, number: &str) -> Result<Vec<BilledBy>> {
    // Rev.io may have the number without the leading 1.
    let numbers: Vec<String> =
        [Some(number), number.strip_prefix('1')].into_iter().flatten().map(str::to_owned).collect();
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select s.rev_service_id, s.rev_customer_id, r.customer_name as "customer?", s.number,
               exists (select from app.device_tenant dt where dt.tenant_id = $1 and dt.device_id = $2 and dt.rev_service_id = s.id) as "linked!",
               (s.disconnected_date is not null or s.gone_at is not null) as "disconnected!",
               (select count(*) from app.rev_service_product p
                where p.tenant_id = $1 and p.integration_authentication_id = s.integration_authentication_id
                  and p.rev_service_id = s.rev_service_id and p.status not in ('DISCONNECTED', 'DENIED') and p.gone_at is null) as "products!"
           from app.rev_service s
           left join app.rev_customer r on r.tenant_id = s.tenant_id and r.integration_authentication_id = s.integration_authentication_id
               and r.rev_customer_id = s.rev_customer_id
           where s.tenant_id = $1 and s.number = any ($3)
           order by 6, s.rev_service_id desc limit 50"#,
        tenant.0, device.0, &numbers)
        .fetch_all(&mut *transaction).await?;
    Ok(rows
        .into_iter()
        .map(|row| BilledBy {
            rev_service_id: row.rev_service_id,
            rev_customer_id: row.rev_customer_id,
            customer: row.customer,
            number: row.number,
            linked: row.linked,
            disconnected: row.disconnected,
            products: row.products,
        })
        .collect())
}
