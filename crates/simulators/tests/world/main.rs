//! The world over real sockets.

mod faults;
mod ledger;
mod limits;
mod reads;
mod stage;
mod writes;
