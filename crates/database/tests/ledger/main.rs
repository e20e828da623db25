//! The ledger against PostgreSQL: the schema, the procedures, the invariants, the embedded server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod agents;
mod embedded;
mod invariants;
mod links;
mod procedures;
mod rev_io;
mod schema;
