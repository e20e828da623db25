//! The budget of calls to an account, shared by every worker on every machine.

use crate::{Ledger, Result};
use domain::ids::TenantId;
use uuid::Uuid;

/// How many calls may be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Granted {
    /// So many, now.
    pub calls: u32,
    /// If none: ask again after so many seconds.
    pub wait_seconds: f64,
    /// Nothing is to be sent to the account until somebody has looked.
    pub paused: bool,
}

/// Leave to send some calls to an account. One statement, one row.
///
/// # Errors
/// The database does not answer.
pub async fn take_permits(ledger: &Ledger, tenant: TenantId, account: Uuid, wanted: u32) -> Result<Granted> {
    let mut transaction = ledger.worker(tenant).await?;
    let row = sqlx::query!(
        r#"select a.paused_because is not null as "paused!", coalesce(p.granted, 0) as "granted!", coalesce(p.wait_seconds, 60) as "wait_seconds!"
           from app.integration_authentication a
           left join lateral app.take_permits(a.tenant_id, a.id, $3, a.calls_per_minute, a.calls_per_day) as p on a.paused_because is null
           where a.tenant_id = $1 and a.id = $2"#,
        tenant.0,
        account,
        i32::try_from(wanted).unwrap_or(i32::MAX)
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    // An account that is not there gets nothing.
    Ok(row.map_or(Granted { calls: 0, wait_seconds: 60.0, paused: true }, |row| Granted {
        paused: row.paused,
        calls: row.granted.unsigned_abs(),
        wait_seconds: row.wait_seconds,
    }))
}

/// The provider asked us to wait: nobody sends anything to the account for so long.
///
/// # Errors
/// The database does not answer.
pub async fn block(ledger: &Ledger, tenant: TenantId, account: Uuid, seconds: f64) -> Result<()> {
    let mut transaction = ledger.worker(tenant).await?;
    sqlx::query!(
        "update app.call_budget set blocked_until = greatest(blocked_until, app.now() + make_interval(secs => $3))
         where tenant_id = $1 and account = $2",
        tenant.0,
        account,
        seconds.clamp(0.0, 86_400.0)
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Calls that are left of today's, and how many an account may be sent in a minute.
///
/// # Errors
/// The database does not answer.
pub async fn left_today(ledger: &Ledger, tenant: TenantId, account: Uuid) -> Result<Option<(u32, u32)>> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        r#"select a.calls_per_minute, a.calls_per_day - case when b.day = (app.now() at time zone 'UTC')::date then b.taken_today else 0 end as "left!"
           from app.integration_authentication a
           left join app.call_budget b on b.tenant_id = a.tenant_id and b.account = a.id
           where a.tenant_id = $1 and a.id = $2"#,
        tenant.0,
        account
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(|row| (row.left.max(0).unsigned_abs(), row.calls_per_minute.unsigned_abs())))
}

/// What an account may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The account.
    pub account: Uuid,
    /// Its name.
    pub name: String,
    /// Calls in a minute.
    pub per_minute: i64,
    /// Calls in a day.
    pub per_day: i64,
    /// Calls that are left of today's.
    pub left_today: i64,
}

/// The budgets of all accounts of a tenant, a handful.
///
/// # Errors
/// The database does not answer.
pub async fn budgets(ledger: &Ledger, tenant: TenantId) -> Result<Vec<Budget>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select a.id, a.name, a.calls_per_minute, a.calls_per_day,
               case when b.day = (app.now() at time zone 'UTC')::date then b.taken_today else 0 end as "taken!"
           from app.integration_authentication a
           left join app.call_budget b on b.tenant_id = a.tenant_id and b.account = a.id
           where a.tenant_id = $1 order by a.id"#,
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    let budgets = rows.into_iter().map(|row| Budget {
        account: row.id,
        name: row.name,
        per_minute: row.calls_per_minute.into(),
        per_day: row.calls_per_day.into(),
        left_today: i64::from(row.calls_per_day.saturating_sub(row.taken).max(0)),
    });
    Ok(budgets.collect())
}
