//! The account at a carrier behind a service provider, its secrets and its budget. The web role writes secrets and cannot read them.

use crate::api_key::Caller;
use crate::audit::record;
use crate::rev_io::{CredentialRefusal, Granted, open_gate_again, open_secrets, seal_secrets};
use crate::secret::KeyRing;
use crate::{DatabaseError, Ledger, Result};
use domain::carrier::AccountFacts;
use domain::ids::{Ids, ServiceProviderId, TenantId};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What an account at a carrier signs in with: the application's key and secret, and its user.
pub const CARRIER_CREDENTIAL_FIELDS: [&str; 4] = ["key", "secret", "username", "password"];

/// An account at a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierAccount {
    /// The service provider.
    pub service_provider: ServiceProviderId,
    /// Its name.
    pub name: String,
    /// The code of its integration.
    pub integration: String,
    /// Where the carrier's API is.
    pub base_url: String,
    /// The account's name at the carrier.
    pub account_name: String,
    /// Calls that the carrier allows in a minute.
    pub calls_per_minute: i32,
    /// And in a day.
    pub calls_per_day: i32,
    /// Why nothing is sent to it now.
    pub paused_because: Option<String>,
    /// Calls that are left of today's.
    pub calls_left_today: u32,
    /// The credentials that are kept, and when each was written.
    pub credentials: BTreeMap<String, String>,
    /// When the carrier was last seen to have our address for its callbacks; None: it never had it.
    pub called_back_since: Option<Timestamp>,
    /// Why it has not, as far as is known.
    pub callback_trouble: Option<String>,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// What is written of an account; what is None stays, or has its default.
#[derive(Clone, Debug, Default)]
pub struct CarrierAccountEdit {
    /// Where the carrier's API is; a new account needs it.
    pub base_url: Option<String>,
    /// The account's name there; a new account needs it.
    pub account_name: Option<String>,
    /// Calls in a minute.
    pub calls_per_minute: Option<i32>,
    /// Calls in a day.
    pub calls_per_day: Option<i32>,
    /// Pause it, or go on.
    pub paused: Option<bool>,
}

/// What somebody has seen who saw that there is no account yet: nobody is overwritten by who makes the first one.
pub const NONE_YET: &str = "new";

/// How the writing of an account ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There was none: it was made.
    Made,
    /// It was changed, or was as asked already.
    Changed,
    /// It is not what the caller last saw, or there is none any more that it saw.
    Moved,
    /// The tenant has no such service provider, or has it from its partner, who has the account.
    NotFound,
    /// There is none yet, and a new one needs this.
    Missing(&'static str),
}

/// The account of a service provider of the tenant's own. None: it has none.
///
/// # Errors
/// The database does not answer.
pub async fn get(ledger: &Ledger, tenant: TenantId, provider: ServiceProviderId) -> Result<Option<CarrierAccount>> {
    Ok(all(ledger, tenant).await?.into_iter().find(|account| account.service_provider == provider))
}

/// The tenant's accounts that are not paused: those that are read.
///
/// # Errors
/// The database does not answer.
pub async fn accounts_to_read(ledger: &Ledger, tenant: TenantId) -> Result<Vec<CarrierAccount>> {
    Ok(all(ledger, tenant).await?.into_iter().filter(|account| account.paused_because.is_none()).collect())
}

/// Every account of the tenant's own service providers: a handful.
///
/// # Errors
/// The database does not answer.
pub async fn accounts(ledger: &Ledger, tenant: TenantId) -> Result<Vec<CarrierAccount>> {
    all(ledger, tenant).await
}

impl CarrierAccount {
    /// What a plan reads of it.
    #[must_use]
    pub fn facts(&self) -> AccountFacts {
        let has_credentials = CARRIER_CREDENTIAL_FIELDS.iter().all(|field| self.credentials.contains_key(*field));
        AccountFacts { paused_because: self.paused_because.clone(), has_credentials }
    }
}

async fn all(ledger: &Ledger, tenant: TenantId) -> Result<Vec<CarrierAccount>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select a.service_provider_id, p.name, i.code, a.base_url, a.account_name, a.calls_per_minute, a.calls_per_day, a.paused_because,
               a.calls_per_day - case when b.day = (app.now() at time zone 'UTC')::date then b.taken_today else 0 end as "left_today!",
               left(encode(sha256(convert_to(a::text, 'UTF8')), 'hex'), 32) as "etag!",
               g.registered_at as "registered_at?: jiff_sqlx::Timestamp", g.trouble as "trouble?",
               coalesce((select jsonb_object_agg(c.field, to_char(c.modified_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
                   from app.credential c where c.tenant_id = a.tenant_id and c.account = a.service_provider_id), '{}') as "credentials!"
           from app.carrier_account a
           join app.service_provider p on p.tenant_id = a.tenant_id and p.id = a.service_provider_id
           join app.integration i on i.id = p.integration_id
           left join app.call_budget b on b.tenant_id = a.tenant_id and b.account = a.service_provider_id
           left join app.carrier_callback_gate g on g.tenant_id = a.tenant_id and g.service_provider_id = a.service_provider_id
           where a.tenant_id = $1 order by a.service_provider_id"#,
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| CarrierAccount {
            service_provider: ServiceProviderId(row.service_provider_id),
            name: row.name,
            integration: row.code,
            base_url: row.base_url,
            account_name: row.account_name,
            calls_per_minute: row.calls_per_minute,
            calls_per_day: row.calls_per_day,
            paused_because: row.paused_because,
            calls_left_today: row.left_today.max(0).unsigned_abs(),
            credentials: serde_json::from_value(row.credentials).unwrap_or_default(),
            called_back_since: row.registered_at.map(jiff_sqlx::Timestamp::to_jiff),
            callback_trouble: row.trouble,
            etag: row.etag,
        })
        .collect())
}

