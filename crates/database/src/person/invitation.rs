//! Invitations: a link with which a person sets a password, once. Whoever has it is that person, as with any password that is
//! handed over; that is why only the tenant that the person belongs to makes one.

use super::{PersonKey, record};
use crate::api_key::Caller;
use crate::{Ledger, Result};
use domain::ids::{PersonId, TenantId};
use domain::secret_token::SecretToken;
use serde_json::json;
use sqlx::PgConnection;

/// For how many days a link works.
pub const DAYS: i32 = 7;

/// Makes a link; those made before stop to work. False: the person is not the tenant's own, or was deactivated.
///
/// # Errors
/// The database does not answer.
pub async fn make(ledger: &Ledger, caller: &Caller, person: PersonId, token: &SecretToken) -> Result<bool> {
    let key = PersonKey { tenant: caller.tenant, person };
    let mut transaction = ledger.web(caller.tenant).await?;
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.person where tenant_id = $1 and id = $2 and deactivated_at is null) as "exists!""#,
        key.tenant.0,
        key.person.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    if exists {
        write(&mut transaction, key, token).await?;
        crate::audit::record(&mut transaction, caller, "person_invited", json!({ "person": person })).await?;
        transaction.commit().await?;
    }
    Ok(exists)
}

pub(crate) async fn write(connection: &mut PgConnection, key: PersonKey, token: &SecretToken) -> Result<()> {
    sqlx::query!(
        "update app.person_invitation set used_at = app.now() where tenant_id = $1 and person_id = $2 and used_at is null",
        key.tenant.0, key.person.0)
        .execute(&mut *connection).await?;
    sqlx::query!(
        "insert into app.person_invitation (token_sha256, tenant_id, person_id, created_at, expires_at)
         values ($1, $2, $3, app.now(), app.now() + make_interval(days => $4))",
        &token.sha256()[..],
        key.tenant.0,
        key.person.0,
        DAYS
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// Who is invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// Who.
    pub key: PersonKey,
    /// The address they will sign in with.
    pub email: String,
    /// What they are called.
    pub name: String,
}

/// Whose link this is; None: nobody's, or it was used, or it is too old, which are one answer.
///
/// # Errors
/// The database does not answer.
pub async fn found(ledger: &Ledger, token: &SecretToken) -> Result<Option<Invited>> {
    let row = sqlx::query!(
        "select tenant_id, person_id from app.person_invitation
         where token_sha256 = $1 and used_at is null and expires_at > app.now()",
        &token.sha256()[..]
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let key = PersonKey { tenant: TenantId(row.tenant_id), person: PersonId(row.person_id) };
    let mut transaction = ledger.web(key.tenant).await?;
    let person = sqlx::query!(
        "select email, name from app.person where tenant_id = $1 and id = $2 and deactivated_at is null",
        key.tenant.0,
        key.person.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(person.map(|person| Invited { key, email: person.email, name: person.name }))
}

/// Sets the password that the link is for; every session ends. False: the link does not work any more.
///
/// # Errors
/// The database does not answer.
pub async fn accept(ledger: &Ledger, key: PersonKey, token: &SecretToken, phc: &str) -> Result<bool> {
    let mut transaction = ledger.web(key.tenant).await?;
    let used = sqlx::query!(
        "update app.person_invitation set used_at = app.now()
         where token_sha256 = $1 and tenant_id = $2 and person_id = $3 and used_at is null and expires_at > app.now()",
        &token.sha256()[..],
        key.tenant.0,
        key.person.0
    )
    .execute(&mut *transaction)
    .await?;
    if used.rows_affected() != 1 {
        return Ok(false);
    }
    super::sign_in::write_password(&mut transaction, key, phc).await?;
    super::session::end_in(&mut transaction, key, None, None).await?;
    record(&mut transaction, key, "password_set", json!({ "by": "invitation" })).await?;
    transaction.commit().await?;
    Ok(true)
}
