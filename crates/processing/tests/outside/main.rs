//! What happens outside, against the simulator over real HTTP and a real PostgreSQL: whatever goes wrong on the way, at rest the two
//! agree row by row.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop, and say where")]

mod matrix;
mod once;
mod stage;
