//! What happens outside, against the simulator over real HTTP and a real PostgreSQL: whatever goes wrong on the way, at rest the two
//! agree row by row.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod account;
mod attention;
mod carrier;
mod close;
mod commits;
mod matrix;
mod moved;
mod once;
mod stage;
mod stolen;
mod undo;
