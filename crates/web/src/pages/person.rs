//! `/people/{id}`: what somebody may do here, the keys they made, and where they are signed in. What is done is what the API does.

use super::api_keys;
use super::frame::Frame;
use super::people::{Choice, Link, Row, choices, places, reach_of, state_of, told};
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, elsewhere, moment, moment_of};
use super::{page, see_other, with_status};
use crate::App;
use crate::paging::Filters;
use crate::people::edit::{Change, change as change_person};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use database::person::places::{Place, called};
use database::person::{PersonKey, session};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct From {
    done: String,
}

/// So many of somebody's keys are listed.
const KEYS: i64 = 100;

struct Session {
    began: Moment,
    seen: Moment,
    address: String,
    user_agent: String,
}

#[derive(Template)]
#[template(path = "person.html")]
struct One {
    frame: Frame,
    id: Uuid,
    person: Row,
    active: bool,
    own: bool,
    is_oneself: bool,
    /// The caller may change what they may do.
    may_change: bool,
    etag: String,
    roles: Vec<Choice>,
    confined: bool,
    sites: String,
    site_groups: String,
    sessions: Vec<Session>,
    /// The keys they made that still work, or would.
    keys: Vec<api_keys::Row>,
    refused: Option<String>,
    told: Option<&'static str>,
    link: Option<Link>,
    elsewhere: Vec<Elsewhere>,
}

/// The names of these, one a line, as the form takes them back.
async fn listed(app: &App, member: &Member, place: Place, ids: &[Uuid]) -> Result<String, Problem> {
    if ids.is_empty() {
        return Ok(String::new());
    }
    let found = called(&app.ledger, member.caller().0.tenant, place, ids, &[]).await?;
    Ok(found.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join("\n"))
}

async fn one_written(app: &App, member: &Member, id: &str) -> Result<One, Problem> {
    let caller = member.caller().0;
    let person = crate::people::get::one(app, &caller, id).await?;
    let (frame, zone) = Frame::of(app, member, &person.name, "/people").await?;
    let sessions = if person.own {
        let key = PersonKey { tenant: caller.tenant, person: person.id };
        session::list(&app.ledger, key, app.people.limits()).await?
    } else {
        Vec::new()
    };
    let made = database::api_key::made_by(&app.ledger, caller.tenant, person.id, KEYS).await?;
    let (tone, word) = state_of(&person);
    let is_oneself = caller.person == Some(person.id);
    let id = person.id.0;
    Ok(One {
        frame,
        id,
        is_oneself,
        active: person.active,
        own: person.own,
        may_change: member.signed_in.rights.role.may_give(person.role),
        roles: choices(member, person.role),
        confined: person.sites.is_some(),
        sites: listed(app, member, Place::Site, person.sites.as_deref().unwrap_or_default()).await?,
        site_groups: listed(app, member, Place::Group, &person.site_groups).await?,
        etag: person.etag.clone(),
        sessions: sessions
            .into_iter()
            .map(|session| Session {
                began: moment(session.created_at, &zone),
                seen: moment(session.last_seen_at, &zone),
                address: session.address,
                user_agent: session.user_agent,
            })
            .collect(),
        keys: made.into_iter().map(|key| api_keys::row(key, &zone)).collect(),
        refused: None,
        told: None,
        link: None,
        elsewhere: vec![
            elsewhere(
                "Change the role",
                format!("ascribe person edit {id} --role user"),
                format!("PATCH /api/v1/people/{id} {{\"role\": \"user\"}}"),
            ),
            elsewhere(
                "Deactivate, and revoke the keys they made",
                format!("ascribe person edit {id} --active false --revoke-keys"),
                format!("PATCH /api/v1/people/{id} {{\"active\": false, \"revoke_keys\": true}}"),
            ),
            elsewhere(
                "Make a link that sets the password",
                format!("ascribe person invite {id}"),
                format!("POST /api/v1/people/{id}/invitation"),
            ),
            elsewhere(
                "Sign out everywhere",
                format!("ascribe person sign-out {id}"),
                format!("POST /api/v1/people/{id}/sessions/end"),
            ),
        ],
        person: Row {
            id,
            reach: reach_of(&person),
            role: super::wording::role(person.role),
            tone,
            word,
            signed_in: moment_of(person.signed_in_at, &zone),
            name: person.name,
            email: person.email,
        },
    })
}

pub(super) async fn one(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(from): Filters<From>,
) -> Result<Response, Problem> {
    let mut written = one_written(&app, &member, &id).await?;
    written.told = match from.done.as_str() {
        "changed" => Some("Changed. It holds from their next request on."),
        "ended" => Some("They are signed out everywhere."),
        _ => None,
    };
    page(&written)
}

/// Changes role, reach, name, or whether they may act; `what` says which form it was.
pub(super) async fn change(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let fields = member.fields();
    let asked = async || -> Result<Change, Problem> {
        Ok(match fields.text("what") {
            "deactivate" => Change { active: Some(false), ..Change::default() },
            "activate" => Change { active: Some(true), ..Change::default() },
            "name" => Change { name: Some(fields.text("name").to_owned()), ..Change::default() },
            _ if fields.text("reach") == "sites" => Change {
                role: Some(fields.text("role").to_owned()),
                sites: Some(Some(places(&app, &member, Place::Site).await?)),
                site_groups: Some(places(&app, &member, Place::Group).await?),
                ..Change::default()
            },
            _ => Change { role: Some(fields.text("role").to_owned()), sites: Some(None), ..Change::default() },
        })
    };
    let changed = match asked().await {
        Ok(change) => {
            let change = Change { revoke_keys: fields.text("revoke_keys") == "yes", ..change };
            let seen = fields.said("etag");
            change_person(&app, &member.caller().0, &member.allowed(), &id, seen, change).await
        }
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(()) => Ok(see_other(&format!("/people/{}?done=changed", crate::paging::path_id(&id)?))),
        Err(problem) => {
            let (status, said) = told(problem);
            let mut written = one_written(&app, &member, &id).await?;
            written.refused = Some(said);
            with_status(status, &written)
        }
    }
}

/// Makes a link that sets the password, and shows it, once.
pub(super) async fn invite(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let link = crate::people::invitation::invite(&app, &member.caller().0, &member.allowed(), &id).await?;
    let mut written = one_written(&app, &member, &id).await?;
    written.link = Some(Link { name: written.person.name.clone(), link });
    with_status(StatusCode::CREATED, &written)
}

pub(super) async fn end_sessions(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    crate::people::sessions::end_all(&app, &member.caller().0, &member.allowed(), &id).await?;
    Ok(see_other(&format!("/people/{}?done=ended", crate::paging::path_id(&id)?)))
}
