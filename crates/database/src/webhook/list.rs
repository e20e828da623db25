//! What webhooks there are and what they were told, as the web role may see it: never a secret.

use crate::{Ledger, Result};
use domain::ids::{TenantId, WebhookId};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it is told of.
    pub events: Vec<String>,
    /// `ACTIVE`, `PAUSED` or `ARCHIVED`.
    pub status: String,
    /// Why nothing is sent to it now.
    pub paused_because: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Deliveries that are not over.
    pub pending: i64,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// A page in the order of ids, after this one: `id` narrows to one, which may be archived; else those are left out.
///
/// # Errors
/// The database does not answer.
pub async fn webhooks(
    ledger: &Ledger,
    tenant: TenantId,
    id: Option<Uuid>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Webhook>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select w.id, w.url, w.description, w.events, w.status, w.paused_because, w.created_at,
               (select count(*) from app.webhook_delivery d where d.tenant_id = w.tenant_id and d.webhook_id = w.id and d.status = 'PENDING') as "pending!",
               left(encode(sha256(convert_to(row(w.url, w.description, w.events, w.status, w.paused_because)::text, 'UTF8')), 'hex'), 32) as "etag!"
           from app.webhook w
           where w.tenant_id = $1 and ($2::uuid is null and w.status <> 'ARCHIVED' or w.id = $2) and ($3::uuid is null or w.id > $3)
           order by w.id limit $4"#,
        tenant.0,
        id,
        after,
        limit
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Webhook {
            id: WebhookId(row.id),
            url: row.url,
            description: row.description,
            events: row.events,
            status: row.status,
            paused_because: row.paused_because,
            created_at: row.created_at.to_jiff(),
            pending: row.pending,
            etag: row.etag,
        })
        .collect())
}

/// One event for one webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Grows; newest first in a list.
    pub number: i64,
    /// Its id, as `webhook-id`.
    pub id: Uuid,
    /// What is told.
    pub event: String,
    /// Of which plan or change; none: a test.
    pub bulk_change: Option<Uuid>,
    /// The how manieth event of it for this webhook.
    pub seq: i32,
    /// `PENDING`, `DELIVERED`, `FAILED` or `CANCELLED`.
    pub status: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Every try, first to last.
    pub attempts: Vec<Attempt>,
}

/// One try.
#[derive(Clone, Debug, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// What came back.
    pub http_status: Option<i16>,
    /// Why nothing did.
    pub error: Option<String>,
}

/// A page of what a webhook was told, newest first, before the delivery of this number; the attempts with it, in one statement.
///
/// # Errors
/// The database does not answer.
pub async fn deliveries(
    ledger: &Ledger,
    tenant: TenantId,
    webhook: Uuid,
    status: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select d.number, d.id, d.event, d.bulk_change_id, d.seq, d.status, d.created_at, d.next_attempt_at, d.ended_at,
               coalesce((select jsonb_agg(jsonb_build_object('at', a.at, 'http_status', a.http_status, 'error', a.error) order by a.attempt)
                   from app.webhook_attempt a where a.tenant_id = d.tenant_id and a.webhook_delivery_id = d.id), '[]') as "attempts!"
           from app.webhook_delivery d
           where d.tenant_id = $1 and d.webhook_id = $2 and ($3::text is null or d.status = $3) and ($4::bigint is null or d.number < $4)
           order by d.number desc limit $5"#,
        tenant.0,
        webhook,
        status,
        before,
        limit
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Delivery {
            number: row.number,
            id: row.id,
            event: row.event,
            bulk_change: row.bulk_change_id,
            seq: row.seq,
            status: row.status,
            created_at: row.created_at.to_jiff(),
            next_attempt_at: row.next_attempt_at.map(jiff_sqlx::Timestamp::to_jiff),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
            attempts: serde_json::from_value(row.attempts).unwrap_or_default(),
        })
        .collect())
}
