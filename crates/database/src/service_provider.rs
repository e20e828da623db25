//! Service providers.

use crate::api_key::Caller;
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

/// A page of those the caller may see, in the order of ids, after this one.
///
/// # Errors
/// The database does not answer.
pub async fn list(ledger: &Ledger, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<ServiceProvider>> {
    select(ledger, caller.tenant, Some((caller.m2m, caller.mobility)), after, limit).await
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
    Ok(find(&all(ledger, tenant).await?, text).cloned())
}

/// The one of these that a text means: by its id, else by its name, else by its name in other letters if that is one's alone.
#[must_use]
pub fn find<'a>(providers: &'a [ServiceProvider], text: &str) -> Option<&'a ServiceProvider> {
    let id = Uuid::parse_str(text).ok();
    let exact = providers.iter().find(|p| Some(p.id.0) == id).or_else(|| providers.iter().find(|p| p.name == text));
    exact.or_else(|| {
        let mut alike = providers.iter().filter(|provider| provider.name.eq_ignore_ascii_case(text));
        alike.next().filter(|_| alike.next().is_none())
    })
}

async fn select(
    ledger: &Ledger,
    tenant: TenantId,
    modules: Option<(bool, bool)>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ServiceProvider>> {
    let (m2m, mobility) = modules.unwrap_or((true, true));
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        "select p.id, p.name, p.write_enabled, i.code, p.owner_tenant_id, p.owner_service_provider_id
         from app.service_provider p join app.integration i on i.id = p.integration_id
         where p.tenant_id = $1 and ($2::uuid is null or p.id > $2) and (i.module = 'm2m' and $4 or i.module = 'mobility' and $5)
         order by p.id limit $3",
        tenant.0,
        after,
        limit,
        m2m,
        mobility
    )
    .fetch_all(&mut *transaction)
    .await?;
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
