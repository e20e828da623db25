//! `/service-providers`: accounts at carriers; and making one known.

use super::accounts::{Line, carriers};
use super::frame::Frame;
use super::refused::{Refused, on_the_page};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere};
use super::{page, see_other, with_status};
use crate::App;
use crate::problem::Problem;
use crate::service_providers::create::{NewProvider, make};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::rights::Act;

/// An integration that a service provider may be at.
struct Choice {
    code: String,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "service_providers.html")]
struct Page {
    frame: Frame,
    lines: Vec<Line>,
    administers: bool,
    integrations: Vec<Choice>,
    /// What the form for a new one holds.
    name: String,
    refused: Option<Refused>,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, refused: Option<Refused>) -> Result<Page, Problem> {
    let (frame, zone) = Frame::of(app, member, "Accounts at carriers", "/service-providers").await?;
    let administers = member.signed_in.rights.may(Act::Administer);
    let codes = if administers {
        database::service_provider::integrations(&app.ledger, member.caller().0.tenant).await?
    } else {
        Vec::new()
    };
    let chosen = member.fields().text("integration");
    let choice = |code: String| Choice { name: super::accounts::carrier(&code), chosen: code == chosen, code };
    Ok(Page {
        frame,
        lines: carriers(app, member, &zone).await?,
        administers,
        integrations: codes.into_iter().map(choice).collect(),
        name: member.fields().kept("name", ""),
        refused,
        elsewhere: vec![
            elsewhere("This list", "ascribe service-provider list", "GET /api/v1/service-providers"),
            elsewhere(
                "Make one known",
                "ascribe service-provider create --name \"Verizon\" --integration thingspace",
                "POST /api/v1/service-providers {\"name\": \"Verizon\", \"integration\": \"thingspace\"}",
            ),
        ],
    })
}

pub(super) async fn show(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    page(&written(&app, &member, None).await?)
}

pub(super) async fn create(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let fields = member.fields();
    let new = NewProvider {
        name: fields.text("name").to_owned(),
        integration: fields.text("integration").to_owned(),
        write_enabled: None,
    };
    match make(&app, &member.caller().0, new).await {
        Ok(id) => Ok(see_other(&format!("/service-providers/{id}?done=made"))),
        Err(problem) => {
            let refused = on_the_page(problem)?;
            let status = refused.status;
            with_status(status, &written(&app, &member, Some(refused)).await?)
        }
    }
}
