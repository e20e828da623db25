//! Intents: committed before a send, and what came of them.

use super::DueClaim;
use crate::ledger::TenantTransaction;
use crate::{Ledger, Result};
use domain::ids::TenantId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// Which call of a row: the words that DESIGN 6 and the contract of the provider have for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The row.
    pub row: i32,
    /// The step, such as `open_rev_service`.
    pub step: &'static str,
    /// `apply` or `undo`.
    pub direction: &'static str,
    /// The call, such as `create_service`.
    pub call: &'static str,
    /// Which of several.
    pub item: i64,
}

/// What is about to be sent.
#[derive(Clone, Debug)]
pub struct NewIntent {
    /// Which call.
    pub key: Key,
    /// Which attempt at it, from 1.
    pub attempt: i16,
    /// How it is found again.
    pub natural_key: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// What is there now, where it can be put back.
    pub before_image: Option<Value>,
    /// The day that is sent with it.
    pub effective_on: Option<Date>,
}

/// An intent that was written: only this may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Which call.
    pub key: Key,
    /// When.
    pub began_at: Timestamp,
    /// Not before then is it known that it has not happened.
    pub settle_until: Timestamp,
}

/// What came of a send, or of looking afterwards.
#[derive(Clone, Debug)]
pub struct Told {
    /// Which call.
    pub key: Key,
    /// Which attempt.
    pub attempt: i16,
    /// `DONE`, `REFUSED`, `NOT_SENT`, `UNKNOWN` or `NOT_APPLIED`.
    pub outcome: &'static str,
    /// The provider's id of what has happened.
    pub reference: Option<i64>,
    /// What is known, in words.
    pub evidence: Option<String>,
    /// The log's word: the outcome of a send, or `FOUND` or `NOT_FOUND` of a look.
    pub log_status: &'static str,
    /// The request, redacted.
    pub request: Option<String>,
    /// The response, redacted.
    pub response: Option<String>,
    /// The id of a request that a carrier has accepted: nothing else is known of it yet.
    pub request_id: Option<String>,
    /// What a carrier shows of the device, now that it is done: see `mirror_carrier`.
    pub shown: Option<Value>,
}

