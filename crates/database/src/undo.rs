//! What the undo of a finished change is judged on, read from the ledger page by page; and the targets its rows go back to.

use crate::active_lines::active_lines;
use crate::ledger::set_tenant;
use crate::stage::{Stage, fence};
use crate::staged_row::StagedRow;
use crate::{DatabaseError, Result};
use domain::allocation::DataAllocation;
use domain::carrier::{CarrierFacts, Standing};
use domain::identifier::{Column, Identifier};
use domain::ids::{
    BulkChangeId, CarrierRatePlanId, CustomerRatePlanId, CustomerRatePoolId, DeviceId, IntegrationAuthenticationId,
    RevServiceId, SiteId,
};
use domain::reason::{Reason, Refusal};
use domain::target::RevAccount;
use domain::undo::{Before, Billed, Carried, Opened, PlanBefore, PlanMoved, UndoFacts};
use domain::verdict::{ActiveLine, Assignment, DeviceFacts, RowFacts, Scheduled};
use sqlx::{Acquire as _, FromRow};
use uuid::Uuid;

/// A row that was done, and what its undo is judged on.
#[derive(Clone, Debug)]
pub struct DoneRow {
    /// The row, under the number it had.
    pub row: StagedRow,
    /// The facts.
    pub facts: UndoFacts,
}

/// What rows go back to: the site, and plan, pool and allocation exactly, also to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Restored {
    /// The site.
    pub site: SiteId,
    /// The customer rate plan.
    pub plan: Option<CustomerRatePlanId>,
    /// The pool.
    pub pool: Option<CustomerRatePoolId>,
    /// The data allocation.
    pub allocation: Option<DataAllocation>,
    /// The carrier rate plan, where the change gave another.
    pub carrier_plan: Option<CarrierRatePlanId>,
}

#[derive(FromRow)]
struct Found {
    row_number: i32,
    device_id: Uuid,
    iccid: String,
    msisdn: Option<String>,
    status: Option<String>,
    archived: Option<bool>,
    locked: bool,
    version: Option<i32>,
    left_at_version: Option<i32>,
    now_site: Option<Uuid>,
    now_account: Option<String>,
    now_authentication: Option<Uuid>,
    now_plan: Option<Uuid>,
    now_pool: Option<Uuid>,
    now_allocation: Option<String>,
    now_version: Option<i32>,
    billed: bool,
    now_scheduled: Option<jiff_sqlx::Date>,
    was_site: Option<Uuid>,
    was_account: Option<String>,
    was_authentication: Option<Uuid>,
    was_plan: Option<Uuid>,
    was_pool: Option<Uuid>,
    was_allocation: Option<String>,
    site_active: bool,
    same_account: bool,
    customer_closed: bool,
    plan_active: bool,
    pool_active: bool,
    opened: Option<Uuid>,
    opened_id: Option<i64>,
    opened_customer: Option<String>,
    opened_authentication: Option<Uuid>,
    opened_ended: bool,
    opened_products: i32,
    line_ended: Option<i64>,
    line_taken: Option<i64>,
    standing: Option<String>,
    plan_moved: bool,
    activated: bool,
    carrier_left_at: Option<Uuid>,
    with_communication_plan: bool,
    carrier_was: Option<Uuid>,
    carrier_was_code: Option<String>,
    carrier_was_active: bool,
    carrier_now: Option<Uuid>,
    plan_changes: i32,
}

