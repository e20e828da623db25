//! Service providers.

use crate::api_key::Caller;
use crate::audit::record;
use crate::written::{Edited, OnExisting, WriteRefusal, Written, edited, taken};
use crate::{Ledger, Result};
use domain::ids::{ServiceProviderId, TenantId};
use serde_json::json;
use uuid::Uuid;

/// One account at one carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Its id.
    pub id: ServiceProviderId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// The code of its integration, such as `thingspace`.
    pub integration: String,
    /// May anything be changed at the carrier?
    pub write_enabled: bool,
    /// What it is now, for `If-Match`.
    pub etag: String,
    /// Whose it is at the carrier: this tenant's own row, or its partner's if this tenant is an agent.
    pub at_owner: (TenantId, ServiceProviderId),
}

/// A page of those the caller may see, in the order of ids, after this one.
///
/// # Errors
/// The database does not answer.
pub async fn list(ledger: &Ledger, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<ServiceProvider>> {
    select(ledger, caller.tenant, Some((caller.m2m, caller.mobility)), after, limit).await
}

/// Every service provider of the tenant: a handful.
///
/// # Errors
/// The database does not answer.
pub async fn all(ledger: &Ledger, tenant: TenantId) -> Result<Vec<ServiceProvider>> {
    select(ledger, tenant, None, None, i64::MAX).await
}

/// The service provider under this id or name.
///
/// # Errors
/// The database does not answer.
pub async fn named(ledger: &Ledger, tenant: TenantId, text: &str) -> Result<Option<ServiceProvider>> {
    Ok(find(&all(ledger, tenant).await?, text).cloned())
}

/// The one of these that a text means: by its id, else by its name, else by its name in other letters if that is one's alone.
#[must_use]
pub fn find<'a>(providers: &'a [ServiceProvider], text: &str) -> Option<&'a ServiceProvider> {
    let id = Uuid::parse_str(text).ok();
    let exact = providers.iter().find(|p| Some(p.id.0) == id).or_else(|| providers.iter().find(|p| p.name == text));
    exact.or_else(|| {
        let mut alike = providers.iter().filter(|provider| provider.name.eq_ignore_ascii_case(text));
        alike.next().filter(|_| alike.next().is_none())
    })
}

async fn select(
    ledger: &Ledger,
    tenant: TenantId,
    modules: Option<(bool, bool)>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ServiceProvider>> {
    let (m2m, mobility) = modules.unwrap_or((true, true));
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select p.id, p.name, p.write_enabled, i.code, p.owner_tenant_id, p.owner_service_provider_id,
             left(encode(sha256(convert_to(p::text, 'UTF8')), 'hex'), 32) as "etag!"
         from app.service_provider p join app.integration i on i.id = p.integration_id
         where p.tenant_id = $1 and ($2::uuid is null or p.id > $2) and (i.module = 'm2m' and $4 or i.module = 'mobility' and $5)
         order by p.id limit $3"#,
        tenant.0,
        after,
        limit,
        m2m,
        mobility
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ServiceProvider {
            id: ServiceProviderId(row.id),
            name: row.name,
            integration: row.code,
            write_enabled: row.write_enabled,
            etag: row.etag,
            at_owner: row
                .owner_tenant_id
                .zip(row.owner_service_provider_id)
                .map_or((tenant, ServiceProviderId(row.id)), |(t, p)| (TenantId(t), ServiceProviderId(p))),
        })
        .collect())
}

/// A service provider that is to be there.
#[derive(Clone, Debug)]
pub struct NewServiceProvider {
    /// Its row in the batch.
    pub row: i32,
    /// The id it gets if it is new.
    pub id: ServiceProviderId,
    /// Its name.
    pub name: String,
    /// The code of its integration; a known one.
    pub integration: String,
    /// None: as it is; a new one may be written to.
    pub write_enabled: Option<bool>,
}

/// What an edit changes.
#[derive(Clone, Debug, Default)]
pub struct ServiceProviderEdit {
    /// Its name.
    pub name: Option<String>,
    /// May anything be changed at the carrier?
    pub write_enabled: Option<bool>,
}

/// The codes of the integrations that a service provider may be at.
///
/// # Errors
/// The database does not answer.
pub async fn integrations(ledger: &Ledger, tenant: TenantId) -> Result<Vec<String>> {
    let mut transaction = ledger.web(tenant).await?;
    Ok(sqlx::query_scalar!("select code from app.integration where module is not null order by code")
        .fetch_all(&mut *transaction)
        .await?)
}

