//! ThingSpace's client against the simulated ThingSpace: what one says, the other understands, to the end of each change.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop, and say where")]

mod callbacks;
mod changes;
mod doubt;
mod reads;
mod stage;
