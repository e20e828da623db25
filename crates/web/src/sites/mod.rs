//! `/sites`: customers' seats.

pub(crate) mod create;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;

use crate::shape::Named;
use database::site::Site;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A customer's seat in a tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Site)]
pub(crate) struct Shown {
    id: Uuid,
    name: String,
    /// Who sits there; null: it is the tenant's default, where unassigned SIMs are.
    #[schema(required)]
    customer: Option<Named>,
    /// May SIMs be assigned to it?
    active: bool,
    /// Is it the tenant's default?
    is_default: bool,
}

pub(crate) fn show(site: Site) -> Shown {
    Shown {
        id: site.id.0,
        name: site.name,
        customer: site.customer.map(|(id, name)| Named { id: id.0, name }),
        active: site.active,
        is_default: site.is_default,
    }
}
