//! People as their tenant lists them.

use crate::api_key::Caller;
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{ApiKeyId, PersonId, TenantId};
use domain::rights::Role;
use jiff::Timestamp;
use uuid::Uuid;

/// Somebody who has, or had, a role in the tenant.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Who.
    pub id: PersonId,
    /// The id of the role.
    pub role_id: ApiKeyId,
    /// The address they sign in with.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// Do they belong to this tenant? Else to its partner, which keeps the account.
    pub own: bool,
    /// Their role.
    pub role: Role,
    /// The sites they are confined to, if they are.
    pub sites: Option<Vec<Uuid>>,
    /// The groups of sites they are confined to, beside these.
    pub site_groups: Vec<Uuid>,
    /// May they act here?
    pub active: bool,
    /// Was a password set? Told of one's own people alone.
    pub has_password: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub signed_in_at: Option<Timestamp>,
    /// What may be edited is now, for `If-Match`.
    pub etag: String,
}

/// A page in the order of ids, after this one; `id` narrows to one, `q` is a part of a name or an address.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    id: Option<Uuid>,
    q: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let mut transaction = ledger.web(tenant).await?;
    list_in(&mut transaction, tenant, id, q, after, limit).await
}

async fn list_in(
    connection: &mut sqlx::PgConnection,
    tenant: TenantId,
    id: Option<Uuid>,
    q: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let pattern = q.map(crate::customer::part_of_a_name);
    let rows = sqlx::query!(
        r#"select p.id, r.api_key_id, p.email, p.name, p.tenant_id = $1 as "own!", k.role, k.is_site_restricted, r.created_at,
               case when p.tenant_id = $1 then p.signed_in_at end as signed_in_at,
               (r.ended_at is null and p.deactivated_at is null) as "active!",
               exists (select from app.person_password w where w.tenant_id = p.tenant_id and w.person_id = p.id) as "has_password!",
               l.sites as "sites!: Vec<Uuid>", l.groups as "groups!: Vec<Uuid>",
               left(encode(sha256(convert_to(row(p.name, p.deactivated_at, k.role, k.is_site_restricted, r.ended_at, l.sites, l.groups)::text, 'UTF8')), 'hex'), 32) as "etag!"
           from app.person_role r
           join app.person p on p.tenant_id = r.person_tenant_id and p.id = r.person_id
           join app.api_key k on k.tenant_id = r.tenant_id and k.id = r.api_key_id
           cross join lateral (select
               array(select s.site_id from app.api_key_site s where s.tenant_id = $1 and s.api_key_id = k.id and s.site_id is not null order by 1) as sites,
               array(select s.site_group_id from app.api_key_site s where s.tenant_id = $1 and s.api_key_id = k.id and s.site_group_id is not null order by 1) as groups) as l
           where r.tenant_id = $1 and ($2::uuid is null or p.id = $2) and ($3::uuid is null or p.id > $3)
             and ($4::text is null or p.name ilike $4 or p.email ilike $4)
           order by p.id limit $5"#,
        tenant.0,
        id,
        after,
        pattern,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let role = Role::from_word(&row.role);
            Ok(Listed {
                id: PersonId(row.id),
                role_id: ApiKeyId(row.api_key_id),
                email: row.email,
                name: row.name,
                own: row.own,
                role: role.ok_or(DatabaseError::Inconsistent { table: "api_key", column: "role", value: row.role })?,
                sites: row.is_site_restricted.then_some(row.sites),
                site_groups: row.groups,
                active: row.active,
                has_password: row.has_password,
                created_at: row.created_at.to_jiff(),
                signed_in_at: row.signed_in_at.map(jiff_sqlx::Timestamp::to_jiff),
                etag: row.etag,
            })
        })
        .collect()
}

/// One of them.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn get(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<Option<Listed>> {
    Ok(list(ledger, caller.tenant, Some(id), None, None, 1).await?.into_iter().next())
}

/// The same on a connection that is open: whoever holds one does not wait for another.
pub(crate) async fn get_in(connection: &mut sqlx::PgConnection, caller: &Caller, id: Uuid) -> Result<Option<Listed>> {
    Ok(list_in(connection, caller.tenant, Some(id), None, None, 1).await?.into_iter().next())
}

/// How somebody who is signed in is greeted: the name of the tenant they act in, and their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The tenant.
    pub tenant: String,
    /// The time zone of its dates.
    pub time_zone: String,
    /// The person.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// How somebody is greeted in this tenant.
///
/// # Errors
/// The database does not answer.
pub async fn greeting(ledger: &Ledger, tenant: TenantId, person: PersonId) -> Result<Greeting> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        "select t.name as tenant, t.time_zone, p.name, p.email from app.tenant t, app.person p where t.id = $1 and p.id = $2",
        tenant.0,
        person.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(Greeting { tenant: row.tenant, time_zone: row.time_zone, name: row.name, email: row.email })
}
