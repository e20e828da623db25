//! `/agents`: agent partners of the tenant, and the devices that it gives them.

pub(crate) mod devices;
pub(crate) mod list;

use database::agent::Agent;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An agent partner of the tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Agent)]
pub(crate) struct Shown {
    id: Uuid,
    name: String,
    /// Devices that it was given and has.
    devices: i64,
    /// Of them, those that it has assigned to customers of its own.
    assigned: i64,
}

pub(crate) fn show(agent: Agent) -> Shown {
    Shown { id: agent.id.0, name: agent.name, devices: agent.devices, assigned: agent.assigned }
}
