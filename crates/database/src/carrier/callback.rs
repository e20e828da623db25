//! What carriers call back with, and by what it is let in. Callbacks come before a tenant is known: the dispatcher finds whose they are,
//! by the digest of their token, as it does for API keys. Who registers opens the one secret that all three words follow from.

use crate::rev_io::CredentialRefusal;
use crate::secret::{KeyRing, Sealed};
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{Ids, ServiceProviderId, TenantId};
use domain::secret_token::SecretToken;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// The longest name or password of a listener, in characters (`thingspace.md` 3.1): 160 of 256 bits in hexadecimal.
const MOST_WORD: usize = 40;

/// What is kept of what a callback has to bring: SHA-256 of each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateDigests {
    /// Whose account it is.
    pub tenant: TenantId,
    /// The service provider whose account it is.
    pub service_provider: ServiceProviderId,
    /// Of the token in the path.
    pub token: [u8; 32],
    /// Of the user name in the body.
    pub username: [u8; 32],
    /// Of the password in the body.
    pub password: [u8; 32],
}

/// A callback that was let in.
#[derive(Clone, Debug)]
pub struct NewCallback<'a> {
    /// Of which request it says that it is.
    pub request_id: &'a str,
    /// The SIMs that it is about.
    pub iccids: &'a [String],
    /// `SUCCESS`, `FAILED` or `OTHER`.
    pub word: &'static str,
    /// The carrier's code for why it failed.
    pub code: Option<&'a str>,
    /// All of it, without secrets.
    pub body: &'a Value,
}

/// The words that a carrier is to call back with.
#[derive(Clone, Debug)]
pub struct CallbackWords {
    /// In the path.
    pub token: SecretString,
    /// In the body.
    pub username: SecretString,
    /// In the body.
    pub password: SecretString,
}

/// An account whose registration is to be looked after now.
#[derive(Debug)]
pub struct Registering {
    /// Which of the account's gates it is.
    pub version: i32,
    /// What the carrier is to call back with.
    pub words: CallbackWords,
    /// SHA-256 of the last address that the carrier was given.
    pub url_sha256: Option<Vec<u8>>,
}

/// How long nobody else begins, once somebody has: whoever dies on the way is followed then.
const BEGUN: &str = "15 minutes";
/// Registrations are listed once a day (`reliability.md` 4.5): a lost one is silent.
const REGISTERED: &str = "24 hours";
/// What was in the way may be over by then.
const TROUBLED: &str = "1 hour";

