//! `/assign`: customers are assigned in steps, each a page of its own. First the devices, which wait in the spool under the id that
//! is in the URL; then who gets them and how; then the plan, which is the API's; then it is applied.

pub(super) mod devices;
mod request;
pub(super) mod target;
