//! The rows of a plan and of the bulk change it becomes: what was given, what it was, what it is to be, how it ended.

use crate::carrier_images::{CarrierImage, carrier_of};
use crate::line_images::{ClosedLine, LineImage, closed_lines, lines_of};
use crate::{DatabaseError, Ledger, Result};
use domain::allocation::DataAllocation;
use domain::ids::{RevServiceId, TenantId};
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use domain::steps::Step;
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use uuid::Uuid;

/// An assignment with the names a person knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// None: nobody's, at the default site.
    pub customer: Option<(Uuid, String)>,
    /// The site.
    pub site: (Uuid, String),
    /// The customer rate plan's code.
    pub customer_rate_plan: Option<String>,
    /// The pool's name.
    pub customer_rate_pool: Option<String>,
    /// The data allocation.
    pub allocation: Option<DataAllocation>,
}

/// One device in one bulk change.
#[derive(Clone, Debug)]
pub struct DeviceChange {
    /// Its place in the input, from 1.
    pub row_number: i32,
    /// What was given.
    pub input: String,
    /// The ICCID as stored, or as it was read.
    pub iccid: Option<String>,
    /// Where it is in its life.
    pub status: DeviceChangeStatus,
    /// Why, if it is not simply done or waiting.
    pub reason: Option<Reason>,
    /// What is particular to this row.
    pub detail: Option<String>,
    /// How often it was tried.
    pub attempts: i16,
    /// When it ended.
    pub processed_date: Option<Timestamp>,
    /// What the device was when the plan was made.
    pub before: Option<Image>,
    /// What it is to become.
    pub after: Option<Image>,
    /// The date it takes effect on.
    pub effective_date: Option<Date>,
    /// What became of what waits for that date: its status, and the reason if it failed.
    pub schedule: Option<(String, Option<Reason>)>,
    /// What is done outside before the record, in order.
    pub steps: Vec<Step>,
    /// The line at Rev.io that its SIM gets.
    pub line: Option<Arc<LineImage>>,
    /// The lines there that are closed.
    pub closes: Vec<ClosedLine>,
    /// What is asked of its carrier; which of it is done for this row, the steps say.
    pub carrier: Option<Arc<CarrierImage>>,
    /// The IMEI that the row names.
    pub imei: Option<String>,
    /// The code of the carrier rate plan that its SIM had, where something is done at the carrier.
    pub carrier_plan_before: Option<String>,
    /// How often the SIM's carrier rate plan was changed from here this calendar month (UTC), as of now.
    pub plan_changes: i32,
}

/// What a list of rows may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// With one of these statuses.
    pub statuses: Option<Vec<&'static str>>,
    /// With this reason.
    pub reason: Option<Reason>,
}

