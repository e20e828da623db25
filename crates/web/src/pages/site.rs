//! `/sites/{id}`: who sits there, and whether SIMs may be assigned to it.

use super::frame::Frame;
use super::refused::{Refused, on_the_page, seen};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere};
use super::{page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use crate::sites::edit::{Edit, change as change_site};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use database::site::Site;
use domain::rights::Act;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    done: String,
}

#[derive(Template)]
#[template(path = "site.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    site: Site,
    may_edit: bool,
    may_look: bool,
    /// What the form holds.
    name: String,
    refused: Option<Refused>,
    told: Option<&'static str>,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, id: &str) -> Result<Page, Problem> {
    let site = crate::sites::get::one(app, member.caller().0.tenant, path_id(id)?, member.allowed().sites()).await?;
    let (frame, _) = Frame::of(app, member, &site.name, "/customers").await?;
    let id = site.id.0;
    Ok(Page {
        frame,
        id,
        may_edit: member.signed_in.rights.may(Act::EditCustomers) && !site.is_default,
        may_look: member.signed_in.rights.may(Act::LookAtDevices),
        name: member.fields().kept("name", &site.name),
        refused: None,
        told: None,
        elsewhere: vec![
            elsewhere("This site", format!("ascribe site get {id}"), format!("GET /api/v1/sites/{id}")),
            elsewhere(
                "Rename it",
                format!("ascribe site edit {id} --name \"North\""),
                format!("PATCH /api/v1/sites/{id} {{\"name\": \"North\"}}"),
            ),
            elsewhere(
                "Close it: no SIM is assigned to it any more",
                format!("ascribe site edit {id} --active false"),
                format!("PATCH /api/v1/sites/{id} {{\"active\": false}}"),
            ),
        ],
        site,
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
        "close" => Edit { active: Some(false), ..Edit::default() },
        "open" => Edit { active: Some(true), ..Edit::default() },
        _ => Edit { name: Some(fields.text("name").to_owned()), ..Edit::default() },
    };
    let changed = async { change_site(&app, &caller, of, Some(seen(fields)?), edit).await };
    match changed.await {
        Ok(()) => Ok(see_other(&format!("/sites/{of}?done=changed"))),
        Err(problem) => {
            let mut written = written(&app, &member, &id).await?;
            let refused = on_the_page(problem)?;
            let status = refused.status;
            written.refused = Some(refused);
            with_status(status, &written)
        }
    }
}
