//! `POST /customers`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, created, made, name};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use database::customer::{NewRevCustomer, accounts, write_rev};
use database::site::{NewSite, write};
use database::written::OnExisting;
use domain::ids::SiteId;
use intake::import::Customers;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A customer that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCustomer)]
pub(crate) struct New {
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) name: String,
    /// With it, a rev customer; without, one that exists only here (AMOP).
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) rev_customer_id: Option<String>,
    /// The account at Rev.io, by name or id; needed if there are several.
    pub(crate) account: Option<String>,
}

/// Make a customer, with its site
#[utoipa::path(post, path = "/customers", tag = "Customers", operation_id = "create_customer", request_body = New,
    responses((status = CREATED, body = Shown, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = make(&app, &caller, body(bytes)?).await?;
    let found = super::get::one(&app, caller.tenant, id, None).await?;
    Ok(created(&format!("/api/v1/customers/{id}"), &found.etag.clone(), show(found)))
}

/// Makes a customer, with its site; answers its id.
pub(crate) async fn make(app: &App, caller: &database::api_key::Caller, new: New) -> Result<Uuid, Problem> {
    let called = name("name", &new.name)?;
    match new.rev_customer_id {
        Some(number) => {
            let importing = Customers { ids: app.ids.clone(), accounts: accounts(&app.ledger, caller.tenant).await? };
            let account = importing.account(new.account.as_deref()).ok_or_else(|| {
                let names: Vec<&str> = importing.accounts.iter().map(|(_, name)| name.as_str()).collect();
                let detail = format!("Name one of the accounts at Rev.io: {}.", names.join(", "));
                Problem::field("account", "ACCOUNT_NOT_FOUND", detail)
            })?;
            let row = NewRevCustomer {
                row: 1,
                id: app.ids.next(),
                site: SiteId(app.ids.next()),
                rev_customer_id: name("rev_customer_id", &number)?,
                account,
                name: called,
                closed: None,
            };
            let id = row.id;
            made(&write_rev(&app.ledger, caller, &[row], OnExisting::Refuse).await?)?;
            Ok(id)
        }
        None => make_amop(app, caller, called).await,
    }
}

async fn make_amop(app: &App, caller: &database::api_key::Caller, name: String) -> Result<Uuid, Problem> {
    let id = app.ids.next();
    let row = NewSite {
        row: 1,
        id: SiteId(app.ids.next()),
        name,
        rev_customer: None,
        customer_id: id,
        is_amop: true,
        active: None,
    };
    made(&write(&app.ledger, caller, &[row], OnExisting::Refuse).await?)?;
    Ok(id)
}
