//! Whose key is this, and making one.

use crate::audit::record;
use crate::{Ledger, Result};
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, PersonId, TenantId};
use domain::rights::{Module, Rights, Role, Scope};
use jiff::Timestamp;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

/// Who a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose transaction it will be.
    pub tenant: TenantId,
    /// With which key, or a person's role in place of one.
    pub api_key: ApiKeyId,
    /// The person, if it is one.
    pub person: Option<PersonId>,
    /// The person who is behind it: itself, or who made the key. None: the key is the tenant's own.
    pub behind: Option<PersonId>,
    /// Confined to sites: then it sees the plans and changes it made itself, and no others.
    pub confined: bool,
    /// May it see SIMs known by their ICCID, and what is done to them?
    pub m2m: bool,
    /// May it see SIMs known by their subscriber number?
    pub mobility: bool,
}

impl Caller {
    /// A key with its rights.
    #[must_use]
    pub fn new(tenant: TenantId, api_key: ApiKeyId, rights: &Rights) -> Self {
        Self {
            tenant,
            api_key,
            person: None,
            behind: None,
            confined: rights.scope != Scope::Everything,
            m2m: rights.sees(Module::M2m),
            mobility: rights.sees(Module::Mobility),
        }
    }

    /// The same, where the role is a person's.
    #[must_use]
    pub const fn of_person(self, person: Option<PersonId>) -> Self {
        Self { person, behind: person, ..self }
    }

    /// The same, where the key was made by somebody.
    #[must_use]
    pub const fn made_by(self, maker: Option<PersonId>) -> Self {
        Self { behind: maker, ..self }
    }

    /// Who acts, as the audit trail writes it.
    #[must_use]
    pub fn actor(&self) -> String {
        match self.person {
            Some(person) => format!("person:{person}"),
            None => format!("api_key:{}", self.api_key),
        }
    }
}

/// Whose key this is, before a tenant is known; None: unknown, revoked or expired, which are one answer to outsiders.
///
/// # Errors
/// The database does not answer.
pub async fn found(ledger: &Ledger, key: &ApiKey) -> Result<Option<(TenantId, ApiKeyId)>> {
    let found = sqlx::query!(
        "select tenant_id, api_key_id from app.api_key_lookup
         where key_sha256 = $1 and revoked_at is null and expires_at > app.now()",
        &key.sha256()[..]
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    Ok(found.map(|row| (TenantId(row.tenant_id), ApiKeyId(row.api_key_id))))
}

/// A key as a list shows it; the key itself is nowhere.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is called.
    pub name: String,
    /// Its first characters.
    pub shown: String,
    /// Its role.
    pub role: String,
    /// The sites it is confined to, if it is.
    pub sites: Option<Vec<Uuid>>,
    /// The groups of sites it is confined to, beside these.
    pub site_groups: Vec<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// Since when it does not any more.
    pub revoked_at: Option<Timestamp>,
    /// Is it neither revoked nor run out?
    pub works: bool,
    /// Who made it, or made the key that made it. None: it is the tenant's own.
    pub maker: Option<Maker>,
}

/// Who made a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maker {
    /// The person.
    pub id: PersonId,
    /// What they are called.
    pub name: String,
    /// Do they have a role here? Without one their keys do not work.
    pub lasts: bool,
}

/// A page in the order of ids, after this one; `id` narrows to one.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    id: Option<Uuid>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    select(ledger, tenant, id, None, after, limit).await
}

/// The keys that this person has made here and that were neither revoked nor have run out, in the order of their ids: at most so many.
///
/// # Errors
/// The database does not answer.
pub async fn made_by(ledger: &Ledger, tenant: TenantId, maker: PersonId, most: i64) -> Result<Vec<Listed>> {
    select(ledger, tenant, None, Some(maker), None, most).await
}

async fn select(
    ledger: &Ledger,
    tenant: TenantId,
    id: Option<Uuid>,
    maker: Option<PersonId>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select k.id, k.name, k.shown, k.role, k.is_site_restricted, k.created_at, l.expires_at, l.revoked_at, (l.revoked_at is null and l.expires_at > app.now()) as "works!",
               array(select s.site_id from app.api_key_site s where s.tenant_id = $1 and s.api_key_id = k.id and s.site_id is not null order by 1) as "sites!: Vec<Uuid>",
               array(select s.site_group_id from app.api_key_site s where s.tenant_id = $1 and s.api_key_id = k.id and s.site_group_id is not null order by 1) as "groups!: Vec<Uuid>",
               p.id as "maker?", p.name as "maker_name?", (r.ended_at is null and p.deactivated_at is null) as "maker_lasts!"
           from app.api_key k join app.api_key_lookup l on l.tenant_id = k.tenant_id and l.api_key_id = k.id
           left join app.person_role r on r.tenant_id = k.tenant_id and r.api_key_id = k.made_by
           left join app.person p on p.tenant_id = r.person_tenant_id and p.id = r.person_id
           where k.tenant_id = $1 and ($2::uuid is null or k.id = $2) and ($3::uuid is null or k.id > $3)
             and ($5::uuid is null or p.id = $5 and l.revoked_at is null and l.expires_at > app.now())
           order by k.id limit $4"#,
        tenant.0,
        id,
        after,
        limit,
        maker.map(|maker| maker.0)
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Listed {
            id: ApiKeyId(row.id),
            name: row.name,
            shown: row.shown,
            role: row.role,
            sites: row.is_site_restricted.then_some(row.sites),
            site_groups: row.groups,
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
            works: row.works,
            maker: row.maker.zip(row.maker_name).map(|(id, name)| Maker {
                id: PersonId(id),
                name,
                lasts: row.maker_lasts,
            }),
        })
        .collect())
}

