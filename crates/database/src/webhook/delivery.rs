//! What is due of the outbox: claimed as the dispatcher, who sees ids; read, sent and ended as the worker.

use super::SECRET_FIELD;
use crate::rev_io::{CredentialRefusal, place};
use crate::secret::{KeyRing, Sealed};
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{TenantId, WebhookId};
use secrecy::SecretString;
use std::time::Duration;
use uuid::Uuid;

/// A delivery that is the caller's for a while, and with it its webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub tenant: TenantId,
    /// To which webhook.
    pub webhook: WebhookId,
    /// Its id.
    pub delivery: Uuid,
    /// Fences whoever had the webhook before.
    pub epoch: i32,
}

/// What is to be sent.
#[derive(Debug)]
pub struct Due {
    /// Where to.
    pub url: String,
    /// What signs.
    pub secret: SecretString,
    /// To the byte.
    pub body: String,
    /// Tries before this one.
    pub attempts: u32,
    /// How long ago the first was.
    pub since_the_first: Duration,
}

/// What is next after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the receiver has it.
    Delivered,
    /// Another try after this.
    Again(Duration),
    /// Nothing: it was tried for days.
    Failed,
    /// The webhook is paused: the receiver wants no more.
    Gone,
}

/// `claim_webhook_delivery`: the next that is due, of any tenant.
///
/// # Errors
/// The database does not answer.
pub async fn claim(ledger: &Ledger, lease: Duration) -> Result<Option<Claim>> {
    let row = sqlx::query!(
        r#"select tenant_id as "tenant!", webhook_id as "webhook!", delivery_id as "delivery!", epoch as "epoch!"
           from app.claim_webhook_delivery(make_interval(secs => $1))"#,
        lease.as_secs_f64()
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    Ok(row.map(|row| Claim {
        tenant: TenantId(row.tenant),
        webhook: WebhookId(row.webhook),
        delivery: row.delivery,
        epoch: row.epoch,
    }))
}

/// What a claimed delivery says, and to whom.
///
/// # Errors
/// [`CredentialRefusal`]: the secret does not open, or the database does not answer.
pub async fn due(ledger: &Ledger, ring: &KeyRing, claim: &Claim) -> Result<Due, CredentialRefusal> {
    let mut transaction = ledger.worker(claim.tenant).await?;
    let row = sqlx::query!(
        r#"select w.url, d.body, d.attempts, coalesce(extract(epoch from app.now() - d.first_attempt_at), 0)::float8 as "since!",
               c.version as "version?", c.key_id as "key_id?", c.sealed_key as "sealed_key?", c.sealed_value as "sealed_value?"
           from app.webhook_delivery d
           join app.webhook w on w.tenant_id = d.tenant_id and w.id = d.webhook_id
           left join app.credential c on c.tenant_id = w.tenant_id and c.account = w.id and c.field = $3
           where d.tenant_id = $1 and d.id = $2"#,
        claim.tenant.0,
        claim.delivery,
        SECRET_FIELD
    )
    .fetch_one(&mut *transaction)
    .await
    .map_err(DatabaseError::from)?;
    let (Some(version), Some(key_id), Some(sealed_key), Some(sealed_value)) =
        (row.version, row.key_id, row.sealed_key, row.sealed_value)
    else {
        return Err(CredentialRefusal::Missing(SECRET_FIELD));
    };
    let sealed = Sealed { key_id, sealed_key, sealed_value };
    let secret = ring
        .open(&place(claim.tenant, claim.webhook.0, SECRET_FIELD, version), &sealed)
        .map_err(|why| CredentialRefusal::Secret(SECRET_FIELD.to_owned(), why))?;
    Ok(Due {
        url: row.url,
        secret,
        body: row.body,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        since_the_first: Duration::try_from_secs_f64(row.since).unwrap_or_default(),
    })
}

/// `end_webhook_attempt`: what the try came to, and what is next; the webhook is given back.
///
/// # Errors
/// `LeaseLost`: somebody else has it by now. The database does not answer.
pub async fn end_attempt(
    ledger: &Ledger,
    claim: &Claim,
    http_status: Option<u16>,
    error: Option<&str>,
    next: Next,
) -> Result<()> {
    let (word, wait) = match next {
        Next::Delivered => ("DELIVERED", None),
        Next::Again(wait) => ("AGAIN", Some(wait.as_secs_f64())),
        Next::Failed => ("FAILED", None),
        Next::Gone => ("GONE", None),
    };
    let mut transaction = ledger.worker(claim.tenant).await?;
    sqlx::query!(
        "select app.end_webhook_attempt($1, $2, $3, $4, $5, $6, $7, make_interval(secs => coalesce($8::float8, 0)))",
        claim.tenant.0,
        claim.webhook.0,
        claim.delivery,
        claim.epoch,
        http_status.and_then(|status| i16::try_from(status).ok()),
        error,
        word,
        wait
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Takes away deliveries of a tenant that were over thirty days ago, at most this many. Answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn forget_old(ledger: &Ledger, tenant: TenantId, most: i64) -> Result<u64> {
    let mut transaction = ledger.worker(tenant).await?;
    let gone = sqlx::query!(
        "delete from app.webhook_delivery d where d.tenant_id = $1 and d.id in (
             select o.id from app.webhook_delivery o where o.tenant_id = $1 and o.ended_at < app.now() - interval '30 days'
             order by o.ended_at limit $2)",
        tenant.0,
        most
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(gone.rows_affected())
}
