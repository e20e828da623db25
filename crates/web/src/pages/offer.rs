//! `/customer-rate-plans/{id}` and `/customer-rate-pools/{id}`.

use super::frame::Frame;
use super::offers::{Kind, Offer};
use super::refused::{Refused, on_the_page, seen};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere};
use super::{page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use crate::{customer_rate_plans, customer_rate_pools};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::rights::Act;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    done: String,
}

#[derive(Template)]
#[template(path = "offer.html")]
struct Page {
    frame: Frame,
    kind: Kind,
    offer: Offer,
    may_edit: bool,
    /// What the form holds.
    name: String,
    refused: Option<Refused>,
    told: Option<&'static str>,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, kind: Kind, id: &str) -> Result<Page, Problem> {
    let (tenant, id) = (member.caller().0.tenant, path_id(id)?);
    let offer: Offer = match kind {
        Kind::Plan => customer_rate_plans::get::one(app, tenant, id).await?.into(),
        Kind::Pool => customer_rate_pools::get::one(app, tenant, id).await?.into(),
    };
    let (frame, _) = Frame::of(app, member, &offer.name, "/customer-rate-plans").await?;
    let (path, command, field) = (kind.path(), kind.command(), kind.name_field());
    Ok(Page {
        frame,
        kind,
        may_edit: member.signed_in.rights.may(Act::EditOffers),
        name: member.fields().kept(field, &offer.name),
        refused: None,
        told: None,
        elsewhere: vec![
            elsewhere("This one", format!("ascribe {command} get {id}"), format!("GET /api/v1{path}/{id}")),
            elsewhere(
                "Rename it",
                format!("ascribe {command} edit {id} --name \"Gold\""),
                format!("PATCH /api/v1{path}/{id} {{\"{field}\": \"Gold\"}}"),
            ),
            elsewhere(
                "Close it: no SIM gets it any more",
                format!("ascribe {command} edit {id} --active false"),
                format!("PATCH /api/v1{path}/{id} {{\"active\": false}}"),
            ),
        ],
        offer,
    })
}

async fn shown(app: &App, member: &Member, kind: Kind, id: &str, from: &From) -> Result<Response, Problem> {
    let mut written = written(app, member, kind, id).await?;
    written.told = super::done(&from.done);
    page(&written)
}

/// Renames, closes or opens it; `what` says which form it was.
async fn change(app: &App, member: &Member, kind: Kind, id: &str) -> Result<Response, Problem> {
    let (caller, fields, of) = (member.caller().0, member.fields(), path_id(id)?);
    let (name, active) = match fields.text("what") {
        "close" => (None, Some(false)),
        "open" => (None, Some(true)),
        _ => (Some(fields.text(kind.name_field()).to_owned()), None),
    };
    let changed = async {
        let seen = Some(seen(fields)?);
        match kind {
            Kind::Plan => {
                let edit = customer_rate_plans::edit::Edit { rate_plan_name: name, active };
                customer_rate_plans::edit::change(app, &caller, of, seen, edit).await
            }
            Kind::Pool => {
                let edit = customer_rate_pools::edit::Edit { name, active };
                customer_rate_pools::edit::change(app, &caller, of, seen, edit).await
            }
        }
    };
    match changed.await {
        Ok(()) => Ok(see_other(&format!("{}/{of}?done=changed", kind.path()))),
        Err(problem) => {
            let mut written = written(app, member, kind, id).await?;
            let refused = on_the_page(problem)?;
            let status = refused.status;
            written.refused = Some(refused);
            with_status(status, &written)
        }
    }
}

pub(super) async fn plan(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(from): Filters<From>,
) -> Result<Response, Problem> {
    shown(&app, &member, Kind::Plan, &id, &from).await
}

pub(super) async fn pool(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(from): Filters<From>,
) -> Result<Response, Problem> {
    shown(&app, &member, Kind::Pool, &id, &from).await
}

pub(super) async fn change_plan(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    change(&app, &member, Kind::Plan, &id).await
}

pub(super) async fn change_pool(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    change(&app, &member, Kind::Pool, &id).await
}
