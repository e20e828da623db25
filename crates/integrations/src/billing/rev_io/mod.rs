//! Rev.io's REST API (`rev_io.md`): what it is asked. How it says things is in [`wire`].
//! Must not know: our database, our customers, when to call or how often.
//!
//! [`contract`] lists every call with what a caller must know before making it. Nothing here is sent twice.

mod account;
pub mod contract;
pub mod exactly;
mod failure;
mod proof;
mod reads;
mod send;
mod settings;
pub mod wire;
mod writes;

pub use account::{Account, AccountUnusable};
pub use contract::{CONTRACT, Call, CallContract};
pub use reads::{Page, Record, Resource, Unreadable};
pub use settings::{Inferred, RevIoSettings};
pub use writes::Receipt;

use crate::HttpClient;
use crate::exchange::Secrets;
use account::Credentials;
use domain::clock::Clock;
use reqwest::Url;

/// One account at Rev.io, ready to be called. Its credentials show in no `Debug`, error, log or [`crate::Exchange`].
pub struct RevIo {
    http: HttpClient,
    base: Url,
    credentials: Credentials,
    secrets: Secrets,
    settings: RevIoSettings,
    clock: Clock,
}

impl RevIo {
    /// Looks at the account and makes no call.
    ///
    /// # Errors
    /// If the address or the credentials cannot be used as they are.
    pub fn new(
        http: &HttpClient,
        account: Account,
        settings: RevIoSettings,
        clock: Clock,
    ) -> Result<Self, AccountUnusable> {
        let base = account.address(http)?;
        let credentials = account.into_credentials()?;
        let secrets = credentials.secrets();
        Ok(Self { http: http.clone(), base, credentials, secrets, settings, clock })
    }
}

impl std::fmt::Debug for RevIo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevIo").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}
