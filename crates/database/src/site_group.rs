//! Groups of sites: what API keys are confined to besides single sites. A key sees at once what a group becomes.

use crate::api_key::Caller;
use crate::audit::record;
use crate::written::{Edited, edited, taken};
use crate::{Ledger, Result};
use domain::ids::{SiteId, TenantId};
use serde_json::json;
use uuid::Uuid;

/// A group of sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteGroup {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique in the tenant.
    pub name: String,
    /// How many sites are in it.
    pub sites: i64,
    /// How many API keys are confined to it, beside others.
    pub api_keys: i64,
    /// What its name is now, for `If-Match`.
    pub etag: String,
}

/// What happened to a group that was to be made or filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouped {
    /// It is as asked.
    Done,
    /// This tenant has no such group.
    NotFound,
    /// The name is another's.
    Taken,
    /// One of the sites is not the tenant's.
    SiteNotFound,
}

/// A page in the order of ids, after this one; `id` narrows to one, `q` is a part of a name.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    id: Option<Uuid>,
    q: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<SiteGroup>> {
    let pattern = q.map(crate::customer::part_of_a_name);
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select g.id, g.name, left(encode(sha256(convert_to(g::text, 'UTF8')), 'hex'), 32) as "etag!",
               (select count(*) from app.site_group_site s where s.tenant_id = g.tenant_id and s.site_group_id = g.id) as "sites!",
               (select count(*) from app.api_key_site k where k.tenant_id = g.tenant_id and k.site_group_id = g.id) as "api_keys!"
           from app.site_group g
           where g.tenant_id = $1 and ($2::uuid is null or g.id = $2) and ($3::text is null or g.name ilike $3)
             and ($4::uuid is null or g.id > $4)
           order by g.id limit $5"#,
        tenant.0,
        id,
        pattern,
        after,
        limit
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| SiteGroup { id: r.id, name: r.name, sites: r.sites, api_keys: r.api_keys, etag: r.etag })
        .collect())
}

/// The sites of a group with their names, in the order of their ids.
///
/// # Errors
/// The database does not answer.
pub async fn sites(ledger: &Ledger, tenant: TenantId, group: Uuid) -> Result<Vec<(SiteId, String)>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        "select s.id, s.name from app.site_group_site m join app.site s on s.tenant_id = m.tenant_id and s.id = m.site_id
         where m.tenant_id = $1 and m.site_group_id = $2 order by s.id",
        tenant.0,
        group
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (SiteId(row.id), row.name)).collect())
}

/// Makes a group with these sites. Two statements and one audit entry, whatever the number of sites.
///
/// # Errors
/// The database does not answer.
pub async fn create(ledger: &Ledger, caller: &Caller, id: Uuid, name: &str, sites: &[Uuid]) -> Result<Grouped> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let made = sqlx::query!(
        "insert into app.site_group (tenant_id, id, name) values ($1, $2, $3) on conflict (tenant_id, name) do nothing",
        caller.tenant.0,
        id,
        name
    )
    .execute(&mut *transaction)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(Grouped::Taken);
    }
    if put(&mut transaction, caller, id, sites).await?.is_none() {
        return Ok(Grouped::SiteNotFound);
    }
    let detail = json!({ "id": id, "name": name, "sites": sites });
    record(&mut transaction, caller, "site_group_made", detail).await?;
    transaction.commit().await?;
    Ok(Grouped::Done)
}

/// Puts sites into a group; those that are in it stay. Answers how many came in; none: a site is not the tenant's.
async fn put(
    transaction: &mut sqlx::PgConnection,
    caller: &Caller,
    group: Uuid,
    sites: &[Uuid],
) -> Result<Option<u64>> {
    let known = sqlx::query_scalar!(
        r#"select count(*) as "known!" from app.site where tenant_id = $1 and id = any ($2)"#,
        caller.tenant.0,
        sites
    )
    .fetch_one(&mut *transaction)
    .await?;
    if usize::try_from(known).ok() != Some(sites.len()) {
        return Ok(None);
    }
    let put = sqlx::query!(
        "insert into app.site_group_site (tenant_id, site_group_id, site_id) select $1, $2, u from unnest($3::uuid[]) as u order by u
         on conflict do nothing",
        caller.tenant.0,
        group,
        sites
    )
    .execute(transaction)
    .await?;
    Ok(Some(put.rows_affected()))
}

/// Locks a group of the tenant; whether it is there. What is put and removed at once goes one after the other.
async fn lock(transaction: &mut sqlx::PgConnection, caller: &Caller, group: Uuid) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select id from app.site_group where tenant_id = $1 and id = $2 for no key update",
        caller.tenant.0,
        group
    )
    .fetch_optional(transaction)
    .await?;
    Ok(found.is_some())
}

/// Puts sites, each named once, into a group; those that are in it stay.
///
/// # Errors
/// The database does not answer.
pub async fn add(ledger: &Ledger, caller: &Caller, group: Uuid, sites: &[Uuid]) -> Result<Grouped> {
    let mut transaction = ledger.web(caller.tenant).await?;
    if !lock(&mut transaction, caller, group).await? {
        return Ok(Grouped::NotFound);
    }
    let Some(put) = put(&mut transaction, caller, group, sites).await? else { return Ok(Grouped::SiteNotFound) };
    if put > 0 {
        record(&mut transaction, caller, "site_group_filled", json!({ "id": group, "sites": sites })).await?;
    }
    transaction.commit().await?;
    Ok(Grouped::Done)
}

/// Takes sites out of a group; those that are not in it are no matter.
///
/// # Errors
/// The database does not answer.
pub async fn remove(ledger: &Ledger, caller: &Caller, group: Uuid, sites: &[Uuid]) -> Result<Grouped> {
    let mut transaction = ledger.web(caller.tenant).await?;
    if !lock(&mut transaction, caller, group).await? {
        return Ok(Grouped::NotFound);
    }
    let gone = sqlx::query!(
        "delete from app.site_group_site where tenant_id = $1 and site_group_id = $2 and site_id = any ($3)",
        caller.tenant.0,
        group,
        sites
    )
    .execute(&mut *transaction)
    .await?;
    if gone.rows_affected() > 0 {
        record(&mut transaction, caller, "site_group_emptied", json!({ "id": group, "sites": sites })).await?;
    }
    transaction.commit().await?;
    Ok(Grouped::Done)
}

/// Renames a group that is called as the caller last saw it.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    etag: Option<&str>,
    name: Option<&str>,
) -> Result<Edited> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.site_group g set name = coalesce($4, g.name)
         where g.tenant_id = $1 and g.id = $2
           and ($3::text is null or left(encode(sha256(convert_to(g::text, 'UTF8')), 'hex'), 32) = $3)",
        caller.tenant.0,
        id,
        etag,
        name
    )
    .execute(&mut *transaction)
    .await;
    let written = match written {
        Err(error) if taken(&error) => return Ok(Edited::Taken),
        written => written?.rows_affected(),
    };
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.site_group where tenant_id = $1 and id = $2) as "exists!""#,
        caller.tenant.0,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        record(&mut transaction, caller, "site_group_edited", json!({ "id": id, "name": name })).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}
