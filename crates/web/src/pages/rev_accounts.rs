//! `/integration-authentications`: accounts at Rev.io; and making one known.

use super::accounts::{Line, billing, calls};
use super::frame::Frame;
use super::refused::{Refused, on_the_page};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere};
use super::{page, see_other, with_status};
use crate::App;
use crate::integration_authentications::create::{NewIntegrationAuthentication, make};
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;

/// What the form for a new one holds.
struct Typed {
    name: String,
    base_url: String,
    calls_per_minute: String,
    calls_per_day: String,
}

#[derive(Template)]
#[template(path = "rev_accounts.html")]
struct Page {
    frame: Frame,
    lines: Vec<Line>,
    typed: Typed,
    refused: Option<Refused>,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, refused: Option<Refused>) -> Result<Page, Problem> {
    let (frame, zone) = Frame::of(app, member, "Accounts at Rev.io", "/service-providers").await?;
    let typed = |field: &str, otherwise: &str| member.fields().kept(field, otherwise);
    Ok(Page {
        frame,
        lines: billing(app, member, &zone).await?,
        typed: Typed {
            name: typed("name", ""),
            base_url: typed("base_url", "https://api.revioapi.com/v1"),
            calls_per_minute: typed("calls_per_minute", ""),
            calls_per_day: typed("calls_per_day", ""),
        },
        refused,
        elsewhere: vec![
            elsewhere("This list", "ascribe rev-account list", "GET /api/v1/integration-authentications"),
            elsewhere(
                "Make one known",
                "ascribe rev-account create --name \"Rev.io\" --base-url https://api.revioapi.com/v1",
                "POST /api/v1/integration-authentications {\"name\": \"Rev.io\", \"base_url\": \"https://api.revioapi.com/v1\"}",
            ),
        ],
    })
}

pub(super) async fn show(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    page(&written(&app, &member, None).await?)
}

pub(super) async fn create(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let fields = member.fields();
    let made = async {
        let new = NewIntegrationAuthentication {
            name: fields.text("name").to_owned(),
            base_url: fields.said("base_url").map(str::to_owned),
            calls_per_minute: calls(&member, "calls_per_minute")?,
            calls_per_day: calls(&member, "calls_per_day")?,
        };
        make(&app, &member.caller().0, new).await
    };
    match made.await {
        Ok(id) => Ok(see_other(&format!("/integration-authentications/{id}?done=made"))),
        Err(problem) => {
            let refused = on_the_page(problem)?;
            let status = refused.status;
            with_status(status, &written(&app, &member, Some(refused)).await?)
        }
    }
}
