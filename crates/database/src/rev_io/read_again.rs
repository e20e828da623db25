//! What a plan wants read again before it opens or closes lines: asked for by whoever plans, read by whoever looks after the mirror.

use super::Resource;
use crate::{Ledger, Result};
use domain::ids::{IntegrationAuthenticationId, TenantId};
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
    /// Were its lines and their products ever read to their end? Else nobody can say what is new.
    pub was_read: bool,
}

/// What is to be read of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadAgain {
    /// A customer by its id there, its lines and their products.
    Customer(String),
    /// The lines that have this number, whoever is billed for them, and their products.
    Number(String),
    /// The lines and products that anybody got since the last whole reading.
    NewLines,
}

impl ReadAgain {
    const fn word(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Number(_) => "number",
            Self::NewLines => "new_lines",
        }
    }

    fn value(&self) -> &str {
        match self {
            Self::Customer(value) | Self::Number(value) => value,
            Self::NewLines => "",
        }
    }

    fn of(word: &str, value: String) -> Self {
        match word {
            "customer" => Self::Customer(value),
            "number" => Self::Number(value),
            _ => Self::NewLines,
        }
    }
}

/// What is to be read, and of which account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wanted {
    /// The account.
    pub account: IntegrationAuthenticationId,
    /// What of it.
    pub what: ReadAgain,
}

/// The accounts whose customers, services or service products were last read before this moment, or never. Accounts that are kept by
/// hand are as old as they are.
///
/// # Errors
/// The database does not answer.
pub async fn stale_accounts(ledger: &Ledger, tenant: TenantId, oldest: Timestamp) -> Result<Vec<StaleAccount>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select a.id as "id!", a.paused_because is not null as "paused!",
               (select count(*) from app.rev_sync s where s.tenant_id = $1 and s.integration_authentication_id = a.id
                  and s.resource in ('services', 'service_products') and s.mirrored_at is not null) = 2 as "was_read!"
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
    let stale = rows.into_iter().map(|row| StaleAccount {
        account: IntegrationAuthenticationId(row.id),
        paused: row.paused,
        was_read: row.was_read,
    });
    Ok(stale.collect())
}

/// Asks for all this to be read, unless it was since this moment, or is asked for already. One statement.
///
/// # Errors
/// The database does not answer.
pub async fn ask(ledger: &Ledger, tenant: TenantId, wanted: &[Wanted], oldest: Timestamp) -> Result<()> {
    let (accounts, words, values) = columns(wanted);
    let mut transaction = ledger.web(tenant).await?;
    sqlx::query!(
        "insert into app.rev_read_again as r (tenant_id, integration_authentication_id, what, value, asked_at)
         select distinct $1::uuid, u.account, u.what, u.value, app.now()
         from unnest($2::uuid[], $3::text[], $4::text[]) as u (account, what, value) order by 2, 3, 4
         on conflict (tenant_id, integration_authentication_id, what, value) do update set asked_at = excluded.asked_at
         where r.read_at >= r.asked_at and r.read_at < $5",
        tenant.0,
        &accounts,
        &words,
        &values,
        oldest.to_sqlx() as jiff_sqlx::Timestamp
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// When each of these was last read, if that was since this moment; in no order.
///
/// # Errors
/// The database does not answer.
pub async fn read_since(
    ledger: &Ledger,
    tenant: TenantId,
    wanted: &[Wanted],
    oldest: Timestamp,
) -> Result<Vec<(Wanted, Timestamp)>> {
    let (accounts, words, values) = columns(wanted);
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select r.integration_authentication_id, r.what, r.value, r.read_at as "read_at!"
           from unnest($2::uuid[], $3::text[], $4::text[]) as u (account, what, value)
           join app.rev_read_again r on r.tenant_id = $1 and r.integration_authentication_id = u.account
             and r.what = u.what and r.value = u.value
           where r.read_at >= $5"#,
        tenant.0,
        &accounts,
        &words,
        &values,
        oldest.to_sqlx() as jiff_sqlx::Timestamp
    )
    .fetch_all(&mut *transaction)
    .await?;
    let read = rows.into_iter().map(|row| {
        let account = IntegrationAuthenticationId(row.integration_authentication_id);
        (Wanted { account, what: ReadAgain::of(&row.what, row.value) }, row.read_at.to_jiff())
    });
    Ok(read.collect())
}

fn columns(wanted: &[Wanted]) -> (Vec<Uuid>, Vec<String>, Vec<String>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for Wanted { account, what } in wanted {
        columns.0.push(account.0);
        columns.1.push(what.word().to_owned());
        columns.2.push(what.value().to_owned());
    }
    columns
}

/// Something that is ours to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingAgain {
    /// Whose.
    pub tenant: TenantId,
    /// What, of which account.
    pub wanted: Wanted,
    begun_at: Timestamp,
}