/// `record_intents`: committed before anything is sent; only what it answers may be. The lease has to run on for `lease_left`.
///
/// # Errors
/// The database does not answer.
pub async fn record_intents(
    ledger: &Ledger,
    claim: &DueClaim,
    lease_left: Duration,
    settle_for: Duration,
    intents: &[NewIntent],
) -> Result<Vec<Intent>> {
    if intents.is_empty() {
        return Ok(Vec::new());
    }
    let column =
        |of: fn(&NewIntent) -> &'static str| -> Vec<String> { intents.iter().map(|i| of(i).to_owned()).collect() };
    let rows: Vec<i32> = intents.iter().map(|i| i.key.row).collect();
    let (steps, directions, calls) = (column(|i| i.key.step), column(|i| i.key.direction), column(|i| i.key.call));
    let items: Vec<i64> = intents.iter().map(|i| i.key.item).collect();
    let attempts: Vec<i16> = intents.iter().map(|i| i.attempt).collect();
    let keys: Vec<String> = intents.iter().map(|i| i.natural_key.clone()).collect();
    let hashes: Vec<Vec<u8>> = intents.iter().map(|i| i.request_hash.to_vec()).collect();
    let before: Vec<Option<Value>> = intents.iter().map(|i| i.before_image.clone()).collect();
    let days: Vec<Option<jiff_sqlx::Date>> = intents.iter().map(|i| i.effective_on.map(|day| day.to_sqlx())).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    let written = sqlx::query!(
        r#"select row_number as "row!", step as "step!", direction as "direction!", call as "call!", item as "item!",
               began_at as "began_at!: jiff_sqlx::Timestamp", settle_until as "settle_until!: jiff_sqlx::Timestamp"
           from app.record_intents($1, $2, $3, $4, make_interval(secs => $5), make_interval(secs => $6), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"#,
        claim.tenant.0, claim.bulk_change.0, claim.claim, claim.account, lease_left.as_secs_f64(), settle_for.as_secs_f64(), &rows, &steps,
        &directions, &calls, &items, &attempts, &keys, &hashes, &before as &[Option<Value>], &days as &[Option<jiff_sqlx::Date>])
        .fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    let known = |row: i32, step: &str, direction: &str, call: &str, item: i64| {
        intents
            .iter()
            .map(|i| &i.key)
            .find(|k| k.row == row && k.step == step && k.direction == direction && k.call == call && k.item == item)
    };
    Ok(written
        .into_iter()
        .filter_map(|w| {
            let key = known(w.row, &w.step, &w.direction, &w.call, w.item)?.clone();
            Some(Intent { key, began_at: w.began_at.to_jiff(), settle_until: w.settle_until.to_jiff() })
        })
        .collect())
}

/// `finish_intents`: what came of them, in one transaction for as many as have come. Answers those that were written down: of the
/// others the rows are not ours any more, and whoever has them looks for himself.
///
/// # Errors
/// The database does not answer.
pub async fn finish_intents(ledger: &Ledger, claim: &DueClaim, told: &[Told]) -> Result<Vec<(Key, String)>> {
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let column = |of: fn(&Told) -> &'static str| -> Vec<String> { told.iter().map(|t| of(t).to_owned()).collect() };
    let rows: Vec<i32> = told.iter().map(|t| t.key.row).collect();
    let (steps, directions, calls) = (column(|t| t.key.step), column(|t| t.key.direction), column(|t| t.key.call));
    let items: Vec<i64> = told.iter().map(|t| t.key.item).collect();
    let attempts: Vec<i16> = told.iter().map(|t| t.attempt).collect();
    let (outcomes, log_statuses) = (column(|t| t.outcome), column(|t| t.log_status));
    let references: Vec<Option<i64>> = told.iter().map(|t| t.reference).collect();
    let evidence: Vec<Option<String>> = told.iter().map(|t| t.evidence.clone()).collect();
    let requests: Vec<Option<String>> = told.iter().map(|t| t.request.clone()).collect();
    let responses: Vec<Option<String>> = told.iter().map(|t| t.response.clone()).collect();
    let request_ids: Vec<Option<String>> = told.iter().map(|t| t.request_id.clone()).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    let written = sqlx::query!(
        r#"select row_number as "row!", step as "step!", direction as "direction!", call as "call!", item as "item!", outcome as "outcome!"
           from app.finish_intents($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"#,
        claim.tenant.0, claim.bulk_change.0, claim.claim, &rows, &steps, &directions, &calls, &items, &attempts, &outcomes,
        &references as &[Option<i64>], &evidence as &[Option<String>], &log_statuses, &requests as &[Option<String>], &responses as &[Option<String>],
        &request_ids as &[Option<String>])
        .fetch_all(&mut *transaction).await?;
    let is_done = |told: &Told| {
        written.iter().any(|w| {
            (w.row, w.step.as_str(), w.direction.as_str(), w.call.as_str(), w.outcome.as_str())
                == (told.key.row, told.key.step, told.key.direction, told.key.call, "DONE")
        })
    };
    mirror_carrier(&mut transaction, claim, told.iter().filter(|told| told.shown.is_some() && is_done(told))).await?;
    transaction.commit().await?;
    let same = |t: &&Told, w: (i32, &str, &str, &str, i64)| {
        (t.key.row, t.key.step, t.key.direction, t.key.call, t.key.item) == w
    };
    Ok(written
        .into_iter()
        .filter_map(|w| {
            let of = (w.row, w.step.as_str(), w.direction.as_str(), w.call.as_str(), w.item);
            told.iter().find(|t| same(t, of)).map(|t| (t.key.clone(), w.outcome))
        })
        .collect())
}

/// `mirror_carrier`: what a carrier shows of devices that were changed there.
async fn mirror_carrier(
    transaction: &mut TenantTransaction,
    claim: &DueClaim,
    told: impl Iterator<Item = &Told>,
) -> Result<()> {
    let (mut rows, mut calls, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for told in told {
        rows.push(told.key.row);
        calls.push(told.key.call.to_owned());
        shown.push(told.shown.clone().unwrap_or_default());
    }
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "select app.mirror_carrier($1, $2, $3, $4, $5, $6)",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        &rows,
        &calls,
        &shown
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(())
}

/// `note_looked`: these rows were read back at their carrier, and are not told yet; of these calls.
///
/// # Errors
/// The database does not answer.
pub async fn note_looked(ledger: &Ledger, claim: &DueClaim, rows: &[i32], calls: &[&'static str]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let calls: Vec<String> = calls.iter().map(|call| (*call).to_owned()).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    sqlx::query!(
        "select app.note_looked($1, $2, $3, $4, $5)",
        claim.tenant.0,
        claim.bulk_change.0,
        claim.claim,
        rows,
        &calls
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Which of these things at an account are receipts of other rows, and whether an attempt at the same natural key by another row
/// is not settled yet: then what is found may be that one's.
///
/// # Errors
/// The database does not answer.
pub async fn receipts_among(
    ledger: &Ledger,
    tenant: TenantId,
    account: Uuid,
    call: &str,
    found: &[i64],
    (natural_key, except): (&str, (Uuid, i32)),
) -> Result<(Vec<i64>, bool)> {
    let mut transaction = ledger.worker(tenant).await?;
    let row = sqlx::query!(
        r#"select coalesce((select array_agg(i.provider_ref) from app.provider_intent i
                   where i.tenant_id = $1 and i.account = $2 and i.call = $3 and i.provider_ref = any ($4) and i.outcome = 'DONE'
                     and i.call in ('create_service', 'create_service_product')), '{}') as "receipts!: Vec<i64>",
               exists (select from app.provider_intent i where i.tenant_id = $1 and i.account = $2 and i.natural_key = $5
                   and i.outcome in ('OPEN', 'UNKNOWN') and i.settle_until > app.now() and (i.bulk_change_id, i.row_number) <> ($6, $7)) as "unsettled!""#,
        tenant.0,
        account,
        call,
        found,
        natural_key,
        except.0,
        except.1
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok((row.receipts, row.unsettled))
}

/// Has another row of the same SIM done this to one of these things at this account, by its receipt, and not put it back? One
/// statement; by index from the things to the rows.
///
/// # Errors
/// The database does not answer.
pub async fn has_another_row_done(
    ledger: &Ledger,
    (tenant, account): (TenantId, Uuid),
    (bulk_change, row): (Uuid, i32),
    call: &str,
    things: &[i64],
) -> Result<bool> {
    let mut transaction = ledger.worker(tenant).await?;
    let done = sqlx::query_scalar!(
        r#"select exists (
               select from app.provider_intent i
               join app.m2m_device_change o on o.tenant_id = i.tenant_id and o.bulk_change_id = i.bulk_change_id and o.row_number = i.row_number
               join app.m2m_device_change me on me.tenant_id = $1 and me.bulk_change_id = $2 and me.row_number = $3
               where i.tenant_id = $1 and i.account = $6 and i.provider_ref = any ($5) and i.outcome = 'DONE' and i.call = $4
                 and i.call in ('disconnect_service_product', 'close_service', 'patch_service') and i.direction = 'apply'
                 and o.device_id = me.device_id and (i.bulk_change_id, i.row_number) <> ($2, $3)
                 and not exists (select from app.provider_intent b where b.tenant_id = i.tenant_id and b.bulk_change_id = i.bulk_change_id
                     and b.row_number = i.row_number and b.call = i.call and b.direction = 'undo' and b.outcome = 'DONE')) as "done!""#,
        tenant.0,
        bulk_change,
        row,
        call,
        things,
        account
    );
    Ok(done.fetch_one(&mut *transaction).await?)
}

/// Of these SIMs, by the key under which their requests are known, those that another row has done something to at this account since
/// this moment. One statement, by index.
///
/// # Errors
/// The database does not answer.
pub async fn done_since_at_carrier(
    ledger: &Ledger,
    claim: &DueClaim,
    sims: &[(i32, String, Timestamp)],
) -> Result<Vec<i32>> {
    if sims.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<i32> = sims.iter().map(|sim| sim.0).collect();
    let keys: Vec<String> = sims.iter().map(|sim| sim.1.clone()).collect();
    let since: Vec<jiff_sqlx::Timestamp> = sims.iter().map(|sim| sim.2.to_sqlx()).collect();
    let mut transaction = ledger.worker(claim.tenant).await?;
    let done = sqlx::query_scalar!(
        r#"select u.row_number as "row!" from unnest($4::integer[], $5::text[], $6::timestamptz[]) as u (row_number, key, since)
           where exists (
               select from app.provider_intent i
               where i.tenant_id = $1 and i.account = $2 and i.natural_key = u.key and i.outcome = 'DONE' and i.began_at >= u.since
                 and i.call in ('activate', 'deactivate', 'provision_ip', 'change_carrier_rate_plan')
                 and (i.bulk_change_id, i.row_number) <> ($3, u.row_number))"#,
        claim.tenant.0,
        claim.account,
        claim.bulk_change.0,
        &rows,
        &keys,
        &since as &[jiff_sqlx::Timestamp]
    );
    Ok(done.fetch_all(&mut *transaction).await?)
}
