//! The example fleet: two tenants, three service providers, some hundred customers of both kinds, ICCIDs as carriers print
//! them. Deterministic; no company or person in it exists.

use super::example::{Kind, Plan};
use database::Server;
use database::fleet::{Fleet, NewAmopCustomer, NewDevice, NewOffer, NewRevCustomer, tenant_named};
use domain::iccid::check_digit;
use domain::ids::{
    CustomerRatePlanId, CustomerRatePoolId, DeviceId, Ids, IntegrationAuthenticationId, ServiceProviderId, SiteId,
    TenantId,
};

/// The tenants, the first one first.
pub(crate) const TENANTS: [&str; 2] = ["Meridian Telemetry", "Coastline M2M"];

/// A service provider of the fleet.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    integration: &'static str,
    /// Industry, country and issuer, as ICCIDs begin (ITU-T E.118).
    prefix: &'static str,
    active: &'static str,
    inactive: &'static str,
}

/// The service providers: the first two are the first tenant's.
pub(crate) const PROVIDERS: [Provider; 3] = [
    Provider {
        name: "Verizon ThingSpace",
        integration: "thingspace",
        prefix: "89148000",
        active: "active",
        inactive: "suspend",
    },
    Provider {
        name: "T-Mobile Control Center",
        integration: "control_center",
        prefix: "89012604",
        active: "ACTIVATED",
        inactive: "INVENTORY",
    },
    Provider { name: "AT&T Telegence", integration: "telegence", prefix: "89014104", active: "A", inactive: "S" },
];

/// The AMOP customers that the assignment goes to in turn, and the one that some devices are at from the start.
pub(crate) const CUSTOMER_A: &str = "Harbour Water Works";
pub(crate) const CUSTOMER_B: &str = "Ridgeline Water Works";
const CUSTOMER_OTHER: &str = "Valley Cold Chain";
/// The rev customer that the reassignment goes to, by its id at Rev.io.
pub(crate) const REV_CUSTOMER: &str = "7000000001";
/// Its rate plan.
pub(crate) const RATE_PLAN: &str = "METER-5MB";
/// And its pool.
pub(crate) const POOL: &str = "Meters shared";

const REV_CUSTOMERS: u32 = 180;
const AMOP_CUSTOMERS: u32 = 120;

/// The ICCID at this place of a provider's range: 19 digits and the check digit.
pub(crate) fn iccid(provider: &Provider, place: u32) -> String {
    // Every number of the range once, but not in a row: 7,368,787 has no factor in common with 10^11.
    let serial = (u64::from(place) * 7_368_787 + 41_003) % 100_000_000_000;
    let body = format!("{}{serial:011}", provider.prefix);
    format!("{body}{}", check_digit(&body))
}

/// The fleet, made if it is not there.
pub(crate) async fn make_or_find(server: &Server, ids: &Ids, devices: u32) -> anyhow::Result<(Plan, TenantId)> {
    // The second tenant is made last: if it is there, all is.
    if let (Some(first), Some(_)) = (tenant_named(server, TENANTS[0]).await?, tenant_named(server, TENANTS[1]).await?) {
        let found = database::device::count_all(server).await?;
        return Ok((Plan::of(u32::try_from(found)?), first));
    }
    anyhow::ensure!(
        tenant_named(server, TENANTS[0]).await?.is_none(),
        "an earlier demo was stopped while it made the fleet; remove the data directory and start again"
    );
    let plan = Plan::of(devices);
    let mut fleet = Fleet::open(server).await?;
    let first = make_tenant(&mut fleet, ids, TENANTS[0], "America/New_York", &plan, 0).await?;
    make_tenant(&mut fleet, ids, TENANTS[1], "Europe/Berlin", &plan, 1).await?;
    fleet.analyze().await?;
    Ok((plan, first))
}