/// The tenants that have asked for something to be read.
///
/// # Errors
/// The database does not answer.
pub async fn tenants_that_ask(ledger: &Ledger) -> Result<Vec<TenantId>> {
    let mut connection = ledger.dispatcher.acquire().await?;
    let tenants = sqlx::query_scalar!(
        "select distinct tenant_id from app.rev_read_again where read_at is null or read_at < asked_at"
    );
    Ok(tenants.fetch_all(&mut *connection).await?.into_iter().map(TenantId).collect())
}

/// Takes what was asked for first and nobody reads, of an account that may be called. None: there is nothing.
///
/// # Errors
/// The database does not answer.
pub async fn claim_wanted(ledger: &Ledger, tenant: TenantId, lease_seconds: f64) -> Result<Option<ReadingAgain>> {
    let mut transaction = ledger.worker(tenant).await?;
    let row = sqlx::query!(
        r#"with due as materialized (
               select r.integration_authentication_id, r.what, r.value from app.rev_read_again r
               where r.tenant_id = $1 and (r.read_at is null or r.read_at < r.asked_at)
                 and (r.lease_until is null or r.lease_until <= app.now())
                 and exists (select from app.integration_authentication a where a.tenant_id = $1 and a.id = r.integration_authentication_id
                     and a.base_url is not null and a.paused_because is null)
               order by r.asked_at limit 1 for update of r skip locked)
           update app.rev_read_again r set lease_until = app.now() + make_interval(secs => $2)
           from due d
           where r.tenant_id = $1 and r.integration_authentication_id = d.integration_authentication_id and r.what = d.what
             and r.value = d.value
           returning r.integration_authentication_id, r.what, r.value, app.now() as "begun_at!""#,
        tenant.0,
        lease_seconds
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(row.map(|row| ReadingAgain {
        tenant,
        wanted: Wanted {
            account: IntegrationAuthenticationId(row.integration_authentication_id),
            what: ReadAgain::of(&row.what, row.value),
        },
        begun_at: row.begun_at.to_jiff(),
    }))
}

