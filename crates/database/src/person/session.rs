//! Sessions: who a cookie is, where they act, and ending them. A session that was ended, or whose person was, is none with the
//! next request.

use super::{PersonKey, record};
use crate::{Ledger, Result};
use domain::ids::{ApiKeyId, PersonId, TenantId};
use domain::secret_token::SecretToken;
use jiff::Timestamp;
use serde_json::json;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without any request.
    pub idle: Duration,
    /// At most, whatever happens in it.
    pub absolute: Duration,
}

/// A session that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// What a list names it by.
    pub id: Uuid,
    /// Whose.
    pub key: PersonKey,
    /// The tenant they act in.
    pub acting: TenantId,
    /// Their role there.
    pub role: ApiKeyId,
    /// In how many tenants they have one.
    pub tenants: i64,
}

/// Whose cookie this is; None: nobody's, or it is over, which are one answer. Notes, once a minute, that they were seen.
///
/// # Errors
/// The database does not answer.
pub async fn found(ledger: &Ledger, token: &SecretToken, limits: SessionLimits) -> Result<Option<Session>> {
    let token = token.sha256();
    let row = sqlx::query!(
        r#"select s.id, s.tenant_id, s.person_id, r.tenant_id as acting, r.api_key_id,
               s.last_seen_at < app.now() - interval '1 minute' as "unseen!", count(*) over () as "tenants!"
           from app.person_session s
           join app.person_role r on r.person_tenant_id = s.tenant_id and r.person_id = s.person_id and r.ended_at is null
           where s.token_sha256 = $1 and s.ended_at is null
             and s.last_seen_at > app.now() - make_interval(secs => $2) and s.created_at > app.now() - make_interval(secs => $3)
           order by (r.tenant_id = s.acting_tenant_id) desc, (r.tenant_id = s.tenant_id) desc, r.tenant_id limit 1"#,
        &token[..],
        limits.idle.as_secs_f64(),
        limits.absolute.as_secs_f64()
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.unseen {
        sqlx::query!("update app.person_session set last_seen_at = app.now() where token_sha256 = $1", &token[..])
            .execute(&ledger.dispatcher)
            .await?;
    }
    Ok(Some(Session {
        id: row.id,
        key: PersonKey { tenant: TenantId(row.tenant_id), person: PersonId(row.person_id) },
        acting: TenantId(row.acting),
        role: ApiKeyId(row.api_key_id),
        tenants: row.tenants,
    }))
}

/// The tenants in which somebody has a role, with its id.
///
/// # Errors
/// The database does not answer.
pub async fn roles_of(ledger: &Ledger, key: PersonKey) -> Result<Vec<(TenantId, ApiKeyId)>> {
    let rows = sqlx::query!(
        "select tenant_id, api_key_id from app.person_role
         where person_tenant_id = $1 and person_id = $2 and ended_at is null order by tenant_id",
        key.tenant.0,
        key.person.0
    )
    .fetch_all(&ledger.dispatcher)
    .await?;
    Ok(rows.into_iter().map(|row| (TenantId(row.tenant_id), ApiKeyId(row.api_key_id))).collect())
}

/// A tenant that can be switched to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The tenant.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// The partner it is an agent of, if any.
    pub partner: Option<TenantId>,
    /// The role there.
    pub role: String,
}

/// Where somebody may act: name and role, tenant by tenant.
///
/// # Errors
/// The database does not answer.
pub async fn seats(ledger: &Ledger, key: PersonKey) -> Result<Vec<Seat>> {
    let mut seats = Vec::new();
    // One transaction each: a transaction belongs to a tenant, and people have few.
    for (tenant, role) in roles_of(ledger, key).await? {
        let mut transaction = ledger.web(tenant).await?;
        let row = sqlx::query!(
            "select t.name, t.parent_tenant_id, k.role from app.tenant t join app.api_key k on k.tenant_id = t.id and k.id = $2 where t.id = $1",
            tenant.0, role.0)
            .fetch_one(&mut *transaction).await?;
        seats.push(Seat { tenant, name: row.name, partner: row.parent_tenant_id.map(TenantId), role: row.role });
    }
    Ok(seats)
}

/// Acts in another tenant from now on. False: the person has no role there.
///
/// # Errors
/// The database does not answer.
pub async fn switch(ledger: &Ledger, session: &Session, to: TenantId) -> Result<bool> {
    if !roles_of(ledger, session.key).await?.iter().any(|(tenant, _)| *tenant == to) {
        return Ok(false);
    }
    let mut transaction = ledger.web(session.key.tenant).await?;
    sqlx::query!(
        "update app.person_session set acting_tenant_id = $3 where tenant_id = $1 and id = $2",
        session.key.tenant.0,
        session.id,
        to.0
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// A session as a list shows it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last seen, to the minute.
    pub last_seen_at: Timestamp,
    /// From where it began.
    pub address: String,
    /// With which browser, as it said.
    pub user_agent: String,
}

/// Where somebody is signed in, newest first.
///
/// # Errors
/// The database does not answer.
pub async fn list(ledger: &Ledger, key: PersonKey, limits: SessionLimits) -> Result<Vec<Listed>> {
    let mut transaction = ledger.web(key.tenant).await?;
    let rows = sqlx::query!(
        "select id, created_at, last_seen_at, address, user_agent from app.person_session
         where tenant_id = $1 and person_id = $2 and ended_at is null
           and last_seen_at > app.now() - make_interval(secs => $3) and created_at > app.now() - make_interval(secs => $4)
         order by created_at desc, id desc limit 200",
        key.tenant.0,
        key.person.0,
        limits.idle.as_secs_f64(),
        limits.absolute.as_secs_f64()
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Listed {
            id: row.id,
            created_at: row.created_at.to_jiff(),
            last_seen_at: row.last_seen_at.to_jiff(),
            address: row.address,
            user_agent: row.user_agent,
        })
        .collect())
}

/// Ends sessions of a person, by themselves: this one, or all but one, or all. Answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn end(ledger: &Ledger, key: PersonKey, only: Option<Uuid>, but: Option<Uuid>) -> Result<u64> {
    let mut transaction = ledger.web(key.tenant).await?;
    let ended = end_in(&mut transaction, key, only, but).await?;
    if ended > 0 {
        record(&mut transaction, key, "signed_out", json!({ "sessions": ended })).await?;
    }
    transaction.commit().await?;
    Ok(ended)
}

pub(crate) async fn end_in(
    connection: &mut PgConnection,
    key: PersonKey,
    only: Option<Uuid>,
    but: Option<Uuid>,
) -> Result<u64> {
    let ended = sqlx::query!(
        "update app.person_session set ended_at = app.now()
         where tenant_id = $1 and person_id = $2 and ended_at is null and ($3::uuid is null or id = $3) and ($4::uuid is null or id <> $4)",
        key.tenant.0, key.person.0, only, but)
        .execute(connection).await?;
    Ok(ended.rows_affected())
}