impl Stage {
    /// The next rows of a finished change that were done, after this one. One statement a page, two where Rev.io bills one of its devices.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn done_rows(&mut self, of: BulkChangeId, after: i32, limit: i64) -> Result<Vec<DoneRow>> {
        let tenant = self.tenant();
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let found: Vec<Found> = sqlx::query_as(
            "with done as materialized (
                 select * from app.m2m_device_change
                 where tenant_id = $1 and bulk_change_id = $2 and row_number > $3 and status = 'PROCESSED' order by row_number limit $4)
             select c.row_number, c.device_id, c.iccid, d.msisdn, d.status, d.is_archived as archived, l.device_id is not null as locked, d.version,
                 h.version + dt.link_version as left_at_version, dt.site_id as now_site, dt.account_number as now_account,
                 dt.account_number_integration_authentication_id as now_authentication, dt.customer_rate_plan_id as now_plan,
                 dt.customer_rate_pool_id as now_pool, dt.customer_data_allocation_mb::text as now_allocation, dt.version + dt.link_version as now_version, coalesce(dt.rev_service_is_active or dt.other_rev_service_ids is not null, false) as billed, sc.effective_date as now_scheduled,
                 case when c.device_tenant_version > 0 then c.before_site_id end as was_site, c.before_account_number as was_account,
                 c.before_integration_authentication_id as was_authentication, c.before_customer_rate_plan_id as was_plan,
                 c.before_customer_rate_pool_id as was_pool, c.before_customer_data_allocation_mb::text as was_allocation,
                 coalesce(s.is_active, false) as site_active,
                 (c.before_account_number, c.before_integration_authentication_id) is not distinct from (r.rev_customer_id, r.integration_authentication_id) as same_account, coalesce(r.status = 'CLOSED', false) as customer_closed,
                 c.before_customer_rate_plan_id is null or coalesce(p.is_active, false) as plan_active,
                 c.before_customer_rate_pool_id is null or coalesce(o.is_active, false) as pool_active,
                 v.id as opened, v.rev_service_id as opened_id, v.rev_customer_id as opened_customer,
                 v.integration_authentication_id as opened_authentication,
                 coalesce(v.disconnected_date is not null or v.gone_at is not null, false) as opened_ended, coalesce(v.products, 0)::integer as opened_products,
                 x.line_ended, x.line_taken, ds.standing, coalesce(x.plan_moved, false) as plan_moved, coalesce(x.activated, false) as activated, t.carrier_rate_plan_id as carrier_left_at,
                 t.communication_plan is not null as with_communication_plan, cw.id as carrier_was, cw.rate_plan_code as carrier_was_code,
                 coalesce(cw.is_active, false) as carrier_was_active, d.carrier_rate_plan_id as carrier_now, coalesce(pc.times, 0)::integer as plan_changes
             from done c
             left join app.bulk_change_target t on t.tenant_id = $1 and t.bulk_change_id = $2 and t.target_number = c.target_number
             left join app.carrier_plan_change pc on pc.tenant_id = $1 and pc.device_id = c.device_id
                 and pc.month = date_trunc('month', app.now() at time zone 'UTC')::date
             left join app.device_bulk_change b on b.tenant_id = $1 and b.id = $2
             left join app.service_provider sp on sp.tenant_id = $1 and sp.id = b.service_provider_id
             left join app.device_tenant dt on dt.tenant_id = $1 and dt.device_id = c.device_id
             left join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = c.device_id
             left join app.device_status ds on ds.integration_id = sp.integration_id and ds.status = d.status
             left join app.device_change_schedule sc on sc.tenant_id = $1 and sc.device_id = c.device_id and sc.status = 'PENDING'
             left join lateral (select max(h.version) as version from app.device_tenant_history h
                 where h.tenant_id = $1 and h.device_id = c.device_id and h.bulk_change_id = $2) as h on true
             left join app.site s on s.tenant_id = $1 and s.id = c.before_site_id
             left join app.rev_customer r on r.tenant_id = $1 and r.id = s.rev_customer_id
             left join app.customer_rate_plan p on p.tenant_id = $1 and p.id = c.before_customer_rate_plan_id
             left join app.customer_rate_pool o on o.tenant_id = $1 and o.id = c.before_customer_rate_pool_id
             left join lateral (select s.*, (select count(*) from app.rev_service_product q where q.tenant_id = $1
                     and q.integration_authentication_id = s.integration_authentication_id and q.rev_service_id = s.rev_service_id
                     and q.status not in ('DISCONNECTED', 'DENIED') and q.gone_at is null) as products
                 from app.provider_intent i join app.rev_service s on s.tenant_id = $1 and s.integration_authentication_id = i.account and s.rev_service_id = i.provider_ref
                 where c.steps is not null and i.tenant_id = $1 and i.bulk_change_id = $2 and i.row_number = c.row_number
                   and i.call = 'create_service' and i.direction = 'apply' and i.outcome = 'DONE') as v on true
             left join lateral (select max(i.provider_ref) filter (where i.call = 'close_service') as line_ended,
                     max(i.provider_ref) filter (where i.call = 'patch_service') as line_taken,
                     bool_or(i.call = 'change_carrier_rate_plan' and i.provider_ref = 0) as plan_moved,
                     bool_or(i.call = 'activate' and i.provider_ref = 0) as activated,
                     max(i.before_image->>'carrier_rate_plan') filter (where i.call = 'change_carrier_rate_plan') as carrier_had
                 from app.provider_intent i where c.steps is not null and i.tenant_id = $1 and i.bulk_change_id = $2 and i.row_number = c.row_number
                   and i.direction = 'apply' and i.outcome = 'DONE') as x on true
             -- What the carrier showed when it was changed, and not what was believed when that was planned.
             left join app.carrier_rate_plan cw on cw.tenant_id = $1 and cw.id = coalesce((select p.id from app.carrier_rate_plan p
                 where p.tenant_id = $1 and p.service_provider_id = b.service_provider_id and p.rate_plan_code = x.carrier_had), c.before_carrier_rate_plan_id)
             left join app.locked_devices(null, (select array_agg(device_id) from done)) as l (device_id) on l.device_id = c.device_id
             order by c.row_number")
            .bind(tenant.0).bind(of.0).bind(after).bind(limit)
            .fetch_all(&mut *transaction).await?;
        let billed = found.iter().filter(|row| row.billed && row.archived != Some(true));
        let billed: Vec<(Uuid, &str)> =
            billed.filter_map(|row| Some((row.device_id, row.msisdn.as_deref()?))).collect();
        let mut lines = active_lines(&mut transaction, tenant, &billed).await?;
        transaction.commit().await?;
        let lines_of = |row: Found| {
            let lines = lines.remove(&row.device_id).unwrap_or_default();
            done_row(row, lines)
        };
        Ok(found.into_iter().map(lines_of).collect())
    }

    /// Stores targets that rows go back to, with the versions they have now, under numbers from this one on. One statement.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_restored_targets(
        &mut self,
        change: BulkChangeId,
        first_number: i32,
        targets: &[Restored],
    ) -> Result<()> {
        let tenant = self.tenant();
        let (sites, plans): (Vec<Uuid>, Vec<Option<Uuid>>) =
            targets.iter().map(|t| (t.site.0, t.plan.map(|p| p.0))).unzip();
        let (pools, allocations): (Vec<Option<Uuid>>, Vec<Option<String>>) =
            targets.iter().map(|t| (t.pool.map(|p| p.0), t.allocation.map(|a| a.to_string()))).unzip();
        let carrier_plans: Vec<Option<Uuid>> = targets.iter().map(|t| t.carrier_plan.map(|p| p.0)).collect();
        let epoch = self.epoch_of(change);
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        fence(&mut transaction, tenant, change, epoch).await?;
        let stored = sqlx::query!(
            "insert into app.bulk_change_target (tenant_id, bulk_change_id, target_number, site_id, site_version, rev_customer_id,
                 rev_customer_version, customer_rate_plan_id, customer_rate_plan_version, customer_rate_pool_id,
                 customer_rate_pool_version, customer_data_allocation_mb, restores, carrier_rate_plan_id)
             select $1, $2, $3 + u.n::integer - 1, s.id, s.version, r.id, r.version, p.id, p.version, o.id, o.version, u.allocation::numeric, true, u.carrier_plan
             from unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::uuid[]) with ordinality as u (site, plan, pool, allocation, carrier_plan, n)
             join app.site s on s.tenant_id = $1 and s.id = u.site
             left join app.rev_customer r on r.tenant_id = $1 and r.id = s.rev_customer_id
             left join app.customer_rate_plan p on p.tenant_id = $1 and p.id = u.plan
             left join app.customer_rate_pool o on o.tenant_id = $1 and o.id = u.pool",
            tenant.0, change.0, first_number, &sites, &plans as &[Option<Uuid>], &pools as &[Option<Uuid>], &allocations as &[Option<String>],
            &carrier_plans as &[Option<Uuid>])
            .execute(&mut *transaction).await?;
        if stored.rows_affected() != targets.len() as u64 {
            return Err(DatabaseError::Inconsistent {
                table: "m2m_device_change",
                column: "before_site_id",
                value: change.to_string(),
            });
        }
        Ok(transaction.commit().await?)
    }
}

