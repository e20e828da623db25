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
}

/// A page in the order of ids, after this one.
///
/// # Errors
/// The database does not answer.
pub async fn list(ledger: &Ledger, tenant: TenantId, after: Option<Uuid>, limit: i64) -> Result<Vec<ServiceProvider>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        "select p.id, p.name, p.write_enabled, i.code from app.service_provider p join app.integration i on i.id = p.integration_id
         where p.tenant_id = $1 and ($2::uuid is null or p.id > $2) order by p.id limit $3",
        tenant.0, after, limit)
        .fetch_all(&mut *transaction).await?;
    Ok(rows
        .into_iter()
        .map(|row| ServiceProvider {
            id: ServiceProviderId(row.id),
            name: row.name,
            integration: row.code,
            write_enabled: row.write_enabled,
        })
        .collect())
}

/// The service provider under this id or name.
///
/// # Errors
/// The database does not answer.
pub async fn named(ledger: &Ledger, tenant: TenantId, text: &str) -> Result<Option<ServiceProvider>> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        "select p.id, p.name, p.write_enabled, i.code from app.service_provider p join app.integration i on i.id = p.integration_id
         where p.tenant_id = $1 and (p.id = $2 or p.name = $3) order by p.id = $2 desc nulls last limit 1",
        tenant.0, Uuid::parse_str(text).ok(), text)
        .fetch_optional(&mut *transaction).await?;
    Ok(row.map(|row| ServiceProvider {
        id: ServiceProviderId(row.id),
        name: row.name,
        integration: row.code,
        write_enabled: row.write_enabled,
    }))
}
