//! `POST /sites`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, created, made, name};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use database::site::{NewSite, write};
use database::written::OnExisting;
use domain::ids::SiteId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A site that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSite)]
pub(crate) struct New {
    /// Unique in the tenant.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: String,
    /// The rev customer who sits there; without one the site is a customer itself (AMOP).
    pub(crate) customer: Option<Uuid>,
    /// May SIMs be assigned to it? Yes, if not said.
    pub(crate) active: Option<bool>,
}

/// Make a site
#[utoipa::path(post, path = "/sites", tag = "Sites", operation_id = "create_site", request_body = New,
    responses((status = CREATED, body = Shown, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = make(&app, &caller, body(bytes)?).await?;
    let found = super::get::one(&app, caller.tenant, id.0, None).await?;
    Ok(created(&format!("/api/v1/sites/{id}"), &found.etag.clone(), show(found)))
}

/// Makes it; answers its id.
pub(crate) async fn make(app: &App, caller: &database::api_key::Caller, new: New) -> Result<SiteId, Problem> {
    if let Some(customer) = new.customer {
        let found = database::customer::list(&app.ledger, caller.tenant, Some(customer), None, None, None, 1).await?;
        let detail = "This tenant has no such rev customer; a customer of the kind AMOP has the one site that it is.";
        let is_rev = found.first().is_some_and(|customer| customer.kind == "REV");
        if !is_rev {
            return Err(Problem::field("customer", "CUSTOMER_NOT_FOUND", detail));
        }
    }
    let id = SiteId(app.ids.next());
    let row = NewSite {
        row: 1,
        id,
        name: name("name", &new.name)?,
        rev_customer: new.customer,
        customer_id: app.ids.next(),
        is_amop: false,
        active: new.active,
    };
    made(&write(&app.ledger, caller, &[row], OnExisting::Refuse).await?)?;
    Ok(id)
}
