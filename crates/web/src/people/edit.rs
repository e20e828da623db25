//! `PATCH /people/{id}`

use super::{Shown, reach, role, show, site_not_found};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::edits::{body, edited, if_match, optional_name, shown};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use database::person::keep::{Edit, Edited, Reach};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

/// What is to be changed; what is not said stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PersonEdit)]
pub(crate) struct Change {
    /// Only of the tenant's own people.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: Option<String>,
    /// At most your own; and theirs until now was, too.
    pub(crate) role: Option<String>,
    /// Confines them to these sites; null: to nothing, they have the whole tenant.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 1000)]
    pub(crate) sites: Option<Option<Vec<Uuid>>>,
    /// Confines them to the sites of these groups, besides `sites`.
    #[schema(max_items = 100)]
    pub(crate) site_groups: Option<Vec<Uuid>>,
    /// False: they cannot act here any more; of the tenant's own people, sign in at all. Their sessions end at once.
    pub(crate) active: Option<bool>,
    /// Also revoke, for good, the API keys that they made here. Without it those keys do no more than they may now, and stop while
    /// they may not act.
    #[serde(default)]
    pub(crate) revoke_keys: bool,
}

/// Null is said, too.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Vec<Uuid>>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Change what somebody may do, or end it; at once, for whatever they ask next
#[utoipa::path(patch, path = "/people/{id}", tag = "People", operation_id = "edit_person",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = Change,
    responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    super::get::one(&app, &caller, &id).await?;
    let seen = if_match(&headers)?;
    change(&app, &caller, &allowed, &id, seen.as_deref(), body(bytes)?).await?;
    let person = super::get::one(&app, &caller, &id).await?;
    Ok(shown(&HeaderMap::new(), &person.etag.clone(), show(person)))
}

/// Changes what somebody may do.
pub(crate) async fn change(
    app: &App,
    caller: &database::api_key::Caller,
    allowed: &Allowed,
    id: &str,
    seen: Option<&str>,
    change: Change,
) -> Result<(), Problem> {
    let person = super::get::one(app, caller, id).await?;
    if !allowed.0.role.may_give(person.role) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Their role may do more than yours."));
    }
    let name = optional_name("name", change.name.as_deref())?;
    if name.is_some() && !person.own {
        return Err(of_the_partner());
    }
    let new_role = change.role.as_deref().map(|word| role(allowed, word)).transpose()?;
    let confined = match (change.sites, change.site_groups) {
        (None, None) => None,
        (Some(None), None) => Some((None, Vec::new())),
        (sites, groups) => Some(reach(sites.flatten(), groups)?),
    };
    let touches_rights =
        new_role.is_some_and(|role| role != person.role) || confined.is_some() || change.active.is_some();
    // Who is behind a key is asked, too: else one would only have to make oneself a key.
    if touches_rights && caller.behind == Some(person.id) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "OWN_RIGHTS",
            "Nobody changes what they may do themselves: so there is always somebody left who can. Ask another administrator.",
        ));
    }
    let reach = confined.as_ref().map(|(sites, groups)| match sites {
        Some(sites) => Reach::Sites(sites, groups),
        None => Reach::Everything,
    });
    let edit =
        Edit { name: name.as_deref(), role: new_role, reach, active: change.active, revoke_keys: change.revoke_keys };
    match database::person::keep::edit(&app.ledger, caller, &person, seen, &edit).await? {
        Edited::Done => Ok(()),
        Edited::NotFound => Err(Problem::not_found()),
        Edited::Moved => edited(database::written::Edited::Moved),
        Edited::SiteNotFound => Err(site_not_found()),
    }
}

pub(crate) fn of_the_partner() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "FORBIDDEN",
        "They belong to the partner of this tenant, which keeps their name, password and sessions.",
    )
}
