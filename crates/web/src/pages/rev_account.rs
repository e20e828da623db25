//! `/integration-authentications/{id}`: an account at Rev.io, what it is sent, and how far it is mirrored. Credentials go in and
//! never out.

use super::accounts::{Condition, Kept, Meter, billing_condition, calls, kept, meter, typed};
use super::frame::Frame;
use super::refused::{Refused, on_the_page, seen};
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, elsewhere, moment, moment_of};
use super::{page, see_other, with_status};
use crate::App;
use crate::integration_authentications::edit::{EditIntegrationAuthentication, change as change_account};
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use database::rev_io::Account;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    done: String,
}

/// What an account signs in with: the API's name, ours, and whether it is hidden while it is typed.
const CREDENTIALS: [(&str, &str, bool); 3] = [
    ("username", "User, as username@clientcode", false),
    ("password", "Password", true),
    ("subscription_key", "Subscription key", true),
];

/// How the last reading of one kind of object went.
struct Reading {
    resource: String,
    started: Moment,
    mirrored: Option<Moment>,
    read: i32,
    made: i32,
    changed: i32,
    gone: i32,
    unreadable: i32,
    kept_because: Option<String>,
}

/// What the form holds.
struct Typed {
    name: String,
    base_url: String,
    calls_per_minute: String,
    calls_per_day: String,
}

#[derive(Template)]
#[template(path = "rev_account.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    account: Account,
    condition: Condition,
    mirrored: Option<Moment>,
    meter: Meter,
    waiting: i64,
    readings: Vec<Reading>,
    credentials: Vec<Kept>,
    typed: Typed,
    refused: Option<Refused>,
    told: Option<&'static str>,
    elsewhere: Vec<Elsewhere>,
}

fn others(id: Uuid) -> Vec<Elsewhere> {
    let at = format!("/api/v1/integration-authentications/{id}");
    let edit = format!("ascribe rev-account edit {id}");
    vec![
        elsewhere("This account", format!("ascribe rev-account get {id}"), format!("GET {at}")),
        elsewhere(
            "Pace it",
            format!("{edit} --calls-per-minute 400"),
            format!("PATCH {at} {{\"calls_per_minute\": 400}}"),
        ),
        elsewhere("Pause it", format!("{edit} --paused true"), format!("PATCH {at} {{\"paused\": true}}")),
        elsewhere(
            "Write its credentials",
            format!("ascribe rev-account sign-in {id} --username USER@CLIENTCODE --password-file FILE"),
            format!("POST {at}/credentials"),
        ),
    ]
}

async fn written(app: &App, member: &Member, id: &str) -> Result<Page, Problem> {
    let (caller, fields) = (member.caller().0, member.fields());
    let account = crate::integration_authentications::get::one(app, &caller, id).await?;
    let (frame, zone) = Frame::of(app, member, &account.name, "/service-providers").await?;
    let readings = database::rev_io::progress(&app.ledger, caller.tenant, account.id).await?;
    let health = database::account_health::accounts(&app.ledger, caller.tenant).await?.remove(&account.id.0);
    let (condition, mirrored) = billing_condition(&account, &readings, health.as_ref(), &zone);
    let (health, id) = (health.unwrap_or_default(), account.id.0);
    Ok(Page {
        frame,
        id,
        condition,
        mirrored: moment_of(mirrored, &zone),
        meter: meter(health.taken_today, account.calls_per_day, account.calls_per_minute),
        waiting: health.waiting,
        readings: readings
            .into_iter()
            .map(|reading| Reading {
                resource: reading.resource.replace('_', " "),
                started: moment(reading.started_at, &zone),
                mirrored: moment_of(reading.mirrored_at, &zone),
                read: reading.read,
                made: reading.made,
                changed: reading.changed,
                gone: reading.gone,
                unreadable: reading.unreadable,
                kept_because: reading.kept_because,
            })
            .collect(),
        credentials: kept(&CREDENTIALS, &account.credentials, &zone),
        typed: Typed {
            name: fields.kept("name", &account.name),
            base_url: fields.kept("base_url", account.base_url.as_deref().unwrap_or_default()),
            calls_per_minute: fields.kept("calls_per_minute", &account.calls_per_minute.to_string()),
            calls_per_day: fields.kept("calls_per_day", &account.calls_per_day.to_string()),
        },
        refused: None,
        told: None,
        elsewhere: others(id),
        account,
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

async fn ended(app: &App, member: &Member, id: &str, ended: Result<(), Problem>) -> Result<Response, Problem> {
    match ended {
        Ok(()) => Ok(see_other(&format!("/integration-authentications/{}?done=changed", path_id(id)?))),
        Err(problem) => {
            let mut written = written(app, member, id).await?;
            let refused = on_the_page(problem)?;
            let status = refused.status;
            written.refused = Some(refused);
            with_status(status, &written)
        }
    }
}

/// Renames it, moves it, paces it, pauses it; `what` says which form it was.
pub(super) async fn change(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, fields, of) = (member.caller().0, member.fields(), path_id(&id)?);
    let asked = || -> Result<EditIntegrationAuthentication, Problem> {
        let nothing = EditIntegrationAuthentication::default();
        Ok(match fields.text("what") {
            "pause" => EditIntegrationAuthentication { paused: Some(true), ..nothing },
            "resume" => EditIntegrationAuthentication { paused: Some(false), ..nothing },
            _ => EditIntegrationAuthentication {
                name: Some(fields.text("name").to_owned()),
                base_url: fields.said("base_url").map(str::to_owned),
                calls_per_minute: calls(&member, "calls_per_minute")?,
                calls_per_day: calls(&member, "calls_per_day")?,
                paused: None,
            },
        })
    };
    let changed = async { change_account(&app, &caller, of, Some(seen(fields)?), asked()?).await };
    let changed = changed.await;
    ended(&app, &member, &id, changed).await
}

/// Writes credentials. Nothing of them is on the page that comes back.
pub(super) async fn write_credentials(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let write = async {
        let typed = typed(&member, &CREDENTIALS)?;
        crate::integration_authentications::credentials::write(&app, &member.caller().0, &id, typed).await
    };
    let write = write.await;
    ended(&app, &member, &id, write).await
}
