//! What happens outside of the ledger for a row: decided by one pure function, sent once per intent, looked for before anything is
//! sent again, and taken back newest first.

mod account;
mod at_carrier;
mod carry;
pub mod decide;
mod desk;
mod explain;
mod hear;
mod look;
mod read_back;
pub mod saga;
mod send;
mod told;
mod wave;

pub use account::{AccountTrouble, Accounts};
pub use carry::{Carried, carry_out};

use crate::outside::decide::Policy;
use database::Ledger;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Times and limits of what happens outside.
#[derive(Clone, Copy, Debug)]
pub struct OutsideSettings {
    /// How long one call may take, from its begin to the last byte of the answer: that of the HTTP client.
    pub call_timeout: Duration,
    /// What a lease has to last besides a call, for that to be sent at all.
    pub spare: Duration,
    /// For how long rows are claimed: after a third of it, what is left must be longer than a call and what is spared.
    pub lease: Duration,
    /// How long after its begin a write that nobody knows of may still arrive, or not show in a search yet.
    pub settle_for: Duration,
    /// The same at a carrier: so long a request that nobody knows of, or one that was accepted and is said to have failed, may
    /// still show its effect (`reliability.md` 4.2).
    pub carrier_settle_for: Duration,
    /// When what was ever unknown is looked at again, counted from the end of its row, and then from the time before.
    pub sweeps: [Duration; 3],
    /// How long a claim waits for the gate before it gives its rows back.
    pub patience: Duration,
    /// For how long it may be impossible to find out what is true, before a person is asked.
    pub blind_for: Duration,
    /// The longest that a circuit stays open between two tries.
    pub longest_shut: Duration,
    /// What is decided by the installation and not by the row.
    pub policy: Policy,
}

impl Default for OutsideSettings {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_secs(30),
            spare: Duration::from_secs(5),
            lease: Duration::from_secs(90),
            // The call's own time, and two minutes that Rev.io is given (`reliability.md` 4.2, a judgement until measured).
            settle_for: Duration::from_secs(150),
            carrier_settle_for: Duration::from_secs(15 * 60),
            sweeps: [Duration::from_secs(15 * 60), Duration::from_secs(45 * 60), Duration::from_secs(23 * 3600)],
            patience: Duration::from_secs(2),
            blind_for: Duration::from_secs(24 * 3600),
            longest_shut: Duration::from_secs(300),
            policy: Policy::default(),
        }
    }
}

/// The places at which a worker may die. Each is one line of the crash matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Intents are committed, nothing is sent.
    AfterIntent,
    /// The provider has answered, nothing of it is written down.
    AfterCall,
    /// What came of the calls is written down, the row goes on.
    AfterRecord,
    /// Everything outside is done, the assignment is not recorded.
    BeforeSettle,
}

/// The machine's own waiting: how long a lease, a wave or a claim has lasted here. No decision of the ledger hangs on it but when
/// to stop in time.
#[expect(clippy::disallowed_methods, reason = "the machine's own waiting is measured")]
fn moment() -> std::time::Instant {
    std::time::Instant::now()
}

/// Who is told of each place that is reached, and may end the worker there. In operation nobody; in tests the crash matrix.
pub trait Witness: Send + Sync {
    /// Does the worker die here?
    fn dies_at(&self, place: Place) -> bool;
}

/// Nobody looks.
#[derive(Clone, Copy, Debug)]
pub struct NoWitness;

impl Witness for NoWitness {
    fn dies_at(&self, _: Place) -> bool {
        false
    }
}

/// What carrying out needs of the installation.
#[derive(Clone)]
pub struct Outside {
    /// The ledger.
    pub ledger: Ledger,
    /// Accounts, ready to be called.
    pub accounts: Arc<Accounts>,
    /// Times and limits.
    pub settings: OutsideSettings,
    /// Who works.
    pub worker: String,
    /// Who looks on.
    pub witness: Arc<dyn Witness>,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("worker", &self.worker)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
