//! `/`: what needs somebody, what runs, how the last days went, and how the providers are.

use super::bulk_changes::{Line, line};
use super::frame::Frame;
use super::page;
use super::plot::{Week, week};
use super::visitor::Member;
use super::wording::{Moment, moment_of};
use crate::App;
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::overview::{Standing, standing};
use domain::rights::Act;

/// How an account at a provider is.
struct Provider {
    name: String,
    kind: &'static str,
    tone: &'static str,
    word: &'static str,
    because: String,
    /// When what is known of it was last read, where it is read.
    read: Option<Moment>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
    may_look: bool,
    attention: Vec<Line>,
    running: Vec<Line>,
    planned: Vec<Line>,
    week: Week,
    providers: Vec<Provider>,
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

async fn providers(app: &App, member: &Member, zone: &str) -> Result<Vec<Provider>, Problem> {
    let caller = member.caller().0;
    let carriers = database::service_provider::list(&app.ledger, &caller, None, 50).await?;
    let mut shown: Vec<Provider> = carriers
        .into_iter()
        .map(|provider| Provider {
            kind: carrier(&provider.integration),
            tone: if provider.write_enabled { "good" } else { "calm" },
            word: if provider.write_enabled { "May be written to" } else { "Read only" },
            name: provider.name,
            because: String::new(),
            read: None,
        })
        .collect();
    // Accounts at Rev.io are the administrators' matter.
    if member.signed_in.rights.may(Act::Administer) {
        for account in database::rev_io::accounts(&app.ledger, caller.tenant).await? {
            let (tone, word) = match (&account.paused_because, &account.base_url) {
                (Some(_), _) => ("bad", "Paused"),
                (None, None) => ("calm", "Kept by hand"),
                (None, Some(_)) => ("good", "Read"),
            };
            let progress = database::rev_io::progress(&app.ledger, caller.tenant, account.id).await?;
            let read = progress.into_iter().filter_map(|resource| resource.mirrored_at).max();
            shown.push(Provider {
                name: account.name,
                kind: "Rev.io",
                tone,
                word,
                because: account.paused_because.unwrap_or_default(),
                read: moment_of(read, zone),
            });
        }
    }
    Ok(shown)
}

fn carrier(integration: &str) -> &'static str {
    match integration {
        "thingspace" => "Verizon ThingSpace",
        "control_center" => "Cisco Control Center",
        "telegence" => "AT&T Telegence",
        _ => "Carrier",
    }
}
