//! `/service-providers/{id}`: a service provider, the account at its carrier, what it is sent, and how its devices were read.
//! Credentials go in and never out.

use super::accounts::{Condition, Kept, Meter, calls, carrier, carrier_condition, kept, meter, typed};
use super::frame::Frame;
use super::refused::{Refused, on_the_page, seen};
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, elsewhere, moment, moment_of};
use super::{page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use crate::service_providers::account::keep::{KeepCarrierAccount, keep};
use crate::service_providers::edit::{EditProvider, change as change_provider};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use database::carrier::{CarrierAccount, NONE_YET};
use database::service_provider::ServiceProvider;
use domain::rights::Act;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    done: String,
}

/// What an account at a carrier signs in with: the API's name, ours, and whether it is hidden while it is typed.
const CREDENTIALS: [(&str, &str, bool); 4] = [
    ("key", "The application's key", true),
    ("secret", "The application's secret", true),
    ("username", "User", false),
    ("password", "The user's password", true),
];

/// How the last reading went.
struct Reading {
    started: Moment,
    ended: Option<Moment>,
    whole: Option<Moment>,
    read: i32,
    made: i32,
    changed: i32,
    archived: i32,
    unreadable: i32,
    kept_because: Option<String>,
}

/// The account at the carrier, for administrators.
struct Account {
    account: CarrierAccount,
    condition: Condition,
    meter: Meter,
    reading: Option<Reading>,
    waiting: i64,
}

/// What the form of the account holds.
struct Typed {
    base_url: String,
    account_name: String,
    calls_per_minute: String,
    calls_per_day: String,
    /// What it was made from, also where there is no account yet.
    etag: String,
}

#[derive(Template)]
#[template(path = "service_provider.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    provider: ServiceProvider,
    carrier: &'static str,
    administers: bool,
    partners: bool,
    account: Option<Account>,
    credentials: Vec<Kept>,
    typed: Typed,
    name: String,
    refused: Option<Refused>,
    told: Option<&'static str>,
    elsewhere: Vec<Elsewhere>,
}

async fn account(
    app: &App,
    member: &Member,
    provider: &ServiceProvider,
    zone: &str,
) -> Result<Option<Account>, Problem> {
    let tenant = member.caller().0.tenant;
    let Some(account) = database::carrier::get(&app.ledger, tenant, provider.id).await? else { return Ok(None) };
    let reading = database::carrier::progress(&app.ledger, tenant, provider.id).await?;
    let health = database::account_health::accounts(&app.ledger, tenant).await?.remove(&provider.id.0);
    let condition = carrier_condition(&account, reading.as_ref(), health.as_ref(), zone);
    let health = health.unwrap_or_default();
    Ok(Some(Account {
        condition,
        meter: meter(health.taken_today, account.calls_per_day, account.calls_per_minute),
        waiting: health.waiting,
        reading: reading.map(|reading| Reading {
            started: moment(reading.started_at, zone),
            ended: moment_of(reading.ended_at, zone),
            whole: moment_of(reading.read_at, zone),
            read: reading.read,
            made: reading.made,
            changed: reading.changed,
            archived: reading.archived,
            unreadable: reading.unreadable,
            kept_because: reading.kept_because,
        }),
        account,
    }))
}

fn others(id: Uuid) -> Vec<Elsewhere> {
    let at = format!("/api/v1/service-providers/{id}");
    let set = format!("ascribe service-provider account set {id}");
    vec![
        elsewhere("Rename it", format!("ascribe service-provider edit {id} --name \"Verizon\""), format!("PATCH {at}")),
        elsewhere(
            "Let nothing be changed at the carrier",
            format!("ascribe service-provider edit {id} --write-enabled false"),
            format!("PATCH {at} {{\"write_enabled\": false}}"),
        ),
        elsewhere("The account", format!("ascribe service-provider account get {id}"), format!("GET {at}/account")),
        elsewhere(
            "Set up the account",
            format!("{set} --base-url https://thingspace.verizon.com/api --account-name 0000123456-00001"),
            format!("PUT {at}/account"),
        ),
        elsewhere("Pause it", format!("{set} --paused true"), format!("PUT {at}/account {{\"paused\": true}}")),
        elsewhere(
            "Write its credentials",
            format!("ascribe service-provider account sign-in {id} --key-file FILE --secret-file FILE"),
            format!("POST {at}/account/credentials"),
        ),
    ]
}

