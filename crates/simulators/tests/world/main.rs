//! The world over real sockets.

mod limits;
mod reads;
mod stage;
mod writes;
