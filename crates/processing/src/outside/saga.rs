//! What is known of a row that is under way outside: its steps, every attempt so far, and what reading has shown.

use integrations::carriers::Device;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};

pub use domain::steps::Step;

/// Which way a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Doing it.
    Apply,
    /// Taking it back.
    Undo,
}

impl Direction {
    /// Its word in the ledger.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
        }
    }
}

/// A write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// Opens the line; there is one, item 0.
    CreateService,
    /// Puts a product on it; the item is its place, from 1.
    CreateServiceProduct,
    /// Ends a product; the item is the provider's id.
    DisconnectServiceProduct,
    /// Ends a line; the item is the provider's id.
    CloseService,
    /// Changes a line; the item is the provider's id.
    PatchService,
    /// Gives a SIM service at its carrier; the item is 0, as of all that happens there: a SIM has one of each.
    Activate,
    /// Takes it away again.
    Deactivate,
    /// Gives it a static address.
    ProvisionIp,
    /// Gives it another plan of the carrier's.
    ChangeCarrierRatePlan,
}

impl Write {
    const ALL: [Self; 9] = [
        Self::CreateService,
        Self::CreateServiceProduct,
        Self::DisconnectServiceProduct,
        Self::CloseService,
        Self::PatchService,
        Self::Activate,
        Self::Deactivate,
        Self::ProvisionIp,
        Self::ChangeCarrierRatePlan,
    ];

    /// Its word in the ledger: the contract's.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CreateService => "create_service",
            Self::CreateServiceProduct => "create_service_product",
            Self::DisconnectServiceProduct => "disconnect_service_product",
            Self::CloseService => "close_service",
            Self::PatchService => "patch_service",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::ProvisionIp => "provision_ip",
            Self::ChangeCarrierRatePlan => "change_carrier_rate_plan",
        }
    }

    /// Would a second one make a second thing?
    #[must_use]
    pub const fn duplicates(self) -> bool {
        matches!(self, Self::CreateService | Self::CreateServiceProduct)
    }

    /// Does a carrier do it? Then it is known by reading the device, and may be accepted long before it is done.
    #[must_use]
    pub const fn is_at_carrier(self) -> bool {
        matches!(self, Self::Activate | Self::Deactivate | Self::ProvisionIp | Self::ChangeCarrierRatePlan)
    }
}

/// Which write of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Of which step.
    pub step: Step,
    /// Which way.
    pub direction: Direction,
    /// Which write.
    pub write: Write,
    /// Which of several.
    pub item: i64,
}

impl Key {
    /// A write of a step.
    #[must_use]
    pub const fn new(step: Step, direction: Direction, write: Write, item: i64) -> Self {
        Self { step, direction, write, item }
    }

    /// The key that the ledger's words name.
    #[must_use]
    pub fn from_words(step: &str, direction: &str, call: &str, item: i64) -> Option<Self> {
        let direction = match direction {
            "apply" => Direction::Apply,
            "undo" => Direction::Undo,
            _ => return None,
        };
        let write = Write::ALL.into_iter().find(|write| write.word() == call)?;
        Some(Self { step: Step::from_word(step)?, direction, write, item })
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Meant to be sent; whether it was, and what came of it, was not written down.
    Open,
    /// Sent, and nobody knows.
    Unknown,
    /// It has happened; the provider's id of it.
    Done(i64),
    /// The provider will not.
    Refused,
    /// Provably nothing was sent, or the provider was too busy to look at it.
    NotSent,
    /// It was looked for after it had settled, and is not there.
    NotApplied,
}

/// One attempt at one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// At which write.
    pub key: Key,
    /// Which attempt, from 1.
    pub number: i16,
    /// What became of it.
    pub fate: Fate,
    /// Was it ever not known?
    pub was_unknown: bool,
    /// When it was meant to be sent.
    pub began_at: Timestamp,
    /// When what is not there has not happened.
    pub settle_until: Timestamp,
    /// The provider's words, or what else is known.
    pub evidence: String,
    /// What a carrier has said of it, and what was read since.
    pub awaited: Awaited,
}

/// What is known of a request that a carrier does later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// Has the carrier accepted it?
    pub is_accepted: bool,
    /// When the device was last read back since.
    pub looked_at: Option<Timestamp>,
    /// When a callback about it came last. It makes us look sooner, and nothing else.
    pub heard_at: Option<Timestamp>,
    /// The plan that the device had before.
    pub plan_before: Option<String>,
}

