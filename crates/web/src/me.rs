//! `GET /me`: who one is, and what one may do.

use crate::auth::{Allowed, Caller};
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The caller's key and rights.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    tenant_id: Uuid,
    api_key_id: Uuid,
    role: String,
    /// The sites it is confined to; null: the whole tenant.
    #[schema(required)]
    sites: Option<Vec<Uuid>>,
    /// Integrations at which it may assign customers.
    assigns_at: Vec<String>,
    modules: Vec<MyModule>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyModule {
    /// `m2m`, `mobility` or `rev_customers`.
    module: String,
    access: bool,
    create: bool,
    edit: bool,
}

/// Who this key is, and what it may do
#[utoipa::path(get, path = "/me", tag = "API keys", operation_id = "get_me", responses((status = OK, body = Me)))]
pub(crate) async fn handle(Caller(caller): Caller, allowed: Allowed) -> Json<Me> {
    Json(Me {
        tenant_id: caller.tenant.0,
        api_key_id: caller.api_key.0,
        role: allowed.0.role.word().to_owned(),
        sites: allowed.sites(),
        assigns_at: allowed.0.assigns_at.clone(),
        modules: allowed
            .0
            .modules
            .iter()
            .map(|right| MyModule {
                module: right.module.word().to_owned(),
                access: right.access,
                create: right.create,
                edit: right.edit,
            })
            .collect(),
    })
}
