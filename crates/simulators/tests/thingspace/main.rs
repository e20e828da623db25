//! ThingSpace over real sockets.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod accounts;
mod callbacks;
mod changes;
mod documented;
mod faults;
mod ledger;
mod life;
mod limits;
mod listing;
mod reads;
mod scale;
mod signing_in;
mod stage;
mod together;
