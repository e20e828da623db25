//! `/customers/{id}`: who it is, where it sits, how many SIMs it has, and its account at Rev.io.

use super::frame::Frame;
use super::refused::{Refused, on_the_page, seen};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere, grouped};
use super::{page, see_other, with_status};
use crate::App;
use crate::customers::edit::{Edit, change as change_customer};
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use database::customer::Customer;
use database::site::{Filter, Site};
use domain::rights::Act;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    done: String,
}

/// So many of its sites are listed; the list of sites has them all.
const SITES: usize = 50;

#[derive(Template)]
#[template(path = "customer.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    customer: Customer,
    kind: &'static str,
    devices: String,
    /// At Rev.io: the account's id and name.
    account: Option<(Uuid, String)>,
    may_see_account: bool,
    sites: Vec<Site>,
    more_sites: bool,
    may_edit: bool,
    may_look: bool,
    /// What the form holds.
    name: String,
    refused: Option<Refused>,
    told: Option<&'static str>,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, id: &str) -> Result<Page, Problem> {
    let (tenant, allowed) = (member.caller().0.tenant, member.allowed());
    let customer = crate::customers::get::one(app, tenant, path_id(id)?, allowed.sites()).await?;
    let (frame, _) = Frame::of(app, member, &customer.name, "/customers").await?;
    let id = customer.id.0;
    let account = database::customer::account_of(&app.ledger, tenant, customer.id).await?;
    let filter = Filter { customer: Some(id), sites: allowed.sites(), ..Filter::default() };
    let most = i64::try_from(SITES + 1).unwrap_or(i64::MAX);
    let mut sites = database::site::list(&app.ledger, tenant, &filter, None, most).await?;
    let more_sites = sites.len() > SITES;
    sites.truncate(SITES);
    Ok(Page {
        frame,
        id,
        kind: super::customers::kind(&customer.kind),
        devices: grouped(customer.devices),
        account: account.map(|(id, name)| (id.0, name)),
        may_see_account: member.signed_in.rights.may(Act::Administer),
        sites,
        more_sites,
        may_edit: member.signed_in.rights.may(Act::EditCustomers),
        may_look: member.signed_in.rights.may(Act::LookAtDevices),
        name: member.fields().kept("name", &customer.name),
        refused: None,
        told: None,
        elsewhere: vec![
            elsewhere("This customer", format!("ascribe customer get {id}"), format!("GET /api/v1/customers/{id}")),
            elsewhere(
                "Rename it",
                format!("ascribe customer edit {id} --name \"Gale Pumps\""),
                format!("PATCH /api/v1/customers/{id} {{\"name\": \"Gale Pumps\"}}"),
            ),
            elsewhere(
                "Close it: no SIM is assigned to it any more",
                format!("ascribe customer edit {id} --closed true"),
                format!("PATCH /api/v1/customers/{id} {{\"closed\": true}}"),
            ),
        ],
        customer,
    })
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(from): Filters<From>,
) -> Result<Response, Problem> {
    let mut written = written(&app, &member, &id).await?;
    written.told = super::done(&from.done);
    page(&written)
}

/// Renames, closes or opens it; `what` says which form it was.
pub(super) async fn change(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, fields, of) = (member.caller().0, member.fields(), path_id(&id)?);
    let edit = match fields.text("what") {
        "close" => Edit { closed: Some(true), ..Edit::default() },
        "open" => Edit { closed: Some(false), ..Edit::default() },
        _ => Edit { name: Some(fields.text("name").to_owned()), ..Edit::default() },
    };
    let changed = async { change_customer(&app, &caller, of, Some(seen(fields)?), edit).await };
    match changed.await {
        Ok(()) => Ok(see_other(&format!("/customers/{of}?done=changed"))),
        Err(problem) => {
            // Of another tenant's there is no page that could say it.
            let mut written = written(&app, &member, &id).await?;
            let refused = on_the_page(problem)?;
            let status = refused.status;
            written.refused = Some(refused);
            with_status(status, &written)
        }
    }
}
