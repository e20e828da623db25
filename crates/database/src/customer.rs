//! Customers of both kinds, and what the names of a request stand for.

use crate::{Ledger, Result};
use domain::associate_customer::AssociateCustomer;
use domain::ids::{
    CustomerId, CustomerRatePlanId, CustomerRatePoolId, IntegrationAuthenticationId, ServiceProviderId, SiteId,
    TenantId,
};
use domain::target::{
    CustomerCandidate, MatchedBy, OfferCandidate, RevAccount, RevCandidate, SiteCandidate, TargetFacts,
};
use uuid::Uuid;

/// A customer as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its public id.
    pub id: CustomerId,
    /// Its name; rev customers may share one.
    pub name: String,
    /// `REV` or `AMOP`.
    pub kind: String,
    /// The id at Rev.io.
    pub rev_customer_id: Option<String>,
    /// Closed, or archived.
    pub is_closed: bool,
    /// Its first site in this tenant.
    pub site: Option<(SiteId, String)>,
    /// Devices at its sites.
    pub devices: i64,
}

/// A page by name, after this (name, id); `q` is a part of a name, or a rev_customer_id.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    q: Option<&str>,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Customer>> {
    let (after_name, after_id) = after.unzip();
    // % and _ in what people type are letters, not wildcards.
    let pattern = q.map(|q| format!("%{}%", q.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select c.id as "id!", c.name as "name!", c.kind as "kind!", c.rev_customer_id, c.is_closed as "is_closed!",
               s.id as "site_id?", s.name as "site_name?",
               (select count(*) from app.device_tenant dt
                where dt.tenant_id = $1 and dt.site_id in (select x.site_id from app.seat x where x.tenant_id = $1 and x.customer_id = c.id)) as "devices!"
           from (select * from app.customer c
                 where c.tenant_id = $1 and ($2::text is null or c.name ilike $2 or c.rev_customer_id = $3)
                   and ($4::text is null or (c.name, c.id) > ($4, $5))
                 order by c.name, c.id limit $6) as c
           left join lateral (select s.site_id as id, s.site_name as name from app.seat s
                where s.tenant_id = $1 and s.customer_id = c.id order by s.is_active desc, s.site_id limit 1) as s on true
           order by c.name, c.id"#,
        tenant.0, pattern, q, after_name, after_id, limit)
        .fetch_all(&mut *transaction).await?;
    Ok(rows
        .into_iter()
        .map(|row| Customer {
            id: CustomerId(row.id),
            name: row.name,
            kind: row.kind,
            rev_customer_id: row.rev_customer_id,
            is_closed: row.is_closed,
            site: row.site_id.zip(row.site_name).map(|(id, name)| (SiteId(id), name)),
            devices: row.devices,
        })
        .collect())
}

/// Everything in this tenant that the names of a request might stand for. Four statements, whatever the number of devices.
///
/// # Errors
/// The database does not answer.
pub async fn target_facts(ledger: &Ledger, tenant: TenantId, request: &AssociateCustomer) -> Result<TargetFacts> {
    let mut transaction = ledger.web(tenant).await?;
    let customers = sqlx::query!(
        r#"select id as "id!", name as "name!", kind as "kind!", rev_customer_id, integration_authentication_id,
               is_closed as "is_closed!", version as "version!"
           from app.customer where tenant_id = $1 and (id = $2 or rev_customer_id = $3 or name = $3)"#,
        tenant.0,
        Uuid::parse_str(&request.customer).ok(),
        request.customer
    )
    .fetch_all(&mut *transaction)
    .await?;
    let ids: Vec<Uuid> = customers.iter().map(|row| row.id).collect();
    let sites = sqlx::query!(
        r#"select site_id as "id!", site_name as "name!", is_active as "is_active!", site_version as "version!", customer_id as "customer_id!"
           from app.seat where tenant_id = $1 and customer_id = any ($2) order by site_id"#,
        tenant.0, &ids)
        .fetch_all(&mut *transaction).await?;
    let plans = match &request.customer_rate_plan {
        None => Vec::new(),
        Some(text) => sqlx::query!(
            "select id, service_provider_id, is_active, version from app.customer_rate_plan
             where tenant_id = $1 and (id = $2 or rate_plan_code = $3)",
            tenant.0,
            Uuid::parse_str(text).ok(),
            text
        )
        .fetch_all(&mut *transaction)
        .await?
        .into_iter()
        .map(|row| OfferCandidate {
            id: CustomerRatePlanId(row.id),
            service_provider: row.service_provider_id.map(ServiceProviderId),
            active: row.is_active,
            version: row.version,
        })
        .collect(),
    };
    let pools = match &request.customer_rate_pool {
        None => Vec::new(),
        Some(text) => sqlx::query!(
            "select id, service_provider_id, is_active, version from app.customer_rate_pool
             where tenant_id = $1 and (id = $2 or name = $3)",
            tenant.0,
            Uuid::parse_str(text).ok(),
            text
        )
        .fetch_all(&mut *transaction)
        .await?
        .into_iter()
        .map(|row| OfferCandidate {
            id: CustomerRatePoolId(row.id),
            service_provider: row.service_provider_id.map(ServiceProviderId),
            active: row.is_active,
            version: row.version,
        })
        .collect(),
    };
    let by_id = Uuid::parse_str(&request.customer).ok();
    let customers = customers
        .into_iter()
        .map(|row| CustomerCandidate {
            id: CustomerId(row.id),
            matched_by: if Some(row.id) == by_id {
                MatchedBy::Id
            } else if row.rev_customer_id.as_deref() == Some(&request.customer) {
                MatchedBy::RevCustomerId
            } else {
                MatchedBy::Name
            },
            rev: row.rev_customer_id.zip(row.integration_authentication_id).map(|(rev_customer_id, authentication)| {
                RevCandidate {
                    account: RevAccount {
                        rev_customer_id,
                        integration_authentication: IntegrationAuthenticationId(authentication),
                    },
                    closed: row.is_closed,
                    version: row.version,
                }
            }),
            sites: sites
                .iter()
                .filter(|site| site.customer_id == row.id)
                .map(|site| SiteCandidate {
                    id: SiteId(site.id),
                    name: site.name.clone(),
                    active: site.is_active,
                    version: site.version,
                })
                .collect(),
            name: row.name,
        })
        .collect();
    Ok(TargetFacts { customers, plans, pools })
}
