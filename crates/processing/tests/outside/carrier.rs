//! What happens at a carrier: one request for many SIMs, accepted long before it is done, and known by reading them.

mod at;
mod callbacks;
mod plan;
