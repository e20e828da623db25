//! Set-up, the part between a partner and its agents: what the partner gives, and groups of sites to confine keys to.

use crate::Result;
use crate::fleet::Fleet;
use domain::ids::{DeviceId, ServiceProviderId, SiteId, TenantId};
use uuid::Uuid;

impl Fleet {
    /// An agent's service provider: its partner's, under a row of the agent's own.
    ///
    /// # Errors
    /// `Data` if the name is taken, or the partner has no such service provider; the database does not answer.
    pub async fn give_service_provider(
        &mut self,
        agent: TenantId,
        id: ServiceProviderId,
        partner: TenantId,
        theirs: ServiceProviderId,
    ) -> Result<()> {
        let mut transaction = self.in_tenant(partner).await?;
        let found = sqlx::query!(
            "select integration_id, name from app.service_provider where tenant_id = $1 and id = $2",
            partner.0,
            theirs.0
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let mut transaction = self.in_tenant(agent).await?;
        sqlx::query!(
            "insert into app.service_provider (tenant_id, id, integration_id, name, owner_tenant_id, owner_service_provider_id) values ($1, $2, $3, $4, $5, $6)",
            agent.0, id.0, found.integration_id, found.name, partner.0, theirs.0)
            .execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Gives devices of a partner to its agent, at a site of the agent's. One statement.
    ///
    /// # Errors
    /// `Data` if a device is not the partner's, or the agent has it already; the database does not answer.
    pub async fn give_devices(
        &mut self,
        agent: TenantId,
        site: SiteId,
        partner: TenantId,
        devices: &[DeviceId],
    ) -> Result<()> {
        let ids: Vec<Uuid> = devices.iter().map(|device| device.0).collect();
        let mut transaction = self.in_tenant(agent).await?;
        sqlx::query!(
            "insert into app.device_tenant (tenant_id, device_id, device_owner_tenant_id, site_id, modified_at)
             select $1, u, $2, $3, app.now() from unnest($4::uuid[]) as u",
            agent.0,
            partner.0,
            site.0,
            &ids
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// A group of sites, to confine keys to.
    ///
    /// # Errors
    /// `Data` if the name is taken or a site is not the tenant's; the database does not answer.
    pub async fn create_site_group(&mut self, tenant: TenantId, id: Uuid, name: &str, sites: &[SiteId]) -> Result<()> {
        let sites: Vec<Uuid> = sites.iter().map(|site| site.0).collect();
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!("insert into app.site_group (tenant_id, id, name) values ($1, $2, $3)", tenant.0, id, name)
            .execute(&mut *transaction)
            .await?;
        sqlx::query!(
            "insert into app.site_group_site (tenant_id, site_group_id, site_id) select $1, $2, unnest($3::uuid[])",
            tenant.0,
            id,
            &sites
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }
}
