//! The world over real sockets.

mod reads;
mod stage;
