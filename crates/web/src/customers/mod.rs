//! `/customers`: of both kinds.

pub(crate) mod create;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;

use crate::shape::Named;
use database::customer::Customer;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A customer. REV: an account at Rev.io; AMOP: one that exists only here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub(crate) struct Shown {
    id: Uuid,
    /// Rev customers may share one.
    name: String,
    /// `REV` or `AMOP`.
    kind: String,
    /// The id at Rev.io; null for AMOP.
    #[schema(required)]
    rev_customer_id: Option<String>,
    /// Closed: no SIM is assigned to it.
    closed: bool,
    /// Its first site.
    #[schema(required)]
    site: Option<Named>,
    /// Devices at its sites.
    devices: i64,
}

pub(crate) fn show(customer: Customer) -> Shown {
    Shown {
        id: customer.id.0,
        name: customer.name,
        kind: customer.kind,
        rev_customer_id: customer.rev_customer_id,
        closed: customer.is_closed,
        site: customer.site.map(|(id, name)| Named { id: id.0, name }),
        devices: customer.devices,
    }
}
