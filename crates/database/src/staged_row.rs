//! Staged rows with the facts they are judged on, page by page; and judged rows, on their way into the plan.

use crate::active_lines::active_lines;
use crate::ledger::set_tenant;
use crate::stage::Stage;
use crate::{DatabaseError, Result};
use domain::allocation::DataAllocation;
use domain::carrier::{CarrierFacts, Standing};
use domain::identifier::{Column, Identifier};
use domain::ids::{
    CarrierRatePlanId, CustomerRatePlanId, CustomerRatePoolId, DeviceId, IntegrationAuthenticationId,
    ServiceProviderId, SiteId,
};
use domain::reason::{Reason, Refusal};
use domain::steps::Outside;
use domain::target::RevAccount;
use domain::verdict::{ActiveLine, Assignment, DeviceFacts, RowFacts, Scheduled, Verdict};
use jiff::civil::Date;
use sqlx::{Acquire as _, AssertSqlSafe, FromRow};
use std::collections::HashSet;
use uuid::Uuid;

/// A staged row with the facts it is judged on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedRow {
    /// Its place in the input, from 1.
    pub row_number: i32,
    /// What was given, as far as it can be stored.
    pub input: String,
    /// The ICCID as stored, if a device was found; else as it was read.
    pub iccid: Option<String>,
    /// What the row asks for in place of the request, as JSON.
    pub overrides: Option<String>,
    /// The row's own columns as a CSV record.
    pub record: Option<String>,
    /// What the verdict reads.
    pub facts: RowFacts,
}

impl StagedRow {
    /// Forgets which device was found, and everything that is known of it: the row then says no more than its input did.
    pub fn forget_device(&mut self) {
        self.facts.device = None;
        self.iccid = match &self.facts.reading {
            Ok(Identifier::Iccid(iccid)) => Some(iccid.as_str().to_owned()),
            _ => None,
        };
    }
}

/// A judged row, to be stored.
#[derive(Clone, Debug)]
pub struct JudgedRow {
    /// The row.
    pub row: StagedRow,
    /// What the plan says of it.
    pub verdict: Verdict,
    /// Which of the plan's targets it is to become, if it changes.
    pub target_number: i32,
    /// The date it takes effect on, if it changes and that was asked for or is known.
    pub effective_date: Option<Date>,
    /// What is done outside, if it changes.
    pub outside: Outside,
    /// What a person should know of a row that changes.
    pub note: Option<&'static str>,
}

/// Which of the staged rows belong to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsOf {
    /// All of them.
    All,
    /// Those sorted to this service provider.
    Provider(ServiceProviderId),
}

#[derive(FromRow)]
struct Found {
    row_number: i32,
    input: String,
    identifier: Option<String>,
    is_number: bool,
    reason: Option<String>,
    detail: Option<String>,
    overrides: Option<String>,
    imei: Option<String>,
    record: Option<String>,
    duplicate_of: Option<i32>,
    matches: Option<i32>,
    device_id: Option<Uuid>,
    device_iccid: Option<String>,
    msisdn: Option<String>,
    status: Option<String>,
    active: bool,
    archived: bool,
    version: Option<i32>,
    activated_at: Option<jiff_sqlx::Timestamp>,
    site_id: Option<Uuid>,
    unassigned: bool,
    account_number: Option<String>,
    authentication: Option<Uuid>,
    plan_id: Option<Uuid>,
    pool_id: Option<Uuid>,
    allocation: Option<String>,
    assignment_version: Option<i32>,
    billed: bool,
    scheduled_date: Option<jiff_sqlx::Date>,
    scheduled_plan: Option<Uuid>,
    scheduled_pool: Option<Uuid>,
    scheduled_allocation: Option<String>,
    standing: Option<String>,
    carrier_plan: Option<Uuid>,
    device_imei: Option<String>,
    plan_changes: Option<i16>,
}

