//! People: who signs in, where, and with which role. A person belongs to one tenant; a role in a tenant is held where an API
//! key's is, so that rights are read and plans are owned in one way.

pub mod invitation;
pub mod keep;
pub mod list;
pub mod places;
pub mod session;
pub mod sign_in;

use crate::Result;
use domain::email::Email;
use domain::ids::{ApiKeyId, PersonId, TenantId};
use domain::rights::Role;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A person, with the tenant that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PersonKey {
    /// The tenant that keeps the password, and may end the account.
    pub tenant: TenantId,
    /// The person.
    pub person: PersonId,
}

impl PersonKey {
    /// Who acts, as the audit trail writes it.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("person:{}", self.person)
    }
}

/// A person that is to be made, with a role in the tenant it belongs to.
#[derive(Clone, Debug)]
pub struct NewPerson<'a> {
    /// The id it gets.
    pub id: PersonId,
    /// The id of its role.
    pub role_id: ApiKeyId,
    /// The address it signs in with.
    pub email: &'a Email,
    /// What it is called.
    pub name: &'a str,
    /// Its role.
    pub role: Role,
    /// The sites it is confined to, if it is; possibly none.
    pub sites: Option<&'a [Uuid]>,
    /// The groups of sites it is confined to, beside these; only with `sites`.
    pub site_groups: &'a [Uuid],
}

/// How making a person ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is there.
    Done,
    /// The address is somebody's.
    Taken,
    /// One of the sites or groups is not the tenant's.
    SiteNotFound,
}

/// Writes a person with its role, in a transaction of its tenant.
pub(crate) async fn insert(connection: &mut PgConnection, tenant: TenantId, new: &NewPerson<'_>) -> Result<Made> {
    sqlx::query!(
        "insert into app.person (tenant_id, id, email, name, created_at) values ($1, $2, $3, $4, app.now())",
        tenant.0,
        new.id.0,
        new.email.as_str(),
        new.name
    )
    .execute(&mut *connection)
    .await?;
    let found = sqlx::query!(
        "insert into app.person_lookup (email_sha256, tenant_id, person_id) values ($1, $2, $3)",
        &new.email.sha256()[..],
        tenant.0,
        new.id.0
    )
    .execute(&mut *connection)
    .await;
    match found {
        Err(error) if crate::written::taken(&error) => return Ok(Made::Taken),
        other => other?,
    };
    let key = PersonKey { tenant, person: new.id };
    give_role(connection, tenant, key, new).await
}

/// Gives somebody a role in the tenant of this transaction.
pub(crate) async fn give_role(
    connection: &mut PgConnection,
    tenant: TenantId,
    person: PersonKey,
    new: &NewPerson<'_>,
) -> Result<Made> {
    sqlx::query!(
        "insert into app.api_key (tenant_id, id, name, shown, created_at, role, is_site_restricted) values ($1, $2, $3, '', app.now(), $4, $5)",
        tenant.0,
        new.role_id.0,
        new.name,
        new.role.word(),
        new.sites.is_some()
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into app.person_role (tenant_id, api_key_id, person_tenant_id, person_id, created_at) values ($1, $2, $3, $4, app.now())",
        tenant.0,
        new.role_id.0,
        person.tenant.0,
        person.person.0
    )
    .execute(&mut *connection)
    .await?;
    match new.sites {
        Some(sites) if !confine(connection, tenant, new.role_id, sites, new.site_groups).await? => {
            Ok(Made::SiteNotFound)
        }
        _ => Ok(Made::Done),
    }
}

/// Confines a role to sites and groups of sites. False: one of them is not the tenant's.
pub(crate) async fn confine(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: ApiKeyId,
    sites: &[Uuid],
    site_groups: &[Uuid],
) -> Result<bool> {
    let put = sqlx::query!(
        "insert into app.api_key_site (tenant_id, api_key_id, site_id)
         select $1, $2, s.id from app.site s where s.tenant_id = $1 and s.id = any ($3)",
        tenant.0,
        role.0,
        sites
    )
    .execute(&mut *connection)
    .await?;
    let grouped = sqlx::query!(
        "insert into app.api_key_site (tenant_id, api_key_id, site_group_id)
         select $1, $2, g.id from app.site_group g where g.tenant_id = $1 and g.id = any ($3)",
        tenant.0,
        role.0,
        site_groups
    )
    .execute(&mut *connection)
    .await?;
    Ok(put.rows_affected() == sites.len() as u64 && grouped.rows_affected() == site_groups.len() as u64)
}

/// Writes down what somebody did about themselves, in the transaction that does it.
pub(crate) async fn record(
    connection: &mut PgConnection,
    person: PersonKey,
    action: &str,
    detail: Value,
) -> Result<()> {
    crate::audit::record_by(connection, person.tenant, &person.actor(), action, detail).await
}
