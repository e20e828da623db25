//! Judged rows on their way into the plan: arrays, turned back into rows by one statement.

use crate::Result;
use crate::staged_row::JudgedRow;
use domain::carrier::read_imei;
use domain::ids::{BulkChangeId, TenantId};
use domain::verdict::Verdict;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use std::fmt::Display;
use uuid::Uuid;

/// The columns of the rows, each an array: PostgreSQL turns them back into rows with one `unnest`.
#[derive(Default)]
struct Columns {
    row_number: Vec<i32>,
    device_id: Vec<Option<Uuid>>,
    iccid: Vec<Option<String>>,
    input: Vec<Option<String>>,
    status: Vec<&'static str>,
    reason: Vec<Option<&'static str>>,
    details: Vec<Option<String>>,
    target_number: Vec<Option<i32>>,
    device_version: Vec<Option<i32>>,
    assignment_version: Vec<Option<i32>>,
    site: Vec<Option<Uuid>>,
    account: Vec<Option<String>>,
    authentication: Vec<Option<Uuid>>,
    plan: Vec<Option<Uuid>>,
    pool: Vec<Option<Uuid>>,
    allocation: Vec<Option<String>>,
    effective_date: Vec<Option<jiff_sqlx::Date>>,
    /// As PostgreSQL writes arrays: `unnest` takes arrays of arrays apart to the last.
    steps: Vec<Option<String>>,
    closes: Vec<Option<String>>,
    closes_of: Vec<Option<String>>,
    imei: Vec<Option<String>>,
    carrier_plan: Vec<Option<Uuid>>,
}

impl Columns {
    fn push(&mut self, judged: &JudgedRow) {
        let (row, device) = (&judged.row, judged.row.facts.device.as_ref());
        let (status, refusal) = match &judged.verdict {
            Verdict::Change => ("PENDING", None),
            Verdict::NoChange(refusal) => ("NO_CHANGE", Some(refusal)),
            Verdict::Refused(refusal) => ("REFUSED", Some(refusal)),
        };
        let change = judged.verdict == Verdict::Change;
        let now = device.and_then(|d| d.assignment.as_ref());
        self.row_number.push(row.row_number);
        self.device_id.push(device.map(|d| d.id.0));
        self.input.push((row.iccid.as_deref() != Some(&row.input)).then(|| row.input.clone()));
        self.iccid.push(row.iccid.clone());
        self.status.push(status);
        self.reason.push(refusal.map(|r| r.reason.word()));
        let note = judged.note.filter(|_| judged.verdict == Verdict::Change).map(str::to_owned);
        self.details.push(refusal.filter(|r| !r.detail.is_empty()).map(|r| r.detail.clone()).or(note));
        self.target_number.push(change.then_some(judged.target_number));
        self.device_version.push(device.filter(|_| change).map(|d| d.version));
        self.assignment_version.push(device.filter(|_| change).map(|_| now.map_or(0, |a| a.version)));
        self.site.push(now.map(|a| a.site.0));
        self.account.push(now.and_then(|a| a.account.as_ref()).map(|a| a.rev_customer_id.clone()));
        self.authentication.push(now.and_then(|a| a.account.as_ref()).map(|a| a.integration_authentication.0));
        self.plan.push(now.and_then(|a| a.plan).map(|p| p.0));
        self.pool.push(now.and_then(|a| a.pool).map(|p| p.0));
        self.allocation.push(now.and_then(|a| a.allocation).map(|a| a.to_string()));
        self.effective_date.push(judged.effective_date.filter(|_| change).map(|date| date.to_sqlx()));
        self.steps.push(array(judged.outside.steps.iter().map(|step| step.word())));
        self.closes.push(array(judged.outside.closes.iter().map(|line| line.id)));
        self.closes_of.push(array(judged.outside.closes.iter().map(|line| quoted(&line.account.rev_customer_id))));
        // In digits, as the carrier takes it. What the row named is kept also where it is not needed: a retry names it again.
        let digits = |text: &String| read_imei(text).unwrap_or_else(|_| text.clone());
        self.imei.push(row.facts.imei.as_ref().filter(|_| change).map(digits));
        // An agent's is its partner's plan, and an agent changes nothing at the carrier.
        let at_carrier = judged.outside.steps.iter().any(|step| step.is_at_carrier());
        self.carrier_plan.push(device.filter(|_| at_carrier).and_then(|d| d.carrier.plan).map(|plan| plan.0));
    }
}

/// An array of words or ids as text; None if there is nothing in it.
pub(crate) fn array(items: impl Iterator<Item = impl Display>) -> Option<String> {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    (!items.is_empty()).then(|| format!("{{{}}}", items.join(",")))
}

/// A word as an element of an array that is written as text.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Stores judged rows: one statement for all of them.
pub(crate) async fn store(
    connection: &mut PgConnection,
    tenant: TenantId,
    change: BulkChangeId,
    rows: &[JudgedRow],
) -> Result<()> {
    let mut columns = Columns::default();
    for row in rows {
        columns.push(row);
    }
    sqlx::query(
        "insert into app.m2m_device_change (tenant_id, bulk_change_id, row_number, device_id, iccid, input, status, reason, status_details,
             target_number, device_version, device_tenant_version, before_site_id, before_account_number,
             before_integration_authentication_id, before_customer_rate_plan_id, before_customer_rate_pool_id,
             before_customer_data_allocation_mb, effective_date, steps, closes, closes_of, imei, before_carrier_rate_plan_id)
         select $1, $2, u.row_number, u.device_id, u.iccid, u.input, u.status, u.reason, u.details, u.target_number, u.device_version,
             u.assignment_version, u.site, u.account, u.authentication, u.plan, u.pool, u.allocation::numeric, u.effective_date,
             u.steps::text[], u.closes::uuid[], u.closes_of::text[], u.imei, u.carrier_plan
         from unnest($3::integer[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::integer[], $11::integer[],
                 $12::integer[], $13::uuid[], $14::text[], $15::uuid[], $16::uuid[], $17::uuid[], $18::text[], $19::date[], $20::text[], $21::text[], $22::text[], $23::text[], $24::uuid[])
             as u (row_number, device_id, iccid, input, status, reason, details, target_number, device_version, assignment_version,
                 site, account, authentication, plan, pool, allocation, effective_date, steps, closes, closes_of, imei, carrier_plan)")
        .bind(tenant.0).bind(change.0)
        .bind(&columns.row_number).bind(&columns.device_id).bind(&columns.iccid).bind(&columns.input).bind(&columns.status)
        .bind(&columns.reason).bind(&columns.details).bind(&columns.target_number).bind(&columns.device_version)
        .bind(&columns.assignment_version).bind(&columns.site).bind(&columns.account).bind(&columns.authentication)
        .bind(&columns.plan).bind(&columns.pool).bind(&columns.allocation).bind(&columns.effective_date).bind(&columns.steps).bind(&columns.closes)
        .bind(&columns.closes_of).bind(&columns.imei).bind(&columns.carrier_plan)
        .execute(connection).await?;
    Ok(())
}
