//! The world over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod faults;
mod ledger;
mod limits;
mod reads;
mod scale;
mod stage;
mod together;
mod writes;
