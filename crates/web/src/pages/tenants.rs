//! `/tenants`: where one has a role, and acting there. A tenant in which one has none is not there.

use super::frame::Frame;
use super::visitor::Member;
use super::{page, see_other};
use crate::App;
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::person::session::{seats, switch};
use domain::ids::TenantId;
use domain::rights::Role;
use uuid::Uuid;

struct Seat {
    id: Uuid,
    name: String,
    role: &'static str,
    here: bool,
    /// An agent partner under one of the others.
    is_agent: bool,
}

#[derive(Template)]
#[template(path = "tenants.html")]
struct Page {
    frame: Frame,
    seats: Vec<Seat>,
}

pub(super) async fn show(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let (frame, _) = Frame::of(&app, &member, "Tenants", "/tenants").await?;
    let acting = member.signed_in.session.acting;
    let found = seats(&app.ledger, member.signed_in.session.key).await?;
    let mut seats: Vec<Seat> = found
        .into_iter()
        .map(|seat| Seat {
            id: seat.tenant.0,
            here: seat.tenant == acting,
            is_agent: seat.partner.is_some(),
            role: Role::from_word(&seat.role).map_or("", super::wording::role),
            name: seat.name,
        })
        .collect();
    // The partner first, its agents below it by name.
    seats.sort_by(|a, b| (a.is_agent, &a.name).cmp(&(b.is_agent, &b.name)));
    page(&Page { frame, seats })
}

/// Acts in another tenant from the next page on.
pub(super) async fn act_in(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let tenant = crate::paging::path_id(member.fields().text("tenant"))?;
    let switched = switch(&app.ledger, &member.signed_in.session, TenantId(tenant)).await?;
    if switched { Ok(see_other("/")) } else { Err(Problem::not_found()) }
}
