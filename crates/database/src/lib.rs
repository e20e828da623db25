//! The ledger: every SQL statement of Ascribe, the schema in `sql/`, its migrations, and the embedded PostgreSQL server.
//! Must not know: HTTP, carriers, Rev.io, queues, or what a verdict is decided by.

pub mod agent;
pub mod api_key;
pub mod audit;
pub mod bulk_change;
pub mod catalogue;
pub mod chunk;
pub mod control;
pub mod copy_lines;
pub mod customer;
pub mod customer_rate_plan;
pub mod customer_rate_pool;
pub mod device;
pub mod discard;
pub mod embedded;
mod error;
pub mod examine;
pub mod fleet;
mod fleet_agents;
pub mod idempotency;
pub mod input_record;
mod ledger;
pub mod migrate;
pub mod plan;
pub mod proof;
pub mod rev_io;
pub mod rights;
pub mod rows;
pub mod schedule;
pub mod secret;
pub mod service_provider;
pub mod site;
pub mod site_group;
pub mod stage;
pub mod staged_row;
mod store;
pub mod targets;
pub mod tenant;
pub mod undo;
pub mod webhook;
pub mod written;

pub use error::{DatabaseError, Result};
pub use ledger::{Ledger, Role, Server, TenantTransaction};
