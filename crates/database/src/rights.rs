//! What a key, or a person's role, may do, read from its role, its tenant's modules and its sites. A key that somebody made does
//! no more than they do now, and nothing once they are gone: that is read with each request, so nobody has to think of it.

use crate::api_key::Caller;
use crate::{DatabaseError, Ledger, Result, TenantTransaction};
use domain::ids::{ApiKeyId, PersonId, SiteId, TenantId};
use domain::rights::{Module, ModuleRight, Rights, Role, Scope};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Who acts with this key, or with this role of a person, and what they may do.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn acting(ledger: &Ledger, tenant: TenantId, key: ApiKeyId) -> Result<(Caller, Rights)> {
    let held = held(ledger, tenant, key).await?;
    Ok((held.caller, held.rights))
}

/// The same for a key that somebody comes with. None: whoever made it is gone, and it has stopped with them.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn coming(ledger: &Ledger, tenant: TenantId, key: ApiKeyId) -> Result<Option<(Caller, Rights)>> {
    let held = held(ledger, tenant, key).await?;
    Ok((!held.stopped).then_some((held.caller, held.rights)))
}

/// The rights of a key. Four statements, the last only if it is confined to sites.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn of(ledger: &Ledger, tenant: TenantId, key: ApiKeyId) -> Result<Rights> {
    Ok(held(ledger, tenant, key).await?.rights)
}

/// A key as it is held: by whom, and with what rights.
struct Held {
    caller: Caller,
    rights: Rights,
    /// Whoever made it has no role here any more.
    stopped: bool,
}

async fn held(ledger: &Ledger, tenant: TenantId, key: ApiKeyId) -> Result<Held> {
    let mut transaction = ledger.web(tenant).await?;
    let found = sqlx::query!(
        r#"select k.role, k.is_site_restricted, m.id as "maker_role_id?", m.role as "maker_role?", m.is_site_restricted as "maker_is_restricted?",
               own.person_id as "person?", r.person_id as "maker?", (r.person_id is not null and r.ended_at is null and p.deactivated_at is null) as "maker_lasts!"
           from app.api_key k
           left join app.person_role own on own.tenant_id = k.tenant_id and own.api_key_id = k.id
           left join app.api_key m on m.tenant_id = k.tenant_id and m.id = k.made_by
           left join app.person_role r on r.tenant_id = m.tenant_id and r.api_key_id = m.id
           left join app.person p on p.tenant_id = r.person_tenant_id and p.id = r.person_id
           where k.tenant_id = $1 and k.id = $2"#,
        tenant.0,
        key.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    let stopped = found.maker_role_id.is_some() && !found.maker_lasts;
    let mut role = read_role(found.role)?;
    let mut scope = scope(&mut transaction, tenant, key.0, found.is_site_restricted).await?;
    if let (Some(maker), Some(word)) = (found.maker_role_id, found.maker_role) {
        role = role.lower_of(read_role(word)?);
        let restricted = found.maker_is_restricted.unwrap_or(true);
        scope = scope.within(self::scope(&mut transaction, tenant, maker, restricted).await?);
    }
    let rights = if stopped {
        let (modules, assigns_at) = (Vec::new(), Vec::new());
        Rights { role: Role::NotificationOnly, modules, assigns_at, scope: Scope::Sites(BTreeSet::new()) }
    } else {
        of_role(&mut transaction, tenant, role, scope).await?
    };
    let person = found.person.map(PersonId);
    let caller = Caller::new(tenant, key, &rights).made_by(found.maker.map(PersonId));
    let caller = if person.is_some() { caller.of_person(person) } else { caller };
    Ok(Held { caller, rights, stopped })
}

fn read_role(word: String) -> Result<Role> {
    Role::from_word(&word).ok_or(DatabaseError::Inconsistent { table: "api_key", column: "role", value: word })
}

/// What a role may do in the modules of the tenant.
async fn of_role(transaction: &mut TenantTransaction, tenant: TenantId, role: Role, scope: Scope) -> Result<Rights> {
    let assigns_at = sqlx::query_scalar!(
        "select i.code from app.role_change_type t join app.integration i on i.id = t.integration_id
         where t.role = $1 and t.change_request_type_id = 4 order by i.code",
        role.word()
    )
    .fetch_all(&mut **transaction)
    .await?;
    let modules = sqlx::query!(
        "select m.module, m.may_access, m.may_create, m.may_edit from app.role_module m
         join app.tenant_module t on t.tenant_id = $1 and t.module = m.module where m.role = $2",
        tenant.0,
        role.word()
    )
    .fetch_all(&mut **transaction)
    .await?;
    let wrong = |value| DatabaseError::Inconsistent { table: "role_module", column: "module", value };
    let modules = modules
        .into_iter()
        .map(|row| {
            let module = Module::from_word(&row.module).ok_or_else(|| wrong(row.module))?;
            Ok(ModuleRight { module, access: row.may_access, create: row.may_create, edit: row.may_edit })
        })
        .collect::<Result<_>>()?;
    Ok(Rights { role, modules, assigns_at, scope })
}

/// The sites that a key, or a role, is confined to.
async fn scope(transaction: &mut TenantTransaction, tenant: TenantId, key: Uuid, is_restricted: bool) -> Result<Scope> {
    if !is_restricted {
        return Ok(Scope::Everything);
    }
    let sites = sqlx::query_scalar!(
        r#"select k.site_id as "site!" from app.api_key_site k where k.tenant_id = $1 and k.api_key_id = $2 and k.site_id is not null
           union select g.site_id from app.api_key_site k
               join app.site_group_site g on g.tenant_id = k.tenant_id and g.site_group_id = k.site_group_id
               where k.tenant_id = $1 and k.api_key_id = $2"#,
        tenant.0,
        key
    );
    Ok(Scope::Sites(sites.fetch_all(&mut **transaction).await?.into_iter().map(SiteId).collect()))
}
