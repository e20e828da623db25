//! Sites: customers' seats in a tenant.

use crate::api_key::Caller;
use crate::audit::record;
use crate::written::{Edited, OnExisting, WriteRefusal, Written, edited, taken};
use crate::{Ledger, Result};
use domain::ids::{CustomerId, SiteId, TenantId};
use serde_json::json;
use uuid::Uuid;

/// A site with who sits there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Its customer; None: it is the tenant's default, where unassigned SIMs are.
    pub customer: Option<(CustomerId, String)>,
    /// May SIMs be assigned to it?
    pub active: bool,
    /// Is it the tenant's default?
    pub is_default: bool,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// A site that is to be there.
#[derive(Clone, Debug)]
pub struct NewSite {
    /// Its row in the batch.
    pub row: i32,
    /// The id it gets if it is new.
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// The rev customer who sits there; None: the site is a customer itself (AMOP).
    pub rev_customer: Option<Uuid>,
    /// The public id that an AMOP customer gets if it is new.
    pub customer_id: Uuid,
    /// Has it to be an AMOP customer, or may it be a rev customer's seat that is there already?
    pub is_amop: bool,
    /// None: as it is; a new one is active.
    pub active: Option<bool>,
}

/// What an edit changes.
#[derive(Clone, Debug, Default)]
pub struct SiteEdit {
    /// Its name.
    pub name: Option<String>,
    /// May SIMs be assigned to it?
    pub active: Option<bool>,
}

/// What a list of sites may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// This one.
    pub id: Option<Uuid>,
    /// A part of a name.
    pub q: Option<String>,
    /// This customer's.
    pub customer: Option<Uuid>,
    /// Among these, whatever else is asked.
    pub sites: Option<Vec<Uuid>>,
}

/// A page in the order of ids, after this one.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Site>> {
    let pattern = filter.q.as_deref().map(crate::customer::part_of_a_name);
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select s.id, s.name, s.is_active, s.is_system_default, x.customer_id as "customer_id?", x.customer_name as "customer_name?",
               left(encode(sha256(convert_to(s::text, 'UTF8')), 'hex'), 32) as "etag!"
           from app.site s join app.seat x on x.tenant_id = s.tenant_id and x.site_id = s.id
           where s.tenant_id = $1 and ($2::uuid is null or s.id = $2) and ($3::text is null or s.name ilike $3)
             and ($4::uuid is null or x.customer_id = $4) and ($5::uuid[] is null or s.id = any ($5)) and ($6::uuid is null or s.id > $6)
           order by s.id limit $7"#,
        tenant.0,
        filter.id,
        pattern,
        filter.customer,
        filter.sites.as_deref(),
        after,
        limit
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Site {
            id: SiteId(row.id),
            name: row.name,
            customer: row.customer_id.zip(row.customer_name).map(|(id, name)| (CustomerId(id), name)),
            active: row.is_active,
            is_default: row.is_system_default,
            etag: row.etag,
        })
        .collect())
}

/// Makes sites, and closes or opens those that are there. At most three statements and one audit entry, whatever the rows.
///
/// # Errors
/// `Data` if a rev customer is not the tenant's; the database does not answer.
pub async fn write(ledger: &Ledger, caller: &Caller, rows: &[NewSite], existing: OnExisting) -> Result<Written> {
    let tenant = caller.tenant.0;
    let numbers: Vec<i32> = rows.iter().map(|row| row.row).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let rev: Vec<Option<Uuid>> = rows.iter().map(|row| row.rev_customer).collect();
    let amop: Vec<Uuid> = rows.iter().map(|row| row.customer_id).collect();
    let is_amop: Vec<bool> = rows.iter().map(|row| row.is_amop).collect();
    let active: Vec<Option<bool>> = rows.iter().map(|row| row.active).collect();
    let mut transaction = ledger.web(caller.tenant).await?;
    let created: Vec<Uuid> = sqlx::query_scalar!(
        "insert into app.site (tenant_id, id, name, rev_customer_id, amop_customer_id, is_active)
         select $1, u.id, u.name, u.rev, case when u.rev is null then u.amop end, u.active is not false
         from unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::boolean[]) as u (id, name, rev, amop, active) order by u.name
         on conflict (tenant_id, name) do nothing returning id",
        tenant, &ids, &names, &rev as &[Option<Uuid>], &amop, &active as &[Option<bool>])
        .fetch_all(&mut *transaction).await?;
    let mut written = Written { created: created.len(), ..Written::default() };
    let old: Vec<usize> = (0..rows.len()).filter(|index| !created.contains(&ids[*index])).collect();
    if existing == OnExisting::Refuse {
        written.refused.extend(old.iter().map(|index| (rows[*index].row, WriteRefusal::Taken)));
    } else if !old.is_empty() {
        let others = sqlx::query_scalar!(
            r#"select u.number as "number!" from unnest($2::integer[], $3::text[], $4::uuid[], $5::boolean[]) as u (number, name, rev, is_amop)
               join app.site s on s.tenant_id = $1 and s.name = u.name
               where s.is_system_default or u.rev is not null and s.rev_customer_id is distinct from u.rev
                   or u.is_amop and s.amop_customer_id is null"#,
            tenant,
            &numbers,
            &names,
            &rev as &[Option<Uuid>],
            &is_amop
        )
        .fetch_all(&mut *transaction)
        .await?;
        let updated = sqlx::query!(
            "update app.site s set is_active = u.active
             from unnest($2::integer[], $3::text[], $4::boolean[]) as u (number, name, active)
             where s.tenant_id = $1 and s.name = u.name and s.is_active <> u.active and u.number <> all ($5)",
            tenant,
            &numbers,
            &names,
            &active as &[Option<bool>],
            &others
        )
        .execute(&mut *transaction)
        .await?;
        written.updated = usize::try_from(updated.rows_affected()).unwrap_or(usize::MAX);
        written.refused.extend(others.into_iter().map(|row| (row, WriteRefusal::SiteOfAnotherCustomer)));
    }
    if written.created + written.updated > 0 {
        let detail = json!({ "created": written.created, "updated": written.updated, "ids": created.iter().take(100).collect::<Vec<_>>() });
        record(&mut transaction, caller, "sites_written", detail).await?;
    }
    transaction.commit().await?;
    Ok(written)
}

/// Renames, closes or opens a site that is as the caller last saw it. Nobody edits the default site: it is not found.
///
/// # Errors
/// The database does not answer.
pub async fn edit(ledger: &Ledger, caller: &Caller, id: Uuid, etag: Option<&str>, edit: &SiteEdit) -> Result<Edited> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.site s set name = coalesce($4, s.name), is_active = coalesce($5, s.is_active)
         where s.tenant_id = $1 and s.id = $2 and not s.is_system_default
           and ($3::text is null or left(encode(sha256(convert_to(s::text, 'UTF8')), 'hex'), 32) = $3)",
        tenant,
        id,
        etag,
        edit.name,
        edit.active
    )
    .execute(&mut *transaction)
    .await;
    let written = match written {
        Err(error) if taken(&error) => return Ok(Edited::Taken),
        written => written?.rows_affected(),
    };
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.site where tenant_id = $1 and id = $2 and not is_system_default) as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        let detail = json!({ "id": id, "name": edit.name, "active": edit.active });
        record(&mut transaction, caller, "site_edited", detail).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}
