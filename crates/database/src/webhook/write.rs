//! Making, editing, archiving and testing webhooks. The web role writes a secret once and cannot read it.

use super::SECRET_FIELD;
use crate::api_key::Caller;
use crate::audit::record;
use crate::rev_io::place;
use crate::secret::{KeyRing, SecretError};
use crate::written::{Edited, edited};
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{Ids, WebhookId};
use domain::webhook::{MOST_WEBHOOKS, TEST_EVENT};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

/// A webhook that is to be made.
#[derive(Debug)]
pub struct NewWebhook<'a> {
    /// Its id.
    pub id: WebhookId,
    /// Where it is.
    pub url: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// What it is told of.
    pub events: &'a [String],
    /// What signs.
    pub secret: &'a SecretString,
}

/// What an edit changes.
#[derive(Clone, Debug, Default)]
pub struct WebhookEdit {
    /// Where it is.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it is told of.
    pub events: Option<Vec<String>>,
    /// Pause it, or go on.
    pub paused: Option<bool>,
}

/// Why no webhook was made.
#[derive(Debug, thiserror::Error)]
pub enum WebhookRefusal {
    /// The tenant has as many as it may.
    #[error("a tenant has at most {MOST_WEBHOOKS} webhooks that are not archived")]
    TooMany,
    /// The secret cannot be sealed.
    #[error("the signing secret cannot be sealed: {0}")]
    Secret(#[from] SecretError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for WebhookRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// How archiving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// It is archived, now or before.
    Done,
    /// This tenant has no such webhook.
    NotFound,
}

/// How a wish for a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tested {
    /// It will be sent: the delivery's id.
    Queued(Uuid),
    /// It is paused or archived.
    NotActive,
    /// This tenant has no such webhook.
    NotFound,
}

/// Makes a webhook, and keeps its secret sealed.
///
/// # Errors
/// [`WebhookRefusal`]
pub async fn create(
    ledger: &Ledger,
    caller: &Caller,
    (ring, ids): (&KeyRing, &Ids),
    new: &NewWebhook<'_>,
) -> Result<(), WebhookRefusal> {
    let tenant = caller.tenant;
    let mut transaction = ledger.web(tenant).await?;
    // Two that are made at once are counted one after the other.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('webhooks of ' || $1, 0))", tenant.to_string())
        .fetch_one(&mut *transaction)
        .await?;
    let made = sqlx::query!(
        "insert into app.webhook (tenant_id, id, url, description, events, created_at, served_at)
         select $1, $2, $3, $4, $5, app.now(), app.now()
         where (select count(*) from app.webhook w where w.tenant_id = $1 and w.status <> 'ARCHIVED') < $6",
        tenant.0,
        new.id.0,
        new.url,
        new.description,
        new.events,
        MOST_WEBHOOKS
    )
    .execute(&mut *transaction)
    .await?;
    if made.rows_affected() == 0 {
        return Err(WebhookRefusal::TooMany);
    }
    let sealed = ring.seal(ids, &place(tenant, new.id.0, SECRET_FIELD, 1), new.secret)?;
    sqlx::query!(
        "insert into app.credential (tenant_id, account, field, version, key_id, sealed_key, sealed_value, modified_at)
         values ($1, $2, $3, 1, $4, $5, $6, app.now())",
        tenant.0,
        new.id.0,
        SECRET_FIELD,
        sealed.key_id,
        sealed.sealed_key,
        sealed.sealed_value
    )
    .execute(&mut *transaction)
    .await?;
    let detail = json!({ "id": new.id, "url": without_query(new.url), "events": new.events });
    record(&mut transaction, caller, "webhook_made", detail).await?;
    Ok(transaction.commit().await?)
}

/// A query may hold a token of the receiver's; an audit trail is read by others.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// Edits a webhook that is as the caller last saw it. One that goes on is sent at once what it was not sent while it was
/// paused; what happened meanwhile it is not told.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    etag: Option<&str>,
    edit: &WebhookEdit,
) -> Result<Edited> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.webhook w set url = coalesce($4, w.url), description = coalesce($5, w.description), events = coalesce($6, w.events),
             status = case when $7::boolean then 'PAUSED' when $7 is false then 'ACTIVE' else w.status end,
             paused_because = case when $7::boolean then coalesce(w.paused_because, 'paused by a person') when $7 is false then null else w.paused_because end
         where w.tenant_id = $1 and w.id = $2 and w.status <> 'ARCHIVED'
           and ($3::text is null or left(encode(sha256(convert_to(row(w.url, w.description, w.events, w.status, w.paused_because)::text, 'UTF8')), 'hex'), 32) = $3)",
        tenant,
        id,
        etag,
        edit.url,
        edit.description,
        edit.events.as_deref(),
        edit.paused
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.webhook where tenant_id = $1 and id = $2 and status <> 'ARCHIVED') as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        if edit.paused == Some(false) {
            sqlx::query!(
                "update app.webhook_delivery set next_attempt_at = app.now() where tenant_id = $1 and webhook_id = $2 and status = 'PENDING'",
                tenant,
                id
            )
            .execute(&mut *transaction)
            .await?;
        }
        let url = edit.url.as_deref().map(without_query);
        let detail = json!({ "id": id, "url": url, "events": edit.events, "paused": edit.paused });
        record(&mut transaction, caller, "webhook_edited", detail).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}

/// Archives a webhook: nothing more is sent to it, also not what is pending.
///
/// # Errors
/// The database does not answer.
pub async fn archive(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<Archived> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let archived = sqlx::query!(
        "update app.webhook set status = 'ARCHIVED', paused_because = null where tenant_id = $1 and id = $2 and status <> 'ARCHIVED'",
        tenant,
        id
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if archived > 0 {
        sqlx::query!(
            "update app.webhook_delivery set status = 'CANCELLED', next_attempt_at = null, ended_at = app.now()
             where tenant_id = $1 and webhook_id = $2 and status = 'PENDING'",
            tenant,
            id
        )
        .execute(&mut *transaction)
        .await?;
        record(&mut transaction, caller, "webhook_archived", json!({ "id": id })).await?;
    }
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.webhook where tenant_id = $1 and id = $2) as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(if exists { Archived::Done } else { Archived::NotFound })
}

/// Queues a test event, under this id.
///
/// # Errors
/// The database does not answer.
pub async fn test(ledger: &Ledger, caller: &Caller, webhook: Uuid, id: Uuid) -> Result<Tested> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let status =
        sqlx::query_scalar!("select status from app.webhook where tenant_id = $1 and id = $2", tenant, webhook)
            .fetch_optional(&mut *transaction)
            .await?;
    match status.as_deref() {
        None => return Ok(Tested::NotFound),
        Some("ACTIVE") => {}
        Some(_) => return Ok(Tested::NotActive),
    }
    sqlx::query!(
        r#"insert into app.webhook_delivery (tenant_id, id, webhook_id, seq, event, body, created_at, next_attempt_at)
           select $1, $3, $2, 1, $4, json_build_object('type', $4::text,
               'timestamp', to_char(n.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               'data', json_build_object('id', $2::uuid, 'seq', 1, 'status', 'TEST', 'counts', json_build_object(), 'reference', null,
                   'link', '/api/v1/webhooks/' || $2::uuid))::text, n.at, n.at
           from (select app.now() as at) n"#,
        tenant,
        webhook,
        id,
        TEST_EVENT
    )
    .execute(&mut *transaction)
    .await?;
    record(&mut transaction, caller, "webhook_tested", json!({ "id": webhook, "delivery": id })).await?;
    transaction.commit().await?;
    Ok(Tested::Queued(id))
}
