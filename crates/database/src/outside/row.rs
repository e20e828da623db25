//! A row as whoever carries it out needs it: what is to happen, and every attempt at it so far.

use super::DueClaim;
use crate::{Ledger, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::HashMap;
use uuid::Uuid;

/// A row that is under way outside, or is looked at again after its end.
#[derive(Clone, Debug, Default)]
pub struct OutsideRow {
    /// The row.
    pub row: i32,
    /// The SIM's number when the row left its chunk; a line is found by it.
    pub msisdn: Option<String>,
    /// Has the device, its assignment or the target moved since it was planned on? Asked of rows of which nothing was sent.
    pub is_stale: bool,
    /// Lines to be closed that were found to be over.
    pub found_over: Vec<i64>,
    /// Since when nothing can be read of it although the provider answers.
    pub blind_since: Option<Timestamp>,
    /// The SIM.
    pub iccid: String,
    /// Does the row take another one back?
    pub restores: bool,
    /// The outside steps, in order.
    pub steps: Vec<String>,
    /// The lines that `close_rev_service` closes.
    pub closes: Vec<LineToClose>,
    /// What `open_rev_service` opens, or which line `update_rev_service` takes.
    pub sold: Sold,
    /// What is to happen at the carrier.
    pub at_carrier: AtCarrier,
    /// When the new line begins.
    pub effective_date: Option<Date>,
    /// When an old line ends: the date that was asked for, else today in the tenant's time zone.
    pub closes_on: Option<Date>,
    /// Was the change cancelled?
    pub is_cancelled: bool,
    /// Why what was done of it is being taken back, and the words for it.
    pub giving_up: Option<(String, String)>,
    /// What a person decided.
    pub resolution: Option<serde_json::Value>,
    /// Has it been done?
    pub was_processed: bool,
    /// None: under way. Else how often it was looked at again since it ended.
    pub sweeps: Option<i16>,
    /// Every attempt so far.
    pub attempts: Vec<Attempt>,
}

/// A line at Rev.io.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineToClose {
    /// Our account there.
    pub account: Uuid,
    /// The line's id.
    pub rev_service_id: i64,
    /// Whose line it is; of one that is to be closed: whose it was when that was planned.
    pub rev_customer_id: String,
}

/// What is to be billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sold {
    /// Our account at Rev.io.
    pub account: Option<Uuid>,
    /// Who pays.
    pub rev_customer_id: Option<String>,
    /// The provider at Rev.io.
    pub rev_provider_id: Option<i64>,
    /// The type of the line.
    pub rev_service_type_id: Option<i64>,
    /// A package, which brings its products.
    pub rev_package_id: Option<i64>,
    /// The usage plan group.
    pub rev_usage_plan_group_id: Option<i64>,
    /// Products, each with its rate.
    pub products: Vec<(i64, String)>,
    /// Are the products prorated?
    pub prorate: bool,
    /// The line's description.
    pub description: Option<String>,
    /// The line that is there, for `update_rev_service`.
    pub existing: Option<LineToClose>,
}

/// What a row's SIM is to become at its carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtCarrier {
    /// The service provider: whose account there it is.
    pub service_provider: Uuid,
    /// The code of the plan that it is to have, and the name of that.
    pub plan: Option<(String, String)>,
    /// The communication plan beside it.
    pub communication_plan: Option<String>,
    /// The code of the plan that it is activated with, and the name of that.
    pub activation_plan: Option<(String, String)>,
    /// What else the activation takes, in the words of the request.
    pub activation: Option<serde_json::Value>,
    /// The pool of its static address.
    pub static_ip_pool: Option<String>,
    /// The radio that it is in.
    pub imei: Option<String>,
    /// Of a row that takes another one back: the plan that it was planned to take it from, and the name of that.
    pub left_at: Option<(String, String)>,
}

/// What a callback has said of a request. It proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When it came.
    pub at: Timestamp,
    /// `SUCCESS`, `FAILED` or `OTHER`.
    pub word: String,
    /// The carrier's code.
    pub code: Option<String>,
}

/// One attempt at one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The step.
    pub step: String,
    /// `apply` or `undo`.
    pub direction: String,
    /// The call.
    pub call: String,
    /// Which of several.
    pub item: i64,
    /// Which attempt, from 1.
    pub attempt: i16,
    /// `OPEN`, `UNKNOWN`, `DONE`, `REFUSED`, `NOT_SENT` or `NOT_APPLIED`.
    pub outcome: String,
    /// Was it ever not known?
    pub was_unknown: bool,
    /// The receipt.
    pub reference: Option<i64>,
    /// When it was meant to be sent.
    pub began_at: Timestamp,
    /// When what is not there has not happened.
    pub settle_until: Timestamp,
    /// The day that was sent with it.
    pub effective_on: Option<Date>,
    /// What was there before.
    pub before_image: Option<serde_json::Value>,
    /// What is known of it, in words.
    pub evidence: Option<String>,
    /// The id of the request that the carrier has accepted.
    pub request_id: Option<String>,
    /// When it was last read back since.
    pub looked_at: Option<Timestamp>,
    /// The last callback about this request and this SIM.
    pub heard: Option<Heard>,
}

