//! What tells that the parts of an installation live: when workers last did something for the tenant, when its trail was sealed,
//! and whether its webhooks are heard.

use crate::{Ledger, Result};
use domain::ids::TenantId;
use jiff::Timestamp;
use uuid::Uuid;

/// A worker, by what it last did for this tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// As the audit trail writes it: `worker:<id>`, a new one with every start.
    pub actor: String,
    /// When it last wrote there.
    pub at: Timestamp,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Signs {
    /// PostgreSQL's own word for its version.
    pub database: String,
    /// The database's clock.
    pub now: Timestamp,
    /// Workers among the last entries of the trail, the one that was last seen first.
    pub workers: Vec<Worker>,
    /// When something of the trail was last sealed; a worker does that.
    pub sealed_at: Option<Timestamp>,
    /// Since when the oldest entry waits for its seal; None: all are sealed.
    pub unsealed_since: Option<Timestamp>,
}

/// So many of the last entries are looked at.
const LAST_ENTRIES: i64 = 5_000;

/// Looks for them.
///
/// # Errors
/// The database does not answer.
pub async fn signs(ledger: &Ledger, tenant: TenantId) -> Result<Signs> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        r#"select current_setting('server_version') as "database!", app.now() as "now!",
               (select max(s.sealed_at) from app.audit_seal s where s.tenant_id = $1) as sealed_at,
               (select min(e.at) from app.audit_entry e where e.tenant_id = $1
                    and e.made_in >= coalesce((select max(s.to_transaction::text::bigint) from app.audit_seal s where s.tenant_id = $1), 0)::text::xid8) as unsealed_since"#,
        tenant.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    let workers = sqlx::query!(
        r#"select e.actor as "actor!", max(e.at) as "at!" from (
               select e.actor, e.at from app.audit_entry e where e.tenant_id = $1 order by e.made_in desc, e.id desc limit $2) as e
           where e.actor like 'worker:%' group by e.actor order by max(e.at) desc limit 20"#,
        tenant.0,
        LAST_ENTRIES
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(Signs {
        database: row.database,
        now: row.now.to_jiff(),
        workers: workers.into_iter().map(|row| Worker { actor: row.actor, at: row.at.to_jiff() }).collect(),
        sealed_at: row.sealed_at.map(jiff_sqlx::Timestamp::to_jiff),
        unsealed_since: row.unsealed_since.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// How a webhook is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// Why nothing is sent to it now.
    pub paused_because: Option<String>,
    /// Deliveries that were tried in vain and are tried again.
    pub retried: i64,
    /// Deliveries that were given up in the last day.
    pub given_up: i64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
}

/// The tenant's webhooks that are not archived: at most ten.
///
/// # Errors
/// The database does not answer.
pub async fn webhooks(ledger: &Ledger, tenant: TenantId) -> Result<Vec<Heard>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select w.id, w.url, w.paused_because, d.retried as "retried!", d.given_up as "given_up!", d.oldest
           from app.webhook w
           cross join lateral (select count(*) filter (where d.status = 'PENDING' and d.attempts > 0) as retried,
                   count(*) filter (where d.status = 'FAILED' and d.ended_at > app.now() - interval '1 day') as given_up,
                   min(d.created_at) filter (where d.status = 'PENDING') as oldest
               from app.webhook_delivery d where d.tenant_id = w.tenant_id and d.webhook_id = w.id) as d
           where w.tenant_id = $1 and w.status <> 'ARCHIVED' order by w.id"#,
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Heard {
            id: row.id,
            url: row.url,
            paused_because: row.paused_because,
            retried: row.retried,
            given_up: row.given_up,
            oldest: row.oldest.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}
