//! THE MIRROR: what Rev.io has, read in page by page, kept set-wise, resumed where it was interrupted, and linked to devices.
//! Must not know: HTTP, anybody's JSON on the wire, what a plan makes of it; and it changes nothing outside but
//! where a carrier calls back.
//!
//! # What is taken for gone
//!
//! Lists shift while they are read, and a list may break off. So what a whole reading did not meet is only *missing*. It is
//! gone if it is not there when it is asked for by its id; and nothing is asked and nothing is gone where more is missing
//! than a cap allows: then the reading says why, and the mirror keeps what it has.

mod account;
mod carrier;
mod missing;
mod pace;
mod reading;
mod records;
mod wanted;

pub use account::{AccountReport, Installation, ResourceReport, read_account};
pub use carrier::{FleetReport, Registered, read_fleet, register_callbacks};
pub use wanted::read_what_is_asked_for;

use database::DatabaseError;
use database::rev_io::CredentialRefusal;
use jiff::Timestamp;
use std::time::Duration;

/// How an account is read.
#[derive(Clone, Debug)]
pub struct SyncSettings {
    /// Objects on a page; Rev.io documents 500 at most (rev_io C3).
    pub page_size: u32,
    /// For how long a reading is ours between two pages. Longer than a call may take.
    pub lease: Duration,
    /// Tries of one call that failed on the way, before the reading is left for the next time.
    pub tries: u32,
    /// The longest wait between two of them.
    pub longest_wait: Duration,
    /// So many may be missing whatever is known,
    pub missing_at_least: i64,
    /// or so many of a hundred of what is known. More is not believed.
    pub missing_percent: i64,
    /// Resources that were read to their end since then are not read again; none: everything is read.
    pub fresh_since: Option<Timestamp>,
    /// Only somebody who has looked says that all that is missing may be asked for.
    pub accept_missing: bool,
    /// The hosts at which an account at Rev.io may be.
    pub hosts: Vec<String>,
    /// The hosts at which an account at a carrier may be.
    pub carrier_hosts: Vec<String>,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            page_size: 500,
            lease: Duration::from_secs(120),
            tries: 8,
            longest_wait: Duration::from_secs(30),
            missing_at_least: 10,
            missing_percent: 2,
            fresh_since: None,
            accept_missing: false,
            hosts: Vec::new(),
            carrier_hosts: Vec::new(),
        }
    }
}

/// Why an account was not read to its end. What was read is kept, and the next reading goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Somebody else reads it.
    #[error("somebody else reads {0} of this account now")]
    Taken(&'static str),
    /// It has no address, or one that this installation does not name, or credentials that cannot be used.
    #[error("the account cannot be called: {0}")]
    Unusable(String),
    /// Rev.io refused the credentials; the account is paused.
    #[error("Rev.io refused the credentials ({0}); the account is paused")]
    Credentials(u16),
    /// A carrier refused the credentials; the account is paused.
    #[error("the carrier refused the credentials; the account is paused: {0}")]
    CarrierCredentials(String),
    /// The provider refused to be read.
    #[error("the provider refused to tell {resource}: {message}")]
    Refused {
        /// What was read.
        resource: &'static str,
        /// What it said.
        message: String,
    },
    /// The call failed again and again.
    #[error("{resource} could not be read after {tries} tries: {why}")]
    GivenUp {
        /// What was read.
        resource: &'static str,
        /// How often it was tried.
        tries: u32,
        /// What was last in the way.
        why: String,
    },
    /// More of what was asked for was missing than is believed.
    #[error("{missing} and more of {resource} of {of} were missing; nothing was taken for gone")]
    Missing {
        /// What was read.
        resource: &'static str,
        /// Of whom or what.
        of: String,
        /// How many, at least.
        missing: usize,
    },
    /// Somebody paused it, or another process met credentials that were refused.
    #[error("the account is paused")]
    Paused,
    /// We were told to stop.
    #[error("stopped; the next reading goes on from here")]
    Stopped,
    /// The ledger.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The credentials.
    #[error(transparent)]
    Secret(#[from] CredentialRefusal),
}
