//! Accounts at Rev.io and their secrets. The web role writes secrets and cannot read them; the worker reads them.

use crate::api_key::Caller;
use crate::audit::record;
use crate::secret::{KeyRing, Sealed, SecretError};
use crate::written::{Edited, edited, taken};
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{Ids, IntegrationAuthenticationId, TenantId};
use secrecy::SecretString;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What an account signs in with.
pub const CREDENTIAL_FIELDS: [&str; 3] = ["username", "password", "subscription_key"];

/// One account at Rev.io.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: IntegrationAuthenticationId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Where its API is; none: it is kept by hand and nothing of it is read.
    pub base_url: Option<String>,
    /// Calls that the provider allows in a minute.
    pub calls_per_minute: i32,
    /// And in a day.
    pub calls_per_day: i32,
    /// Why nothing is sent to it now.
    pub paused_because: Option<String>,
    /// The credentials that are kept, and when each was written.
    pub credentials: BTreeMap<String, String>,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// An account that is to be there.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its id.
    pub id: IntegrationAuthenticationId,
    /// Its name.
    pub name: String,
    /// Where its API is.
    pub base_url: Option<String>,
    /// None: 500.
    pub calls_per_minute: Option<i32>,
    /// None: 150,000.
    pub calls_per_day: Option<i32>,
}

/// What an edit changes.
#[derive(Clone, Debug, Default)]
pub struct AccountEdit {
    /// Its name.
    pub name: Option<String>,
    /// Where its API is.
    pub base_url: Option<String>,
    /// Calls in a minute.
    pub calls_per_minute: Option<i32>,
    /// Calls in a day.
    pub calls_per_day: Option<i32>,
    /// Pause it, or go on.
    pub paused: Option<bool>,
}

/// An account's secrets, opened.
#[derive(Debug)]
pub struct Credentials {
    /// Who signs in.
    pub username: SecretString,
    /// With what.
    pub password: SecretString,
    /// The gateway's key; the older host has none.
    pub subscription_key: Option<SecretString>,
}

/// Why an account cannot sign in.
#[derive(Debug, thiserror::Error)]
pub enum CredentialRefusal {
    /// One is not there.
    #[error("the account has no {0}")]
    Missing(&'static str),
    /// One does not open.
    #[error("the account's {0} cannot be opened: {1}")]
    Secret(String, SecretError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// The tenant's accounts, a handful.
///
/// # Errors
/// The database does not answer.
pub async fn accounts(ledger: &Ledger, tenant: TenantId) -> Result<Vec<Account>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select a.id, a.name, a.base_url, a.calls_per_minute, a.calls_per_day, a.paused_because,
               left(encode(sha256(convert_to(a::text, 'UTF8')), 'hex'), 32) as "etag!",
               coalesce((select jsonb_object_agg(c.field, to_char(c.modified_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
                   from app.credential c where c.tenant_id = a.tenant_id and c.account = a.id), '{}') as "credentials!"
           from app.integration_authentication a where a.tenant_id = $1 order by a.id"#,
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Account {
            id: IntegrationAuthenticationId(row.id),
            name: row.name,
            base_url: row.base_url,
            calls_per_minute: row.calls_per_minute,
            calls_per_day: row.calls_per_day,
            paused_because: row.paused_because,
            credentials: serde_json::from_value(row.credentials).unwrap_or_default(),
            etag: row.etag,
        })
        .collect())
}

/// The account of this id or name.
///
/// # Errors
/// The database does not answer.
pub async fn account_named(ledger: &Ledger, tenant: TenantId, text: &str) -> Result<Option<Account>> {
    let all = accounts(ledger, tenant).await?;
    let id = Uuid::parse_str(text).ok();
    Ok(all.into_iter().find(|account| account.name == text || Some(account.id.0) == id))
}

/// The tenant's accounts that are set up and not paused: those that are read.
///
/// # Errors
/// The database does not answer.
pub async fn accounts_to_read(ledger: &Ledger, tenant: TenantId) -> Result<Vec<Account>> {
    let all = accounts(ledger, tenant).await?;
    Ok(all.into_iter().filter(|account| account.base_url.is_some() && account.paused_because.is_none()).collect())
}

/// Makes an account. False: the name is taken.
///
/// # Errors
/// The database does not answer.
pub async fn create(ledger: &Ledger, caller: &Caller, new: &NewAccount) -> Result<bool> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let made = sqlx::query!(
        "insert into app.integration_authentication (tenant_id, id, integration_id, name, base_url, calls_per_minute, calls_per_day)
         values ($1, $2, 3, $3, $4, coalesce($5::integer, 500), coalesce($6::integer, 150000)) on conflict (tenant_id, name) do nothing",
        caller.tenant.0,
        new.id.0,
        new.name,
        new.base_url,
        new.calls_per_minute,
        new.calls_per_day
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if made > 0 {
        let detail = json!({ "id": new.id, "name": new.name, "base_url": new.base_url });
        record(&mut transaction, caller, "integration_authentication_made", detail).await?;
    }
    transaction.commit().await?;
    Ok(made > 0)
}

/// Edits an account that is as the caller last saw it.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    etag: Option<&str>,
    edit: &AccountEdit,
) -> Result<Edited> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.integration_authentication a set name = coalesce($4, a.name), base_url = coalesce($5, a.base_url),
             calls_per_minute = coalesce($6, a.calls_per_minute), calls_per_day = coalesce($7, a.calls_per_day),
             paused_because = case when $8::boolean then coalesce(a.paused_because, 'paused by a person') when $8 is false then null else a.paused_because end
         where a.tenant_id = $1 and a.id = $2
           and ($3::text is null or left(encode(sha256(convert_to(a::text, 'UTF8')), 'hex'), 32) = $3)",
        caller.tenant.0,
        id,
        etag,
        edit.name,
        edit.base_url,
        edit.calls_per_minute,
        edit.calls_per_day,
        edit.paused
    )
    .execute(&mut *transaction)
    .await;
    let written = match written {
        Err(error) if taken(&error) => return Ok(Edited::Taken),
        written => written?.rows_affected(),
    };
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.integration_authentication where tenant_id = $1 and id = $2) as "exists!""#,
        caller.tenant.0,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        let detail = json!({ "id": id, "name": edit.name, "base_url": edit.base_url, "paused": edit.paused });
        record(&mut transaction, caller, "integration_authentication_edited", detail).await?;
        open_gate_again(&mut transaction, caller.tenant, id).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}

