//! `/api-keys`: who may ask, and for what.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use crate::shape::Named;
use database::api_key::Listed;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An API key; the key itself is told once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct Shown {
    id: Uuid,
    name: String,
    /// Its first characters, to recognise it by.
    shown: String,
    /// `super_admin`, `partner_admin`, `agent_partner_admin`, `agent`, `user` or `notification_only`.
    role: String,
    /// The sites it is confined to; null: the whole tenant.
    #[schema(required)]
    sites: Option<Vec<Uuid>>,
    /// The groups of sites it is confined to, beside these.
    site_groups: Vec<Uuid>,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[schema(required)]
    revoked_at: Option<Timestamp>,
    /// Who made it, or made the key that made it: it does no more than they may now, and stops with them. Null: it is the tenant's own.
    #[schema(required)]
    made_by: Option<Named>,
}

pub(crate) fn show(key: Listed) -> Shown {
    Shown {
        id: key.id.0,
        name: key.name,
        shown: key.shown,
        role: key.role,
        sites: key.sites,
        site_groups: key.site_groups,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        made_by: key.maker.map(|maker| Named { id: maker.id.0, name: maker.name }),
    }
}