async fn make_tenant(
    fleet: &mut Fleet,
    ids: &Ids,
    name: &str,
    time_zone: &str,
    plan: &Plan,
    number: usize,
) -> anyhow::Result<TenantId> {
    let (tenant, unassigned) = (TenantId(ids.next()), SiteId(ids.next()));
    fleet.create_tenant(tenant, name, time_zone, unassigned).await?;
    let authentication = IntegrationAuthenticationId(ids.next());
    fleet.create_integration_authentication(tenant, authentication, "Rev.io").await?;
    fleet.create_rev_customers(tenant, authentication, &rev_customers(ids, number)).await?;
    let amop = amop_customers(ids);
    fleet.create_amop_customers(tenant, &amop).await?;
    let mut offers = vec![
        NewOffer { id: CustomerRatePlanId(ids.next()), name: RATE_PLAN.to_owned(), service_provider: None },
        NewOffer { id: CustomerRatePlanId(ids.next()), name: "FLEET-250MB".to_owned(), service_provider: None },
    ];
    let mut pools =
        vec![NewOffer { id: CustomerRatePoolId(ids.next()), name: POOL.to_owned(), service_provider: None }];
    let at =
        |name: &str| amop.iter().find(|customer| customer.name == name).map_or(unassigned, |customer| customer.site);
    let mine = if number == 0 { 0..2 } else { 2..3 };
    for (index, provider) in PROVIDERS.iter().enumerate().filter(|(index, _)| mine.contains(index)) {
        let id = ServiceProviderId(ids.next());
        fleet.create_service_provider(tenant, id, provider.integration, provider.name).await?;
        let own = format!("{}-ONLY", provider.integration.to_uppercase().replace('_', "-"));
        offers.push(NewOffer { id: CustomerRatePlanId(ids.next()), name: own.clone(), service_provider: Some(id) });
        pools.push(NewOffer {
            id: CustomerRatePoolId(ids.next()),
            name: format!("{} pool", provider.name),
            service_provider: Some(id),
        });
        let rest = plan.devices - plan.first_provider;
        let count = match index {
            0 => plan.first_provider,
            1 => rest / 2,
            _ => rest - rest / 2,
        };
        let places: Vec<u32> = (0..count).collect();
        for some in places.chunks(5_000) {
            let devices: Vec<NewDevice> = some
                .iter()
                .map(|place| {
                    let kind = if index == 0 { plan.kind(*place) } else { Kind::Untouched };
                    let site = match kind {
                        Kind::Same => at(CUSTOMER_A),
                        Kind::Other => at(CUSTOMER_OTHER),
                        _ => unassigned,
                    };
                    NewDevice {
                        id: DeviceId(ids.next()),
                        iccid: iccid(provider, *place),
                        msisdn: Some(format!("1555{:07}", place + 10_000_000 * u32::from(index > 0) % 9_000_000)),
                        status: if kind == Kind::Inactive { provider.inactive } else { provider.active }.to_owned(),
                        archived: kind == Kind::Archived,
                        site,
                    }
                })
                .collect();
            fleet.create_devices(tenant, id, &devices).await?;
        }
    }
    fleet.create_customer_rate_plans(tenant, &offers).await?;
    fleet.create_customer_rate_pools(tenant, &pools).await?;
    Ok(tenant)
}

/// Names from three lists; every ninth one comes twice, as names at Rev.io do.
fn company(number: u32) -> String {
    const PLACES: [&str; 12] = [
        "Harbour",
        "Ridgeline",
        "Valley",
        "Prairie",
        "Lakeside",
        "Summit",
        "Canyon",
        "Delta",
        "Meadow",
        "Granite",
        "Cedar",
        "Juniper",
    ];
    const TRADES: [&str; 10] = [
        "Logistics",
        "Metering",
        "Irrigation",
        "Refrigeration",
        "Parking",
        "Elevators",
        "Vending",
        "Fleet Care",
        "Security",
        "Solar",
    ];
    const FORMS: [&str; 3] = ["Group", "Partners", "Services"];
    let n = number as usize;
    format!("{} {} {}", PLACES[n % 12], TRADES[n / 12 % 10], FORMS[n / 120 % 3])
}

fn rev_customers(ids: &Ids, tenant: usize) -> Vec<NewRevCustomer> {
    (1..=REV_CUSTOMERS)
        .map(|n| NewRevCustomer {
            id: ids.next(),
            rev_customer_id: format!("70{tenant}{n:07}"),
            name: company(if n % 9 == 0 { n - 1 } else { n }),
            closed: n % 30 == 0,
            // One in fifty has no seat in this tenant yet.
            site: (n % 50 != 0).then(|| SiteId(ids.next())),
        })
        .collect()
}

fn amop_customers(ids: &Ids) -> Vec<NewAmopCustomer> {
    let named = [CUSTOMER_A, CUSTOMER_B, CUSTOMER_OTHER].map(str::to_owned);
    named
        .into_iter()
        .chain((0..AMOP_CUSTOMERS - 3).map(|n| format!("{} {}", company(n), n + 1)))
        .map(|name| NewAmopCustomer { id: ids.next(), site: SiteId(ids.next()), name })
        .collect()
}
