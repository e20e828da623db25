//! Reading a whole account, resource after resource.

use crate::pace::Pace;
use crate::reading::Reader;
use crate::{SyncError, SyncSettings};
use database::Ledger;
use database::rev_io::{Account, Progress, Resource, progress};
use database::secret::KeyRing;
use domain::clock::Clock;
use domain::ids::TenantId;
use domain::provider_address::admitted;
use integrations::HttpClient;
use integrations::billing::rev_io::{self, RevIo, RevIoSettings, wire};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

/// How the reading of an account went.
#[derive(Clone, Debug)]
pub struct AccountReport {
    /// Its name.
    pub account: String,
    /// Each resource, in the order in which it was read.
    pub resources: Vec<ResourceReport>,
}

/// How the reading of one resource went.
pub type ResourceReport = Progress;

/// What reading an account needs of the installation.
#[derive(Clone, Debug)]
pub struct Installation<'a> {
    /// The ledger.
    pub ledger: &'a Ledger,
    /// Opens secrets.
    pub keys: &'a KeyRing,
    /// Speaks HTTP.
    pub http: &'a HttpClient,
    /// For the waits that are told as dates.
    pub clock: Clock,
}

/// Reads an account to its end, or to where it is interrupted. A resource that cannot be read does not keep the others from being
/// read. `tell` hears of each before it is read.
///
/// # Errors
/// [`SyncError`]; what was read until then is kept.
pub async fn read_account(
    installation: &Installation<'_>,
    tenant: TenantId,
    account: &Account,
    settings: &SyncSettings,
    stop: &CancellationToken,
    tell: impl Fn(Resource) + Send + Sync,
) -> Result<AccountReport, SyncError> {
    let ledger = installation.ledger;
    let client = client(installation, tenant, account, settings).await?;
    let pace = Pace::new(ledger, tenant, account.id, stop, settings);
    let mut reader = Reader { ledger, client: &client, settings, pace };
    let before = progress(ledger, tenant, account.id).await?;
    let is_fresh = |resource: Resource| {
        let last = before.iter().find(|reading| reading.resource == resource.word());
        let fresh = |last: &Progress| settings.fresh_since.is_some_and(|since| last.started_at >= since);
        last.is_some_and(|last| last.ended_at.is_some() && fresh(last))
    };
    let mut first_trouble = None;
    for resource in Resource::ALL.into_iter().filter(|resource| !is_fresh(*resource)) {
        tell(resource);
        let reading = match resource {
            Resource::Providers => reader.read::<wire::Provider>(tenant, account.id).await,
            Resource::ServiceTypes => reader.read::<wire::ServiceType>(tenant, account.id).await,
            Resource::UsagePlanGroups => reader.read::<wire::UsagePlanGroup>(tenant, account.id).await,
            Resource::Products => reader.read::<wire::Product>(tenant, account.id).await,
            Resource::Packages => reader.read::<wire::Package>(tenant, account.id).await,
            Resource::PackageProducts => reader.read::<wire::PackageProduct>(tenant, account.id).await,
            Resource::Customers => reader.read::<wire::Customer>(tenant, account.id).await,
            Resource::Services => reader.read::<wire::Service>(tenant, account.id).await,
            Resource::ServiceProducts => reader.read::<wire::ServiceProduct>(tenant, account.id).await,
        };
        match reading {
            Ok(_) => {}
            Err(trouble @ (SyncError::Refused { .. } | SyncError::GivenUp { .. })) => {
                tracing::warn!(
                    resource = resource.word(),
                    error = &trouble as &dyn std::error::Error,
                    "not read to its end"
                );
                first_trouble.get_or_insert(trouble);
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(trouble) = first_trouble {
        return Err(trouble);
    }
    Ok(AccountReport { account: account.name.clone(), resources: progress(ledger, tenant, account.id).await? })
}

pub(crate) async fn client(
    installation: &Installation<'_>,
    tenant: TenantId,
    account: &Account,
    settings: &SyncSettings,
) -> Result<RevIo, SyncError> {
    let address = account.base_url.as_deref().ok_or_else(|| SyncError::Unusable("it has no base_url".into()))?;
    admitted(address, &settings.hosts).map_err(|why| SyncError::Unusable(format!("its base_url {why}")))?;
    let secrets = database::rev_io::credentials(installation.ledger, tenant, installation.keys, account.id.0).await?;
    let signing_in = rev_io::Account {
        base_url: address.to_owned(),
        username: secrets.username.expose_secret().to_owned(),
        password: secrets.password,
        subscription_key: secrets.subscription_key,
    };
    RevIo::new(installation.http, signing_in, RevIoSettings::default(), installation.clock.clone())
        .map_err(|why| SyncError::Unusable(why.to_string()))
}
