//! Rev.io's client over real sockets: against the simulator, and against servers that behave in ways no provider should.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop, and say where")]

mod calls;
mod faults;
mod hostile;
mod inferred;
mod raw;
mod reads;
mod secrets;
mod sockets;
mod stage;
mod writes;
