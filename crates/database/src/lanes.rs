//! The steps of a change as lanes: how many rows are through each, in it, before it, or ended there.

use crate::{Ledger, Result};
use domain::ids::TenantId;
use domain::steps::Step;
use uuid::Uuid;

/// How many rows stand where, of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The step.
    pub step: Step,
    /// Rows of the change that have it.
    pub rows: i64,
    /// It has happened.
    pub done: i64,
    /// It is under way, or is next.
    pub under_way: i64,
    /// What comes before it is not done yet.
    pub waiting: i64,
    /// It was refused; what came before it was taken back.
    pub failed: i64,
    /// A person has to decide.
    pub needs_attention: i64,
    /// It is not done any more: an earlier step failed, the row was skipped or cancelled.
    pub left: i64,
}

/// The lanes of a change some of whose rows do something outside, in the order of steps. One statement over the rows of the change
/// by their key, and of what was sent for each row that is under way, failed or needs attention the last, by its key.
///
/// A row is at the step of which something was sent last. Of a step that takes several calls it cannot be told whether the last
/// was made, so a row stays in it until something of the next is sent, or the row is over.
///
/// # Errors
/// The database does not answer.
pub async fn lanes(ledger: &Ledger, tenant: TenantId, change: Uuid) -> Result<Vec<Lane>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"with standing as (
               select c.status, coalesce(c.steps, '{}') || 'record_assignment'::text as steps,
                   case when c.steps is null then 1 else coalesce(at.place, 1) end as place
               from app.m2m_device_change c
               left join lateral (
                   select max(array_position(c.steps, i.step)) as place from app.provider_intent i
                   where i.tenant_id = c.tenant_id and i.bulk_change_id = c.bulk_change_id and i.row_number = c.row_number
                     and i.direction = 'apply') as at
                   on c.steps is not null and c.status in ('PROCESSING', 'WAITING_CARRIER', 'FAILED', 'NEEDS_ATTENTION')
               where c.tenant_id = $1 and c.bulk_change_id = $2 and c.status not in ('REFUSED', 'NO_CHANGE')),
           each as (
               select s.step, s.place::integer as place, r.place as at, r.status
               from standing r cross join lateral unnest(r.steps) with ordinality as s (step, place))
           select step as "step!", count(*) as "rows!",
               count(*) filter (where status = 'PROCESSED' or status in ('PROCESSING', 'WAITING_CARRIER', 'NEEDS_ATTENTION') and place < at) as "done!",
               count(*) filter (where status in ('PROCESSING', 'WAITING_CARRIER') and place = at) as "under_way!",
               count(*) filter (where status = 'PENDING' or status in ('PROCESSING', 'WAITING_CARRIER') and place > at) as "waiting!",
               count(*) filter (where status = 'FAILED' and place = at) as "failed!",
               count(*) filter (where status = 'NEEDS_ATTENTION' and place = at) as "needs_attention!",
               count(*) filter (where status in ('SKIPPED', 'CANCELLED') or status in ('FAILED', 'NEEDS_ATTENTION') and place > at
                   or status = 'FAILED' and place < at) as "left!"
           from each group by step"#,
        tenant.0,
        change
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut lanes: Vec<Lane> = rows
        .into_iter()
        .filter_map(|row| {
            Some(Lane {
                step: Step::from_word(&row.step)?,
                rows: row.rows,
                done: row.done,
                under_way: row.under_way,
                waiting: row.waiting,
                failed: row.failed,
                needs_attention: row.needs_attention,
                left: row.left,
            })
        })
        .collect();
    lanes.sort_by_key(|lane| Step::ALL.iter().position(|step| *step == lane.step));
    Ok(lanes)
}
