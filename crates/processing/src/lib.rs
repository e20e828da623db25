//! The work: a claimed chunk is settled, in halves around a bad row; what is due is applied or told; what is outside happens once.
//! Must not know: queues, HTTP, or where the claim came from; worker, Lambda and test call the same function.

mod capabilities;
mod due;
mod notify;
pub mod outside;
mod settle;

pub use capabilities::carriers;
pub use due::apply_due;
pub use notify::{NotifySettings, Telling, notify_until_stopped, tell};
pub use settle::{Outcome, Retry, settle};
