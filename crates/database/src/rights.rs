//! What a key, or a person's role, may do, read from its role, its tenant's modules and its sites.

use crate::api_key::Caller;
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{ApiKeyId, PersonId, SiteId, TenantId};
use domain::rights::{Module, ModuleRight, Rights, Role, Scope};

/// Who acts with this key, or with this role of a person, and what they may do.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn acting(ledger: &Ledger, tenant: TenantId, key: ApiKeyId) -> Result<(Caller, Rights)> {
    let rights = of(ledger, tenant, key).await?;
    let mut transaction = ledger.web(tenant).await?;
    let person = sqlx::query_scalar!(
        "select person_id from app.person_role where tenant_id = $1 and api_key_id = $2",
        tenant.0,
        key.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok((Caller::new(tenant, key, &rights).of_person(person.map(PersonId)), rights))
}

/// The rights of a key. Three statements, the third only if it is confined to sites.
///
/// # Errors
/// The database does not answer, or holds what nothing writes.
pub async fn of(ledger: &Ledger, tenant: TenantId, key: ApiKeyId) -> Result<Rights> {
    let mut transaction = ledger.web(tenant).await?;
    let (tenant, key) = (tenant.0, key.0);
    let found = sqlx::query!(
        r#"select k.role, k.is_site_restricted,
               array(select i.code from app.role_change_type t join app.integration i on i.id = t.integration_id
                     where t.role = k.role and t.change_request_type_id = 4 order by i.code) as "assigns_at!: Vec<String>"
           from app.api_key k where k.tenant_id = $1 and k.id = $2"#,
        tenant,
        key
    )
    .fetch_one(&mut *transaction)
    .await?;
    let modules = sqlx::query!(
        "select m.module, m.may_access, m.may_create, m.may_edit from app.role_module m
         join app.tenant_module t on t.tenant_id = $1 and t.module = m.module where m.role = $2",
        tenant,
        found.role
    )
    .fetch_all(&mut *transaction)
    .await?;
    let scope = if found.is_site_restricted {
        let sites = sqlx::query_scalar!(
            r#"select k.site_id as "site!" from app.api_key_site k where k.tenant_id = $1 and k.api_key_id = $2 and k.site_id is not null
               union select g.site_id from app.api_key_site k
                   join app.site_group_site g on g.tenant_id = k.tenant_id and g.site_group_id = k.site_group_id
                   where k.tenant_id = $1 and k.api_key_id = $2"#,
            tenant,
            key
        );
        Scope::Sites(sites.fetch_all(&mut *transaction).await?.into_iter().map(SiteId).collect())
    } else {
        Scope::Everything
    };
    let wrong = |column, value| DatabaseError::Inconsistent { table: "api_key", column, value };
    Ok(Rights {
        role: Role::from_word(&found.role).ok_or_else(|| wrong("role", found.role))?,
        modules: modules
            .into_iter()
            .map(|row| {
                let module = Module::from_word(&row.module).ok_or_else(|| wrong("module", row.module))?;
                Ok(ModuleRight { module, access: row.may_access, create: row.may_create, edit: row.may_edit })
            })
            .collect::<Result<_>>()?,
        assigns_at: found.assigns_at,
        scope,
    })
}
