//! Keeping people: adding them, changing what they may do, ending what they are.

use super::{Made, NewPerson, PersonKey, confine, insert, invitation};
use crate::api_key::Caller;
use crate::audit::record;
use crate::{Ledger, Result};
use domain::ids::{PersonId, TenantId};
use domain::rights::Role;
use domain::secret_token::SecretToken;
use serde_json::json;
use uuid::Uuid;

/// Adds somebody to the caller's tenant, with the link that sets the password.
///
/// # Errors
/// The database does not answer.
pub async fn add(ledger: &Ledger, caller: &Caller, new: &NewPerson<'_>, link: &SecretToken) -> Result<Made> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let made = insert(&mut transaction, caller.tenant, new).await?;
    if made != Made::Done {
        return Ok(made);
    }
    invitation::write(&mut transaction, PersonKey { tenant: caller.tenant, person: new.id }, link).await?;
    let detail = json!({ "person": new.id, "email": new.email.as_str(), "role": new.role, "sites": new.sites, "site_groups": new.site_groups });
    record(&mut transaction, caller, "person_added", detail).await?;
    transaction.commit().await?;
    Ok(made)
}

/// Where a role reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// The whole tenant.
    Everything,
    /// These sites, and the sites of these groups.
    Sites(&'a [Uuid], &'a [Uuid]),
}

/// What is to be changed; None: it stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edit<'a> {
    /// What they are called; only of the tenant's own people.
    pub name: Option<&'a str>,
    /// Their role.
    pub role: Option<Role>,
    /// Where it reaches.
    pub reach: Option<Reach<'a>>,
    /// Whether they may act here. Of the tenant's own people: whether they may sign in at all.
    pub active: Option<bool>,
    /// Also revoke, for good, the keys that they made here.
    pub revoke_keys: bool,
}

/// How an edit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Written, or as asked already.
    Done,
    /// Nobody of that id has a role in this tenant.
    NotFound,
    /// They are not what the caller last saw.
    Moved,
    /// One of the sites or groups is not the tenant's.
    SiteNotFound,
}

/// Changes what somebody may do in the caller's tenant. Their next request is judged by it.
///
/// # Errors
/// The database does not answer.
pub async fn edit(
    ledger: &Ledger,
    caller: &Caller,
    person: &super::list::Listed,
    seen: Option<&str>,
    edit: &Edit<'_>,
) -> Result<Edited> {
    let (tenant, role_id) = (caller.tenant.0, person.role_id.0);
    let mut transaction = ledger.web(caller.tenant).await?;
    // Two edits of one person take turns; the second sees what the first has written.
    let locked = sqlx::query!(
        "select api_key_id from app.person_role where tenant_id = $1 and api_key_id = $2 for update",
        tenant,
        role_id
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if locked.is_none() {
        return Ok(Edited::NotFound);
    }
    if let Some(seen) = seen {
        let now = super::list::get_in(&mut transaction, caller, person.id.0).await?;
        if now.is_none_or(|now| now.etag != seen) {
            return Ok(Edited::Moved);
        }
    }
    if let Some(name) = edit.name {
        sqlx::query!("update app.person set name = $3 where tenant_id = $1 and id = $2", tenant, person.id.0, name)
            .execute(&mut *transaction)
            .await?;
        sqlx::query!("update app.api_key set name = $3 where tenant_id = $1 and id = $2", tenant, role_id, name)
            .execute(&mut *transaction)
            .await?;
    }
    if let Some(role) = edit.role {
        sqlx::query!("update app.api_key set role = $3 where tenant_id = $1 and id = $2", tenant, role_id, role.word())
            .execute(&mut *transaction)
            .await?;
    }
    if let Some(reach) = edit.reach {
        let confined = reach != Reach::Everything;
        sqlx::query!(
            "update app.api_key set is_site_restricted = $3 where tenant_id = $1 and id = $2",
            tenant,
            role_id,
            confined
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!("delete from app.api_key_site where tenant_id = $1 and api_key_id = $2", tenant, role_id)
            .execute(&mut *transaction)
            .await?;
        if let Reach::Sites(sites, groups) = reach
            && !confine(&mut transaction, caller.tenant, person.role_id, sites, groups).await?
        {
            return Ok(Edited::SiteNotFound);
        }
    }
    if let Some(active) = edit.active {
        set_active(&mut transaction, caller.tenant, person, active).await?;
    }
    let revoked = if edit.revoke_keys {
        crate::api_key::revoke_made_by(&mut transaction, caller.tenant, person.role_id).await?
    } else {
        0
    };
    let (sites, site_groups) = match edit.reach {
        Some(Reach::Sites(sites, groups)) => (Some(sites), Some(groups)),
        Some(Reach::Everything) | None => (None, None),
    };
    let detail = json!({
        "person": person.id, "name": edit.name, "role": edit.role, "role_before": person.role, "active": edit.active,
        "reaches_everything": edit.reach.map(|reach| reach == Reach::Everything), "sites": sites, "site_groups": site_groups,
        "keys_revoked": revoked,
    });
    record(&mut transaction, caller, "person_edited", detail).await?;
    transaction.commit().await?;
    Ok(Edited::Done)
}

async fn set_active(
    connection: &mut sqlx::PgConnection,
    tenant: TenantId,
    person: &super::list::Listed,
    active: bool,
) -> Result<()> {
    sqlx::query!(
        "update app.person_role set ended_at = case when $3 then null else coalesce(ended_at, app.now()) end where tenant_id = $1 and api_key_id = $2",
        tenant.0, person.role_id.0, active)
        .execute(&mut *connection).await?;
    if person.own {
        sqlx::query!(
            "update app.person set deactivated_at = case when $3 then null else coalesce(deactivated_at, app.now()) end where tenant_id = $1 and id = $2",
            tenant.0, person.id.0, active)
            .execute(&mut *connection).await?;
        if !active {
            let key = PersonKey { tenant, person: person.id };
            super::session::end_in(connection, key, None, None).await?;
            super::sign_in::end_invitations(connection, key).await?;
        }
    }
    Ok(())
}

/// Ends every session of one of the tenant's own people. Answers how many; None: the person is not the tenant's own.
///
/// # Errors
/// The database does not answer.
pub async fn end_sessions(ledger: &Ledger, caller: &Caller, person: PersonId) -> Result<Option<u64>> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let own = sqlx::query_scalar!(
        r#"select exists (select from app.person where tenant_id = $1 and id = $2) as "own!""#,
        caller.tenant.0,
        person.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !own {
        return Ok(None);
    }
    let key = PersonKey { tenant: caller.tenant, person };
    let ended = super::session::end_in(&mut transaction, key, None, None).await?;
    record(&mut transaction, caller, "sessions_ended", json!({ "person": person, "sessions": ended })).await?;
    transaction.commit().await?;
    Ok(Some(ended))
}
