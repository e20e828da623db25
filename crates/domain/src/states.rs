//! The states of a bulk change and of a device change, and the counts that travel with them everywhere.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every word, in the order of its life.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word, as in SQL, API and log.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The state a word stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The life of a bulk change. A plan and the bulk change it becomes are one row and keep one id.
    BulkChangeStatus {
        /// The input is being read and judged.
        Planning = "PLANNING",
        /// A stored preview; expires.
        Planned = "PLANNED",
        /// The input could not be read; nothing was judged.
        PlanFailed = "PLAN_FAILED",
        /// Applied; no chunk settled yet.
        New = "NEW",
        /// Applied; waits for its start.
        Scheduled = "SCHEDULED",
        /// At least one chunk is settled.
        Processing = "PROCESSING",
        /// A person stopped it for now.
        Paused = "PAUSED",
        /// Nothing left to do, and at least one row is ok.
        Processed = "PROCESSED",
        /// Nothing left to do, and no row is ok.
        Error = "ERROR",
        /// Every row was cancelled.
        Cancelled = "CANCELLED",
    }
}

impl BulkChangeStatus {
    /// Will nothing more happen to it by itself?
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::PlanFailed | Self::Processed | Self::Error | Self::Cancelled)
    }

    /// Is it still a plan, not applied?
    #[must_use]
    pub const fn is_plan(self) -> bool {
        matches!(self, Self::Planning | Self::Planned | Self::PlanFailed)
    }
}

words! {
    /// The life of one device in one bulk change.
    DeviceChangeStatus {
        /// The verdict said no; the row keeps the reason.
        Refused = "REFUSED",
        /// It is already as asked.
        NoChange = "NO_CHANGE",
        /// Will be done when its chunk is claimed.
        Pending = "PENDING",
        /// Under way.
        Processing = "PROCESSING",
        /// An asynchronous answer is outstanding; keeps no worker busy.
        WaitingCarrier = "WAITING_CARRIER",
        /// Done, everything that was asked for.
        Processed = "PROCESSED",
        /// Not done; nothing outside remains of it.
        Failed = "FAILED",
        /// Left alone: moved since the plan, or another change's.
        Skipped = "SKIPPED",
        /// An outcome nobody knows; a person closes it.
        NeedsAttention = "NEEDS_ATTENTION",
        /// Taken back before it began.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// How one event for one webhook stands.
    WebhookDeliveryStatus {
        /// It is tried, or waits to be.
        Pending = "PENDING",
        /// The receiver has it.
        Delivered = "DELIVERED",
        /// It was tried for days.
        Failed = "FAILED",
        /// The webhook was archived.
        Cancelled = "CANCELLED",
    }
}

/// planned = ok + failed + skipped + cancelled + needs_attention + to_do, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows with verdict CHANGE.
    pub planned: i32,
    /// Rows done.
    pub ok: i32,
    /// Rows failed.
    pub failed: i32,
    /// Rows left alone.
    pub skipped: i32,
    /// Rows taken back.
    pub cancelled: i32,
    /// Rows that wait for a person.
    pub needs_attention: i32,
    /// Rows not ended yet.
    pub to_do: i32,
}

impl Counts {
    /// Do the parts add up to the whole?
    #[must_use]
    pub const fn add_up(&self) -> bool {
        self.planned == self.ok + self.failed + self.skipped + self.cancelled + self.needs_attention + self.to_do
    }
}