impl Stage {
    /// The next rows after this one, with their facts. Two statements a page, three where Rev.io bills one of its devices.
    ///
    /// # Errors
    /// The database does not answer, or holds what nothing writes.
    pub async fn page(
        &mut self,
        of: RowsOf,
        service_provider: Option<ServiceProviderId>,
        after: i32,
        limit: i64,
    ) -> Result<Vec<StagedRow>> {
        let tenant = self.tenant();
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let (rows, provider) = match of {
            RowsOf::All => ("pg_temp.staged_row where row_number > $3 and $5::uuid is null", None),
            RowsOf::Provider(provider) => (
                "pg_temp.staged_row s join (select row_number as n from pg_temp.staged_place where provider = $5 and row_number > $3
                     order by row_number limit $4) as place on place.n = s.row_number",
                Some(provider.0),
            ),
        };
        // Only the words above go into the statement. CASE and not coalesce, which the planner takes for leaky: under row
        // level security it would not use the index, and read every device for every page.
        let statement = format!(
            "select s.row_number, s.input, s.identifier, s.is_number, s.reason, s.detail, s.overrides, s.imei, s.record, u.first_row as duplicate_of,
                 m.matches, m.device_id, d.iccid as device_iccid, d.msisdn, d.status,
                 coalesce(ds.is_active, false) as active, coalesce(d.is_archived, false) as archived, d.version, a.date_of_change as activated_at,
                 dt.site_id, coalesce(st.is_system_default, false) as unassigned, dt.account_number,
                 dt.account_number_integration_authentication_id as authentication, dt.customer_rate_plan_id as plan_id,
                 dt.customer_rate_pool_id as pool_id, dt.customer_data_allocation_mb::text as allocation, dt.version + dt.link_version as assignment_version,
                 dt.site_id is null or dt.rev_service_is_active or dt.other_rev_service_ids is not null as billed, sc.effective_date as scheduled_date, sc.customer_rate_plan_id as scheduled_plan, sc.customer_rate_pool_id as scheduled_pool,
                 sc.customer_data_allocation_mb::text as scheduled_allocation,
                 ds.standing, d.carrier_rate_plan_id as carrier_plan, d.imei as device_imei, pc.times as plan_changes
             from (select * from {rows} order by row_number limit $4) as s
             left join pg_temp.staged_match m on m.row_number = s.row_number
             left join pg_temp.staged_duplicate u on u.row_number = s.row_number
             left join app.device_tenant dt on dt.tenant_id = $1 and dt.device_id = m.device_id
             left join app.m2m_device d on d.id = m.device_id
                 and d.tenant_id = case when dt.device_owner_tenant_id is null then $1 else dt.device_owner_tenant_id end
             left join app.site st on st.tenant_id = $1 and st.id = dt.site_id
             left join app.device_change_schedule sc on sc.tenant_id = $1 and sc.device_id = dt.device_id and sc.status = 'PENDING'
             left join app.carrier_plan_change pc on pc.tenant_id = $1 and pc.device_id = dt.device_id
                 and pc.month = date_trunc('month', app.now() at time zone 'UTC')::date
             left join app.service_provider p on p.tenant_id = $1 and p.id = $2
             left join app.device_status ds on ds.integration_id = p.integration_id and ds.status = d.status
             left join lateral (
                 select h.date_of_change from app.device_status_history h
                 join app.device_status x on x.integration_id = p.integration_id and x.status = h.current_status and x.is_active
                 where h.tenant_id = d.tenant_id and h.device_id = d.id order by h.date_of_change desc limit 1) as a on true
             order by s.row_number"
        );
        let found: Vec<Found> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(tenant.0)
            .bind(service_provider.map(|provider| provider.0))
            .bind(after)
            .bind(limit)
            .bind(provider)
            .fetch_all(&mut *transaction)
            .await?;
        let ids: Vec<Uuid> = found.iter().filter_map(|row| row.device_id).collect();
        let locked: HashSet<Uuid> = sqlx::query_scalar!("select app.locked_devices(null, $1) as \"id!\"", &ids)
            .fetch_all(&mut *transaction)
            .await?
            .into_iter()
            .collect();
        let billed = found.iter().filter(|row| row.billed && !row.archived);
        let billed: Vec<(Uuid, &str)> = billed.filter_map(|row| row.device_id.zip(row.msisdn.as_deref())).collect();
        let mut lines = active_lines(&mut transaction, tenant, &billed).await?;
        transaction.commit().await?;
        found
            .into_iter()
            .map(|row| {
                let lines = row.device_id.and_then(|id| lines.remove(&id)).unwrap_or_default();
                staged(row, &locked, lines)
            })
            .collect()
    }
}

