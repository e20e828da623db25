//! `/customer-rate-plans`: what the reseller charges its customers.

pub(crate) mod create;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;

use crate::shape::Named;
use database::customer_rate_plan::CustomerRatePlan;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What the reseller charges a customer for a SIM.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerRatePlan)]
pub(crate) struct Shown {
    id: Uuid,
    /// Unique in the tenant.
    rate_plan_code: String,
    rate_plan_name: String,
    /// The one it fits; null: all.
    #[schema(required)]
    service_provider: Option<Named>,
    /// May SIMs get it?
    active: bool,
}

pub(crate) fn show(plan: CustomerRatePlan) -> Shown {
    Shown {
        id: plan.id.0,
        rate_plan_code: plan.code,
        rate_plan_name: plan.name,
        service_provider: plan.service_provider.map(|(id, name)| Named { id: id.0, name }),
        active: plan.active,
    }
}
