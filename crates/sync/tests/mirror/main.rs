//! The mirror against the simulator, over real HTTP and a real PostgreSQL: whatever happens on the way, what is kept is what is there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod asked_for;
mod changes;
mod compare;
mod interrupted;
mod secrets;
mod stage;
mod trouble;