/// A page in the order of rows, after this one. One statement; up to three more where a row does something outside.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    change: Uuid,
    filter: &Filter,
    after: i32,
    limit: i64,
) -> Result<Vec<DeviceChange>> {
    let statuses: Option<Vec<String>> =
        filter.statuses.as_ref().map(|words| words.iter().map(|w| (*w).to_owned()).collect());
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select c.row_number, coalesce(c.input, c.iccid, '') as "input!", c.iccid, c.status, c.reason, c.status_details, c.attempts,
               c.processed_date, c.effective_date, c.target_number, c.steps, c.closes, c.imei, cb.rate_plan_code as "carrier_before?", coalesce(pc.times, 0)::integer as "plan_changes!", sc.status as "schedule_status?", sc.reason as "schedule_reason?",
               b.site_id as "before_site?", b.site_name as before_site_name, b.customer_id as before_customer, b.customer_name as before_customer_name,
               bp.rate_plan_code as "before_plan?", bo.name as "before_pool?", c.before_customer_data_allocation_mb::text as before_allocation,
               a.site_id as "after_site?", a.site_name as after_site_name, a.customer_id as after_customer, a.customer_name as after_customer_name,
               case when t.restores then ap.rate_plan_code else coalesce(ap.rate_plan_code, bp.rate_plan_code) end as after_plan,
               case when t.restores then ao.name else coalesce(ao.name, bo.name) end as after_pool,
               case when t.restores then t.customer_data_allocation_mb
                    else coalesce(t.customer_data_allocation_mb, c.before_customer_data_allocation_mb) end::text as after_allocation
           from (select * from app.m2m_device_change c
                 where c.tenant_id = $1 and c.bulk_change_id = $2 and c.row_number > $3
                   and ($4::text[] is null or c.status = any ($4)) and ($5::text is null or c.reason = $5)
                 order by c.row_number limit $6) as c
           left join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
           left join app.device_change_schedule sc on sc.tenant_id = c.tenant_id and sc.bulk_change_id = c.bulk_change_id and sc.row_number = c.row_number
           left join app.carrier_rate_plan cb on cb.tenant_id = c.tenant_id and cb.id = c.before_carrier_rate_plan_id
           left join app.carrier_plan_change pc on pc.tenant_id = c.tenant_id and pc.device_id = c.device_id
               and pc.month = date_trunc('month', app.now() at time zone 'UTC')::date
           left join app.seat b on b.tenant_id = c.tenant_id and b.site_id = c.before_site_id
           left join app.customer_rate_plan bp on bp.tenant_id = c.tenant_id and bp.id = c.before_customer_rate_plan_id
           left join app.customer_rate_pool bo on bo.tenant_id = c.tenant_id and bo.id = c.before_customer_rate_pool_id
           left join app.seat a on a.tenant_id = c.tenant_id and a.site_id = t.site_id
           left join app.customer_rate_plan ap on ap.tenant_id = c.tenant_id and ap.id = t.customer_rate_plan_id
           left join app.customer_rate_pool ao on ao.tenant_id = c.tenant_id and ao.id = t.customer_rate_pool_id
           order by c.row_number"#,
        tenant.0, change, after, statuses.as_deref(), filter.reason.map(Reason::word), limit)
        .fetch_all(&mut *transaction).await?;
    let mut targets: Vec<i32> =
        rows.iter().filter(|row| row.steps.is_some()).filter_map(|row| row.target_number).collect();
    targets.sort_unstable();
    targets.dedup();
    let lines = lines_of(&mut transaction, tenant, change, &targets).await?;
    let carrier = carrier_of(&mut transaction, tenant, change, &targets).await?;
    let closed: Vec<Uuid> = rows.iter().flat_map(|row| row.closes.iter().flatten()).copied().collect();
    let closed = closed_lines(&mut transaction, tenant, &closed).await?;
    rows.into_iter()
        .map(|row| {
            let status = DeviceChangeStatus::from_word(&row.status).ok_or(DatabaseError::Inconsistent {
                table: "m2m_device_change",
                column: "status",
                value: row.status,
            })?;
            let before = row.before_site.zip(row.before_site_name).map(|site| Image {
                customer: row.before_customer.zip(row.before_customer_name),
                site,
                customer_rate_plan: row.before_plan,
                customer_rate_pool: row.before_pool,
                allocation: read_allocation(row.before_allocation),
            });
            let after = row.after_site.zip(row.after_site_name).map(|site| Image {
                customer: row.after_customer.zip(row.after_customer_name),
                site,
                customer_rate_plan: row.after_plan,
                customer_rate_pool: row.after_pool,
                allocation: read_allocation(row.after_allocation),
            });
            Ok(DeviceChange {
                row_number: row.row_number,
                input: row.input,
                iccid: row.iccid,
                status,
                reason: row.reason.as_deref().and_then(Reason::from_word),
                detail: row.status_details,
                attempts: row.attempts,
                processed_date: row.processed_date.map(jiff_sqlx::Timestamp::to_jiff),
                effective_date: row.effective_date.map(jiff_sqlx::Date::to_jiff),
                schedule: row.schedule_status.map(|s| (s, row.schedule_reason.as_deref().and_then(Reason::from_word))),
                after: if status == DeviceChangeStatus::NoChange { before.clone() } else { after },
                before,
                line: row.steps.as_ref().and(row.target_number).and_then(|number| lines.get(&number).map(Arc::clone)),
                carrier: row.steps.as_ref().and(row.target_number).and_then(|n| carrier.get(&n).map(Arc::clone)),
                imei: row.imei,
                carrier_plan_before: row.carrier_before,
                plan_changes: row.plan_changes,
                steps: row.steps.iter().flatten().filter_map(|word| Step::from_word(word)).collect(),
                closes: row.closes.iter().flatten().filter_map(|id| closed.get(&RevServiceId(*id)).cloned()).collect(),
            })
        })
        .collect()
}

/// How many rows the filter leaves, counted up to a most.
///
/// # Errors
/// The database does not answer.
pub async fn count(ledger: &Ledger, tenant: TenantId, change: Uuid, filter: &Filter, most: Option<i64>) -> Result<i64> {
    let statuses: Option<Vec<String>> =
        filter.statuses.as_ref().map(|words| words.iter().map(|w| (*w).to_owned()).collect());
    let mut transaction = ledger.web(tenant).await?;
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from app.m2m_device_change c
             where c.tenant_id = $1 and c.bulk_change_id = $2
               and ($3::text[] is null or c.status = any ($3)) and ($4::text is null or c.reason = $4)
             limit $5) as counted"#,
        tenant.0,
        change,
        statuses.as_deref(),
        filter.reason.map(Reason::word),
        most
    )
    .fetch_one(&mut *transaction)
    .await?)
}

fn read_allocation(text: Option<String>) -> Option<DataAllocation> {
    text.and_then(|text| DataAllocation::parse(&text).ok())
}

/// One attempt at a step of a row. Its requests and responses were redacted before they came here.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Which attempt, from 1; 0: a person's word.
    pub attempt: i16,
    /// Which step.
    pub step: String,
    /// How it ended.
    pub status: String,
    /// Why, if it did not go.
    pub error: Option<String>,
    /// What was sent.
    pub request: Option<String>,
    /// What came back.
    pub response: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What was done for a row, in the order of time: at most a thousand entries. None: the change has no such row.
///
/// # Errors
/// The database does not answer.
pub async fn log(ledger: &Ledger, tenant: TenantId, change: Uuid, row: i32) -> Result<Option<Vec<LogEntry>>> {
    let mut transaction = ledger.web(tenant).await?;
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.m2m_device_change where tenant_id = $1 and bulk_change_id = $2 and row_number = $3) as "exists!""#,
        tenant.0, change, row)
        .fetch_one(&mut *transaction).await?;
    if !exists {
        return Ok(None);
    }
    let rows = sqlx::query!(
        "select attempt, step, status, error_text, request, response, created_at from app.m2m_device_bulk_change_log
         where tenant_id = $1 and bulk_change_id = $2 and row_number = $3 order by created_at, attempt limit 1000",
        tenant.0,
        change,
        row
    )
    .fetch_all(&mut *transaction)
    .await?;
    let entries = rows.into_iter().map(|row| LogEntry {
        attempt: row.attempt,
        step: row.step,
        status: row.status,
        error: row.error_text,
        request: row.request,
        response: row.response,
        at: row.created_at.to_jiff(),
    });
    Ok(Some(entries.collect()))
}
