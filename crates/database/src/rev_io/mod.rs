//! What the ledger knows of Rev.io: accounts and their secrets, the budget of calls, the mirror, and how far it was read.

mod account;
mod budget;
mod closed;
mod gone;
mod links;
mod mirror;
mod read_again;
mod reading;
mod resource;

pub use account::{
    Account, AccountEdit, CREDENTIAL_FIELDS, CredentialRefusal, Credentials, NewAccount, account_named, accounts,
    accounts_to_read, create, credentials, edit, keep_secrets, pause, rewrap_all,
};
pub use budget::{Budget, Granted, block, budgets, left_today, take_permits};
pub use closed::{MIRROR_KEY, devices_of_closed_customers, may_plan};
pub use gone::{Missing, end_reading, mark_gone, mark_gone_beside, missing};
pub use links::{Links, due_links, links_of, relink};
pub use mirror::{Told, keep_beside, keep_page, keep_records};
pub use read_again::{
    CUSTOMERS_AT_A_TIME, ReadAgain, ReadingAgain, StaleAccount, Wanted, ask, claim_wanted, end_wanted, extend_wanted,
    lines_known_since, read_since, stale_accounts, tenants_that_ask, unknown_customers, untold_of,
};
pub use reading::{Progress, Reading, Source, claim, extend, progress, release};
pub use resource::Resource;

pub(crate) use account::{open_gate_again, open_secrets, place, seal_secrets};
pub(crate) use mirror::record as record_as_mirror;