/// Somebody has put something right: what waits for the account is tried at once, and not when the next try was due.
pub(crate) async fn open_gate_again(
    connection: &mut sqlx::PgConnection,
    tenant: TenantId,
    account: Uuid,
) -> Result<()> {
    sqlx::query!(
        "update app.account_gate set not_before = app.now(), failures = 0 where tenant_id = $1 and account = $2",
        tenant.0,
        account
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update app.call_budget set blocked_until = null where tenant_id = $1 and account = $2",
        tenant.0,
        account
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Where a secret belongs: it opens there and nowhere else, and an older one that was put back does not open either.
pub(crate) fn place(tenant: TenantId, account: Uuid, field: &str, version: i32) -> String {
    format!("{tenant} {account} {field} {version}")
}

/// Keeps secrets of an account: sealed, never to be read through the API. False: there is no such account.
///
/// # Errors
/// [`CredentialRefusal::Secret`] if one cannot be sealed; the database does not answer.
pub async fn keep_secrets(
    ledger: &Ledger,
    caller: &Caller,
    (ring, ids): (&KeyRing, &Ids),
    account: Uuid,
    secrets: &[(&'static str, SecretString)],
) -> Result<bool, CredentialRefusal> {
    let tenant = caller.tenant;
    let mut transaction = ledger.web(tenant).await?;
    let exists = sqlx::query_scalar!(
        "select id from app.integration_authentication where tenant_id = $1 and id = $2 for no key update",
        tenant.0,
        account
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(DatabaseError::from)?;
    if exists.is_none() {
        return Ok(false);
    }
    seal_secrets(&mut transaction, caller, (ring, ids), account, secrets).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(true)
}

/// Writes secrets under an account whose row the caller has locked: nobody else writes one of them now.
pub(crate) async fn seal_secrets(
    connection: &mut sqlx::PgConnection,
    caller: &Caller,
    (ring, ids): (&KeyRing, &Ids),
    account: Uuid,
    secrets: &[(&'static str, SecretString)],
) -> Result<(), CredentialRefusal> {
    let tenant = caller.tenant;
    for (field, secret) in secrets {
        let version = sqlx::query_scalar!(
            "select version from app.credential where tenant_id = $1 and account = $2 and field = $3",
            tenant.0,
            account,
            field
        )
        .fetch_optional(&mut *connection)
        .await
        .map_err(DatabaseError::from)?
        .map_or(1, |version| version + 1);
        let sealed = ring.seal(ids, &place(tenant, account, field, version), secret);
        let sealed = sealed.map_err(|why| CredentialRefusal::Secret((*field).to_owned(), why))?;
        sqlx::query!(
            "insert into app.credential (tenant_id, account, field, version, key_id, sealed_key, sealed_value, modified_at)
             values ($1, $2, $3, $7, $4, $5, $6, app.now())
             on conflict (tenant_id, account, field) do update
             set version = $7, key_id = $4, sealed_key = $5, sealed_value = $6, modified_at = app.now()",
            tenant.0,
            account,
            field,
            sealed.key_id,
            sealed.sealed_key,
            sealed.sealed_value,
            version
        )
        .execute(&mut *connection)
        .await
        .map_err(DatabaseError::from)?;
    }
    let fields: Vec<&str> = secrets.iter().map(|(field, _)| *field).collect();
    record(connection, caller, "credentials_written", json!({ "account": account, "fields": fields })).await?;
    open_gate_again(connection, tenant, account).await?;
    Ok(())
}

/// The secrets of an account, opened; for the worker.
///
/// # Errors
/// [`CredentialRefusal`].
pub async fn credentials(
    ledger: &Ledger,
    tenant: TenantId,
    ring: &KeyRing,
    account: Uuid,
) -> Result<Credentials, CredentialRefusal> {
    let mut open = open_secrets(ledger, tenant, ring, account).await?;
    Ok(Credentials {
        username: open.remove("username").ok_or(CredentialRefusal::Missing("username"))?,
        password: open.remove("password").ok_or(CredentialRefusal::Missing("password"))?,
        subscription_key: open.remove("subscription_key"),
    })
}

/// The secrets that are kept under an account, by field, opened; for the worker.
pub(crate) async fn open_secrets(
    ledger: &Ledger,
    tenant: TenantId,
    ring: &KeyRing,
    account: Uuid,
) -> Result<BTreeMap<String, SecretString>, CredentialRefusal> {
    let mut transaction = ledger.worker(tenant).await?;
    let rows = sqlx::query!(
        "select field, version, key_id, sealed_key, sealed_value from app.credential where tenant_id = $1 and account = $2",
        tenant.0,
        account
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(DatabaseError::from)?;
    let mut open = BTreeMap::new();
    for row in rows {
        let sealed = Sealed { key_id: row.key_id, sealed_key: row.sealed_key, sealed_value: row.sealed_value };
        let secret = ring.open(&place(tenant, account, &row.field, row.version), &sealed);
        open.insert(row.field.clone(), secret.map_err(|why| CredentialRefusal::Secret(row.field, why))?);
    }
    Ok(open)
}

/// Seals every data key of a tenant again that was sealed with an older key. Answers how many. The secrets stay closed.
///
/// # Errors
/// [`CredentialRefusal`].
pub async fn rewrap_all(
    ledger: &Ledger,
    tenant: TenantId,
    ring: &KeyRing,
    ids: &Ids,
) -> Result<usize, CredentialRefusal> {
    let mut transaction = ledger.worker(tenant).await?;
    let rows = sqlx::query!(
        "select account, field, version, key_id, sealed_key, sealed_value from app.credential
         where tenant_id = $1 and key_id <> $2 order by account, field for update",
        tenant.0,
        ring.current()
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(DatabaseError::from)?;
    let count = rows.len();
    for row in rows {
        let sealed = Sealed { key_id: row.key_id, sealed_key: row.sealed_key, sealed_value: row.sealed_value };
        let again = ring.rewrap(ids, &place(tenant, row.account, &row.field, row.version), &sealed);
        let again = again.map_err(|why| CredentialRefusal::Secret(row.field.clone(), why))?;
        sqlx::query!(
            "update app.credential set key_id = $4, sealed_key = $5 where tenant_id = $1 and account = $2 and field = $3",
            tenant.0,
            row.account,
            row.field,
            again.key_id,
            again.sealed_key
        )
        .execute(&mut *transaction)
        .await
        .map_err(DatabaseError::from)?;
    }
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(count)
}

/// Nothing more is sent to an account until somebody looked: it refused our credentials, or they do not open.
///
/// # Errors
/// The database does not answer.
pub async fn pause(
    ledger: &Ledger,
    tenant: TenantId,
    account: IntegrationAuthenticationId,
    because: &str,
) -> Result<()> {
    let mut transaction = ledger.worker(tenant).await?;
    let paused = sqlx::query!(
        "update app.integration_authentication set paused_because = $3 where tenant_id = $1 and id = $2 and paused_because is null",
        tenant.0,
        account.0,
        because
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if paused > 0 {
        let detail = json!({ "account": account, "because": because });
        super::mirror::record(&mut transaction, tenant, "integration_authentication_paused", detail).await?;
    }
    Ok(transaction.commit().await?)
}