/// The rows of a claim that are still ours, with all that is known of them, and the ledger's time. Four statements.
///
/// # Errors
/// The database does not answer.
pub async fn outside_rows(ledger: &Ledger, claim: &DueClaim) -> Result<(Timestamp, Vec<OutsideRow>)> {
    let (tenant, change) = (claim.tenant.0, claim.bulk_change.0);
    let mut transaction = ledger.worker(claim.tenant).await?;
    let now =
        sqlx::query_scalar!(r#"select app.now() as "now!: jiff_sqlx::Timestamp""#).fetch_one(&mut *transaction).await?;
    let rows = sqlx::query!(
        r#"select c.row_number, w.msisdn, w.found_over, w.blind_since as "blind_since: jiff_sqlx::Timestamp", coalesce(d.iccid, c.iccid) as "iccid!", t.restores,
               w.sweeps is null and not exists (select from app.provider_intent i where i.tenant_id = w.tenant_id and i.bulk_change_id = w.bulk_change_id
                   and i.row_number = w.row_number and i.outcome <> 'NOT_SENT')
                   and ((dt.version + dt.link_version, d.version) is distinct from (c.device_tenant_version, c.device_version)
                       or (s.version, r.version, p.version, o.version) is distinct from
                          (t.site_version, t.rev_customer_version, t.customer_rate_plan_version, t.customer_rate_pool_version)) as "is_stale!",
               coalesce(c.steps, '{}') as "steps!", c.status = 'PROCESSED' as "was_processed!", w.sweeps, w.giving_up, w.giving_up_details, w.resolution,
               c.effective_date as "effective_date: jiff_sqlx::Date", b.is_cancelled,
               coalesce(t.effective_date, (app.now() at time zone n.time_zone)::date) as "closes_on!: jiff_sqlx::Date",
               r.integration_authentication_id as "account?", r.rev_customer_id as "rev_customer_id?", t.rev_provider_id, t.rev_service_type_id, t.rev_package_id,
               t.rev_usage_plan_group_id, t.rev_product_ids, t.rates::text[] as "rates?: Vec<String>", t.prorate, t.rev_service_description,
               b.service_provider_id as "service_provider!", cp.rate_plan_code as "carrier_plan?", cp.friendly_name as "carrier_plan_name?",
               t.communication_plan, ap.rate_plan_code as "activation_plan?", ap.friendly_name as "activation_plan_name?", t.activation, t.static_ip_pool,
               coalesce(c.imei, d.imei) as imei, bp.rate_plan_code as "left_at?", bp.friendly_name as "left_at_name?",
               e.integration_authentication_id as "existing_account?", e.rev_service_id as "existing_id?", e.rev_customer_id as "existing_customer?"
           from app.due_work w
           join app.m2m_device_change c on c.tenant_id = w.tenant_id and c.bulk_change_id = w.bulk_change_id and c.row_number = w.row_number
           join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
           join app.device_bulk_change b on b.tenant_id = w.tenant_id and b.id = w.bulk_change_id
           join app.tenant n on n.id = w.tenant_id
           left join app.device_tenant dt on dt.tenant_id = c.tenant_id and dt.device_id = c.device_id
           left join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = c.device_id
           left join app.rev_customer r on r.tenant_id = t.tenant_id and r.id = t.rev_customer_id
           left join app.site s on s.tenant_id = t.tenant_id and s.id = t.site_id
           left join app.customer_rate_plan p on p.tenant_id = t.tenant_id and p.id = t.customer_rate_plan_id
           left join app.customer_rate_pool o on o.tenant_id = t.tenant_id and o.id = t.customer_rate_pool_id
           left join app.rev_service e on e.tenant_id = t.tenant_id and e.id = t.existing_rev_service_id
           left join app.carrier_rate_plan cp on cp.tenant_id = t.tenant_id and cp.id = t.carrier_rate_plan_id
           left join app.carrier_rate_plan bp on t.restores and bp.tenant_id = c.tenant_id and bp.id = c.before_carrier_rate_plan_id
           left join app.carrier_rate_plan ap on ap.tenant_id = t.tenant_id and ap.id = t.activation_carrier_rate_plan_id
           where w.tenant_id = $1 and w.bulk_change_id = $2 and w.row_number = any ($3) and w.claim = $4 and w.lease_until > app.now()
           order by c.row_number"#,
        tenant, change, &claim.rows, claim.claim)
        .fetch_all(&mut *transaction).await?;
    let lines = sqlx::query!(
        r#"with wanted as materialized (
               select c.row_number, u.id, u.of, u.n from app.m2m_device_change c
               cross join lateral unnest(c.closes, c.closes_of) with ordinality as u (id, of, n)
               where c.tenant_id = $1 and c.bulk_change_id = $2 and c.row_number = any ($3))
           select w.row_number as "row!", s.integration_authentication_id, s.rev_service_id, w.of as "rev_customer_id!"
           from wanted w join app.rev_service s on s.tenant_id = $1 and s.id = w.id order by w.row_number, w.n"#,
        tenant,
        change,
        &claim.rows
    )
    .fetch_all(&mut *transaction)
    .await?;
    let attempts = sqlx::query!(
        r#"with mine as materialized (
               select i.* from app.provider_intent i where i.tenant_id = $1 and i.bulk_change_id = $2 and i.row_number = any ($3)),
           -- The last callback about each SIM of these requests, once for all rows: they share requests.
           heard as materialized (
               select distinct on (k.request_id, u.iccid) k.request_id, 'device iccid=' || u.iccid as natural_key, k.received_at, k.word, k.code
               from app.carrier_callback k cross join lateral unnest(k.iccids) as u (iccid)
               where k.tenant_id = $1 and k.service_provider_id = $4
                 and k.request_id = any (array(select distinct m.request_id from mine m where m.request_id is not null and m.outcome = 'UNKNOWN'))
               order by k.request_id, u.iccid, k.received_at desc)
           select i.row_number, i.step, i.direction, i.call, i.item, i.attempt, i.outcome, i.was_unknown, i.provider_ref, i.before_image, i.evidence,
               i.effective_on as "effective_on: jiff_sqlx::Date", i.began_at as "began_at: jiff_sqlx::Timestamp",
               i.settle_until as "settle_until: jiff_sqlx::Timestamp", i.request_id, i.looked_at as "looked_at: jiff_sqlx::Timestamp",
               h.received_at as "heard_at?: jiff_sqlx::Timestamp", h.word as "heard_word?", h.code as heard_code
           from mine i
           left join heard h on h.request_id = i.request_id and h.natural_key = i.natural_key and i.outcome = 'UNKNOWN'
           order by i.row_number, i.began_at, i.attempt"#,
        tenant,
        change,
        &claim.rows,
        claim.account
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let mut closes: HashMap<i32, Vec<LineToClose>> = HashMap::new();
    for line in lines {
        closes.entry(line.row).or_default().push(LineToClose {
            account: line.integration_authentication_id,
            rev_service_id: line.rev_service_id,
            rev_customer_id: line.rev_customer_id,
        });
    }
    let mut tried: HashMap<i32, Vec<Attempt>> = HashMap::new();
    for a in attempts {
        tried.entry(a.row_number).or_default().push(Attempt {
            step: a.step,
            direction: a.direction,
            call: a.call,
            item: a.item,
            attempt: a.attempt,
            outcome: a.outcome,
            was_unknown: a.was_unknown,
            reference: a.provider_ref,
            began_at: a.began_at.to_jiff(),
            settle_until: a.settle_until.to_jiff(),
            effective_on: a.effective_on.map(jiff_sqlx::Date::to_jiff),
            before_image: a.before_image,
            evidence: a.evidence,
            request_id: a.request_id,
            looked_at: a.looked_at.map(jiff_sqlx::Timestamp::to_jiff),
            heard: a.heard_at.zip(a.heard_word).map(|(at, word)| Heard { at: at.to_jiff(), word, code: a.heard_code }),
        });
    }
    let rows = rows
        .into_iter()
        .map(|r| OutsideRow {
            row: r.row_number,
            msisdn: r.msisdn,
            is_stale: r.is_stale,
            found_over: r.found_over.unwrap_or_default(),
            blind_since: r.blind_since.map(jiff_sqlx::Timestamp::to_jiff),
            iccid: r.iccid,
            restores: r.restores,
            steps: r.steps,
            closes: closes.remove(&r.row_number).unwrap_or_default(),
            effective_date: r.effective_date.map(jiff_sqlx::Date::to_jiff),
            closes_on: Some(r.closes_on.to_jiff()),
            is_cancelled: r.is_cancelled,
            giving_up: r.giving_up.map(|reason| (reason, r.giving_up_details.unwrap_or_default())),
            resolution: r.resolution,
            was_processed: r.was_processed,
            sweeps: r.sweeps,
            attempts: tried.remove(&r.row_number).unwrap_or_default(),
            at_carrier: AtCarrier {
                service_provider: r.service_provider,
                plan: r.carrier_plan.zip(r.carrier_plan_name),
                communication_plan: r.communication_plan,
                activation_plan: r.activation_plan.zip(r.activation_plan_name),
                activation: r.activation,
                static_ip_pool: r.static_ip_pool,
                imei: r.imei,
                left_at: r.left_at.zip(r.left_at_name),
            },
            sold: Sold {
                account: r.account,
                rev_customer_id: r.rev_customer_id,
                rev_provider_id: r.rev_provider_id,
                rev_service_type_id: r.rev_service_type_id,
                rev_package_id: r.rev_package_id,
                rev_usage_plan_group_id: r.rev_usage_plan_group_id,
                products: r.rev_product_ids.unwrap_or_default().into_iter().zip(r.rates.unwrap_or_default()).collect(),
                prorate: r.prorate,
                description: r.rev_service_description,
                existing: match (r.existing_account, r.existing_id, r.existing_customer) {
                    (Some(account), Some(rev_service_id), Some(rev_customer_id)) => {
                        Some(LineToClose { account, rev_service_id, rev_customer_id })
                    }
                    _ => None,
                },
            },
        })
        .collect();
    Ok((now.to_jiff(), rows))
}