/// By what a callback with a token of this digest is let in. None: nobody has it.
///
/// # Errors
/// The database does not answer.
pub async fn callback_gate(ledger: &Ledger, token_sha256: &[u8; 32]) -> Result<Option<GateDigests>> {
    let found = sqlx::query!(
        "select tenant_id, service_provider_id, token_sha256, username_sha256, password_sha256
         from app.carrier_callback_gate where token_sha256 = $1 limit 1",
        &token_sha256[..]
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    Ok(found.and_then(|row| {
        Some(GateDigests {
            tenant: TenantId(row.tenant_id),
            service_provider: ServiceProviderId(row.service_provider_id),
            token: row.token_sha256.try_into().ok()?,
            username: row.username_sha256.try_into().ok()?,
            password: row.password_sha256.try_into().ok()?,
        })
    }))
}

/// Keeps a callback that was let in, and has the rows that wait for its SIMs at this account read sooner (`hear_carrier`). How many
/// they are.
///
/// # Errors
/// The database does not answer.
pub async fn hear(
    ledger: &Ledger,
    ids: &Ids,
    (tenant, provider): (TenantId, ServiceProviderId),
    callback: &NewCallback<'_>,
) -> Result<i32> {
    let mut transaction = ledger.web(tenant).await?;
    let sooner = sqlx::query_scalar!(
        r#"select app.hear_carrier($1, $2, $3, $4, $5, $6, $7, $8) as "sooner!""#,
        tenant.0,
        provider.0,
        ids.next(),
        callback.request_id,
        callback.iccids,
        callback.word,
        callback.code,
        callback.body
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(sooner)
}

/// Callbacks of a tenant that are older than a day are forgotten (`discard_carrier_callbacks`). How many they were.
///
/// # Errors
/// The database does not answer.
pub async fn discard_callbacks(ledger: &Ledger, tenant: TenantId) -> Result<i32> {
    let mut transaction = ledger.worker(tenant).await?;
    let gone = sqlx::query_scalar!(r#"select app.discard_carrier_callbacks($1) as "gone!""#, tenant.0)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(gone)
}

/// Begins to look after the registration of an account, if it is due or `at_once`. An account that has no words yet, or whose words are
/// of another address, account or credentials, or do not open any more, has new ones from here on: the old ones let nobody in. So
/// whoever fears that they are known writes the credentials again.
///
/// # Errors
/// [`CredentialRefusal::Secret`] if they cannot be sealed; the database does not answer.
pub async fn begin_registering(
    ledger: &Ledger,
    tenant: TenantId,
    (ring, ids): (&KeyRing, &Ids),
    (provider, signed_with): (ServiceProviderId, &str),
    at_once: bool,
) -> Result<Option<Registering>, CredentialRefusal> {
    let mut transaction = ledger.worker(tenant).await?;
    let begun = begin(&mut transaction, tenant, (ring, ids), (provider, signed_with), at_once).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(begun)
}

async fn begin(
    connection: &mut PgConnection,
    tenant: TenantId,
    (ring, ids): (&KeyRing, &Ids),
    (provider, signed_with): (ServiceProviderId, &str),
    at_once: bool,
) -> Result<Option<Registering>, CredentialRefusal> {
    // Of two who find none one makes it.
    sqlx::query!(
        "select service_provider_id from app.carrier_account where tenant_id = $1 and service_provider_id = $2 for no key update",
        tenant.0,
        provider.0
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(DatabaseError::from)?;
    let kept = sqlx::query!(
        r#"select version, key_id, sealed_key, sealed_value, made_for, url_sha256, due_at <= app.now() as "is_due!"
           from app.carrier_callback_gate where tenant_id = $1 and service_provider_id = $2"#,
        tenant.0,
        provider.0
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(DatabaseError::from)?;
    let version = kept.as_ref().map_or(0, |kept| kept.version);
    let url_sha256 = kept.as_ref().and_then(|kept| kept.url_sha256.clone());
    if let Some(kept) = kept.filter(|kept| kept.made_for == signed_with) {
        let sealed = Sealed { key_id: kept.key_id, sealed_key: kept.sealed_key, sealed_value: kept.sealed_value };
        let secret = ring.open(&place(tenant, provider, version), &sealed).ok();
        if let Some(secret) = secret.and_then(|secret| SecretToken::read(secret.expose_secret())) {
            if !kept.is_due && !at_once {
                return Ok(None);
            }
            put_off(connection, tenant, (provider, version), BEGUN).await?;
            return Ok(Some(Registering { version, words: words(&secret), url_sha256 }));
        }
    }
    let secret = SecretToken::new(ids);
    let version = version + 1;
    make(connection, tenant, (ring, ids), (provider, signed_with, version), &secret).await?;
    Ok(Some(Registering { version, words: words(&secret), url_sha256 }))
}

async fn make(
    connection: &mut PgConnection,
    tenant: TenantId,
    (ring, ids): (&KeyRing, &Ids),
    (provider, signed_with, version): (ServiceProviderId, &str, i32),
    secret: &SecretToken,
) -> Result<(), CredentialRefusal> {
    let text = SecretString::from(secret.reveal());
    let sealed = ring.seal(ids, &place(tenant, provider, version), &text);
    let sealed = sealed.map_err(|why| CredentialRefusal::Secret("callback".to_owned(), why))?;
    let words = words(secret);
    let digest = |word: &SecretString| domain::secret_token::sha256(word.expose_secret()).to_vec();
    let detail = json!({ "service_provider": provider, "version": version });
    crate::rev_io::record_as_mirror(&mut *connection, tenant, "callback_words_made", detail).await?;
    sqlx::query!(
        "insert into app.carrier_callback_gate as g (tenant_id, service_provider_id, version, token_sha256, username_sha256, password_sha256,
             key_id, sealed_key, sealed_value, made_for, made_at, due_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, app.now(), app.now() + $11::text::interval)
         on conflict (tenant_id, service_provider_id) do update
         set version = excluded.version, token_sha256 = excluded.token_sha256, username_sha256 = excluded.username_sha256,
             password_sha256 = excluded.password_sha256, key_id = excluded.key_id, sealed_key = excluded.sealed_key,
             sealed_value = excluded.sealed_value, made_for = excluded.made_for, made_at = excluded.made_at, due_at = excluded.due_at,
             registered_at = null, trouble = null",
        tenant.0,
        provider.0,
        version,
        digest(&words.token),
        digest(&words.username),
        digest(&words.password),
        sealed.key_id,
        sealed.sealed_key,
        sealed.sealed_value,
        signed_with,
        BEGUN
    )
    .execute(connection)
    .await
    .map_err(DatabaseError::from)?;
    Ok(())
}

async fn put_off(
    connection: &mut PgConnection,
    tenant: TenantId,
    (provider, version): (ServiceProviderId, i32),
    by: &str,
) -> Result<(), DatabaseError> {
    sqlx::query!(
        "update app.carrier_callback_gate set due_at = app.now() + $4::text::interval
         where tenant_id = $1 and service_provider_id = $2 and version = $3",
        tenant.0,
        provider.0,
        version,
        by
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The carrier is about to be given an address: what it calls there from now on is ours.
///
/// # Errors
/// The database does not answer.
pub async fn note_callback_address(
    ledger: &Ledger,
    tenant: TenantId,
    (provider, version): (ServiceProviderId, i32),
    url_sha256: &[u8; 32],
) -> Result<()> {
    let mut transaction = ledger.worker(tenant).await?;
    sqlx::query!(
        "update app.carrier_callback_gate set url_sha256 = $4 where tenant_id = $1 and service_provider_id = $2 and version = $3",
        tenant.0,
        provider.0,
        version,
        &url_sha256[..]
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// How looking after a registration ended: as it is to be, until tomorrow; or with what was in the way, for an hour.
///
/// # Errors
/// The database does not answer.
pub async fn end_registering(
    ledger: &Ledger,
    tenant: TenantId,
    (provider, version): (ServiceProviderId, i32),
    trouble: Option<&str>,
) -> Result<()> {
    let mut transaction = ledger.worker(tenant).await?;
    sqlx::query!(
        "update app.carrier_callback_gate set trouble = $4, registered_at = case when $4::text is null then app.now() else registered_at end
         where tenant_id = $1 and service_provider_id = $2 and version = $3",
        tenant.0,
        provider.0,
        version,
        trouble
    )
    .execute(&mut *transaction)
    .await?;
    let by = if trouble.is_none() { REGISTERED } else { TROUBLED };
    put_off(&mut transaction, tenant, (provider, version), by).await?;
    Ok(transaction.commit().await?)
}

/// Three words that follow from one secret; none of them tells another.
fn words(secret: &SecretToken) -> CallbackWords {
    let short = |purpose: &str| SecretString::from(secret.derived(purpose).chars().take(MOST_WORD).collect::<String>());
    CallbackWords {
        token: SecretString::from(secret.derived("callback token")),
        username: short("callback username"),
        password: short("callback password"),
    }
}

/// Where the secret belongs: it opens there and nowhere else.
fn place(tenant: TenantId, provider: ServiceProviderId, version: i32) -> String {
    format!("{tenant} {provider} callback {version}")
}
