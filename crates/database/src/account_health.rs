//! How the accounts at providers are, as far as the ledger knows: what was sent today, what the provider asked for, and whether
//! calls come through. An account is an integration authentication or a service provider.

use crate::{Ledger, Result};
use domain::ids::TenantId;
use jiff::Timestamp;
use std::collections::HashMap;
use uuid::Uuid;

/// How one account is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountHealth {
    /// Calls that were sent today (UTC), by all processes.
    pub taken_today: i32,
    /// The provider asked us to send nothing until then; only while that is to come.
    pub blocked_until: Option<Timestamp>,
    /// Times in a row that calls told nothing or did not arrive. From [`crate::outside::CIRCUIT_OPENS_AFTER`] on it is left alone.
    pub failures: i32,
    /// Nothing is tried before then; only while that is to come.
    pub not_before: Option<Timestamp>,
    /// Rows of changes that wait for it.
    pub waiting: i64,
}

impl AccountHealth {
    /// Is it left alone for a while because nothing came through?
    #[must_use]
    pub const fn circuit_is_open(&self) -> bool {
        self.failures >= crate::outside::CIRCUIT_OPENS_AFTER
    }
}

/// Every account of the tenant that anything was ever sent to, by its id: a handful.
///
/// # Errors
/// The database does not answer.
pub async fn accounts(ledger: &Ledger, tenant: TenantId) -> Result<HashMap<Uuid, AccountHealth>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select a.account as "account!",
               coalesce(case when b.day = (app.now() at time zone 'UTC')::date then b.taken_today end, 0) as "taken!",
               case when b.blocked_until > app.now() then b.blocked_until end as blocked_until,
               coalesce(g.failures, 0) as "failures!", case when g.not_before > app.now() then g.not_before end as not_before,
               (select count(*) from app.due_work w where w.tenant_id = $1 and w.account = a.account and w.sweeps is null) as "waiting!"
           from (select account from app.call_budget where tenant_id = $1 union select account from app.account_gate where tenant_id = $1) as a
           left join app.call_budget b on b.tenant_id = $1 and b.account = a.account
           left join app.account_gate g on g.tenant_id = $1 and g.account = a.account"#,
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    let health = rows.into_iter().map(|row| {
        let health = AccountHealth {
            taken_today: row.taken,
            blocked_until: row.blocked_until.map(jiff_sqlx::Timestamp::to_jiff),
            failures: row.failures,
            not_before: row.not_before.map(jiff_sqlx::Timestamp::to_jiff),
            waiting: row.waiting,
        };
        (row.account, health)
    });
    Ok(health.collect())
}