async fn written(app: &App, member: &Member, id: &str) -> Result<Page, Problem> {
    let provider = crate::service_providers::get::one(app, &member.caller().0, id).await?;
    let (frame, zone) = Frame::of(app, member, &provider.name, "/service-providers").await?;
    let administers = member.signed_in.rights.may(Act::Administer);
    let partners = provider.at_owner.1 != provider.id;
    let account = if administers && !partners { account(app, member, &provider, &zone).await? } else { None };
    let now = account.as_ref().map(|account| &account.account);
    let (id, fields) = (provider.id.0, member.fields());
    let number = |calls: Option<i32>| calls.map(|calls| calls.to_string()).unwrap_or_default();
    Ok(Page {
        frame,
        id,
        carrier: carrier(&provider.integration),
        administers,
        partners,
        credentials: now.map(|now| kept(&CREDENTIALS, &now.credentials, &zone)).unwrap_or_default(),
        typed: Typed {
            base_url: fields.kept("base_url", now.map_or("", |now| &now.base_url)),
            account_name: fields.kept("account_name", now.map_or("", |now| &now.account_name)),
            calls_per_minute: fields.kept("calls_per_minute", &number(now.map(|now| now.calls_per_minute))),
            calls_per_day: fields.kept("calls_per_day", &number(now.map(|now| now.calls_per_day))),
            etag: now.map_or_else(|| NONE_YET.to_owned(), |now| now.etag.clone()),
        },
        name: fields.kept("name", &provider.name),
        account,
        refused: None,
        told: None,
        elsewhere: others(id),
        provider,
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
        Ok(()) => Ok(see_other(&format!("/service-providers/{}?done=changed", path_id(id)?))),
        Err(problem) => {
            let mut written = written(app, member, id).await?;
            let refused = on_the_page(problem)?;
            let status = refused.status;
            written.refused = Some(refused);
            with_status(status, &written)
        }
    }
}

/// Renames it, or switches writing to its carrier.
pub(super) async fn change(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, fields, of) = (member.caller().0, member.fields(), path_id(&id)?);
    let write_enabled = fields.given("write_enabled").map(|text| text == "yes");
    let edit = EditProvider { name: fields.given("name").map(str::to_owned), write_enabled };
    let changed = async { change_provider(&app, &caller, of, Some(seen(fields)?), edit).await };
    let changed = changed.await;
    ended(&app, &member, &id, changed).await
}

/// Makes the account at the carrier, moves it, paces it, pauses it; `what` says which form it was.
pub(super) async fn keep_account(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (caller, fields) = (member.caller().0, member.fields());
    let asked = || -> Result<KeepCarrierAccount, Problem> {
        let said = |field: &str| fields.said(field).map(str::to_owned);
        Ok(match fields.text("what") {
            "pause" => KeepCarrierAccount { paused: Some(true), ..KeepCarrierAccount::default() },
            "resume" => KeepCarrierAccount { paused: Some(false), ..KeepCarrierAccount::default() },
            _ => KeepCarrierAccount {
                base_url: said("base_url"),
                account_name: said("account_name"),
                calls_per_minute: calls(&member, "calls_per_minute")?,
                calls_per_day: calls(&member, "calls_per_day")?,
                paused: None,
            },
        })
    };
    let kept = async { keep(&app, &caller, &id, Some(seen(fields)?), asked()?).await.map(|_| ()) };
    let kept = kept.await;
    ended(&app, &member, &id, kept).await
}

/// Writes credentials. Nothing of them is on the page that comes back.
pub(super) async fn write_credentials(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let write = async {
        crate::service_providers::get::one(&app, &member.caller().0, &id).await?;
        let typed = typed(&member, &CREDENTIALS)?;
        crate::service_providers::account::credentials::write(&app, &member.caller().0, &id, typed).await.map(|_| ())
    };
    let write = write.await;
    ended(&app, &member, &id, write).await
}
