//! `/people`: who may sign in here, and with which role. What is done is what the API does.

use super::frame::Frame;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, elsewhere, moment_of};
use super::{encoded, page, with_status};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, id_cursor};
use crate::people::create::{New, add as add_person};
use crate::problem::{Problem, Told};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use database::person::list::Listed;
use database::person::places::{Place, called};
use domain::rights::Role;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    q: String,
    cursor: String,
}

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: &'static str,
    pub(super) reach: String,
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    pub(super) signed_in: Option<Moment>,
}

/// A role that may be given.
pub(super) struct Choice {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) chosen: bool,
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
pub(super) struct Link {
    pub(super) name: String,
    pub(super) link: String,
}

pub(super) fn state_of(person: &Listed) -> (&'static str, &'static str) {
    match (person.active, person.own, person.has_password) {
        (false, ..) => ("calm", "Deactivated"),
        (true, true, false) => ("warn", "Invited"),
        (true, ..) => ("good", "Active"),
    }
}

pub(super) fn reach_of(person: &Listed) -> String {
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

pub(super) fn choices(member: &Member, chosen: Role) -> Vec<Choice> {
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
pub(super) async fn places(app: &App, member: &Member, place: Place) -> Result<Vec<Uuid>, Problem> {
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
