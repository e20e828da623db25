//! kill -9 of the service and of PostgreSQL in the middle of a change: nothing lost, nothing doubled, nothing locked. The seed is printed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod assignment;
mod billing;
mod service;