/// Keeps the account of a service provider of the tenant's own: makes it, or changes one that is as the caller last saw it.
/// Without an etag, whatever it is now; with [`NONE_YET`], only while there is none.
///
/// # Errors
/// The database does not answer.
pub async fn keep(
    ledger: &Ledger,
    caller: &Caller,
    provider: ServiceProviderId,
    etag: Option<&str>,
    edit: &CarrierAccountEdit,
) -> Result<Kept> {
    let mut transaction = ledger.web(caller.tenant).await?;
    // Locked: of two who make it at the same time one changes what the other has made.
    let own = sqlx::query_scalar!(
        "select id from app.service_provider where tenant_id = $1 and id = $2 and owner_tenant_id is null for no key update",
        caller.tenant.0,
        provider.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if own.is_none() {
        return Ok(Kept::NotFound);
    }
    let current = sqlx::query_scalar!(
        r#"select left(encode(sha256(convert_to(a::text, 'UTF8')), 'hex'), 32) as "etag!"
           from app.carrier_account a where a.tenant_id = $1 and a.service_provider_id = $2 for no key update"#,
        caller.tenant.0,
        provider.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let kept = match current {
        current if etag.is_some_and(|etag| current.as_deref().unwrap_or(NONE_YET) != etag) => Kept::Moved,
        Some(_) => change(&mut transaction, caller.tenant, provider, edit).await?,
        None => make(&mut transaction, caller.tenant, provider, edit).await?,
    };
    if matches!(kept, Kept::Made | Kept::Changed) {
        let detail = json!({ "service_provider": provider, "base_url": edit.base_url, "account_name": edit.account_name,
            "paused": edit.paused });
        record(&mut transaction, caller, "carrier_account_written", detail).await?;
        open_gate_again(&mut transaction, caller.tenant, provider.0).await?;
    }
    transaction.commit().await?;
    Ok(kept)
}

async fn make(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    edit: &CarrierAccountEdit,
) -> Result<Kept> {
    let Some(base_url) = &edit.base_url else { return Ok(Kept::Missing("base_url")) };
    let Some(account_name) = &edit.account_name else { return Ok(Kept::Missing("account_name")) };
    sqlx::query!(
        "insert into app.carrier_account (tenant_id, service_provider_id, base_url, account_name, calls_per_minute, calls_per_day, paused_because)
         values ($1, $2, $3, $4, coalesce($5::integer, 100), coalesce($6::integer, 100000), case when $7::boolean then 'paused by a person' end)",
        tenant.0,
        provider.0,
        base_url,
        account_name,
        edit.calls_per_minute,
        edit.calls_per_day,
        edit.paused
    )
    .execute(connection)
    .await?;
    Ok(Kept::Made)
}

async fn change(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    edit: &CarrierAccountEdit,
) -> Result<Kept> {
    sqlx::query!(
        "update app.carrier_account a set base_url = coalesce($3, a.base_url), account_name = coalesce($4, a.account_name),
             calls_per_minute = coalesce($5, a.calls_per_minute), calls_per_day = coalesce($6, a.calls_per_day),
             paused_because = case when $7::boolean then coalesce(a.paused_because, 'paused by a person') when $7 is false then null else a.paused_because end
         where a.tenant_id = $1 and a.service_provider_id = $2",
        tenant.0,
        provider.0,
        edit.base_url,
        edit.account_name,
        edit.calls_per_minute,
        edit.calls_per_day,
        edit.paused
    )
    .execute(connection)
    .await?;
    Ok(Kept::Changed)
}

/// Keeps secrets of an account: sealed, never to be read through the API. False: there is no such account.
///
/// # Errors
/// [`CredentialRefusal::Secret`] if one cannot be sealed; the database does not answer.
pub async fn keep_secrets(
    ledger: &Ledger,
    caller: &Caller,
    (ring, ids): (&KeyRing, &Ids),
    provider: ServiceProviderId,
    secrets: &[(&'static str, SecretString)],
) -> Result<bool, CredentialRefusal> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let exists = sqlx::query_scalar!(
        "select service_provider_id from app.carrier_account where tenant_id = $1 and service_provider_id = $2 for no key update",
        caller.tenant.0,
        provider.0
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(DatabaseError::from)?;
    if exists.is_none() {
        return Ok(false);
    }
    seal_secrets(&mut transaction, caller, (ring, ids), provider.0, secrets).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(true)
}

/// What an account signs in with.
#[derive(Debug)]
pub struct SigningIn {
    /// The secrets by field, opened.
    pub secrets: BTreeMap<String, SecretString>,
    /// Which address, account and versions of the secrets these are: tokens that were got with others are no use, and a refusal of
    /// others pauses nobody.
    pub signed_with: String,
}

/// What an account signs in with; for the worker.
///
/// # Errors
/// [`CredentialRefusal`].
pub async fn credentials(
    ledger: &Ledger,
    tenant: TenantId,
    ring: &KeyRing,
    provider: ServiceProviderId,
) -> Result<SigningIn, CredentialRefusal> {
    let signed_with = signed_with(ledger, tenant, provider).await?;
    let secrets = open_secrets(ledger, tenant, ring, provider.0).await?;
    Ok(SigningIn { secrets, signed_with })
}

/// What the account would sign in with now.
///
/// # Errors
/// The database does not answer.
pub async fn signed_with(ledger: &Ledger, tenant: TenantId, provider: ServiceProviderId) -> Result<String> {
    let mut transaction = ledger.worker(tenant).await?;
    let now = sqlx::query_scalar!(
        r#"select a.base_url || ' ' || a.account_name || ' ' || coalesce((select string_agg(c.field || ':' || c.version, ',' order by c.field)
               from app.credential c where c.tenant_id = a.tenant_id and c.account = a.service_provider_id), '') as "now!"
           from app.carrier_account a where a.tenant_id = $1 and a.service_provider_id = $2"#,
        tenant.0,
        provider.0
    );
    Ok(now.fetch_optional(&mut *transaction).await?.unwrap_or_default())
}

/// Leave to send some calls, out of the budget that all workers share.
///
/// # Errors
/// The database does not answer.
pub async fn take_permits(
    ledger: &Ledger,
    tenant: TenantId,
    provider: ServiceProviderId,
    wanted: u32,
) -> Result<Granted> {
    let mut transaction = ledger.worker(tenant).await?;
    let row = sqlx::query!(
        r#"select a.paused_because is not null as "paused!", coalesce(p.granted, 0) as "granted!", coalesce(p.wait_seconds, 60) as "wait_seconds!"
           from app.carrier_account a
           left join lateral app.take_permits(a.tenant_id, a.service_provider_id, $3, a.calls_per_minute, a.calls_per_day) as p
               on a.paused_because is null
           where a.tenant_id = $1 and a.service_provider_id = $2"#,
        tenant.0,
        provider.0,
        i32::try_from(wanted).unwrap_or(i32::MAX)
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(row.map_or(Granted { calls: 0, wait_seconds: 60.0, paused: true }, |row| Granted {
        paused: row.paused,
        calls: row.granted.unsigned_abs(),
        wait_seconds: row.wait_seconds,
    }))
}

/// The carrier asked us to wait: nobody sends anything to the account for so long.
///
/// # Errors
/// The database does not answer.
pub async fn block(ledger: &Ledger, tenant: TenantId, provider: ServiceProviderId, seconds: f64) -> Result<()> {
    crate::rev_io::block(ledger, tenant, provider.0, seconds).await
}

/// Nothing more is sent to an account until somebody looked: it refused what it was signed in with. If somebody has written something
/// else meanwhile, nothing is paused.
///
/// # Errors
/// The database does not answer.
pub async fn pause(
    ledger: &Ledger,
    tenant: TenantId,
    provider: ServiceProviderId,
    with: &str,
    because: &str,
) -> Result<()> {
    if signed_with(ledger, tenant, provider).await? != with {
        return Ok(());
    }
    let mut transaction = ledger.worker(tenant).await?;
    let paused = sqlx::query!(
        "update app.carrier_account set paused_because = $3 where tenant_id = $1 and service_provider_id = $2 and paused_because is null",
        tenant.0,
        provider.0,
        because
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if paused > 0 {
        let detail = json!({ "service_provider": provider, "because": because });
        crate::rev_io::record_as_mirror(&mut transaction, tenant, "carrier_account_paused", detail).await?;
    }
    Ok(transaction.commit().await?)
}

/// Where a token belongs: it opens there and nowhere else, and not for an account or a user that it was not given to.
pub(super) fn token_place(tenant: TenantId, provider: Uuid, (part, version): (&str, i32), signed_with: &str) -> String {
    format!("{tenant} {provider} sign-in {part} {version} {signed_with}")
}
