//! Data preparation: reads messy input, judges each row once, stores the plan; gives the input back with what became of it.
//! Must not know: HTTP, carriers, Rev.io, or how a plan is carried out.

mod accumulating;
mod asking_again;
mod at_carrier;
mod carrying;
mod closed;
mod columns;
mod csv_file;
mod explaining;
pub mod import;
mod judging;
mod looking;
mod parked;
mod planner;
mod planner_settings;
mod planning;
mod progress;
mod results;
mod results_workbook;
mod row_reader;
mod spool;
mod undo;
mod workbook;

pub use columns::Columns;
pub use csv_file::{InputRefusal, MOST_ROWS};
pub use explaining::Explained;
pub use looking::Look;
pub use parked::Parked;
pub use planner::{Input, PlanRefusal, Planner};
pub use planner_settings::PlannerSettings;
pub use planning::Planning;
pub use results::Results;
pub use results_workbook::{ResultsWorkbookError, results_workbook};
pub use row_reader::RowReader;
pub use spool::{Kept, ListedDevice, Note, Spool, SpoolError, Spooled, Writing};
pub use workbook::WorkbookRefusal;
