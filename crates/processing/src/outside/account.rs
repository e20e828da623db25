//! Accounts at Rev.io, ready to be called: address and secrets read once, and again when they have changed; and what accounts at
//! carriers are opened with.

use database::rev_io::CredentialRefusal;
use database::secret::KeyRing;
use database::{DatabaseError, Ledger};
use domain::clock::Clock;
use domain::ids::{Ids, TenantId};
use domain::provider_address::admitted;
use integrations::HttpClient;
use integrations::billing::rev_io::{Account, RevIo, RevIoSettings};
use secrecy::ExposeSecret as _;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Why an account cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum AccountTrouble {
    /// Somebody has to put it right: it is paused, and says why.
    #[error("{0}")]
    Unusable(String),
    /// It is this process that cannot: nobody has to look at the account.
    #[error("{0}")]
    NotHere(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What it was set up with, and the account that is ready to be called.
type Open = (String, Arc<RevIo>);

/// The accounts of all tenants.
pub struct Accounts {
    keys: Option<Arc<KeyRing>>,
    http: HttpClient,
    clock: Clock,
    hosts: Vec<String>,
    settings: RevIoSettings,
    open: Mutex<HashMap<(TenantId, Uuid), Open>>,
    carriers: Option<(Vec<String>, Ids)>,
}

/// What accounts at carriers are opened with.
pub(super) struct CarrierCalls<'a> {
    pub(super) keys: &'a KeyRing,
    pub(super) ids: &'a Ids,
    pub(super) http: &'a HttpClient,
    pub(super) clock: &'a Clock,
    /// Hosts besides the public ones of carriers.
    pub(super) hosts: &'a [String],
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Accounts whose secrets this ring opens, at the public hosts of Rev.io and these besides.
    #[must_use]
    pub fn new(
        keys: Option<Arc<KeyRing>>,
        http: HttpClient,
        clock: Clock,
        hosts: Vec<String>,
        settings: RevIoSettings,
    ) -> Self {
        Self { keys, http, clock, hosts, settings, open: Mutex::default(), carriers: None }
    }

    /// The same, and carriers besides: at their public hosts and these. `ids` names what is sealed of a sign-in.
    #[must_use]
    pub fn with_carriers(mut self, hosts: Vec<String>, ids: Ids) -> Self {
        self.carriers = Some((hosts, ids));
        self
    }

    /// None: this process calls no carriers, or has no key to open their secrets with.
    pub(super) fn carriers(&self) -> Option<CarrierCalls<'_>> {
        let (hosts, ids) = self.carriers.as_ref()?;
        let keys = self.keys.as_deref()?;
        Some(CarrierCalls { keys, ids, http: &self.http, clock: &self.clock, hosts })
    }

    /// The account, as it is set up now.
    pub(super) async fn client(
        &self,
        ledger: &Ledger,
        tenant: TenantId,
        account: Uuid,
    ) -> Result<Arc<RevIo>, AccountTrouble> {
        let unusable = |why: String| AccountTrouble::Unusable(why);
        let accounts = database::rev_io::accounts(ledger, tenant).await?;
        let Some(kept) = accounts.into_iter().find(|kept| kept.id.0 == account) else {
            return Err(unusable("there is no such account".to_owned()));
        };
        // The etag moves with the account, the times with its secrets.
        let version = format!("{}{:?}{:?}", kept.etag, kept.base_url, kept.credentials);
        let mut open = self.open.lock().await;
        if let Some((known, client)) = open.get(&(tenant, account))
            && *known == version
        {
            return Ok(Arc::clone(client));
        }
        let address = kept.base_url.as_deref().ok_or_else(|| unusable("it has no base_url".to_owned()))?;
        admitted(address, &self.hosts).map_err(|why| AccountTrouble::NotHere(format!("its base_url {why}")))?;
        let keys = self
            .keys
            .as_ref()
            .ok_or_else(|| AccountTrouble::NotHere("this process has no key to open its secrets with".to_owned()))?;
        let secrets = match database::rev_io::credentials(ledger, tenant, keys, account).await {
            Ok(secrets) => secrets,
            Err(CredentialRefusal::Database(trouble)) => return Err(trouble.into()),
            Err(why) => return Err(unusable(why.to_string())),
        };
        let signing_in = Account {
            base_url: address.to_owned(),
            username: secrets.username.expose_secret().to_owned(),
            password: secrets.password,
            subscription_key: secrets.subscription_key,
        };
        let client = RevIo::new(&self.http, signing_in, self.settings.clone(), self.clock.clone());
        let client = Arc::new(client.map_err(|why| unusable(why.to_string()))?);
        open.insert((tenant, account), (version, Arc::clone(&client)));
        Ok(client)
    }
}
