//! Answers given to requests with an Idempotency-Key: the same key and parts get the same answer, once.

use crate::api_key::Caller;
use crate::{Ledger, Result};
use domain::ids::TenantId;
use uuid::Uuid;

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status_code: u16,
    /// The body.
    pub body: String,
    /// The Location header, if there was one.
    pub location: Option<String>,
}

/// What a key stands for at the moment it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used it: it is ours now, and marked as in flight.
    Ours(Mark),
    /// The same request was answered before.
    Answered(Answer),
    /// The same request was carried out, but its answer was never kept: this was made.
    Made(Uuid, Mark),
    /// The same request is being worked on.
    InFlight,
    /// Another request used the key.
    OtherRequest,
}

/// The mark that somebody works on a request. Who comes later, because this one took too long, has a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    caller: Caller,
    route: String,
    key: String,
    epoch: i32,
}

/// Takes away keys that nobody may send again, some at a time; answers how many. A day is left after the seven that are
/// promised, and what a request without an answer has made stays findable for as long.
///
/// # Errors
/// The database does not answer.
pub async fn forget_expired(ledger: &Ledger, tenant: TenantId, most: i64) -> Result<u64> {
    let mut transaction = ledger.worker(tenant).await?;
    let forgotten = sqlx::query!(
        "delete from app.idempotency_key k using (
             select tenant_id, api_key_id, route, key from app.idempotency_key
             where tenant_id = $1 and expires_at < app.now() - case when status_code is null then interval '8 days' else interval '1 day' end
             order by tenant_id, api_key_id, route, key limit $2 for update skip locked) as old
         where k.tenant_id = old.tenant_id and k.api_key_id = old.api_key_id and k.route = old.route and k.key = old.key",
        tenant.0,
        most
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(forgotten)
}

/// Takes a key for a request of this caller with this fingerprint, or says what it already stands for. An in-flight mark is
/// ours to take after `in_flight_seconds`: whoever set it died.
///
/// # Errors
/// The database does not answer.
pub async fn claim(
    ledger: &Ledger,
    caller: &Caller,
    route: &str,
    key: &str,
    fingerprint: &[u8; 32],
    in_flight_seconds: f64,
) -> Result<Claim> {
    let mark = |epoch| Mark { caller: *caller, route: route.to_owned(), key: key.to_owned(), epoch };
    let (tenant, api_key) = (caller.tenant.0, caller.api_key.0);
    let mut transaction = ledger.web(caller.tenant).await?;
    let taken = sqlx::query_scalar!(
        "insert into app.idempotency_key as k (tenant_id, api_key_id, route, key, fingerprint, expires_at)
         values ($1, $2, $3, $4, $5, app.now() + make_interval(secs => $6))
         on conflict (tenant_id, api_key_id, route, key) do update
             set fingerprint = excluded.fingerprint, expires_at = excluded.expires_at, status_code = null, body = null, location = null,
                 epoch = k.epoch + 1
             where k.expires_at <= app.now() and k.made_id is null
         returning epoch",
        tenant, api_key, route, key, &fingerprint[..], in_flight_seconds)
        .fetch_optional(&mut *transaction).await?;
    if let Some(epoch) = taken {
        transaction.commit().await?;
        return Ok(Claim::Ours(mark(epoch)));
    }
    let found = sqlx::query!(
        "select fingerprint, status_code, body, location, made_id, epoch from app.idempotency_key
         where tenant_id = $1 and api_key_id = $2 and route = $3 and key = $4",
        tenant,
        api_key,
        route,
        key
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(if found.fingerprint != fingerprint {
        Claim::OtherRequest
    } else if let (Some(status_code), Some(body)) = (found.status_code, found.body) {
        Claim::Answered(Answer {
            status_code: u16::try_from(status_code).unwrap_or(500),
            body,
            location: found.location,
        })
    } else if let Some(made) = found.made_id {
        Claim::Made(made, mark(found.epoch))
    } else {
        Claim::InFlight
    })
}

/// Keeps the answer for seven days.
///
/// # Errors
/// The database does not answer.
pub async fn keep(ledger: &Ledger, mark: &Mark, answer: &Answer) -> Result<()> {
    let mut transaction = ledger.web(mark.caller.tenant).await?;
    sqlx::query!(
        "update app.idempotency_key set status_code = $6, body = $7, location = $8, expires_at = app.now() + interval '7 days'
         where tenant_id = $1 and api_key_id = $2 and route = $3 and key = $4 and epoch = $5",
        mark.caller.tenant.0, mark.caller.api_key.0, mark.route, mark.key, mark.epoch,
        i16::try_from(answer.status_code).unwrap_or(500), answer.body, answer.location)
        .execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// Gives a key back: the request came to nothing that has to be remembered, and may be sent again.
///
/// # Errors
/// The database does not answer.
pub async fn give_back(ledger: &Ledger, mark: &Mark) -> Result<()> {
    let mut transaction = ledger.web(mark.caller.tenant).await?;
    sqlx::query!(
        "delete from app.idempotency_key
         where tenant_id = $1 and api_key_id = $2 and route = $3 and key = $4 and epoch = $5 and status_code is null and made_id is null",
        mark.caller.tenant.0,
        mark.caller.api_key.0,
        mark.route,
        mark.key,
        mark.epoch
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}
