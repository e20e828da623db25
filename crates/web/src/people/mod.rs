//! `/people`: who signs in, and with which role. And what signing in needs: passwords, throttling, cookies.

pub(crate) mod create;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod invitation;
pub(crate) mod list;
pub(crate) mod sessions;

use crate::auth::Allowed;
use crate::problem::Problem;
use database::person::list::Listed;
use domain::rights::Role;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody who has, or had, a role in this tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
pub(crate) struct Shown {
    id: Uuid,
    /// What they sign in with.
    email: String,
    name: String,
    /// Do they belong to this tenant? Else to its partner, which keeps the account: name, password, sessions.
    own: bool,
    /// `super_admin`, `partner_admin`, `agent_partner_admin`, `agent`, `user` or `notification_only`.
    role: String,
    /// The sites they are confined to; null: the whole tenant.
    #[schema(required)]
    sites: Option<Vec<Uuid>>,
    /// The groups of sites they are confined to, beside these.
    site_groups: Vec<Uuid>,
    /// May they act here?
    active: bool,
    /// Was a password set? Until then an invitation is out. Told of the tenant's own people alone.
    has_password: bool,
    created_at: Timestamp,
    #[schema(required)]
    signed_in_at: Option<Timestamp>,
}

pub(crate) fn show(person: Listed) -> Shown {
    Shown {
        id: person.id.0,
        email: person.email,
        name: person.name,
        own: person.own,
        role: person.role.word().to_owned(),
        sites: person.sites,
        site_groups: person.site_groups,
        active: person.active,
        has_password: person.has_password,
        created_at: person.created_at,
        signed_in_at: person.signed_in_at,
    }
}

/// A role that the caller may give.
pub(crate) fn role(allowed: &Allowed, word: &str) -> Result<Role, Problem> {
    Role::from_word(word).filter(|role| allowed.0.role.may_give(*role)).ok_or_else(|| {
        Problem::field("role", "FIELD_INVALID", "There is no such role, or it may do more than your own.")
    })
}

/// Sites and groups as they are asked for, each once.
pub(crate) fn reach(
    sites: Option<Vec<Uuid>>,
    site_groups: Option<Vec<Uuid>>,
) -> Result<(Option<Vec<Uuid>>, Vec<Uuid>), Problem> {
    let each_once = |ids: Vec<Uuid>| ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    // Who names a group, even none, confines.
    let sites = sites.or_else(|| site_groups.is_some().then(Vec::new)).map(each_once);
    let site_groups = each_once(site_groups.unwrap_or_default());
    for (field, ids, most) in
        [("sites", sites.as_deref().unwrap_or_default(), 1_000), ("site_groups", &site_groups, 100)]
    {
        if ids.len() > most {
            return Err(Problem::field(field, "FIELD_INVALID", format!("At most {most} of them.")));
        }
    }
    Ok((sites, site_groups))
}

pub(crate) fn site_not_found() -> Problem {
    Problem::field("sites", "SITE_NOT_FOUND", "One of these sites or groups of sites is not this tenant's.")
}
