//! The work: a claimed chunk is settled, again after an outage, in halves around a bad row; what is due is applied; what is to
//! happen outside is carried out, once.
//! Must not know: queues, HTTP, or where the claim came from; worker, Lambda and test call the same function.

mod due;
pub mod outside;
mod settle;

pub use due::apply_due;
pub use settle::{Outcome, Retry, settle};
