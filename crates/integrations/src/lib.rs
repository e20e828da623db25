//! THE OUTSIDE: what carriers and the billing system say and are told, by their own protocols.
//! Must not know: a database, a queue, a web page; a call gets its permit and its credentials handed in.
//!
//! Every call is one HTTP request, costs one [`Permit`], is never sent a second time from here, and ends in an
//! [`Outcome`]: an [`Answer`] that says what a caller may do next, and an [`Exchange`] that may be logged.

pub mod amount;
pub mod answer;
pub mod billing;
pub mod carriers;
mod depth;
pub mod exchange;
pub mod http;
pub mod notify;
mod pause;
mod permit;

pub use answer::{Answer, Outcome};
pub use exchange::Exchange;
pub use http::{HttpClient, HttpSettings};
pub use permit::Permit;
