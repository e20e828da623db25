//! A carrier's list of devices read over real HTTP into a real PostgreSQL: what is there afterwards is what the carrier has.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod callbacks;
mod life;
mod stage;
mod trouble;
