//! Customers that a plan wants read again: asked for by whoever plans, read by whoever looks after the mirror.

use super::Resource;
use crate::{Ledger, Result};
use domain::ids::{IntegrationAuthenticationId, TenantId};
use domain::target::RevAccount;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// An account of which something is known that is older than is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleAccount {
    /// The account.
    pub account: IntegrationAuthenticationId,
    /// Is nothing sent to it now?
    pub paused: bool,
}

/// The accounts whose customers, services or service products were last read before this moment, or never. Accounts that are kept by
/// hand are as old as they are.
///
/// # Errors
/// The database does not answer.
pub async fn stale_accounts(ledger: &Ledger, tenant: TenantId, oldest: Timestamp) -> Result<Vec<StaleAccount>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select a.id as "id!", a.paused_because is not null as "paused!"
           from app.integration_authentication a
           where a.tenant_id = $1 and a.base_url is not null and exists (
               select from unnest(array['customers', 'services', 'service_products']) as r (resource)
               left join app.rev_sync s on s.tenant_id = a.tenant_id and s.integration_authentication_id = a.id and s.resource = r.resource
               where s.mirrored_at is null or s.mirrored_at < $2)"#,
        tenant.0,
        oldest.to_sqlx() as jiff_sqlx::Timestamp
    )
    .fetch_all(&mut *transaction)
    .await?;
    let stale =
        rows.into_iter().map(|row| StaleAccount { account: IntegrationAuthenticationId(row.id), paused: row.paused });
    Ok(stale.collect())
}

/// Asks for customers to be read, unless they were since this moment, or are asked for already. One statement.
///
/// # Errors
/// The database does not answer.
pub async fn ask(ledger: &Ledger, tenant: TenantId, customers: &[RevAccount], oldest: Timestamp) -> Result<()> {
    let (accounts, ids) = columns(customers);
    let mut transaction = ledger.web(tenant).await?;
    sqlx::query!(
        "insert into app.rev_customer_read as r (tenant_id, integration_authentication_id, rev_customer_id, asked_at)
         select distinct $1::uuid, u.account, u.id, app.now() from unnest($2::uuid[], $3::text[]) as u (account, id) order by 2, 3
         on conflict (tenant_id, integration_authentication_id, rev_customer_id) do update set asked_at = excluded.asked_at
         where r.read_at >= r.asked_at and r.read_at < $4",
        tenant.0,
        &accounts,
        &ids,
        oldest.to_sqlx() as jiff_sqlx::Timestamp
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// When each of these customers was last read, if that was since this moment; in no order.
///
/// # Errors
/// The database does not answer.
pub async fn read_since(
    ledger: &Ledger,
    tenant: TenantId,
    customers: &[RevAccount],
    oldest: Timestamp,
) -> Result<Vec<(RevAccount, Timestamp)>> {
    let (accounts, ids) = columns(customers);
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select r.integration_authentication_id, r.rev_customer_id, r.read_at as "read_at!"
           from unnest($2::uuid[], $3::text[]) as u (account, id)
           join app.rev_customer_read r on r.tenant_id = $1 and r.integration_authentication_id = u.account and r.rev_customer_id = u.id
           where r.read_at >= $4"#,
        tenant.0,
        &accounts,
        &ids,
        oldest.to_sqlx() as jiff_sqlx::Timestamp
    )
    .fetch_all(&mut *transaction)
    .await?;
    let read = rows.into_iter().map(|row| {
        let integration_authentication = IntegrationAuthenticationId(row.integration_authentication_id);
        let customer = RevAccount { rev_customer_id: row.rev_customer_id, integration_authentication };
        (customer, row.read_at.to_jiff())
    });
    Ok(read.collect())
}

fn columns(customers: &[RevAccount]) -> (Vec<Uuid>, Vec<String>) {
    customers.iter().map(|c| (c.integration_authentication.0, c.rev_customer_id.clone())).unzip()
}

/// A customer that is ours to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerReading {
    /// Whose.
    pub tenant: TenantId,
    /// Of which account.
    pub account: IntegrationAuthenticationId,
    /// Its id there.
    pub rev_customer_id: String,
    begun_at: Timestamp,
}