/// A plan of the carrier's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarrierPlan {
    /// Its code.
    pub code: String,
    /// Its name; whether a carrier's list says the one or the other may be open.
    pub name: String,
}

/// The receipt of what was so at the carrier before anything was sent: nothing of it is ours to take back. Else it is 0: a carrier has
/// no ids of what it does.
pub const WAS_SO: i64 = -1;

impl CarrierPlan {
    /// Is it the one that the carrier shows?
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        let shown = shown.trim();
        !shown.is_empty() && (shown == self.code.trim() || shown == self.name.trim())
    }
}

/// What a SIM is to become at its carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtCarrier {
    /// The plan that it is to have.
    pub plan: Option<CarrierPlan>,
    /// Has it a communication plan beside it? Which one it had before is in no list.
    pub has_communication_plan: bool,
    /// The plan that it is activated with.
    pub activation_plan: Option<CarrierPlan>,
    /// Of a row that takes another one back: the plan that the other one left. With any other it is not ours any more.
    pub left_at: Option<CarrierPlan>,
}

/// A line as a fresh read shows it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Line {
    /// Is it there at all?
    pub exists: bool,
    /// Whose it is.
    pub customer: i64,
    /// Has it ended?
    pub closed: bool,
    /// The products on it that are in force.
    pub products: Vec<i64>,
    /// The number it bills.
    pub number: Option<String>,
    /// The ICCID beside it.
    pub number2: Option<String>,
}

/// A line that is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The provider's id.
    pub line: i64,
    /// Whose it has to be still.
    pub customer: i64,
}

/// What a person decided on a row that needed attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Everything asked for has happened: record it.
    Processed,
    /// Look again, and go on from what is found.
    LookAgain,
    /// This is what was made.
    Adopt(i64),
    /// If a fresh look finds nothing, send once more.
    SendAgain,
    /// Take back what was done.
    TakeBack,
}

/// All that is known of a row.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Saga {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The lines that `close_rev_service` ends.
    pub closes: Vec<Closing>,
    /// Who pays for the new line.
    pub customer: i64,
    /// The products of the new line.
    pub products: usize,
    /// Does a package bring them instead?
    pub has_package: bool,
    /// The line that `update_rev_service` takes, and the number and ICCID that it is to have.
    pub updates: Option<(Closing, String, String)>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// Is what was done being taken back?
    pub giving_up: bool,
    /// Did a person cancel the change?
    pub is_cancelled: bool,
    /// What a person decided.
    pub resolution: Option<Resolution>,
    /// Writes that were looked for since this claim began, and are not there.
    pub looked: HashSet<Key>,
    /// Has what it was planned on moved, and nothing was sent yet?
    pub is_stale: bool,
    /// The SIM's number and ICCID: by these a line that is to be closed is still the SIM's.
    pub sim: Option<(String, String)>,
    /// Does the row take another one back?
    pub takes_back: bool,
    /// Lines to be closed that were found to be over without our doing.
    pub over: HashSet<i64>,
    /// Lines as they were read since this claim began, and as our own writes since have left them.
    pub lines: BTreeMap<i64, Line>,
    /// What is to happen at the carrier.
    pub at_carrier: AtCarrier,
    /// What the carrier shows under the SIM's key, read since this claim began and before anything was sent since.
    pub shown: Option<Vec<Device>>,
}

impl Saga {
    /// The attempts at a write, oldest first.
    pub fn attempts_at(&self, key: Key) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.key == key)
    }

    /// What became of the latest attempt.
    #[must_use]
    pub fn fate(&self, key: Key) -> Option<Fate> {
        self.attempts_at(key).next_back().map(|attempt| attempt.fate)
    }

    /// The receipt of a write.
    #[must_use]
    pub fn receipt(&self, key: Key) -> Option<i64> {
        self.attempts_at(key).find_map(|attempt| match attempt.fate {
            Fate::Done(receipt) => Some(receipt),
            _ => None,
        })
    }

    /// The number of the next attempt at a write.
    #[must_use]
    pub fn next_attempt(&self, key: Key) -> i16 {
        self.attempts_at(key).map(|attempt| attempt.number).max().unwrap_or(0) + 1
    }
}
