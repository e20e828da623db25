//! The work: a claimed chunk is settled, tried again after an outage, and halved until a bad row is alone.
//! Must not know: queues, HTTP, or where the claim came from; worker, Lambda and test call the same function.

mod settle;

pub use settle::{Outcome, Retry, settle};
