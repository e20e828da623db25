//! Service providers.

use crate::{Ledger, Result};
use domain::ids::{ServiceProviderId, TenantId};
use uuid::Uuid;

/// One account at one carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Its id.
    pub id: ServiceProviderId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// The code of its integration, such as `thingspace`.
    pub integration: String,
    /// May anything be changed at the carrier?
    pub write_enabled: bool,
    /// Whose it is at the carrier: this tenant's own row, or its partner's if this tenant is an agent.
    pub at_owner: (TenantId, ServiceProviderId),
}

/// A page in the order of ids, after this one.
///
/// # Errors
/// The database does not answer.
pub async fn list(ledger: &Ledger, tenant: TenantId, after: Option<Uuid>, limit: i64) -> Result<Vec<ServiceProvider>> {
    select(ledger, tenant, None, after, limit).await
}

/// Every service provider of the tenant: a handful.
///
/// # Errors
/// The database does not answer.
pub async fn all(ledger: &Ledger, tenant: TenantId) -> Result<Vec<ServiceProvider>> {
    select(ledger, tenant, None, None, i64::MAX).await
}

/// The service provider under this id or name.
///
/// # Errors
/// The database does not answer.
pub async fn named(ledger: &Ledger, tenant: TenantId, text: &str) -> Result<Option<ServiceProvider>> {
    // A name that is another one's id stands for that id.
    let found = select(ledger, tenant, Some(text), None, 2).await?;
    let id = Uuid::parse_str(text).ok();
    let by_id = found.iter().position(|provider| Some(provider.id.0) == id).unwrap_or(0);
    Ok(found.into_iter().nth(by_id))
}

async fn select(
    ledger: &Ledger,
    tenant: TenantId,
    text: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ServiceProvider>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        "select p.id, p.name, p.write_enabled, i.code, p.owner_tenant_id, p.owner_service_provider_id
         from app.service_provider p join app.integration i on i.id = p.integration_id
         where p.tenant_id = $1 and ($2::text is null or p.id = $3 or p.name = $2) and ($4::uuid is null or p.id > $4) order by p.id limit $5",
        tenant.0, text, text.and_then(|text| Uuid::parse_str(text).ok()), after, limit)
        .fetch_all(&mut *transaction).await?;
    Ok(rows
        .into_iter()
        .map(|row| ServiceProvider {
            id: ServiceProviderId(row.id),
            name: row.name,
            integration: row.code,
            write_enabled: row.write_enabled,
            at_owner: row
                .owner_tenant_id
                .zip(row.owner_service_provider_id)
                .map_or((tenant, ServiceProviderId(row.id)), |(t, p)| (TenantId(t), ServiceProviderId(p))),
        })
        .collect())
}
