//! Data preparation: reads messy input, loads facts set-wise, judges each row once, stores the plan.
//! Must not know: HTTP, carriers, Rev.io, or how a plan is carried out.

mod accumulating;
mod csv_file;
mod planner;
mod spool;
mod undo;

pub use csv_file::{Cell, CsvFile, InputRefusal, MOST_ROWS};
pub use planner::{Input, PlanRefusal, Planner, PlannerSettings, Planning};
pub use spool::{Spool, SpoolError, Spooled, Writing};