/// The tenants that have asked for customers to be read.
///
/// # Errors
/// The database does not answer.
pub async fn tenants_that_ask(ledger: &Ledger) -> Result<Vec<TenantId>> {
    let mut connection = ledger.dispatcher.acquire().await?;
    let tenants = sqlx::query_scalar!(
        "select distinct tenant_id from app.rev_customer_read where read_at is null or read_at < asked_at"
    );
    Ok(tenants.fetch_all(&mut *connection).await?.into_iter().map(TenantId).collect())
}

/// Takes the customer that was asked for first and that nobody reads, of an account that may be called. None: there is none.
///
/// # Errors
/// The database does not answer.
pub async fn claim_customer(ledger: &Ledger, tenant: TenantId, lease_seconds: f64) -> Result<Option<CustomerReading>> {
    let mut transaction = ledger.worker(tenant).await?;
    let row = sqlx::query!(
        r#"with due as materialized (
               select r.integration_authentication_id, r.rev_customer_id from app.rev_customer_read r
               where r.tenant_id = $1 and (r.read_at is null or r.read_at < r.asked_at)
                 and (r.lease_until is null or r.lease_until <= app.now())
                 and exists (select from app.integration_authentication a where a.tenant_id = $1 and a.id = r.integration_authentication_id
                     and a.base_url is not null and a.paused_because is null)
               order by r.asked_at limit 1 for update of r skip locked)
           update app.rev_customer_read r set lease_until = app.now() + make_interval(secs => $2)
           from due d
           where r.tenant_id = $1 and r.integration_authentication_id = d.integration_authentication_id and r.rev_customer_id = d.rev_customer_id
           returning r.integration_authentication_id, r.rev_customer_id, app.now() as "begun_at!""#,
        tenant.0,
        lease_seconds
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(row.map(|row| CustomerReading {
        tenant,
        account: IntegrationAuthenticationId(row.integration_authentication_id),
        rev_customer_id: row.rev_customer_id,
        begun_at: row.begun_at.to_jiff(),
    }))
}

/// More time for it. Two that read the same customer do no harm: both keep what is so.
///
/// # Errors
/// The database does not answer.
pub async fn extend_customer(ledger: &Ledger, reading: &CustomerReading, seconds: f64) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    sqlx::query!(
        "update app.rev_customer_read set lease_until = app.now() + make_interval(secs => $4)
         where tenant_id = $1 and integration_authentication_id = $2 and rev_customer_id = $3",
        reading.tenant.0,
        reading.account.0,
        reading.rev_customer_id,
        seconds
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// It was read to its end, and links are made again.
///
/// # Errors
/// The database does not answer.
pub async fn end_customer(ledger: &Ledger, reading: &CustomerReading) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    sqlx::query!(
        "update app.rev_customer_read set lease_until = null, read_at = greatest(read_at, $4)
         where tenant_id = $1 and integration_authentication_id = $2 and rev_customer_id = $3",
        reading.tenant.0,
        reading.account.0,
        reading.rev_customer_id,
        reading.begun_at.to_sqlx() as jiff_sqlx::Timestamp
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// The lines, or the products on them, that the mirror has of this customer and that were not told: they are another's now, or gone.
///
/// # Errors
/// The database does not answer.
pub async fn untold_of(
    ledger: &Ledger,
    reading: &CustomerReading,
    resource: Resource,
    told: &[i64],
    most: i64,
) -> Result<Vec<i64>> {
    let (table, key, _) = resource.shape();
    let mut transaction = ledger.worker(reading.tenant).await?;
    // Only words from our own tables go into the statement. Products are found by their lines: those have an index by customer.
    let of_customer = match resource {
        Resource::ServiceProducts => {
            "join app.rev_service s on s.tenant_id = t.tenant_id and s.integration_authentication_id = t.integration_authentication_id
                 and s.rev_service_id = t.rev_service_id and s.rev_customer_id = $3"
        }
        _ => "",
    };
    let statement = format!(
        "with theirs as materialized (
             select t.{key} as id from app.{table} t {of_customer}
             where t.tenant_id = $1 and t.integration_authentication_id = $2 and t.rev_customer_id = $3 and t.gone_at is null)
         select id from theirs where not id = any ($4) order by id limit $5"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(reading.tenant.0)
        .bind(reading.account.0)
        .bind(&reading.rev_customer_id)
        .bind(told)
        .bind(most)
        .fetch_all(&mut *transaction)
        .await?)
}
