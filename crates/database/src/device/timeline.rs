//! What happened to a device, newest first: each assignment and each change of its state at the carrier.

use crate::{Ledger, Result};
use domain::ids::TenantId;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What tells it from another of the same moment.
    pub key: String,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A bulk change made the assignment this.
    Assigned {
        /// Which one.
        bulk_change: Uuid,
        /// Its row.
        row: i32,
        /// When a schedule came due, and not when the change was settled.
        by_schedule: bool,
        /// The customer; None: nobody, at the default site.
        customer: Option<(Uuid, String)>,
        /// The site.
        site: (Uuid, String),
        /// The customer rate plan's code.
        customer_rate_plan: Option<String>,
        /// The pool's name.
        customer_rate_pool: Option<String>,
        /// The data allocation in MB.
        allocation: Option<String>,
        /// The date it takes effect on.
        effective_date: Option<Date>,
    },
    /// The carrier's word for its state became another.
    Status {
        /// It was this.
        before: Option<String>,
        /// It is that.
        after: String,
    },
}

/// A page of what happened to a device of this tenant, after this (moment, key); of `sites`, if the caller is confined to
/// some: where it was while it was not theirs is not theirs to see. One statement.
///
/// # Errors
/// The database does not answer.
pub async fn timeline(
    ledger: &Ledger,
    tenant: TenantId,
    device: Uuid,
    sites: Option<&[Uuid]>,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<Vec<Happened>> {
    let (after_at, after_key) = after.unzip();
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select t.at as "at!", t.key as "key!", t.bulk_change_id, t.row_number, t.by_schedule, t.customer_id as "customer_id?",
               t.customer_name as "customer_name?", t.site_id, t.site_name as "site_name?", t.plan as "plan?", t.pool as "pool?",
               t.allocation, t.effective_date, t.before, t.after
           from (
               select h.changed_at as at, 'assignment ' || h.bulk_change_id || ' ' || h.version as key, h.bulk_change_id, h.row_number,
                   h.by_schedule, s.customer_id, s.customer_name, h.site_id, s.site_name, p.rate_plan_code as plan, o.name as pool,
                   h.customer_data_allocation_mb::text as allocation, h.effective_date, null::text as before, null::text as after
               from app.device_tenant_history h
               left join app.seat s on s.tenant_id = h.tenant_id and s.site_id = h.site_id
               left join app.customer_rate_plan p on p.tenant_id = h.tenant_id and p.id = h.customer_rate_plan_id
               left join app.customer_rate_pool o on o.tenant_id = h.tenant_id and o.id = h.customer_rate_pool_id
               where h.tenant_id = $1 and h.device_id = $2
               union all
               select h.date_of_change, 'status ' || h.current_status, null, null, null, null, null, null, null, null, null, null, null,
                   h.previous_status, h.current_status
               from app.device_tenant dt
               join app.device_status_history h on h.tenant_id = dt.device_owner_tenant_id and h.device_id = dt.device_id
               where dt.tenant_id = $1 and dt.device_id = $2) as t
           where ($3::timestamptz is null or (t.at, t.key) < ($3, $4))
             and ($6::uuid[] is null or t.site_id is null or t.site_id = any ($6))
           order by t.at desc, t.key desc limit $5"#,
        tenant.0,
        device,
        after_at.map(jiff_sqlx::Timestamp::from) as Option<jiff_sqlx::Timestamp>,
        after_key,
        limit,
        sites
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let what = match (row.bulk_change_id, row.row_number, row.site_id) {
                (Some(bulk_change), Some(number), Some(site)) => What::Assigned {
                    bulk_change,
                    row: number,
                    by_schedule: row.by_schedule.unwrap_or(false),
                    customer: row.customer_id.zip(row.customer_name),
                    site: (site, row.site_name.unwrap_or_default()),
                    customer_rate_plan: row.plan,
                    customer_rate_pool: row.pool,
                    allocation: row.allocation,
                    effective_date: row.effective_date.map(jiff_sqlx::Date::to_jiff),
                },
                _ => What::Status { before: row.before, after: row.after.unwrap_or_default() },
            };
            Happened { at: row.at.to_jiff(), key: row.key, what }
        })
        .collect())
}
