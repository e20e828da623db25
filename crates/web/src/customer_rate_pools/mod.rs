//! `/customer-rate-pools`: allowances that the SIMs of a customer share.

pub(crate) mod create;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;

use crate::shape::Named;
use database::customer_rate_pool::CustomerRatePool;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An allowance that SIMs share.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerRatePool)]
pub(crate) struct Shown {
    id: Uuid,
    /// Unique in the tenant.
    name: String,
    /// The one it fits; null: all.
    #[schema(required)]
    service_provider: Option<Named>,
    /// May SIMs join it?
    active: bool,
}

pub(crate) fn show(pool: CustomerRatePool) -> Shown {
    Shown {
        id: pool.id.0,
        name: pool.name,
        service_provider: pool.service_provider.map(|(id, name)| Named { id: id.0, name }),
        active: pool.active,
    }
}
