//! `POST /api-keys`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::edits::{body, name};
use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use database::api_key::NewApiKey;
use domain::api_key::ApiKey;
use domain::ids::ApiKeyId;
use domain::rights::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// An API key that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(crate) struct New {
    /// What it is for.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: String,
    /// `partner_admin`, `agent_partner_admin`, `agent`, `user` or `notification_only`; at most your own.
    pub(crate) role: String,
    /// Confines the key to these sites; not said: the whole tenant.
    #[schema(max_items = 1000)]
    pub(crate) sites: Option<Vec<Uuid>>,
    /// Confines the key to the sites of these groups, whatever they become, besides `sites`.
    #[schema(max_items = 100)]
    pub(crate) site_groups: Option<Vec<Uuid>>,
    /// For how long it works; 365 days, if not said.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) expires_in_days: Option<i32>,
}

/// A key that was made, with the key itself, which is told this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewApiKeyShown {
    #[serde(flatten)]
    about: Shown,
    /// Keep it: nobody can tell it again.
    key: String,
}

/// Make an API key; the key itself is in the answer, once
#[utoipa::path(post, path = "/api-keys", tag = "API keys", operation_id = "create_api_key", request_body = New,
    responses((status = CREATED, body = NewApiKeyShown)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (id, key) = make(&app, &caller, &allowed, body(bytes)?).await?;
    let about = database::api_key::list(&app.ledger, caller.tenant, Some(id.0), None, 1).await?;
    let about = show(about.into_iter().next().ok_or_else(Problem::internal)?);
    let mut response =
        (StatusCode::CREATED, Json(NewApiKeyShown { about, key: key.reveal().to_owned() })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Makes a key; answers its id, and the key itself, which nobody can tell again.
pub(crate) async fn make(
    app: &App,
    caller: &database::api_key::Caller,
    allowed: &Allowed,
    new: New,
) -> Result<(ApiKeyId, ApiKey), Problem> {
    let role = Role::from_word(&new.role).filter(|role| allowed.0.role.may_give(*role));
    let role = role.ok_or_else(|| {
        Problem::field("role", "FIELD_INVALID", "There is no such role, or it may do more than your own.")
    })?;
    let days = new.expires_in_days.unwrap_or(365);
    if !(1..=3650).contains(&days) {
        return Err(Problem::field("expires_in_days", "FIELD_INVALID", "A key works for 1 to 3650 days."));
    }
    let (sites, site_groups) = (new.sites.map(each_once), each_once(new.site_groups.clone().unwrap_or_default()));
    if sites.as_ref().is_some_and(|sites| sites.len() > 1_000) {
        return Err(Problem::field("sites", "FIELD_INVALID", "A key is confined to at most 1000 sites."));
    }
    if site_groups.len() > 100 {
        return Err(Problem::field(
            "site_groups",
            "FIELD_INVALID",
            "A key is confined to at most 100 groups of sites.",
        ));
    }
    let (id, key, called) = (ApiKeyId(app.ids.next()), ApiKey::new(&app.ids), name("name", &new.name)?);
    // Who names a group, even none, confines.
    let sites = sites.or_else(|| new.site_groups.is_some().then(Vec::new));
    let row =
        NewApiKey { id, name: &called, key: &key, role, sites: sites.as_deref(), site_groups: &site_groups, days };
    if !database::api_key::create(&app.ledger, caller, &row).await? {
        let detail = "One of these sites or groups of sites is not this tenant's.";
        return Err(Problem::field("sites", "SITE_NOT_FOUND", detail));
    }
    Ok((id, key))
}

fn each_once(ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
