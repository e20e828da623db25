//! A small world to test in: two tenants, customers of every awkward kind, devices in every state.

use anyhow::Result;
use database::Server;
use database::fleet::{Fleet, NewAmopCustomer, NewDevice, NewOffer, NewRevCustomer};
use domain::api_key::ApiKey;
use domain::iccid::check_digit;
use domain::ids::{
    ApiKeyId, CustomerId, CustomerRatePlanId, CustomerRatePoolId, DeviceId, Ids, IntegrationAuthenticationId,
    ServiceProviderId, SiteId, TenantId,
};

/// The ids of the world that tests name.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The first tenant, "Alpha".
    pub tenant: TenantId,
    /// Its key.
    pub key: ApiKey,
    /// Its key's id.
    pub key_id: ApiKeyId,
    /// Its first service provider, "Verizon".
    pub provider: ServiceProviderId,
    /// Its default site.
    pub unassigned: SiteId,
    /// The AMOP customer "Water": its id and site.
    pub water: (CustomerId, SiteId),
    /// The AMOP customer "Cold".
    pub cold: (CustomerId, SiteId),
    /// The rev customer "Acme", 9000001.
    pub acme: (CustomerId, SiteId),
    /// The second tenant's key.
    pub other_key: ApiKey,
    /// The second tenant, "Beta".
    pub other_tenant: TenantId,
}

/// The ICCID at this place: 19 digits and the check digit.
#[must_use]
pub fn iccid(place: u32) -> String {
    let body = format!("89148000{:011}", u64::from(place) * 977 + 13);
    format!("{body}{}", check_digit(&body))
}

impl Fixture {
    /// Makes the world. Places 0 to `devices` are active and unassigned; 900,000 archived, 900,001 suspended,
    /// 900,002 at Cold, 900,003 at Water, 900,004 stored with 19 digits; Beta has place 910,000.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn make(server: &Server, ids: &Ids, devices: u32) -> Result<Self> {
        let mut fleet = Fleet::open(server).await?;
        let (tenant, unassigned, provider) = (TenantId(ids.next()), SiteId(ids.next()), ServiceProviderId(ids.next()));
        fleet.create_tenant(tenant, "Alpha", "America/New_York", unassigned).await?;
        fleet.create_service_provider(tenant, provider, "thingspace", "Verizon").await?;
        let jasper = ServiceProviderId(ids.next());
        fleet.create_service_provider(tenant, jasper, "control_center", "Jasper").await?;
        let customer = || (CustomerId(ids.next()), SiteId(ids.next()));
        let (water, cold, acme) = (customer(), customer(), customer());
        let amop =
            |(id, site): (CustomerId, SiteId), name: &str| NewAmopCustomer { id: id.0, site, name: name.to_owned() };
        fleet.create_amop_customers(tenant, &[amop(water, "Water"), amop(cold, "Cold")]).await?;
        let authentication = IntegrationAuthenticationId(ids.next());
        fleet.create_integration_authentication(tenant, authentication, "Rev.io").await?;
        let rev = |number: &str, name: &str, closed: bool, site: Option<SiteId>, id| NewRevCustomer {
            id,
            rev_customer_id: number.to_owned(),
            name: name.to_owned(),
            closed,
            site,
        };
        let site = || Some(SiteId(ids.next()));
        fleet
            .create_rev_customers(
                tenant,
                authentication,
                &[
                    rev("9000001", "Acme", false, Some(acme.1), acme.0.0),
                    rev("9000002", "Twin", false, site(), ids.next()),
                    rev("9000003", "Twin", false, site(), ids.next()),
                    rev("9000004", "Closed", true, site(), ids.next()),
                    rev("9000005", "Homeless", false, None, ids.next()),
                ],
            )
            .await?;
        let plan = |name: &str, provider| NewOffer {
            id: CustomerRatePlanId(ids.next()),
            name: name.to_owned(),
            service_provider: provider,
        };
        fleet.create_customer_rate_plans(tenant, &[plan("P-ALL", None), plan("P-JASPER", Some(jasper))]).await?;
        let pool = |name: &str, provider| NewOffer {
            id: CustomerRatePoolId(ids.next()),
            name: name.to_owned(),
            service_provider: provider,
        };
        fleet.create_customer_rate_pools(tenant, &[pool("Shared", None), pool("Jasper pool", Some(jasper))]).await?;
        let device = |place: u32, site: SiteId| NewDevice {
            id: DeviceId(ids.next()),
            iccid: iccid(place),
            msisdn: None,
            status: "active".into(),
            archived: false,
            site,
        };
        let places: Vec<u32> = (0..devices).collect();
        for some in places.chunks(5_000) {
            let some: Vec<_> = some.iter().map(|place| device(*place, unassigned)).collect();
            fleet.create_devices(tenant, provider, &some).await?;
        }
        let mut odd = [
            device(900_000, unassigned),
            device(900_001, unassigned),
            device(900_002, cold.1),
            device(900_003, water.1),
            device(900_004, unassigned),
        ];
        odd[0].archived = true;
        odd[1].status = "suspend".into();
        odd[4].iccid.pop();
        fleet.create_devices(tenant, provider, &odd).await?;
        let (key, key_id) = (ApiKey::new(ids), ApiKeyId(ids.next()));
        fleet.create_api_key(tenant, key_id, "test", &key).await?;

        let (other_tenant, other_site) = (TenantId(ids.next()), SiteId(ids.next()));
        fleet.create_tenant(other_tenant, "Beta", "UTC", other_site).await?;
        let other_provider = ServiceProviderId(ids.next());
        fleet.create_service_provider(other_tenant, other_provider, "thingspace", "Verizon").await?;
        fleet.create_devices(other_tenant, other_provider, &[device(910_000, other_site)]).await?;
        let other_key = ApiKey::new(ids);
        fleet.create_api_key(other_tenant, ApiKeyId(ids.next()), "test", &other_key).await?;
        fleet.analyze().await?;
        Ok(Self { tenant, key, key_id, provider, unassigned, water, cold, acme, other_key, other_tenant })
    }
}
