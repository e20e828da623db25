//! What happens at a carrier: one request for many SIMs, accepted long before it is done, and known by reading them.

mod activate;
mod at;
mod back;
mod callbacks;
mod many;
mod matrix;
mod plan;
mod trouble;
