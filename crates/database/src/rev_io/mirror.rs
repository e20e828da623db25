//! A page of what Rev.io told, kept: objects made and changed set-wise, sites for customers, and the devices whose links are to be
//! looked at again. One transaction a page, a handful of statements whatever its size.

use super::reading::{Reading, Source, fence};
use super::{Resource, links};
use crate::{Ledger, Result};
use domain::ids::TenantId;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

/// What was told of one resource.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The ids of the objects, those that could not be understood among them if they have one.
    pub ids: Vec<i64>,
    /// The objects that were understood: their key and their columns, by the names of the table.
    pub records: Vec<Value>,
    /// How many could not be understood.
    pub unreadable: i32,
}

/// Keeps the page that the reading is at, and moves it on to the next. An object that is as it was costs one insert of its id.
///
/// # Errors
/// `LeaseLost` if somebody else reads now; `Data` if an object does not fit the mirror; the database does not answer.
pub async fn keep_page(ledger: &Ledger, reading: &mut Reading, told: &Told, lease_seconds: f64) -> Result<()> {
    keep(ledger, reading, told, Some(lease_seconds)).await?;
    reading.next_page += 1;
    Ok(())
}

/// Keeps objects that were asked for one by one.
///
/// # Errors
/// As [`keep_page`].
pub async fn keep_records(ledger: &Ledger, reading: &Reading, told: &Told) -> Result<()> {
    keep(ledger, reading, told, None).await
}

/// Keeps objects that were read beside any reading of the whole account. What a page of such a reading told before
/// may come after it; then links move, and plans that were judged on it are stale.
///
/// # Errors
/// `Data` if an object does not fit the mirror; the database does not answer.
pub async fn keep_beside(ledger: &Ledger, source: Source, told: &Told) -> Result<()> {
    let mut transaction = ledger.worker(source.tenant).await?;
    upsert(&mut transaction, source, told).await?;
    Ok(transaction.commit().await?)
}

async fn keep(ledger: &Ledger, reading: &Reading, told: &Told, page: Option<f64>) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    let (made, changed) = upsert(&mut transaction, reading.source(), told).await?;
    sqlx::query!(
        "insert into app.rev_sync_seen (tenant_id, integration_authentication_id, resource, rev_id)
         select distinct $1::uuid, $2::uuid, $3::text, u.id from unnest($4::bigint[]) as u (id) on conflict do nothing",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word(),
        &told.ids
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update app.rev_sync
         set records_read = records_read + $4, records_made = records_made + $5, records_changed = records_changed + $6,
             records_unreadable = records_unreadable + $7,
             next_page = next_page + case when $8::float8 is null then 0 else 1 end,
             lease_until = case when $8::float8 is null then lease_until else app.now() + make_interval(secs => $8) end
         where tenant_id = $1 and integration_authentication_id = $2 and resource = $3",
        reading.tenant.0,
        reading.account.0,
        reading.resource.word(),
        i32::try_from(told.records.len()).unwrap_or(i32::MAX),
        made,
        changed,
        told.unreadable,
        page
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Answers how many were made and how many changed.
async fn upsert(connection: &mut PgConnection, source: Source, told: &Told) -> Result<(i32, i32)> {
    if told.records.is_empty() {
        return Ok((0, 0));
    }
    let rows: Vec<(i64, bool, Option<String>, bool)> = sqlx::query_as(AssertSqlSafe(statement(source.resource)))
        .bind(source.tenant.0)
        .bind(source.account.0)
        .bind(Value::Array(told.records.clone()))
        .fetch_all(&mut *connection)
        .await?;
    if rows.is_empty() {
        return Ok((0, 0));
    }
    let touched: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let before: Vec<String> = rows.iter().filter_map(|row| row.2.clone()).collect();
    if source.resource == Resource::Customers {
        keep_sites(connection, source, &touched).await?;
    }
    if source.resource.is_linked_by() {
        links::mark_due(connection, source, &touched, &before).await?;
        let moved: Vec<i64> = rows.iter().filter(|row| row.3).map(|row| row.0).collect();
        links::forget(connection, source, &moved).await?;
    }
    let made = rows.iter().filter(|row| row.1).count();
    let detail = json!({ "resource": source.resource.word(), "account": source.account, "made": made, "changed": rows.len() - made,
        "ids": touched.iter().take(100).collect::<Vec<_>>() });
    record(connection, source.tenant, "rev_io_mirrored", detail).await?;
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    Ok((count(made), count(rows.len() - made)))
}

/// The upsert of a resource: only what differs is written. Answers key, whether it is new, what
/// linked it before, and whether it moved to another customer.
fn statement(resource: Resource) -> String {
    let (table, key, columns) = resource.shape();
    let customers = resource == Resource::Customers;
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let list = names.join(", ");
    let of = |alias: &str| names.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ");
    let typed: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    let sets: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let before = match resource {
        Resource::Services => "b.number",
        Resource::ServiceProducts => "b.rev_service_id::text",
        _ => "null::text",
    };
    let (key_type, cast) = if customers { ("text", "::bigint") } else { ("bigint", "") };
    let (id, new_id) = if customers { ("id, ", "gen_random_uuid(), ") } else { ("", "") };
    // A line that moves to another customer bills somebody else under the same id.
    let moves = resource == Resource::Services;
    let (customer, old_customer) =
        if moves { ("rev_customer_id", "b.rev_customer_id") } else { ("null::text", "null::text") };
    let conflict = if customers {
        "rev_customer_id, integration_authentication_id".to_owned()
    } else {
        format!("integration_authentication_id, {key}")
    };
    // Only words from above go into the statement.
    format!(
        "with told as (
             select distinct on ({key}) * from jsonb_to_recordset($3) as r ({key} {key_type}, {typed}) order by {key}
         ), before as (
             select b.{key}, {before} as linked_by, {old_customer} as customer from app.{table} b join told using ({key})
             where b.tenant_id = $1 and b.integration_authentication_id = $2
         ), written as (
             insert into app.{table} as t (tenant_id, {id}integration_authentication_id, {key}, {list})
             select $1, {new_id}$2, {key}, {list} from told
             on conflict (tenant_id, {conflict}) do update set {sets}, gone_at = null
             where ({t}, t.gone_at) is distinct from ({excluded}, null)
             returning {key}, xmax = 0 as made, {customer} as customer
         )
         select w.{key}{cast}, w.made, b.linked_by, coalesce(b.customer <> w.customer, false) from written w left join before b using ({key})",
        typed = typed.join(", "),
        sets = sets.join(", "),
        t = of("t"),
        excluded = of("excluded"),
    )
}

