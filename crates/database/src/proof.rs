//! Proof by query: does the ledger agree with the tables, and do the invariants hold? Read as the auditor, over all tenants.
//! Every invariant is a query that answers how many rows break it; each is shown by a test to find a planted fault.

use crate::catalogue::HOT_COLUMNS;
use crate::{Result, Role, Server};
use domain::ids::{BulkChangeId, TenantId};
use sqlx::{AssertSqlSafe, Connection};

/// One invariant: its name, and a query that counts what breaks it.
const INVARIANTS: &[(&str, &str)] = &[
    ("counts equal a recount of the rows",
     "select count(*) from (select k.* from app.bulk_change_counter k join app.device_bulk_change b on b.tenant_id = k.tenant_id and b.id = k.bulk_change_id
         where b.applied_at is not null or b.status = 'PLANNED' and b.expires_at > app.now()) k, lateral (
         select count(*) filter (where c.status not in ('REFUSED', 'NO_CHANGE')) as planned, count(*) filter (where c.status = 'PROCESSED') as ok,
             count(*) filter (where c.status = 'FAILED') as failed, count(*) filter (where c.status = 'SKIPPED') as skipped,
             count(*) filter (where c.status = 'CANCELLED') as cancelled, count(*) filter (where c.status = 'NEEDS_ATTENTION') as needs_attention,
             count(*) filter (where c.status in ('PENDING', 'PROCESSING', 'WAITING_CARRIER')) as to_do
         from app.m2m_device_change c where c.tenant_id = k.tenant_id and c.bulk_change_id = k.bulk_change_id) r
      where (k.planned, k.ok, k.failed, k.skipped, k.cancelled, k.needs_attention, k.to_do)
          is distinct from (r.planned, r.ok, r.failed, r.skipped, r.cancelled, r.needs_attention, r.to_do)"),
    ("a plan's counts equal its rows",
     "select count(*) from app.device_bulk_change b, lateral (
         select count(*) as all_rows, count(*) filter (where c.status = 'NO_CHANGE') as no_change, count(*) filter (where c.status = 'REFUSED') as refused
         from app.m2m_device_change c where c.tenant_id = b.tenant_id and c.bulk_change_id = b.id) r
      where (b.applied_at is not null or b.status = 'PLANNED' and b.expires_at > app.now())
        and (b.row_count, b.no_change_count, b.refused_count) is distinct from (r.all_rows, r.no_change, r.refused)"),
    ("a finished change has nothing left to do, and one with nothing left is finished",
     "select count(*) from app.device_bulk_change b join app.bulk_change_counter k on k.tenant_id = b.tenant_id and k.bulk_change_id = b.id
      where (b.status in ('PROCESSED', 'ERROR', 'CANCELLED')) <> (k.to_do = 0 and b.applied_at is not null)"),
    ("every row to be changed is in exactly one chunk",
     // Chunks do not overlap, and together hold as many rows to change as there are: linear, where asking row by row is not.
     "select count(*) from (
          select k.tenant_id, k.bulk_change_id, sum(r.n) as held, bool_or(k.overlaps) as overlaps
          from (select *, coalesce(first_row <= lag(last_row) over (partition by tenant_id, bulk_change_id order by first_row), false) as overlaps
                from app.bulk_change_chunk where exists (select from app.device_bulk_change b where b.tenant_id = bulk_change_chunk.tenant_id
                    and b.id = bulk_change_chunk.bulk_change_id and (b.applied_at is not null or b.status = 'PLANNED' and b.expires_at > app.now()))) k,
              lateral (select count(*) as n from app.m2m_device_change c where c.tenant_id = k.tenant_id and c.bulk_change_id = k.bulk_change_id
                  and c.row_number between k.first_row and k.last_row and c.status not in ('REFUSED', 'NO_CHANGE')) r
          group by k.tenant_id, k.bulk_change_id) held
      full join (select k.tenant_id, k.bulk_change_id, k.planned from app.bulk_change_counter k
          join app.device_bulk_change b on b.tenant_id = k.tenant_id and b.id = k.bulk_change_id where k.planned > 0 and (b.applied_at is not null or b.status = 'PLANNED' and b.expires_at > app.now())) counted using (tenant_id, bulk_change_id)
      where held.held is distinct from counted.planned or held.overlaps"),
    ("a done chunk has no pending row",
     "select count(*) from app.bulk_change_chunk k where k.state = 'DONE' and exists (select from app.m2m_device_change c
         where c.tenant_id = k.tenant_id and c.bulk_change_id = k.bulk_change_id and c.row_number between k.first_row and k.last_row and c.status = 'PENDING')"),
    ("a processed row has exactly one history entry and one processed log entry",
     "select count(*) from app.m2m_device_change c
      left join (select tenant_id, bulk_change_id, row_number, count(*) as n from app.device_tenant_history where not by_schedule group by 1, 2, 3) h using (tenant_id, bulk_change_id, row_number)
      left join (select tenant_id, bulk_change_id, row_number, count(*) as n from app.m2m_device_bulk_change_log where step = 'record_assignment' and status = 'PROCESSED' group by 1, 2, 3) l
          using (tenant_id, bulk_change_id, row_number)
      where (c.status = 'PROCESSED') <> (coalesce(h.n, 0) = 1) or (c.status = 'PROCESSED') <> (coalesce(l.n, 0) = 1)"),
    ("the owner's site is the same on the device and on its assignment",
     "select count(*) from app.m2m_device d join app.device_tenant dt on dt.tenant_id = d.tenant_id and dt.device_id = d.id
      where dt.device_owner_tenant_id = d.tenant_id and dt.site_id <> d.site_id"),
    ("the account of an assignment is its site's",
     "select count(*) from app.device_tenant dt join app.seat s on s.tenant_id = dt.tenant_id and s.site_id = dt.site_id
      where (dt.account_number, dt.account_number_integration_authentication_id) is distinct from (s.rev_customer_id, s.integration_authentication_id)"),
    ("a lock belongs to a row that is under way or needs attention",
     "select count(*) from app.device_lock l where not exists (select from app.m2m_device_change c where c.tenant_id = l.tenant_id
         and c.bulk_change_id = l.bulk_change_id and c.row_number = l.row_number and c.status in ('PROCESSING', 'WAITING_CARRIER', 'NEEDS_ATTENTION'))"),
    ("the newest history entry of an assignment is what the assignment is",
     "select count(*) from app.device_tenant dt join lateral (select * from app.device_tenant_history h
         where h.tenant_id = dt.tenant_id and h.device_id = dt.device_id order by h.changed_at desc, h.version desc limit 1) h on true
      where h.version = dt.version and (h.site_id, h.account_number, h.customer_rate_plan_id, h.customer_rate_pool_id, h.customer_data_allocation_mb)
          is distinct from (dt.site_id, dt.account_number, dt.customer_rate_plan_id, dt.customer_rate_pool_id, dt.customer_data_allocation_mb)"),
    ("what waits on the schedule is what its assignment says, and the other way round",
     "select count(*) from (select * from app.device_tenant where scheduled_change_id is not null) dt
      full join (select * from app.device_change_schedule where status = 'PENDING') s
          on s.tenant_id = dt.tenant_id and s.device_id = dt.device_id and s.bulk_change_id = dt.scheduled_change_id
      where dt.device_id is null or s.device_id is null or s.device_tenant_version <> dt.version"),
    ("every schedule row that waits is in a schedule chunk that will come",
     "select count(*) from app.device_change_schedule s where s.status = 'PENDING' and not exists (select from app.schedule_chunk k
         where k.tenant_id = s.tenant_id and k.bulk_change_id = s.bulk_change_id and k.effective_date = s.effective_date
           and s.row_number between k.first_row and k.last_row and not k.is_done)"),
    ("a schedule row that was applied or failed has exactly one history entry and one log entry",
     "select count(*) from app.device_change_schedule s
      left join (select tenant_id, bulk_change_id, row_number, count(*) as n from app.device_tenant_history where by_schedule group by 1, 2, 3) h using (tenant_id, bulk_change_id, row_number)
      left join (select tenant_id, bulk_change_id, row_number, count(*) as n from app.m2m_device_bulk_change_log where step = 'apply_schedule' group by 1, 2, 3) l
          using (tenant_id, bulk_change_id, row_number)
      where s.status in ('APPLIED', 'FAILED') and (h.n is distinct from 1 or l.n is distinct from 1)"),
    ("every change that is under way has its turn, and no other has",
     "select count(*) from app.device_bulk_change b full join app.bulk_change_turn t on t.tenant_id = b.tenant_id and t.bulk_change_id = b.id
      where (b.status in ('NEW', 'SCHEDULED', 'PROCESSING', 'PAUSED')) <> (t.bulk_change_id is not null)"),
    ("a row that is under way outside has its due work, and one that is over has none but to be looked at again",
     "select count(*) from (select * from app.m2m_device_change where status in ('PROCESSING', 'WAITING_CARRIER')) c
      full join (select w.*, m.status from app.due_work w join app.m2m_device_change m on m.tenant_id = w.tenant_id and m.bulk_change_id = w.bulk_change_id
          and m.row_number = w.row_number) w on w.tenant_id = c.tenant_id and w.bulk_change_id = c.bulk_change_id and w.row_number = c.row_number
      where c.row_number is not null and (w.row_number is null or w.sweeps is not null)
         or c.row_number is null and w.sweeps is null and w.status <> 'NEEDS_ATTENTION'"),
    ("what is due outside has its turn at a gate",
     "select count(*) from app.due_work w where not exists (select from app.outside_turn t join app.account_gate g on g.tenant_id = t.tenant_id and g.account = t.account
         where t.tenant_id = w.tenant_id and t.account = w.account and t.bulk_change_id = w.bulk_change_id)"),
    // What a person closes has words; whatever was not known of it stays as it was.
    ("nothing is open outside of a row that was done without a person's word",
     "select count(*) from app.provider_intent i join app.m2m_device_change c on c.tenant_id = i.tenant_id and c.bulk_change_id = i.bulk_change_id and c.row_number = i.row_number
      where i.outcome in ('OPEN', 'UNKNOWN') and i.direction = 'apply' and c.status in ('PENDING', 'PROCESSED', 'SKIPPED') and c.status_details is null"),
    ("a processed row that opens a line has the receipts of the line and of each product, if no person said so",
     "select count(*) from app.m2m_device_change c
      join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
      left join lateral (select count(*) filter (where i.call = 'create_service') as lines, count(*) filter (where i.call = 'create_service_product') as products
          from app.provider_intent i where i.tenant_id = c.tenant_id and i.bulk_change_id = c.bulk_change_id and i.row_number = c.row_number
            and i.direction = 'apply' and i.outcome = 'DONE') i on true
      where c.status = 'PROCESSED' and 'open_rev_service' = any (c.steps) and c.status_details is null
        and (i.lines, i.products) is distinct from (1, coalesce(cardinality(t.rev_product_ids), 0)::bigint)"),
];

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What should be true.
    pub invariant: String,
    /// How many rows say otherwise.
    pub rows: i64,
}

/// Every invariant and every orphan query; the answer is empty when all is well.
///
/// # Errors
/// The database does not answer.
pub async fn broken_invariants(server: &Server) -> Result<Vec<Broken>> {
    let mut auditor = server.connect_as(Role::Auditor).await?;
    let mut broken = Vec::new();
    for (name, query) in INVARIANTS {
        let rows: i64 = sqlx::query_scalar(*query).fetch_one(&mut auditor).await?;
        if rows > 0 {
            broken.push(Broken { invariant: (*name).to_owned(), rows });
        }
    }
    for hot in HOT_COLUMNS {
        // Only names from our own constant go into the statement.
        let query = format!(
            "select count(*) from app.{0} t where t.{1} is not null and not exists (select from app.{2} r where r.{3} = t.{4} and r.{5} = t.{1})",
            hot.table, hot.column, hot.references, hot.referenced_tenant, hot.tenant, hot.referenced
        );
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut auditor).await?;
        if rows > 0 {
            broken.push(Broken { invariant: format!("no orphan in {}.{}", hot.table, hot.column), rows });
        }
    }
    auditor.close().await?;
    Ok(broken)
}

/// How a change's ledger and the tables compare, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Rows the ledger calls PROCESSED.
    pub processed: i64,
    /// Of them, devices whose assignment is exactly the target, and whose history says this row made it so.
    pub agree: i64,
    /// Rows the ledger calls something else, whose device this change has touched nevertheless.
    pub touched_without_saying: i64,
}

/// Compares one change with the tables, while no later change has moved its devices.
///
/// # Errors
/// The database does not answer.
pub async fn agreement(server: &Server, tenant: TenantId, change: BulkChangeId) -> Result<Agreement> {
    let mut auditor = server.connect_as(Role::Auditor).await?;
    let row = sqlx::query!(
        r#"select count(*) filter (where c.status = 'PROCESSED') as "processed!",
               count(*) filter (where c.status = 'PROCESSED' and h.row_number = c.row_number and dt.site_id = t.site_id
                   and (dt.account_number, dt.account_number_integration_authentication_id) is not distinct from (s.rev_customer_id, s.integration_authentication_id)
                   and dt.customer_rate_plan_id is not distinct from case when t.restores then t.customer_rate_plan_id else coalesce(t.customer_rate_plan_id, c.before_customer_rate_plan_id) end
                   and dt.customer_rate_pool_id is not distinct from case when t.restores then t.customer_rate_pool_id else coalesce(t.customer_rate_pool_id, c.before_customer_rate_pool_id) end
                   and dt.customer_data_allocation_mb is not distinct from case when t.restores then t.customer_data_allocation_mb else coalesce(t.customer_data_allocation_mb, c.before_customer_data_allocation_mb) end
                   and d.site_id = t.site_id) as "agree!",
               count(*) filter (where c.status <> 'PROCESSED' and h.row_number = c.row_number) as "touched!"
           from app.m2m_device_change c
           left join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
           left join app.seat s on s.tenant_id = t.tenant_id and s.site_id = t.site_id
           left join app.device_tenant dt on dt.tenant_id = c.tenant_id and dt.device_id = c.device_id
           left join app.m2m_device d on d.tenant_id = c.tenant_id and d.id = c.device_id
           left join app.device_tenant_history h on h.tenant_id = c.tenant_id and h.device_id = c.device_id and h.bulk_change_id = c.bulk_change_id
           where c.tenant_id = $1 and c.bulk_change_id = $2"#,
        tenant.0, change.0)
        .fetch_one(&mut auditor).await?;
    auditor.close().await?;
    Ok(Agreement { processed: row.processed, agree: row.agree, touched_without_saying: row.touched })
}

/// The names of the invariants, orphan queries aside.
pub fn invariant_names() -> impl Iterator<Item = &'static str> {
    INVARIANTS.iter().map(|(name, _)| *name)
}
