//! Making and editing customers. A rev customer is an account with a seat; an AMOP customer is a seat and nothing else.

use crate::api_key::Caller;
use crate::audit::record;
use crate::written::{Edited, OnExisting, WriteRefusal, Written, edited, taken};
use crate::{Ledger, Result};
use domain::ids::{IntegrationAuthenticationId, SiteId, TenantId};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// A rev customer that is to be there, with its seat.
#[derive(Clone, Debug)]
pub struct NewRevCustomer {
    /// Its row in the batch.
    pub row: i32,
    /// The id it gets if it is new.
    pub id: Uuid,
    /// The id that its site gets if it has none.
    pub site: SiteId,
    /// The id at Rev.io.
    pub rev_customer_id: String,
    /// The account at Rev.io that it is under.
    pub account: IntegrationAuthenticationId,
    /// Its name; need not be unique.
    pub name: String,
    /// None: as it is; a new one is open.
    pub closed: Option<bool>,
}

/// What an edit changes.
#[derive(Clone, Debug, Default)]
pub struct CustomerEdit {
    /// Its name.
    pub name: Option<String>,
    /// Closed to new SIMs?
    pub closed: Option<bool>,
}

/// The tenant's accounts at Rev.io: id and name, a handful.
///
/// # Errors
/// The database does not answer.
pub async fn accounts(ledger: &Ledger, tenant: TenantId) -> Result<Vec<(IntegrationAuthenticationId, String)>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows =
        sqlx::query!("select id, name from app.integration_authentication where tenant_id = $1 order by id", tenant.0)
            .fetch_all(&mut *transaction)
            .await?;
    Ok(rows.into_iter().map(|row| (IntegrationAuthenticationId(row.id), row.name)).collect())
}

/// Makes rev customers, each with its site, named "name (rev_customer_id)" as the original does; renames, closes and opens
/// those that are there. At most three statements and one audit entry, whatever the rows.
///
/// # Errors
/// `Data` if a site's name is taken; the database does not answer.
pub async fn write_rev(
    ledger: &Ledger,
    caller: &Caller,
    rows: &[NewRevCustomer],
    existing: OnExisting,
) -> Result<Written> {
    let tenant = caller.tenant.0;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let sites: Vec<Uuid> = rows.iter().map(|row| row.site.0).collect();
    let numbers: Vec<String> = rows.iter().map(|row| row.rev_customer_id.clone()).collect();
    let accounts: Vec<Uuid> = rows.iter().map(|row| row.account.0).collect();
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let closed: Vec<Option<bool>> = rows.iter().map(|row| row.closed).collect();
    let mut transaction = ledger.web(caller.tenant).await?;
    let created: Vec<Uuid> = sqlx::query_scalar!(
        "insert into app.rev_customer (tenant_id, id, rev_customer_id, integration_authentication_id, customer_name, status)
         select $1, u.id, u.number, u.account, u.name, case when u.closed then 'CLOSED' else 'OPEN' end
         from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::boolean[]) as u (id, number, account, name, closed)
         order by u.number, u.account
         on conflict (tenant_id, rev_customer_id, integration_authentication_id) do nothing returning id",
        tenant, &ids, &numbers, &accounts, &names, &closed as &[Option<bool>])
        .fetch_all(&mut *transaction).await?;
    sqlx::query!(
        "insert into app.site (tenant_id, id, name, given_name, rev_customer_id)
         select $1, u.site, u.name || ' (' || u.number || ')', u.name || ' (' || u.number || ')', u.id
         from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) as u (id, site, name, number) where u.id = any ($6)
         on conflict (tenant_id, name) do nothing",
        tenant,
        &ids,
        &sites,
        &names,
        &numbers,
        &created
    )
    .execute(&mut *transaction)
    .await?;
    let mut written = Written { created: created.len(), ..Written::default() };
    if existing == OnExisting::Refuse {
        let old = rows.iter().filter(|row| !created.contains(&row.id));
        written.refused.extend(old.map(|row| (row.row, WriteRefusal::Taken)));
    } else if created.len() < rows.len() {
        let updated = sqlx::query!(
            "update app.rev_customer r set customer_name = u.name,
                 status = case when u.closed then 'CLOSED' when u.closed is false then 'OPEN' else r.status end
             from unnest($2::text[], $3::uuid[], $4::text[], $5::boolean[]) as u (number, account, name, closed)
             where r.tenant_id = $1 and r.rev_customer_id = u.number and r.integration_authentication_id = u.account
               and (r.customer_name <> u.name or (r.status = 'CLOSED') <> u.closed)",
            tenant,
            &numbers,
            &accounts,
            &names,
            &closed as &[Option<bool>]
        )
        .execute(&mut *transaction)
        .await?;
        written.updated = usize::try_from(updated.rows_affected()).unwrap_or(usize::MAX);
    }
    if written.created + written.updated > 0 {
        let some: Vec<&Uuid> = created.iter().take(100).collect();
        let detail = json!({ "created": written.created, "updated": written.updated, "ids": some });
        record(&mut transaction, caller, "customers_written", detail).await?;
    }
    transaction.commit().await?;
    Ok(written)
}

/// Renames, closes or opens a customer of either kind that is as the caller last saw it.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    etag: Option<&str>,
    edit: &CustomerEdit,
) -> Result<Edited> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query_scalar!(
        r#"with rev as (
             update app.rev_customer r set customer_name = coalesce($4, r.customer_name),
                 status = case when $5 then 'CLOSED' when $5 is false then 'OPEN' else r.status end
             where r.tenant_id = $1 and r.id = $2
               and ($3::text is null or left(encode(sha256(convert_to(r::text, 'UTF8')), 'hex'), 32) = $3)
             returning 1),
         amop as (
             update app.site s set name = coalesce($4, s.name), is_active = case when $5::boolean is null then s.is_active else not $5 end
             where s.tenant_id = $1 and s.amop_customer_id = $2
               and ($3::text is null or left(encode(sha256(convert_to(s::text, 'UTF8')), 'hex'), 32) = $3)
             returning 1)
         select (select count(*) from rev) + (select count(*) from amop) as "written!""#,
        tenant,
        id,
        etag,
        edit.name,
        edit.closed
    )
    .fetch_one(&mut *transaction)
    .await;
    let written = match written {
        Err(error) if taken(&error) => return Ok(Edited::Taken),
        written => u64::try_from(written?).unwrap_or(0),
    };
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.customer where tenant_id = $1 and id = $2) as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        let detail = json!({ "id": id, "name": edit.name, "closed": edit.closed });
        record(&mut transaction, caller, "customer_edited", detail).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}

/// Rev customers by what names one: our id, and the id at Rev.io where that is one's alone. Some thousands at most.
///
/// # Errors
/// The database does not answer.
pub async fn rev_by_name(ledger: &Ledger, tenant: TenantId) -> Result<HashMap<String, Uuid>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select r.id, r.rev_customer_id, count(*) over (partition by r.rev_customer_id) as "count!"
           from app.rev_customer r where r.tenant_id = $1"#,
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut by_name = HashMap::new();
    for row in rows {
        by_name.insert(row.id.to_string(), row.id);
        if row.count == 1 {
            by_name.insert(row.rev_customer_id.to_lowercase(), row.id);
        }
    }
    Ok(by_name)
}
