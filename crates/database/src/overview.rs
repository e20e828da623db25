//! What somebody wants to see first: changes that run or wait for a person, the last days, and why rows were not done.

use crate::api_key::Caller;
use crate::{DatabaseError, Ledger, Result};
use domain::ids::TenantId;
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use jiff::civil::Date;
use uuid::Uuid;

/// Which changes are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Rows of them need attention.
    NeedsAttention,
    /// They were applied and are not over.
    Running,
    /// They are planned, may still be applied, and have something to change.
    Planned,
}

/// The ids of such changes that the caller may see, newest first.
///
/// # Errors
/// The database does not answer.
pub async fn standing(ledger: &Ledger, caller: &Caller, which: Standing, limit: i64) -> Result<Vec<Uuid>> {
    let mut transaction = ledger.web(caller.tenant).await?;
    Ok(sqlx::query_scalar!(
        "select b.id from app.device_bulk_change b
         join app.bulk_change_counter k on k.tenant_id = b.tenant_id and k.bulk_change_id = b.id
         left join app.service_provider p on p.tenant_id = b.tenant_id and p.id = b.service_provider_id
         left join app.integration i on i.id = p.integration_id
         where b.tenant_id = $1 and ($2::uuid is null or b.created_by = $2)
           and (i.module is null or i.module = 'm2m' and $3 or i.module = 'mobility' and $4)
           and case $5 when 'attention' then k.needs_attention > 0
                       when 'running' then b.status in ('NEW', 'SCHEDULED', 'PROCESSING', 'PAUSED')
                       else b.status = 'PLANNED' and b.expires_at > app.now() and k.planned > 0 end
         order by b.id desc limit $6",
        caller.tenant.0,
        caller.confined.then_some(caller.api_key.0),
        caller.m2m,
        caller.mobility,
        match which {
            Standing::NeedsAttention => "attention",
            Standing::Running => "running",
            Standing::Planned => "planned",
        },
        limit
    )
    .fetch_all(&mut *transaction)
    .await?)
}

/// A day, by the tenant's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// Rows done by changes that ended on it.
    pub ok: i64,
    /// Rows of them that were not done.
    pub not_ok: i64,
}

/// The last seven days, today last; days on which nothing ended are there, too.
///
/// # Errors
/// The database does not answer.
pub async fn week(ledger: &Ledger, caller: &Caller) -> Result<Vec<Day>> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let rows = sqlx::query!(
        r#"with here as (select time_zone, (app.now() at time zone time_zone)::date as today from app.tenant where id = $1)
           select day.day::date as "day!", coalesce(sum(k.ok), 0) as "ok!", coalesce(sum(k.failed + k.skipped + k.cancelled + k.needs_attention), 0) as "not_ok!"
           from here cross join lateral generate_series(here.today - 6, here.today, interval '1 day') as day (day)
           left join (app.device_bulk_change b
               join app.bulk_change_counter k on k.tenant_id = b.tenant_id and k.bulk_change_id = b.id
               left join app.service_provider p on p.tenant_id = b.tenant_id and p.id = b.service_provider_id
               left join app.integration i on i.id = p.integration_id)
             on b.tenant_id = $1 and b.applied_at is not null and (b.processed_date at time zone here.time_zone)::date = day.day::date
               and ($2::uuid is null or b.created_by = $2)
               and (i.module is null or i.module = 'm2m' and $3 or i.module = 'mobility' and $4)
           group by day.day order by day.day"#,
        caller.tenant.0,
        caller.confined.then_some(caller.api_key.0),
        caller.m2m,
        caller.mobility
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(|row| Day { date: row.day.to_jiff(), ok: row.ok, not_ok: row.not_ok }).collect())
}

/// Why rows were not done, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// How they ended.
    pub status: DeviceChangeStatus,
    /// Why; None: it is not said.
    pub reason: Option<Reason>,
    /// How many, among the first hundred thousand.
    pub rows: i64,
}

/// So many rows are looked at.
const MOST: i64 = 100_000;

/// The reasons of rows that failed, were skipped, or need attention, most frequent first. Reads the change's rows from the
/// first: some tenths of a second for a million. What the plan refused is counted with the plan.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn ranked(ledger: &Ledger, tenant: TenantId, change: Uuid) -> Result<Vec<Ranked>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select status, reason, count(*) as "rows!" from (
               select status, reason from app.m2m_device_change
               where tenant_id = $1 and bulk_change_id = $2 and status in ('FAILED', 'SKIPPED', 'NEEDS_ATTENTION')
               limit $3) as found
           group by status, reason order by count(*) desc, status, reason"#,
        tenant.0,
        change,
        MOST
    )
    .fetch_all(&mut *transaction)
    .await?;
    let wrong = |column, value| DatabaseError::Inconsistent { table: "m2m_device_change", column, value };
    rows.into_iter()
        .map(|row| {
            Ok(Ranked {
                status: DeviceChangeStatus::from_word(&row.status).ok_or_else(|| wrong("status", row.status))?,
                reason: match row.reason {
                    Some(word) => Some(Reason::from_word(&word).ok_or_else(|| wrong("reason", word))?),
                    None => None,
                },
                rows: row.rows,
            })
        })
        .collect()
}
