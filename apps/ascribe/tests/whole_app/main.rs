//! Whole-app tests: one test, one database, one app, driven over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod admitted;
mod agents;
mod apply;
mod attention;
mod authorisation;
mod billing;
mod carriers;
mod command_line;
mod control;
mod edges;
mod fairness;
mod hostile;
mod idempotency;
mod inputs;
mod lists;
mod matrix;
mod people;
mod reasons;
mod rights;
mod rights_on_plans;
mod tenants;
mod time;
mod trouble;
mod unassign;
mod undo;
mod webhooks;

use testing::iccid;

/// The first so many plain devices.
fn devices(count: u32) -> Vec<String> {
    (0..count).map(iccid).collect()
}
