//! Set-up: tenants, keys, customers, offers and devices, written by the owner role within one tenant at a time.
//! Used by `init`, the demo and tests; every function takes many rows and is one or two statements.

use crate::ledger::set_tenant;
use crate::{Result, Role, Server};
use domain::api_key::ApiKey;
use domain::ids::{
    ApiKeyId, CustomerRatePlanId, CustomerRatePoolId, DeviceId, IntegrationAuthenticationId, ServiceProviderId, SiteId,
    TenantId,
};
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use uuid::Uuid;

/// A connection as the owner.
#[derive(Debug)]
pub struct Fleet {
    owner: PgConnection,
}

/// A rev customer with its site.
#[derive(Clone, Debug)]
pub struct NewRevCustomer {
    /// Our id, which is the customer's public id.
    pub id: Uuid,
    /// The id at Rev.io.
    pub rev_customer_id: String,
    /// Its name; need not be unique.
    pub name: String,
    /// Closed at Rev.io?
    pub closed: bool,
    /// Its site. None: it has no seat in this tenant yet.
    pub site: Option<SiteId>,
}

/// An AMOP customer: a site that is a customer.
#[derive(Clone, Debug)]
pub struct NewAmopCustomer {
    /// The customer's public id.
    pub id: Uuid,
    /// The site.
    pub site: SiteId,
    /// The name of both, unique in the tenant.
    pub name: String,
}

/// A customer rate plan or pool.
#[derive(Clone, Debug)]
pub struct NewOffer<Id> {
    /// Its id.
    pub id: Id,
    /// The plan's code or the pool's name.
    pub name: String,
    /// None: fits every service provider.
    pub service_provider: Option<ServiceProviderId>,
}

/// A SIM, at a site of its owner.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Its id.
    pub id: DeviceId,
    /// As the carrier prints it.
    pub iccid: String,
    /// The subscriber number.
    pub msisdn: Option<String>,
    /// The carrier's own word.
    pub status: String,
    /// In the archive?
    pub archived: bool,
    /// Where it sits.
    pub site: SiteId,
}

/// The sites, and the groups of sites, that a key is confined to.
#[derive(Clone, Debug, Default)]
pub struct Confinement {
    /// Sites.
    pub sites: Vec<SiteId>,
    /// Groups of sites.
    pub site_groups: Vec<Uuid>,
}

