//! Signing in: whose address it is, what is kept of the password, and the session that comes of it.

use super::{PersonKey, record};
use crate::{Ledger, Result};
use domain::email::Email;
use domain::ids::{PersonId, TenantId};
use domain::secret_token::SecretToken;
use serde_json::json;
use uuid::Uuid;

/// Somebody whose address is known.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who.
    pub key: PersonKey,
    /// What is kept of the password; None: it was never set.
    pub phc: Option<String>,
    /// False: the account was ended.
    pub active: bool,
}

/// Whose address this is.
///
/// # Errors
/// The database does not answer.
pub async fn known(ledger: &Ledger, email: &Email) -> Result<Option<Known>> {
    let found =
        sqlx::query!("select tenant_id, person_id from app.person_lookup where email_sha256 = $1", &email.sha256()[..])
            .fetch_optional(&ledger.dispatcher)
            .await?;
    match found {
        Some(row) => {
            by_key(ledger, PersonKey { tenant: TenantId(row.tenant_id), person: PersonId(row.person_id) }).await
        }
        None => Ok(None),
    }
}

/// The same of somebody who is signed in.
///
/// # Errors
/// The database does not answer.
pub async fn by_key(ledger: &Ledger, key: PersonKey) -> Result<Option<Known>> {
    let mut transaction = ledger.web(key.tenant).await?;
    let row = sqlx::query!(
        r#"select p.deactivated_at is null as "active!", w.phc as "phc?" from app.person p
           left join app.person_password w on w.tenant_id = p.tenant_id and w.person_id = p.id
           where p.tenant_id = $1 and p.id = $2"#,
        key.tenant.0,
        key.person.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(|row| Known { key, phc: row.phc, active: row.active }))
}

/// A session that is to begin.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// What a list names it by.
    pub id: Uuid,
    /// The cookie.
    pub token: &'a SecretToken,
    /// From where.
    pub address: &'a str,
    /// With which browser, as it says.
    pub user_agent: &'a str,
    /// The session that the browser had until now, if any: it ends.
    pub instead_of: Option<[u8; 32]>,
}

/// How long sessions that are over are still shown.
const SHOWN_DAYS: i32 = 30;

/// Begins a session. False: the person has no role in any tenant, or was deactivated, or has another password by now than the one
/// that was checked. What was kept of the password is replaced if `anew` is given.
///
/// # Errors
/// The database does not answer.
pub async fn sign_in(
    ledger: &Ledger,
    key: PersonKey,
    new: &NewSession<'_>,
    (checked, anew): (&str, Option<&str>),
) -> Result<bool> {
    let roles = super::session::roles_of(ledger, key).await?;
    let acting = roles.iter().map(|(tenant, _)| *tenant).find(|tenant| *tenant == key.tenant);
    let Some(acting) = acting.or_else(|| roles.first().map(|(tenant, _)| *tenant)) else { return Ok(false) };
    let (tenant, person) = (key.tenant.0, key.person.0);
    let mut transaction = ledger.web(key.tenant).await?;
    // Checking a password takes its time, and somebody may have been quicker: locked, it is still the one.
    let is_still_so = sqlx::query_scalar!(
        "select w.person_id from app.person_password w join app.person p on p.tenant_id = w.tenant_id and p.id = w.person_id
         where w.tenant_id = $1 and w.person_id = $2 and w.phc = $3 and p.deactivated_at is null for update of w",
        tenant,
        person,
        checked
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if is_still_so.is_none() {
        return Ok(false);
    }
    sqlx::query!(
        "delete from app.person_session where tenant_id = $1 and person_id = $2 and created_at < app.now() - make_interval(days => $3)",
        tenant, person, SHOWN_DAYS)
        .execute(&mut *transaction).await?;
    if let Some(before) = new.instead_of {
        sqlx::query!(
            "update app.person_session set ended_at = app.now() where tenant_id = $1 and token_sha256 = $2 and ended_at is null",
            tenant, &before[..])
            .execute(&mut *transaction).await?;
    }
    sqlx::query!(
        "insert into app.person_session (token_sha256, tenant_id, person_id, id, acting_tenant_id, created_at, last_seen_at, address, user_agent)
         values ($1, $2, $3, $4, $5, app.now(), app.now(), $6, $7)",
        &new.token.sha256()[..], tenant, person, new.id, acting.0, new.address, new.user_agent)
        .execute(&mut *transaction).await?;
    sqlx::query!("update app.person set signed_in_at = app.now() where tenant_id = $1 and id = $2", tenant, person)
        .execute(&mut *transaction)
        .await?;
    if let Some(phc) = anew {
        sqlx::query!(
            "update app.person_password set phc = $3 where tenant_id = $1 and person_id = $2",
            tenant,
            person,
            phc
        )
        .execute(&mut *transaction)
        .await?;
    }
    let detail = json!({ "session": new.id, "address": new.address, "user_agent": new.user_agent });
    record(&mut transaction, key, "signed_in", detail).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Writes down that somebody tried this person's door with a wrong password. Who calls it has let few through.
///
/// # Errors
/// The database does not answer.
pub async fn sign_in_failed(ledger: &Ledger, key: PersonKey, address: &str) -> Result<()> {
    let mut transaction = ledger.web(key.tenant).await?;
    record(&mut transaction, key, "sign_in_failed", json!({ "address": address })).await?;
    Ok(transaction.commit().await?)
}

/// Sets another password; every other session ends.
///
/// # Errors
/// The database does not answer.
pub async fn set_password(ledger: &Ledger, key: PersonKey, phc: &str, keep: Option<Uuid>) -> Result<()> {
    let mut transaction = ledger.web(key.tenant).await?;
    write_password(&mut transaction, key, phc).await?;
    super::session::end_in(&mut transaction, key, None, keep).await?;
    record(&mut transaction, key, "password_set", json!({})).await?;
    Ok(transaction.commit().await?)
}

pub(crate) async fn write_password(connection: &mut sqlx::PgConnection, key: PersonKey, phc: &str) -> Result<()> {
    sqlx::query!(
        "insert into app.person_password (tenant_id, person_id, phc, set_at) values ($1, $2, $3, app.now())
         on conflict (tenant_id, person_id) do update set phc = excluded.phc, set_at = excluded.set_at",
        key.tenant.0,
        key.person.0,
        phc
    )
    .execute(&mut *connection)
    .await?;
    end_invitations(connection, key).await
}

/// No link that was made for this person works any more.
pub(crate) async fn end_invitations(connection: &mut sqlx::PgConnection, key: PersonKey) -> Result<()> {
    sqlx::query!(
        "update app.person_invitation set used_at = app.now() where tenant_id = $1 and person_id = $2 and used_at is null",
        key.tenant.0,
        key.person.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Is there anybody at all who could sign in?
///
/// # Errors
/// The database does not answer.
pub async fn anybody(ledger: &Ledger) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"select exists (select from app.person_lookup) as "anybody!""#)
        .fetch_one(&ledger.dispatcher)
        .await?)
}
