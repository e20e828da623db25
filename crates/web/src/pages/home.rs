//! `/`: what needs somebody, what runs, how the last days went, and how the providers are.

use super::accounts::{Line as Account, billing, carriers};
use super::bulk_changes::{Line, line};
use super::frame::Frame;
use super::page;
use super::plot::{Week, week};
use super::visitor::Member;
use crate::App;
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::overview::{Standing, standing};
use domain::rights::Act;

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
    may_look: bool,
    attention: Vec<Line>,
    running: Vec<Line>,
    planned: Vec<Line>,
    week: Week,
    providers: Vec<Account>,
}

/// So many of each are shown.
const SHOWN: i64 = 8;

pub(super) async fn show(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let (frame, zone) = Frame::of(&app, &member, "Home", "/").await?;
    let may_look = member.signed_in.rights.may(Act::LookAtDevices);
    let lines = async |which| {
        let mut lines = Vec::new();
        if may_look {
            let caller = member.caller().0;
            for id in standing(&app.ledger, &caller, which, SHOWN).await? {
                if let Some(change) = database::bulk_change::get(&app.ledger, &caller, id).await? {
                    lines.push(line(&change, &zone));
                }
            }
        }
        Ok::<_, Problem>(lines)
    };
    let days = if may_look { database::overview::week(&app.ledger, &member.caller().0).await? } else { Vec::new() };
    page(&Page {
        may_look,
        attention: lines(Standing::NeedsAttention).await?,
        running: lines(Standing::Running).await?,
        planned: lines(Standing::Planned).await?,
        week: week(&days),
        providers: if may_look { providers(&app, &member, &zone).await? } else { Vec::new() },
        frame,
    })
}

/// How the accounts are; those at Rev.io are the administrators' matter.
async fn providers(app: &App, member: &Member, zone: &str) -> Result<Vec<Account>, Problem> {
    let mut accounts = carriers(app, member, zone).await?;
    if member.signed_in.rights.may(Act::Administer) {
        accounts.extend(billing(app, member, zone).await?);
    }
    Ok(accounts)
}