/// A key that is to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey<'a> {
    /// The id it gets.
    pub id: ApiKeyId,
    /// What it is called.
    pub name: &'a str,
    /// The key itself, of which only the hash is kept.
    pub key: &'a ApiKey,
    /// Its role.
    pub role: Role,
    /// The sites it is confined to, if it is; possibly none.
    pub sites: Option<&'a [Uuid]>,
    /// The groups of sites it is confined to, beside these; only with `sites`.
    pub site_groups: &'a [Uuid],
    /// Until when it works, in days.
    pub days: i32,
}

/// Makes a key, under the person who is behind the caller. False: one of the sites or groups is not the tenant's.
///
/// # Errors
/// The database does not answer.
pub async fn create(ledger: &Ledger, caller: &Caller, new: &NewApiKey<'_>) -> Result<bool> {
    let (tenant, id) = (caller.tenant.0, new.id.0);
    let mut transaction = ledger.web(caller.tenant).await?;
    sqlx::query!(
        "insert into app.api_key (tenant_id, id, name, shown, created_at, role, is_site_restricted, made_by)
         values ($1, $2, $3, $4, app.now(), $5, $6, case when $8 then $7::uuid else (select m.made_by from app.api_key m where m.tenant_id = $1 and m.id = $7) end)",
        tenant, id, new.name, new.key.shown(), new.role.word(), new.sites.is_some(), caller.api_key.0, caller.person.is_some())
        .execute(&mut *transaction).await?;
    if let Some(sites) = new.sites {
        let put = sqlx::query!(
            "insert into app.api_key_site (tenant_id, api_key_id, site_id)
             select $1, $2, s.id from app.site s where s.tenant_id = $1 and s.id = any ($3)",
            tenant,
            id,
            sites
        )
        .execute(&mut *transaction)
        .await?;
        let grouped = sqlx::query!(
            "insert into app.api_key_site (tenant_id, api_key_id, site_group_id)
             select $1, $2, g.id from app.site_group g where g.tenant_id = $1 and g.id = any ($3)",
            tenant,
            id,
            new.site_groups
        )
        .execute(&mut *transaction)
        .await?;
        if put.rows_affected() != sites.len() as u64 || grouped.rows_affected() != new.site_groups.len() as u64 {
            return Ok(false);
        }
    }
    sqlx::query!(
        "insert into app.api_key_lookup (key_sha256, tenant_id, api_key_id, expires_at) values ($1, $2, $3, app.now() + make_interval(days => $4))",
        &new.key.sha256()[..], tenant, id, new.days)
        .execute(&mut *transaction).await?;
    let detail = json!({ "api_key": new.id, "name": new.name, "role": new.role, "sites": new.sites, "site_groups": new.site_groups });
    record(&mut transaction, caller, "api_key_created", detail).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Revokes every key that was made under this role and still works. Answers how many.
pub(crate) async fn revoke_made_by(connection: &mut PgConnection, tenant: TenantId, role: ApiKeyId) -> Result<u64> {
    let revoked = sqlx::query!(
        "update app.api_key_lookup l set revoked_at = app.now() from app.api_key k
         where l.tenant_id = $1 and k.tenant_id = l.tenant_id and k.id = l.api_key_id and k.made_by = $2 and l.revoked_at is null",
        tenant.0,
        role.0
    )
    .execute(connection)
    .await?;
    Ok(revoked.rows_affected())
}

/// Revokes a key; at once, for whatever comes after. False: the tenant has no such key. Once revoked it stays so.
///
/// # Errors
/// The database does not answer.
pub async fn revoke(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<bool> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let revoked = sqlx::query!(
        "update app.api_key_lookup set revoked_at = app.now() where tenant_id = $1 and api_key_id = $2 and revoked_at is null",
        caller.tenant.0,
        id
    )
    .execute(&mut *transaction)
    .await?;
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.api_key_lookup where tenant_id = $1 and api_key_id = $2) as "exists!""#,
        caller.tenant.0,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if revoked.rows_affected() > 0 {
        record(&mut transaction, caller, "api_key_revoked", json!({ "api_key": id })).await?;
    }
    transaction.commit().await?;
    Ok(exists)
}
