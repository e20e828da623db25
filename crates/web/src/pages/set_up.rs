//! `/set-up`: the first person, while there is none, for whoever has the token from the data directory.

use super::frame::Frame;
use super::visitor::Visitor;
use super::{page, see_other, with_status};
use crate::App;
use crate::edits::name;
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use database::fleet::{Fleet, tenant_named};
use database::fleet_people::FirstPassword;
use database::person::{Made, NewPerson};
use domain::email::Email;
use domain::ids::{ApiKeyId, PersonId, SiteId, TenantId};
use domain::password;
use domain::rights::Role;

#[derive(Template)]
#[template(path = "set_up.html")]
struct Page {
    frame: Frame,
    file: Option<String>,
    refused: Vec<Refused>,
    tenant: String,
    time_zone: String,
    name: String,
    email: String,
    shortest: usize,
}

/// What is wrong with a field.
struct Refused {
    field: &'static str,
    said: String,
}

async fn only_while_there_is_nobody(app: &App) -> Result<(), Problem> {
    // Afterwards the page is not there.
    if database::person::sign_in::anybody(&app.ledger).await? { Err(Problem::not_found()) } else { Ok(()) }
}

fn blank(app: &App, visitor: &Visitor, refused: Vec<Refused>) -> Page {
    let said = |field: &str, or: &str| visitor.fields.said(field).unwrap_or(or).to_owned();
    Page {
        frame: Frame::open(visitor, "First set-up"),
        file: app.people.set_up().file(),
        refused,
        tenant: said("tenant", ""),
        time_zone: said("time_zone", "UTC"),
        name: said("name", ""),
        email: said("email", ""),
        shortest: password::SHORTEST,
    }
}

/// The form.
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    only_while_there_is_nobody(&app).await?;
    page(&blank(&app, &visitor, Vec::new()))
}

/// What was asked for, once it is sound.
struct Asked {
    tenant: String,
    time_zone: String,
    name: String,
    email: Email,
    password: String,
}

fn asked(app: &App, visitor: &Visitor) -> Result<Asked, Vec<Refused>> {
    let (fields, mut refused) = (&visitor.fields, Vec::new());
    let mut no = |field: &'static str, said: &str| refused.push(Refused { field, said: said.to_owned() });
    if !app.people.set_up().is(fields.text("token")) {
        no(
            "token",
            "This is not the token. It is in the file that is named above, on the machine that Ascribe runs on.",
        );
    }
    let tenant = name("tenant", fields.text("tenant"));
    if tenant.is_err() {
        no("tenant", "Name your company in one line.");
    }
    let time_zone = fields.text("time_zone").trim().to_owned();
    if jiff::tz::TimeZone::get(&time_zone).is_err() {
        no("time_zone", "A time zone is called as in the IANA database, such as America/New_York.");
    }
    let called = name("name", fields.text("name"));
    if called.is_err() {
        no("name", "Say what you are called, in one line.");
    }
    let email = Email::read(fields.text("email"));
    match &email {
        None => no("email", "This is no e-mail address."),
        Some(email) => {
            if let Err(why) = password::taken(fields.text("password"), email) {
                no("password", &why.to_string());
            }
        }
    }
    match (tenant, called, email, refused.is_empty()) {
        (Ok(tenant), Ok(name), Some(email), true) => {
            Ok(Asked { tenant, time_zone, name, email, password: fields.text("password").to_owned() })
        }
        _ => Err(refused),
    }
}

/// Makes the tenant, if there is none of that name, and its first person.
pub(super) async fn submit(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    only_while_there_is_nobody(&app).await?;
    let asked = match asked(&app, &visitor) {
        Ok(asked) => asked,
        Err(refused) => {
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &blank(&app, &visitor, refused));
        }
    };
    let phc = app.people.passwords().hash(asked.password).await?;
    let server = app.ledger.server();
    let mut fleet = Fleet::open(server).await?;
    let tenant = match tenant_named(server, &asked.tenant).await? {
        Some(tenant) => tenant,
        None => {
            let (tenant, site) = (TenantId(app.ids.next()), SiteId(app.ids.next()));
            fleet.create_tenant(tenant, &asked.tenant, &asked.time_zone, site).await?;
            tenant
        }
    };
    let person = NewPerson {
        id: PersonId(app.ids.next()),
        role_id: ApiKeyId(app.ids.next()),
        email: &asked.email,
        name: &asked.name,
        role: Role::SuperAdmin,
        sites: None,
        site_groups: &[],
    };
    if fleet.create_person(tenant, &person, FirstPassword::Phc(&phc)).await? != Made::Done {
        // Somebody with the same token was faster.
        return Err(Problem::not_found());
    }
    app.people.set_up().used();
    Ok(see_other("/sign-in?done=password"))
}