/// What the change did at Rev.io for the row.
fn billed(row: &Found) -> Billed {
    let account = row.opened_customer.clone().zip(row.opened_authentication);
    let account = account.map(|(rev_customer_id, authentication)| RevAccount {
        rev_customer_id,
        integration_authentication: IntegrationAuthenticationId(authentication),
    });
    let opened = match (row.opened, row.opened_id, account) {
        (Some(id), Some(rev_service_id), Some(account)) => {
            let line = ActiveLine { id: RevServiceId(id), account, rev_service_id, products: row.opened_products };
            Some(Opened { line, ended: row.opened_ended })
        }
        _ => None,
    };
    let ended =
        row.line_ended.map(|line| format!("line {line} of the customer before was ended, and is not opened again"));
    let taken = || row.line_taken.map(|line| format!("the SIM was put on line {line}"));
    Billed { opened, stays: ended.or_else(taken) }
}

/// What the change did at the carrier for the row, and how its SIM stands there now.
fn carried(row: &Found) -> (Carried, CarrierFacts) {
    let code = row.carrier_was_code.clone().unwrap_or_default();
    let before =
        row.carrier_was.map(|id| PlanBefore { id: CarrierRatePlanId(id), code, active: row.carrier_was_active });
    let moved = row.carrier_left_at.filter(|_| row.plan_moved).map(|left_at| PlanMoved {
        before,
        left_at: CarrierRatePlanId(left_at),
        with_communication_plan: row.with_communication_plan,
    });
    let standing = row.standing.as_deref().and_then(Standing::from_word).unwrap_or(Standing::Other);
    let plan = row.carrier_now.map(CarrierRatePlanId);
    let now = CarrierFacts { standing, plan, imei: None, plan_changes: row.plan_changes };
    (Carried { plan: moved, activated: row.activated }, now)
}

