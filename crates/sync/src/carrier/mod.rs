//! A carrier's devices read in: what it has, what it calls them, and what it has no more; and where it calls back.

mod callbacks;
mod calling;
mod inventory;

pub use callbacks::{Registered, register_callbacks};
pub use inventory::{FleetReport, read_fleet};