fn staged(row: Found, locked: &HashSet<Uuid>, lines: Vec<ActiveLine>) -> Result<StagedRow> {
    let column = if row.is_number { Column::SubscriberNumbers } else { Column::Iccids };
    let reading = match (&row.identifier, &row.reason) {
        (Some(identifier), _) => Identifier::read(identifier, column),
        (None, Some(word)) => Err(Refusal {
            reason: Reason::from_word(word).ok_or_else(|| DatabaseError::Inconsistent {
                table: "staged_row",
                column: "reason",
                value: word.clone(),
            })?,
            detail: row.detail.clone().unwrap_or_default(),
        }),
        (None, None) => Err(Refusal::plain(Reason::IccidMalformed)),
    };
    let assignment = assignment(&row);
    let carrier = CarrierFacts {
        standing: row.standing.as_deref().and_then(Standing::from_word).unwrap_or(Standing::Other),
        plan: row.carrier_plan.map(CarrierRatePlanId),
        imei: row.device_imei,
        plan_changes: row.plan_changes.unwrap_or(0).into(),
    };
    let device = row.device_id.zip(row.version).map(|(id, version)| DeviceFacts {
        id: DeviceId(id),
        iccid: row.device_iccid.clone().unwrap_or_default(),
        number: row.msisdn.filter(|number| !number.is_empty()),
        status: row.status.unwrap_or_default(),
        active: row.active,
        archived: row.archived,
        locked: locked.contains(&id),
        version,
        activated_at: row.activated_at.map(jiff_sqlx::Timestamp::to_jiff),
        assignment,
        lines,
        carrier,
    });
    Ok(StagedRow {
        row_number: row.row_number,
        iccid: row.device_iccid.or(row.identifier.filter(|_| !row.is_number)),
        input: row.input,
        overrides: row.overrides,
        record: row.record,
        facts: RowFacts {
            reading,
            duplicate_of: row.duplicate_of,
            ambiguous: row.matches.filter(|matches| *matches > 1),
            device,
            line_taken_by: None,
            imei: row.imei,
        },
    })
}

fn assignment(row: &Found) -> Option<Assignment> {
    let allocation = |text: &Option<String>| text.as_deref().and_then(|text| DataAllocation::parse(text).ok());
    row.site_id.zip(row.assignment_version).map(|(site, version)| Assignment {
        site: SiteId(site),
        unassigned: row.unassigned,
        account: row.account_number.clone().zip(row.authentication).map(|(rev_customer_id, authentication)| {
            RevAccount { rev_customer_id, integration_authentication: IntegrationAuthenticationId(authentication) }
        }),
        plan: row.plan_id.map(CustomerRatePlanId),
        pool: row.pool_id.map(CustomerRatePoolId),
        allocation: allocation(&row.allocation),
        version,
        scheduled: row.scheduled_date.map(|date| Scheduled {
            date: date.to_jiff(),
            plan: row.scheduled_plan.map(CustomerRatePlanId),
            pool: row.scheduled_pool.map(CustomerRatePoolId),
            allocation: allocation(&row.scheduled_allocation),
        }),
    })
}