/// A site for each customer that has none, named "name (rev_customer_id)" as the original does; where that name is taken, the
/// account's name or the id tells them apart. A site that still has the name we gave it is renamed with its customer.
async fn keep_sites(connection: &mut PgConnection, source: Source, customers: &[i64]) -> Result<()> {
    let ids: Vec<String> = customers.iter().map(ToString::to_string).collect();
    for tail in ["", "account", "id"] {
        sqlx::query!(
            r#"with wanted as (
                   select r.id, r.customer_name || ' (' || r.rev_customer_id || ')'
                       || case $4::text when 'account' then ' · ' || a.name when 'id' then ' · ' || r.id::text else '' end as name
                   from app.rev_customer r
                   join app.integration_authentication a on a.tenant_id = r.tenant_id and a.id = r.integration_authentication_id
                   where r.tenant_id = $1 and r.integration_authentication_id = $2 and r.rev_customer_id = any ($3)
                     and not exists (select from app.site s where s.tenant_id = $1 and s.rev_customer_id = r.id
                         and (s.name is distinct from s.given_name or starts_with(s.name, r.customer_name || ' (' || r.rev_customer_id || ')')))
               ), renamed as (
                   update app.site s set name = w.name, given_name = w.name from wanted w
                   where s.tenant_id = $1 and s.rev_customer_id = w.id and s.name = s.given_name
                     and not exists (select from app.site o where o.tenant_id = $1 and o.name = w.name)
                   returning s.rev_customer_id
               )
               insert into app.site (tenant_id, id, name, given_name, rev_customer_id)
               select $1, gen_random_uuid(), w.name, w.name, w.id from wanted w
               where not exists (select from app.site s where s.tenant_id = $1 and s.rev_customer_id = w.id)
               on conflict (tenant_id, name) do nothing"#,
            source.tenant.0,
            source.account.0,
            &ids,
            tail
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What the mirror did, in the audit trail.
pub(crate) async fn record(connection: &mut PgConnection, tenant: TenantId, action: &str, detail: Value) -> Result<()> {
    sqlx::query!(
        "insert into app.audit_entry (tenant_id, at, actor, action, detail) values ($1, app.now(), 'mirror', $2, $3)",
        tenant.0,
        action,
        detail
    )
    .execute(connection)
    .await?;
    Ok(())
}
