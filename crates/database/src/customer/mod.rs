//! Customers of both kinds.

mod write;

pub use write::{CustomerEdit, NewRevCustomer, accounts, edit, rev_by_name, write_rev};

use crate::{Ledger, Result};
use domain::ids::{CustomerId, IntegrationAuthenticationId, SiteId, TenantId};
use uuid::Uuid;

/// A customer as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its public id.
    pub id: CustomerId,
    /// Its name; rev customers may share one.
    pub name: String,
    /// `REV` or `AMOP`.
    pub kind: String,
    /// The id at Rev.io.
    pub rev_customer_id: Option<String>,
    /// Closed, or archived.
    pub is_closed: bool,
    /// Its first site in this tenant.
    pub site: Option<(SiteId, String)>,
    /// Devices at its sites.
    pub devices: i64,
    /// What it is now, for `If-Match`.
    pub etag: String,
}

/// The account at Rev.io that a customer is under: its id and name. None: the customer exists only here, or not at all.
///
/// # Errors
/// The database does not answer.
pub async fn account_of(
    ledger: &Ledger,
    tenant: TenantId,
    id: CustomerId,
) -> Result<Option<(IntegrationAuthenticationId, String)>> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        "select a.id, a.name from app.rev_customer c
         join app.integration_authentication a on a.tenant_id = c.tenant_id and a.id = c.integration_authentication_id
         where c.tenant_id = $1 and c.id = $2",
        tenant.0,
        id.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(|row| (IntegrationAuthenticationId(row.id), row.name)))
}

/// The pattern for names that this is a part of: % and _ in what people type are letters, not wildcards.
pub(crate) fn part_of_a_name(q: &str) -> String {
    format!("%{}%", q.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// A page by name, after this (name, id); `id` narrows to one; `q` is a part of a name, or a rev_customer_id; `sites` those that
/// the caller is confined to.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    id: Option<Uuid>,
    q: Option<&str>,
    sites: Option<&[Uuid]>,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Customer>> {
    let (after_name, after_id) = after.unzip();
    let pattern = q.map(part_of_a_name);
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select c.id as "id!", c.name as "name!", c.kind as "kind!", c.rev_customer_id, c.is_closed as "is_closed!",
               (select left(encode(sha256(convert_to(r::text, 'UTF8')), 'hex'), 32) from app.rev_customer r where r.tenant_id = $1 and r.id = c.id
                union all
                select left(encode(sha256(convert_to(a::text, 'UTF8')), 'hex'), 32) from app.site a where a.tenant_id = $1 and a.amop_customer_id = c.id) as "etag!",
               s.id as "site_id?", s.name as "site_name?",
               (select count(*) from app.device_tenant dt
                where dt.tenant_id = $1 and dt.site_id in (select x.site_id from app.seat x where x.tenant_id = $1 and x.customer_id = c.id)
                   and ($7::uuid[] is null or dt.site_id = any ($7))) as "devices!"
           from (select * from app.customer c
                 where c.tenant_id = $1 and ($8::uuid is null or c.id = $8) and ($2::text is null or c.name ilike $2 or c.rev_customer_id = $3)
                   and ($4::text is null or (c.name, c.id) > ($4, $5))
                   and ($7::uuid[] is null or exists (select from app.seat x where x.tenant_id = $1 and x.customer_id = c.id and x.site_id = any ($7)))
                 order by c.name, c.id limit $6) as c
           left join lateral (select s.site_id as id, s.site_name as name from app.seat s
                where s.tenant_id = $1 and s.customer_id = c.id and ($7::uuid[] is null or s.site_id = any ($7)) order by s.is_active desc, s.site_id limit 1) as s on true
           order by c.name, c.id"#,
        tenant.0, pattern, q, after_name, after_id, limit, sites, id)
        .fetch_all(&mut *transaction).await?;
    Ok(rows
        .into_iter()
        .map(|row| Customer {
            id: CustomerId(row.id),
            name: row.name,
            kind: row.kind,
            rev_customer_id: row.rev_customer_id,
            is_closed: row.is_closed,
            site: row.site_id.zip(row.site_name).map(|(id, name)| (SiteId(id), name)),
            devices: row.devices,
            etag: row.etag,
        })
        .collect())
}
