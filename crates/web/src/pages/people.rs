//! `/people`: who may sign in here, and with which role. What is done is what the API does.

use super::frame::Frame;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, elsewhere, moment, moment_of};
use super::{encoded, page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, id_cursor};
use crate::people::create::{New, add as add_person};
use crate::people::edit::{Change, change as change_person};
use crate::problem::{Problem, Told};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use database::person::list::Listed;
use database::person::places::{Place, called};
use database::person::{PersonKey, session};
use domain::rights::Role;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    q: String,
    cursor: String,
    done: String,
}

struct Row {
    id: Uuid,
    name: String,
    email: String,
    role: &'static str,
    reach: String,
    tone: &'static str,
    word: &'static str,
    signed_in: Option<Moment>,
}

/// A role that may be given.
struct Choice {
    code: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "people.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    q: String,
    next: Option<String>,
    roles: Vec<Choice>,
    refused: Option<String>,
    typed: Typed,
    link: Option<Link>,
    elsewhere: Vec<Elsewhere>,
}

/// What was typed, when it was refused.
#[derive(Default)]
struct Typed {
    name: String,
    email: String,
    sites: String,
    site_groups: String,
}

/// A link that was just made, shown this once.
struct Link {
    name: String,
    link: String,
}

fn state_of(person: &Listed) -> (&'static str, &'static str) {
    match (person.active, person.own, person.has_password) {
        (false, ..) => ("calm", "Deactivated"),
        (true, true, false) => ("warn", "Invited"),
        (true, ..) => ("good", "Active"),
    }
}

fn reach_of(person: &Listed) -> String {
    match (&person.sites, person.site_groups.len()) {
        (None, _) => "Everything".to_owned(),
        (Some(sites), 0) => super::wording::counted(sites.len() as i64, "site", "sites"),
        (Some(sites), groups) => format!(
            "{}, {}",
            super::wording::counted(sites.len() as i64, "site", "sites"),
            super::wording::counted(groups as i64, "group", "groups")
        ),
    }
}

fn choices(member: &Member, chosen: Role) -> Vec<Choice> {
    let mine = member.signed_in.rights.role;
    let given = Role::ALL.iter().copied().filter(|role| mine.may_give(*role));
    given.map(|role| Choice { code: role.word(), name: super::wording::role(role), chosen: role == chosen }).collect()
}

async fn written(app: &App, member: &Member, asked: &Asked) -> Result<Page, Problem> {
    let (frame, zone) = Frame::of(app, member, "People", "/people").await?;
    let (limit, after) = (Limit::default(), id_cursor(Some(&asked.cursor))?);
    let q = Some(asked.q.trim()).filter(|q| !q.is_empty() && q.len() <= 256 && !q.chars().any(char::is_control));
    let found = database::person::list::list(&app.ledger, member.caller().0.tenant, None, q, after, limit.and_one());
    let row = |person: Listed| {
        let (tone, word) = state_of(&person);
        Row {
            id: person.id.0,
            reach: reach_of(&person),
            role: super::wording::role(person.role),
            tone,
            word,
            signed_in: moment_of(person.signed_in_at, &zone),
            name: person.name,
            email: person.email,
        }
    };
    let cut = Cut::cut(found.await?, limit, |row| row.id.to_string(), row);
    let next = cut.next_cursor.map(|cursor| format!("/people?q={}&cursor={cursor}", encoded(&asked.q)));
    let elsewhere = vec![elsewhere(
        "Add somebody",
        "ascribe person add --email ops@example.com --name \"Operations\" --role user",
        "POST /api/v1/people {\"email\": \"ops@example.com\", \"name\": \"Operations\", \"role\": \"user\"}",
    )];
    Ok(Page {
        frame,
        rows: cut.items,
        q: asked.q.clone(),
        next,
        roles: choices(member, Role::User),
        refused: None,
        typed: Typed::default(),
        link: None,
        elsewhere,
    })
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    page(&written(&app, &member, &asked).await?)
}

/// Adds somebody. The link is in the answer and nowhere else, so this is no redirect.
pub(super) async fn add(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let fields = member.fields();
    let confined = fields.text("reach") == "sites";
    let asked = async || -> Result<New, Problem> {
        Ok(New {
            email: fields.text("email").to_owned(),
            name: fields.text("name").to_owned(),
            role: fields.text("role").to_owned(),
            sites: if confined { Some(places(&app, &member, Place::Site).await?) } else { None },
            site_groups: if confined { Some(places(&app, &member, Place::Group).await?) } else { None },
        })
    };
    let added = match asked().await {
        Ok(new) => add_person(&app, &member.caller().0, &member.allowed(), new).await,
        Err(problem) => Err(problem),
    };
    let mut written = written(&app, &member, &Asked::default()).await?;
    match added {
        Ok((_, link)) => {
            written.link = Some(Link { name: fields.text("name").trim().to_owned(), link });
            with_status(StatusCode::CREATED, &written)
        }
        Err(problem) => {
            let (status, said) = told(problem);
            written.refused = Some(said);
            let typed = |field: &str| fields.text(field).to_owned();
            written.typed = Typed {
                name: typed("name"),
                email: typed("email"),
                sites: typed("sites"),
                site_groups: typed("site_groups"),
            };
            with_status(status, &written)
        }
    }
}

/// The sites, or groups of sites, that a form names: one a line, by name or by id.
async fn places(app: &App, member: &Member, place: Place) -> Result<Vec<Uuid>, Problem> {
    let field = match place {
        Place::Site => "sites",
        Place::Group => "site_groups",
    };
    let lines: Vec<&str> = member.fields().lines(field).collect();
    let ids: Vec<Uuid> = lines.iter().filter_map(|line| Uuid::parse_str(line).ok()).collect();
    let names: Vec<String> = lines.iter().filter(|line| !line.contains('\0')).map(|line| (*line).to_owned()).collect();
    let found = called(&app.ledger, member.caller().0.tenant, place, &ids, &names).await?;
    let of = |line: &str| {
        let id = Uuid::parse_str(line).ok();
        found.iter().find(|(known, name)| Some(*known) == id || name == line).map(|(known, _)| *known)
    };
    lines
        .into_iter()
        .map(|line| {
            of(line).ok_or_else(|| {
                let said = format!("{line} is no site, or group of sites, of this tenant.");
                Problem::field(field, "SITE_NOT_FOUND", said)
            })
        })
        .collect()
}

/// What a problem says, for the form that it is about.
pub(super) fn told(problem: Problem) -> (StatusCode, String) {
    let response = problem.into_response();
    let said = response.extensions().get::<Told>().map(|told| told.detail.clone()).unwrap_or_default();
    (response.status(), said)
}

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
                "Deactivate",
                format!("ascribe person edit {id} --active false"),
                format!("PATCH /api/v1/people/{id} {{\"active\": false}}"),
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
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let mut written = one_written(&app, &member, &id).await?;
    written.told = match asked.done.as_str() {
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