fn done_row(row: Found, lines: Vec<ActiveLine>) -> DoneRow {
    let billed = billed(&row);
    let (carried, carrier) = carried(&row);
    let account = |number: Option<String>, authentication: Option<Uuid>| {
        number.zip(authentication).map(|(rev_customer_id, authentication)| RevAccount {
            rev_customer_id,
            integration_authentication: IntegrationAuthenticationId(authentication),
        })
    };
    let allocation = |text: Option<String>| text.and_then(|text| DataAllocation::parse(&text).ok());
    let now = row.now_site.zip(row.now_version).map(|(site, version)| Assignment {
        site: SiteId(site),
        unassigned: false,
        account: account(row.now_account, row.now_authentication),
        plan: row.now_plan.map(CustomerRatePlanId),
        pool: row.now_pool.map(CustomerRatePoolId),
        allocation: allocation(row.now_allocation),
        version,
        scheduled: row.now_scheduled.map(|date| Scheduled {
            date: date.to_jiff(),
            plan: None,
            pool: None,
            allocation: None,
        }),
    });
    let before = row.was_site.map(|site| Before {
        assignment: Assignment {
            site: SiteId(site),
            unassigned: false,
            account: account(row.was_account, row.was_authentication),
            plan: row.was_plan.map(CustomerRatePlanId),
            pool: row.was_pool.map(CustomerRatePoolId),
            allocation: allocation(row.was_allocation),
            version: 0,
            scheduled: None,
        },
        site_active: row.site_active,
        same_account: row.same_account,
        customer_closed: row.customer_closed,
        plan_active: row.plan_active,
        pool_active: row.pool_active,
    });
    let device = row.version.map(|version| DeviceFacts {
        id: DeviceId(row.device_id),
        iccid: row.iccid.clone(),
        number: row.msisdn,
        status: row.status.unwrap_or_default(),
        active: carrier.standing == Standing::Active,
        archived: row.archived.unwrap_or(false),
        locked: row.locked,
        version,
        activated_at: None,
        assignment: now,
        lines,
        carrier,
    });
    let reading = Identifier::read(&row.iccid, Column::Iccids).map_err(|_| Refusal::plain(Reason::IccidMalformed));
    DoneRow {
        row: StagedRow {
            row_number: row.row_number,
            input: row.iccid.clone(),
            iccid: Some(row.iccid),
            overrides: None,
            record: None,
            facts: RowFacts {
                reading,
                duplicate_of: None,
                ambiguous: None,
                device: device.clone(),
                line_taken_by: None,
                imei: None,
            },
        },
        facts: UndoFacts { device, left_at_version: row.left_at_version, before, billed, carried },
    }
}
