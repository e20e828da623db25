//! Real parts for tests: one private PostgreSQL per run, one database and one whole app per test.
//! Must not know: anything that ships depends on it; only tests and benches may.

mod agent;
mod app;
mod browser;
mod cluster;
mod fixture;
pub mod parsers;
pub mod performance;
mod receiver;

pub use agent::Agent;
pub use app::{Answer, TestApp, people_settings};
pub use browser::{Browser, PASSWORD, Seen};
pub use cluster::{TestCluster, TestDatabase, VARIABLE as CLUSTER_VARIABLE, in_deep_run, number, plant_as_owner};
pub use fixture::{Fixture, iccid};
pub use receiver::{Received, Receiver};
