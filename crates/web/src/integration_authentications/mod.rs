//! `/integration-authentications`: accounts at Rev.io. Their secrets are written here and never told.

pub(crate) mod create;
pub(crate) mod credentials;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod list;

use database::rev_io::{Account, Progress};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// One account at Rev.io.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IntegrationAuthentication)]
pub(crate) struct Shown {
    id: Uuid,
    name: String,
    /// Null: kept by hand, nothing of it is read.
    #[schema(required)]
    base_url: Option<String>,
    calls_per_minute: i32,
    calls_per_day: i32,
    /// Why nothing is sent to it now; null: it is read.
    #[schema(required)]
    paused_because: Option<String>,
    /// Which credentials are kept, and when each was written. They themselves are told to nobody.
    credentials: BTreeMap<String, String>,
}

/// The same with how far it was read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IntegrationAuthenticationWithMirror)]
pub(crate) struct ShownWithMirror {
    #[serde(flatten)]
    account: Shown,
    /// Calls that are left of today's.
    calls_left_today: u32,
    /// The last reading of each kind of object.
    mirror: Vec<ReadingShown>,
}

/// How the last reading of one kind of object went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MirrorReading)]
pub(crate) struct ReadingShown {
    resource: String,
    started_at: Timestamp,
    /// Null: under way, or interrupted and to be resumed.
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// When the last whole reading had begun: so old is what plans are judged on. Null: there was none yet.
    #[schema(required)]
    mirrored_at: Option<Timestamp>,
    read: i32,
    made: i32,
    changed: i32,
    gone: i32,
    /// Objects that could not be understood; with any, the reading does not count as whole.
    unreadable: i32,
    /// Why what was missing was not taken for gone.
    #[schema(required)]
    kept_because: Option<String>,
}

pub(crate) fn show(account: Account) -> Shown {
    Shown {
        id: account.id.0,
        name: account.name,
        base_url: account.base_url,
        calls_per_minute: account.calls_per_minute,
        calls_per_day: account.calls_per_day,
        paused_because: account.paused_because,
        credentials: account.credentials,
    }
}

pub(crate) fn show_reading(reading: Progress) -> ReadingShown {
    ReadingShown {
        resource: reading.resource,
        started_at: reading.started_at,
        ended_at: reading.ended_at,
        mirrored_at: reading.mirrored_at,
        read: reading.read,
        made: reading.made,
        changed: reading.changed,
        gone: reading.gone,
        unreadable: reading.unreadable,
        kept_because: reading.kept_because,
    }
}
