//! An agent partner under the first tenant: its own customers and key, and devices that its partner gave it.

use crate::app::TestApp;
use anyhow::Result;
use database::Role;
use database::fleet::{Fleet, NewAmopCustomer, NewOffer};
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, CustomerId, CustomerRatePlanId, DeviceId, ServiceProviderId, SiteId, TenantId};
use domain::rights;
use uuid::Uuid;

/// An agent partner.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The tenant, "Gamma".
    pub tenant: TenantId,
    /// Its key, an agent partner administrator's.
    pub key: ApiKey,
    /// Its default site.
    pub unassigned: SiteId,
    /// Its customer "Gamma Farm".
    pub farm: (CustomerId, SiteId),
    /// Its customer "Gamma Mill".
    pub mill: (CustomerId, SiteId),
}

impl Agent {
    /// Makes it, with the devices of these ICCIDs at its default site, the plan G-1, and a service provider "Verizon" that is
    /// its partner's.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn make(app: &TestApp, iccids: &[String]) -> Result<Self> {
        let (ids, server) = (&app.ids, app.database.server());
        let mut fleet = Fleet::open(server).await?;
        let (tenant, unassigned) = (TenantId(ids.next()), SiteId(ids.next()));
        fleet.create_tenant_under(tenant, "Gamma", "Europe/Berlin", unassigned, Some(app.fixture.tenant)).await?;
        fleet
            .give_service_provider(tenant, ServiceProviderId(ids.next()), app.fixture.tenant, app.fixture.provider)
            .await?;
        let customer = || (CustomerId(ids.next()), SiteId(ids.next()));
        let (farm, mill) = (customer(), customer());
        let amop =
            |(id, site): (CustomerId, SiteId), name: &str| NewAmopCustomer { id: id.0, site, name: name.to_owned() };
        fleet.create_amop_customers(tenant, &[amop(farm, "Gamma Farm"), amop(mill, "Gamma Mill")]).await?;
        let plan = NewOffer { id: CustomerRatePlanId(ids.next()), name: "G-1".to_owned(), service_provider: None };
        fleet.create_customer_rate_plans(tenant, &[plan]).await?;
        let mut auditor = server.connect_as(Role::Auditor).await?;
        let devices: Vec<Uuid> =
            sqlx::query_scalar("select id from app.m2m_device where tenant_id = $1 and iccid = any ($2)")
                .bind(app.fixture.tenant.0)
                .bind(iccids)
                .fetch_all(&mut auditor)
                .await?;
        let devices: Vec<DeviceId> = devices.into_iter().map(DeviceId).collect();
        fleet.give_devices(tenant, unassigned, app.fixture.tenant, &devices).await?;
        let key = ApiKey::new(ids);
        let role = rights::Role::AgentPartnerAdmin;
        fleet.create_api_key_for(tenant, ApiKeyId(ids.next()), "test", &key, role, None).await?;
        Ok(Self { tenant, key, unassigned, farm, mill })
    }
}