/// More time for it. Two that read the same do no harm: both keep what is so.
///
/// # Errors
/// The database does not answer.
pub async fn extend_wanted(ledger: &Ledger, reading: &ReadingAgain, seconds: f64) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    sqlx::query!(
        "update app.rev_read_again set lease_until = app.now() + make_interval(secs => $5)
         where tenant_id = $1 and integration_authentication_id = $2 and what = $3 and value = $4",
        reading.tenant.0,
        reading.wanted.account.0,
        reading.wanted.what.word(),
        reading.wanted.what.value(),
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
pub async fn end_wanted(ledger: &Ledger, reading: &ReadingAgain) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    sqlx::query!(
        "update app.rev_read_again set lease_until = null, read_at = greatest(read_at, $5)
         where tenant_id = $1 and integration_authentication_id = $2 and what = $3 and value = $4",
        reading.tenant.0,
        reading.wanted.account.0,
        reading.wanted.what.word(),
        reading.wanted.what.value(),
        reading.begun_at.to_sqlx() as jiff_sqlx::Timestamp
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// When the last whole reading of the account's lines, or of the products on them, had begun: the earlier of the two. None: there
/// was none.
///
/// # Errors
/// The database does not answer.
pub async fn lines_known_since(ledger: &Ledger, reading: &ReadingAgain) -> Result<Option<Timestamp>> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    let since = sqlx::query_scalar!(
        r#"select case when count(mirrored_at) = 2 then min(mirrored_at) end as "since: jiff_sqlx::Timestamp" from app.rev_sync
           where tenant_id = $1 and integration_authentication_id = $2 and resource in ('services', 'service_products')"#,
        reading.tenant.0,
        reading.wanted.account.0
    );
    Ok(since.fetch_one(&mut *transaction).await?.map(jiff_sqlx::Timestamp::to_jiff))
}

/// So many of [`unknown_customers`] are answered at a time.
pub const CUSTOMERS_AT_A_TIME: usize = 50;

/// Whoever has these lines and is not in the mirror, or is closed there and may have been opened again: the lowest ids after this one.
///
/// # Errors
/// The database does not answer.
pub async fn unknown_customers(ledger: &Ledger, reading: &ReadingAgain, lines: &[i64], after: i64) -> Result<Vec<i64>> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    let unknown = sqlx::query_scalar!(
        r#"select distinct s.rev_customer_id::bigint as "id!" from app.rev_service s
           where s.tenant_id = $1 and s.integration_authentication_id = $2 and s.rev_service_id = any ($3)
             and case when s.rev_customer_id ~ '^[0-9]{1,18}$' then s.rev_customer_id::bigint > $4 end
             and not exists (select from app.rev_customer c where c.tenant_id = $1 and c.integration_authentication_id = $2
                 and c.rev_customer_id = s.rev_customer_id and c.status <> 'CLOSED')
           order by 1 limit 50"#,
        reading.tenant.0,
        reading.wanted.account.0,
        lines,
        after
    );
    Ok(unknown.fetch_all(&mut *transaction).await?)
}

/// What the mirror has of this, lines or the products on them, and that was not told: it is another's now, or gone. Of new lines
/// nothing can be missing.
///
/// # Errors
/// The database does not answer.
pub async fn untold_of(
    ledger: &Ledger,
    reading: &ReadingAgain,
    resource: Resource,
    told: &[i64],
    most: i64,
) -> Result<Vec<i64>> {
    let (table, key, _) = resource.shape();
    let mut transaction = ledger.worker(reading.tenant).await?;
    let by = match &reading.wanted.what {
        ReadAgain::Customer(_) => "rev_customer_id",
        ReadAgain::Number(_) => "number",
        ReadAgain::NewLines => return Ok(Vec::new()),
    };
    // Only words from our own tables go into the statement. Products are found by their lines: those have indexes.
    let of_line = match resource {
        Resource::ServiceProducts => format!(
            "join app.rev_service s on s.tenant_id = t.tenant_id and s.integration_authentication_id = t.integration_authentication_id
                 and s.rev_service_id = t.rev_service_id where s.{by} = $3"
        ),
        _ => format!("where t.{by} = $3"),
    };
    let of_customer = if resource == Resource::ServiceProducts && by == "rev_customer_id" {
        "and t.rev_customer_id = $3"
    } else {
        ""
    };
    let statement = format!(
        "with theirs as materialized (
             select t.{key} as id from app.{table} t {of_line}
             and t.tenant_id = $1 and t.integration_authentication_id = $2 {of_customer} and t.gone_at is null)
         select id from theirs where not id = any ($4) order by id limit $5"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(reading.tenant.0)
        .bind(reading.wanted.account.0)
        .bind(reading.wanted.what.value())
        .bind(told)
        .bind(most)
        .fetch_all(&mut *transaction)
        .await?)
}
