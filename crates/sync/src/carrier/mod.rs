//! A carrier's devices read in: what it has, what it calls them, and what it has no more.

mod calling;
mod inventory;

pub use inventory::{FleetReport, read_fleet};