impl Fleet {
    /// Logs in and takes the owner role.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open(server: &Server) -> Result<Self> {
        Ok(Self { owner: server.connect_as(Role::Owner).await? })
    }

    pub(crate) async fn in_tenant(&mut self, tenant: TenantId) -> Result<Transaction<'_, Postgres>> {
        let mut transaction = self.owner.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        Ok(transaction)
    }

    /// A tenant with its default site, "Unassigned".
    ///
    /// # Errors
    /// `Data` if the name is taken; the database does not answer.
    pub async fn create_tenant(
        &mut self,
        tenant: TenantId,
        name: &str,
        time_zone: &str,
        unassigned: SiteId,
    ) -> Result<()> {
        self.create_tenant_under(tenant, name, time_zone, unassigned, None).await
    }

    /// The same, as an agent partner under a partner.
    ///
    /// # Errors
    /// `Data` if the name is taken; the database does not answer.
    pub async fn create_tenant_under(
        &mut self,
        tenant: TenantId,
        name: &str,
        time_zone: &str,
        unassigned: SiteId,
        partner: Option<TenantId>,
    ) -> Result<()> {
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.tenant (id, name, time_zone, created_at, parent_tenant_id) values ($1, $2, $3, app.now(), $4)",
            tenant.0,
            name,
            time_zone,
            partner.map(|partner| partner.0)
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "insert into app.tenant_module (tenant_id, module) select $1, unnest(array['m2m', 'mobility', 'rev_customers'])",
            tenant.0
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "insert into app.site (tenant_id, id, name, is_system_default) values ($1, $2, 'Unassigned', true)",
            tenant.0,
            unassigned.0
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// An API key of a partner's administrator that works for a year. Only its hash is kept.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn create_api_key(&mut self, tenant: TenantId, id: ApiKeyId, name: &str, key: &ApiKey) -> Result<()> {
        self.create_api_key_for(tenant, id, name, key, domain::rights::Role::PartnerAdmin, None).await
    }

    /// An API key with a role, confined to these sites and groups of sites if any list is given, even an empty one.
    ///
    /// # Errors
    /// `Data` if a site or group is not the tenant's; the database does not answer.
    pub async fn create_api_key_for(
        &mut self,
        tenant: TenantId,
        id: ApiKeyId,
        name: &str,
        key: &ApiKey,
        role: domain::rights::Role,
        confined_to: Option<&Confinement>,
    ) -> Result<()> {
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.api_key (tenant_id, id, name, shown, created_at, role, is_site_restricted) values ($1, $2, $3, $4, app.now(), $5, $6)",
            tenant.0,
            id.0,
            name,
            key.shown(),
            role.word(),
            confined_to.is_some()
        )
        .execute(&mut *transaction)
        .await?;
        if let Some(confinement) = confined_to {
            let sites: Vec<Uuid> = confinement.sites.iter().map(|site| site.0).collect();
            sqlx::query!(
                "insert into app.api_key_site (tenant_id, api_key_id, site_id, site_group_id)
                 select $1::uuid, $2::uuid, s, null::uuid from unnest($3::uuid[]) as s union all select $1, $2, null::uuid, g from unnest($4::uuid[]) as g",
                tenant.0, id.0, &sites, &confinement.site_groups)
                .execute(&mut *transaction).await?;
        }
        sqlx::query!("insert into app.api_key_lookup (key_sha256, tenant_id, api_key_id, expires_at) values ($1, $2, $3, app.now() + interval '1 year')",
            &key.sha256()[..], tenant.0, id.0)
            .execute(&mut *transaction).await?;
        sqlx::query!("insert into app.audit_entry (tenant_id, at, actor, action, detail) values ($1, app.now(), 'ascribe', 'api_key_created', jsonb_build_object('api_key', $2::text, 'name', $3::text))",
            tenant.0, id.to_string(), name)
            .execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// An account at one carrier; `integration` is a code such as `thingspace`.
    ///
    /// # Errors
    /// `Data` if the name is taken or the integration unknown; the database does not answer.
    pub async fn create_service_provider(
        &mut self,
        tenant: TenantId,
        id: ServiceProviderId,
        integration: &str,
        name: &str,
    ) -> Result<()> {
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!("insert into app.service_provider (tenant_id, id, integration_id, name) values ($1, $2, (select id from app.integration where code = $3), $4)",
            tenant.0, id.0, integration, name)
            .execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// An account at Rev.io.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn create_integration_authentication(
        &mut self,
        tenant: TenantId,
        id: IntegrationAuthenticationId,
        name: &str,
    ) -> Result<()> {
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.integration_authentication (tenant_id, id, integration_id, name) values ($1, $2, 3, $3)",
            tenant.0,
            id.0,
            name
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Rev customers of one Rev.io account, with their sites, named "name (rev_customer_id)" as the original does.
    ///
    /// # Errors
    /// `Data` if one exists; the database does not answer.
    pub async fn create_rev_customers(
        &mut self,
        tenant: TenantId,
        authentication: IntegrationAuthenticationId,
        customers: &[NewRevCustomer],
    ) -> Result<()> {
        let (ids, numbers): (Vec<Uuid>, Vec<String>) =
            customers.iter().map(|c| (c.id, c.rev_customer_id.clone())).unzip();
        let (names, statuses): (Vec<String>, Vec<String>) =
            customers.iter().map(|c| (c.name.clone(), if c.closed { "CLOSED" } else { "OPEN" }.to_owned())).unzip();
        let sites: Vec<Option<Uuid>> = customers.iter().map(|c| c.site.map(|s| s.0)).collect();
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.rev_customer (tenant_id, id, rev_customer_id, integration_authentication_id, customer_name, status)
             select $1, u.id, u.number, $2, u.name, u.status from unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) as u (id, number, name, status)",
            tenant.0, authentication.0, &ids, &numbers, &names, &statuses)
            .execute(&mut *transaction).await?;
        sqlx::query!(
            "insert into app.site (tenant_id, id, name, rev_customer_id)
             select $1, u.site, u.name || ' (' || u.number || ')', u.id
             from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[]) as u (id, number, name, site) where u.site is not null",
            tenant.0, &ids, &numbers, &names, &sites as &[Option<Uuid>])
            .execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// AMOP customers.
    ///
    /// # Errors
    /// `Data` if a name is taken; the database does not answer.
    pub async fn create_amop_customers(&mut self, tenant: TenantId, customers: &[NewAmopCustomer]) -> Result<()> {
        let (ids, sites): (Vec<Uuid>, Vec<Uuid>) = customers.iter().map(|c| (c.id, c.site.0)).unzip();
        let names: Vec<String> = customers.iter().map(|c| c.name.clone()).collect();
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.site (tenant_id, id, name, amop_customer_id)
             select $1, u.site, u.name, u.id from unnest($2::uuid[], $3::uuid[], $4::text[]) as u (id, site, name)",
            tenant.0,
            &ids,
            &sites,
            &names
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Customer rate plans; the name is the code.
    ///
    /// # Errors
    /// `Data` if a code is taken; the database does not answer.
    pub async fn create_customer_rate_plans(
        &mut self,
        tenant: TenantId,
        plans: &[NewOffer<CustomerRatePlanId>],
    ) -> Result<()> {
        let (ids, codes): (Vec<Uuid>, Vec<String>) = plans.iter().map(|p| (p.id.0, p.name.clone())).unzip();
        let providers: Vec<Option<Uuid>> = plans.iter().map(|p| p.service_provider.map(|s| s.0)).collect();
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.customer_rate_plan (tenant_id, id, service_provider_id, rate_plan_code, rate_plan_name)
             select $1, u.id, u.provider, u.code, u.code from unnest($2::uuid[], $3::text[], $4::uuid[]) as u (id, code, provider)",
            tenant.0, &ids, &codes, &providers as &[Option<Uuid>])
            .execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Customer rate pools.
    ///
    /// # Errors
    /// `Data` if a name is taken; the database does not answer.
    pub async fn create_customer_rate_pools(
        &mut self,
        tenant: TenantId,
        pools: &[NewOffer<CustomerRatePoolId>],
    ) -> Result<()> {
        let (ids, names): (Vec<Uuid>, Vec<String>) = pools.iter().map(|p| (p.id.0, p.name.clone())).unzip();
        let providers: Vec<Option<Uuid>> = pools.iter().map(|p| p.service_provider.map(|s| s.0)).collect();
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.customer_rate_pool (tenant_id, id, service_provider_id, name)
             select $1, u.id, u.provider, u.name from unnest($2::uuid[], $3::text[], $4::uuid[]) as u (id, name, provider)",
            tenant.0, &ids, &names, &providers as &[Option<Uuid>])
            .execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Devices with their owner's assignment; the account is the site's. Two statements per call: send some thousands.
    ///
    /// # Errors
    /// `Data` if an ICCID exists at this service provider; the database does not answer.
    pub async fn create_devices(
        &mut self,
        tenant: TenantId,
        provider: ServiceProviderId,
        devices: &[NewDevice],
    ) -> Result<()> {
        let (ids, iccids): (Vec<Uuid>, Vec<String>) = devices.iter().map(|d| (d.id.0, d.iccid.clone())).unzip();
        let (statuses, archived): (Vec<String>, Vec<bool>) =
            devices.iter().map(|d| (d.status.clone(), d.archived)).unzip();
        let (msisdns, sites): (Vec<Option<String>>, Vec<Uuid>) =
            devices.iter().map(|d| (d.msisdn.clone(), d.site.0)).unzip();
        let mut transaction = self.in_tenant(tenant).await?;
        sqlx::query!(
            "insert into app.m2m_device (tenant_id, id, service_provider_id, iccid, msisdn, status, site_id, is_archived)
             select $1, u.id, $2, u.iccid, u.msisdn, u.status, u.site, u.archived
             from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::boolean[]) as u (id, iccid, msisdn, status, site, archived)",
            tenant.0, provider.0, &ids, &iccids, &msisdns as &[Option<String>], &statuses, &sites, &archived)
            .execute(&mut *transaction).await?;
        sqlx::query!(
            "insert into app.device_tenant (tenant_id, device_id, device_owner_tenant_id, site_id, account_number,
                 account_number_integration_authentication_id, modified_at)
             select $1, u.id, $1, u.site, s.rev_customer_id, s.integration_authentication_id, app.now()
             from unnest($2::uuid[], $3::uuid[]) as u (id, site) join app.seat s on s.tenant_id = $1 and s.site_id = u.site",
            tenant.0, &ids, &sites)
            .execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Fresh statistics after a large import.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn analyze(&mut self) -> Result<()> {
        sqlx::query("analyze app.m2m_device, app.device_tenant, app.site, app.rev_customer")
            .execute(&mut self.owner)
            .await?;
        Ok(())
    }
}

/// The partner that a tenant is an agent of, if it is one; read as the auditor.
///
/// # Errors
/// The database does not answer.
pub async fn partner_of(server: &Server, tenant: TenantId) -> Result<Option<TenantId>> {
    let mut auditor = server.connect_as(Role::Auditor).await?;
    let partner = sqlx::query_scalar!("select parent_tenant_id from app.tenant where id = $1", tenant.0)
        .fetch_optional(&mut auditor)
        .await?;
    auditor.close().await?;
    Ok(partner.flatten().map(TenantId))
}

/// The tenant with this name, if there is one; read as the auditor, because no tenant is known yet.
///
/// # Errors
/// The database does not answer.
pub async fn tenant_named(server: &Server, name: &str) -> Result<Option<TenantId>> {
    let mut auditor = server.connect_as(Role::Auditor).await?;
    let id =
        sqlx::query_scalar!("select id from app.tenant where name = $1", name).fetch_optional(&mut auditor).await?;
    auditor.close().await?;
    Ok(id.map(TenantId))
}
