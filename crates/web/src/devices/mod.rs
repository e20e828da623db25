//! `/devices`: the inventory.

pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod timeline;

use crate::shape::Named;
use database::device::Device;
use domain::allocation::DataAllocation;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A SIM with its assignment in this tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct Shown {
    id: Uuid,
    /// Text, never a number: it has more digits than a number keeps.
    iccid: String,
    #[schema(required)]
    msisdn: Option<String>,
    #[schema(required)]
    imei: Option<String>,
    #[schema(required)]
    eid: Option<String>,
    /// The carrier's own word.
    status: String,
    /// Does the word mean active?
    active: bool,
    /// In the archive: it is kept, and nothing is done with it.
    archived: bool,
    service_provider: Named,
    /// Null: nobody's, at the default site.
    #[schema(required)]
    customer: Option<Named>,
    site: Named,
    /// The code of what the carrier charges for it.
    #[schema(required)]
    carrier_rate_plan: Option<String>,
    #[schema(required)]
    ip_address: Option<String>,
    /// The code of what the customer is charged for it.
    #[schema(required)]
    customer_rate_plan: Option<String>,
    /// The name of its pool.
    #[schema(required)]
    customer_rate_pool: Option<String>,
    #[schema(required)]
    customer_data_allocation_mb: Option<f64>,
    /// The line at Rev.io that bills it, of its own customer; null: none is known.
    #[schema(required)]
    rev_service: Option<RevServiceShown>,
    /// Another customer's account has an active line for it: no plan gives it to anybody else until that is ended.
    billed_elsewhere: bool,
}

/// A line at Rev.io.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevService)]
pub(crate) struct RevServiceShown {
    /// Its id there.
    rev_service_id: i64,
    #[schema(required)]
    number: Option<String>,
    /// It is not disconnected, and charges something.
    active: bool,
}

pub(crate) fn show(device: Device) -> Shown {
    Shown {
        id: device.id.0,
        iccid: device.iccid,
        msisdn: device.msisdn,
        imei: device.imei,
        eid: device.eid,
        status: device.status,
        active: device.active,
        archived: device.archived,
        service_provider: Named { id: device.service_provider.0.0, name: device.service_provider.1 },
        customer: device.customer.map(|(id, name)| Named { id: id.0, name }),
        site: Named { id: device.site.0.0, name: device.site.1 },
        carrier_rate_plan: device.carrier_rate_plan,
        ip_address: device.ip_address,
        customer_rate_plan: device.customer_rate_plan,
        customer_rate_pool: device.customer_rate_pool,
        customer_data_allocation_mb: device.allocation.map(DataAllocation::megabytes),
        rev_service: device.rev_service.map(|(rev_service_id, number, active)| RevServiceShown {
            rev_service_id,
            number,
            active,
        }),
        billed_elsewhere: device.billed_elsewhere,
    }
}
