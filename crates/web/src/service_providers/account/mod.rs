//! `/service-providers/{id}/account`: where a carrier's API is and what it allows. Its secrets are written here and never told.

pub(crate) mod credentials;
pub(crate) mod get;
pub(crate) mod keep;

use crate::App;
use crate::problem::Problem;
use crate::shape::Named;
use axum::http::StatusCode;
use database::carrier::{CarrierAccount, Progress};
use domain::ids::ServiceProviderId;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The account at a carrier behind a service provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CarrierAccount)]
pub(crate) struct Shown {
    service_provider: Named,
    /// Where the carrier's API is.
    base_url: String,
    /// The account's name at the carrier.
    account_name: String,
    calls_per_minute: i32,
    calls_per_day: i32,
    /// Calls that are left of today's (UTC).
    calls_left_today: u32,
    /// Why nothing is sent to it now; null: its devices are read.
    #[schema(required)]
    paused_because: Option<String>,
    /// Which credentials are kept, and when each was written. They themselves are told to nobody.
    credentials: BTreeMap<String, String>,
    /// The last reading of the carrier's list of devices; null: there was none yet.
    #[schema(required)]
    inventory: Option<ReadingShown>,
    callbacks: CallbacksShown,
}

/// Whether the carrier tells us what has become of requests. It only makes us look sooner: what it has accepted is read back on schedule
/// anyway.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CarrierCallbacks)]
pub(crate) struct CallbacksShown {
    /// When the carrier was last seen to have our address; looked at once a day. Null: it never had it.
    #[schema(required)]
    registered_at: Option<Timestamp>,
    /// Why it does not call back; null: it does, or nothing is known yet.
    #[schema(required)]
    because: Option<String>,
}

/// How the last reading of a carrier's list of devices went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InventoryReading)]
pub(crate) struct ReadingShown {
    started_at: Timestamp,
    /// Null: under way, or interrupted and to be resumed.
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// When the last whole reading had begun. Null: there was none yet.
    #[schema(required)]
    read_at: Option<Timestamp>,
    /// Devices on the list's pages so far.
    read: i32,
    made: i32,
    changed: i32,
    archived: i32,
    /// Records that could not be understood; with any, the reading does not count as whole.
    unreadable: i32,
    /// Why what was missing was not archived.
    #[schema(required)]
    kept_because: Option<String>,
}

const NO_ADDRESS: &str = "ASCRIBE_PUBLIC_URL is not set: there is no address to call back to. What the carrier has accepted is read back \
    on schedule.";

/// The account as it is now, with its ETag.
pub(crate) async fn shown_now(
    app: &App,
    caller: &database::api_key::Caller,
    provider: ServiceProviderId,
) -> Result<(String, Shown), Problem> {
    let account = database::carrier::get(&app.ledger, caller.tenant, provider).await?.ok_or_else(Problem::not_found)?;
    let inventory = database::carrier::progress(&app.ledger, caller.tenant, provider).await?;
    let has_address = app.people.public_url().is_some();
    Ok((account.etag.clone(), show(account, inventory, has_address)))
}

fn show(account: CarrierAccount, inventory: Option<Progress>, has_address: bool) -> Shown {
    let because = if has_address { account.callback_trouble } else { Some(NO_ADDRESS.to_owned()) };
    Shown {
        callbacks: CallbacksShown { registered_at: account.called_back_since, because },
        service_provider: Named { id: account.service_provider.0, name: account.name },
        base_url: account.base_url,
        account_name: account.account_name,
        calls_per_minute: account.calls_per_minute,
        calls_per_day: account.calls_per_day,
        calls_left_today: account.calls_left_today,
        paused_because: account.paused_because,
        credentials: account.credentials,
        inventory: inventory.map(show_reading),
    }
}

fn show_reading(reading: Progress) -> ReadingShown {
    ReadingShown {
        started_at: reading.started_at,
        ended_at: reading.ended_at,
        read_at: reading.read_at,
        read: reading.read,
        made: reading.made,
        changed: reading.changed,
        archived: reading.archived,
        unreadable: reading.unreadable,
        kept_because: reading.kept_because,
    }
}

/// The service provider whose account is written: it has to be the tenant's own, and not its partner's.
pub(crate) async fn own(app: &App, caller: &database::api_key::Caller, id: &str) -> Result<ServiceProviderId, Problem> {
    let provider = super::get::one(app, caller, id).await?;
    if provider.at_owner.1 != provider.id {
        let detail = "Your partner gave you this service provider, and its account at the carrier is your partner's.";
        return Err(Problem::new(StatusCode::CONFLICT, "SERVICE_PROVIDER_IS_PARTNERS", detail));
    }
    Ok(provider.id)
}
