//! ThingSpace's client over real sockets, against a server that says exactly what it is told to.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod classified;
mod hostile;
mod inferred;
mod reads;
mod secrets;
mod server;
mod setup;
mod signing;
mod stage;
mod writes;