/// Makes service providers, and switches those that are there. At most three statements and one audit entry, whatever the
/// rows. Another integration under a name that is taken is refused: its SIMs would be another carrier's.
///
/// # Errors
/// The database does not answer.
pub async fn write(
    ledger: &Ledger,
    caller: &Caller,
    rows: &[NewServiceProvider],
    existing: OnExisting,
) -> Result<Written> {
    let tenant = caller.tenant.0;
    let numbers: Vec<i32> = rows.iter().map(|row| row.row).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let codes: Vec<String> = rows.iter().map(|row| row.integration.clone()).collect();
    let enabled: Vec<Option<bool>> = rows.iter().map(|row| row.write_enabled).collect();
    let mut transaction = ledger.web(caller.tenant).await?;
    let created: Vec<Uuid> = sqlx::query_scalar!(
        "insert into app.service_provider (tenant_id, id, integration_id, name, write_enabled)
         select $1, u.id, i.id, u.name, u.enabled is not false
         from unnest($2::uuid[], $3::text[], $4::text[], $5::boolean[]) as u (id, name, code, enabled)
         join app.integration i on i.code = u.code order by u.name
         on conflict (tenant_id, name) do nothing returning id",
        tenant,
        &ids,
        &names,
        &codes,
        &enabled as &[Option<bool>]
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut written = Written { created: created.len(), ..Written::default() };
    if existing == OnExisting::Refuse {
        let old = rows.iter().filter(|row| !created.contains(&row.id.0));
        written.refused.extend(old.map(|row| (row.row, WriteRefusal::Taken)));
    } else if created.len() < rows.len() {
        let others = sqlx::query_scalar!(
            r#"select u.number as "number!" from unnest($2::integer[], $3::text[], $4::text[]) as u (number, name, code)
               join app.service_provider p on p.tenant_id = $1 and p.name = u.name
               join app.integration i on i.id = p.integration_id where i.code <> u.code"#,
            tenant,
            &numbers,
            &names,
            &codes
        )
        .fetch_all(&mut *transaction)
        .await?;
        let updated = sqlx::query!(
            "update app.service_provider p set write_enabled = u.enabled
             from unnest($2::integer[], $3::text[], $4::boolean[]) as u (number, name, enabled)
             where p.tenant_id = $1 and p.name = u.name and p.write_enabled <> u.enabled and u.number <> all ($5)",
            tenant,
            &numbers,
            &names,
            &enabled as &[Option<bool>],
            &others
        )
        .execute(&mut *transaction)
        .await?;
        written.updated = usize::try_from(updated.rows_affected()).unwrap_or(usize::MAX);
        written.refused.extend(others.into_iter().map(|row| (row, WriteRefusal::Taken)));
    }
    if written.created + written.updated > 0 {
        let detail = json!({ "created": written.created, "updated": written.updated, "ids": created });
        record(&mut transaction, caller, "service_providers_written", detail).await?;
    }
    transaction.commit().await?;
    Ok(written)
}

/// Edits a service provider that is as the caller last saw it.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    etag: Option<&str>,
    edit: &ServiceProviderEdit,
) -> Result<Edited> {
    let tenant = caller.tenant.0;
    let mut transaction = ledger.web(caller.tenant).await?;
    let written = sqlx::query!(
        "update app.service_provider p set name = coalesce($4, p.name), write_enabled = coalesce($5, p.write_enabled)
         where p.tenant_id = $1 and p.id = $2
           and ($3::text is null or left(encode(sha256(convert_to(p::text, 'UTF8')), 'hex'), 32) = $3)",
        tenant,
        id,
        etag,
        edit.name,
        edit.write_enabled
    )
    .execute(&mut *transaction)
    .await;
    let written = match written {
        Err(error) if taken(&error) => return Ok(Edited::Taken),
        written => written?.rows_affected(),
    };
    let exists = sqlx::query_scalar!(
        r#"select exists (select from app.service_provider where tenant_id = $1 and id = $2) as "exists!""#,
        tenant,
        id
    )
    .fetch_one(&mut *transaction)
    .await?;
    if written > 0 {
        let detail = json!({ "id": id, "name": edit.name, "write_enabled": edit.write_enabled });
        record(&mut transaction, caller, "service_provider_edited", detail).await?;
    }
    transaction.commit().await?;
    Ok(edited(written, exists))
}
