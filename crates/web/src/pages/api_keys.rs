//! `/api-keys`: which programs may ask, and for what. A key is shown once, when it is made.

use super::frame::Frame;
use super::people::{Choice, choices, places};
use super::refused::{Refused, on_the_page};
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, counted, elsewhere, moment};
use super::{page, see_other, with_status};
use crate::App;
use crate::api_keys::create::{New, make};
use crate::paging::{Filters, Limit, Page as Cut, id_cursor, path_id};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use database::api_key::Listed;
use database::person::places::Place;
use domain::rights::Role;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    cursor: String,
    done: String,
}

/// A key in one line.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) shown: String,
    pub(super) role: &'static str,
    pub(super) reach: String,
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    pub(super) works: bool,
    pub(super) made: Moment,
    pub(super) until: Moment,
    /// Who made it: their id and name.
    pub(super) maker: Option<(Uuid, String)>,
}

pub(super) fn row(key: Listed, zone: &str) -> Row {
    let (tone, word) = match (&key.revoked_at, &key.maker) {
        (Some(_), _) => ("calm", "Revoked"),
        (None, _) if !key.works => ("calm", "Run out"),
        (None, Some(maker)) if !maker.lasts => ("warn", "Stopped with its maker"),
        (None, _) => ("good", "Works"),
    };
    let reach = match (&key.sites, key.site_groups.len() as i64) {
        (None, _) => "Everything".to_owned(),
        (Some(sites), 0) => counted(sites.len() as i64, "site", "sites"),
        (Some(sites), groups) => {
            format!("{}, {}", counted(sites.len() as i64, "site", "sites"), counted(groups, "group", "groups"))
        }
    };
    Row {
        id: key.id.0,
        role: Role::from_word(&key.role).map_or("", super::wording::role),
        works: key.works,
        name: key.name,
        shown: key.shown,
        reach,
        tone,
        word,
        made: moment(key.created_at, zone),
        until: moment(key.expires_at, zone),
        maker: key.maker.map(|maker| (maker.id.0, maker.name)),
    }
}

/// What the form for a new one holds.
#[derive(Default)]
struct Typed {
    name: String,
    days: String,
    sites: String,
    site_groups: String,
    confined: bool,
}

/// A key that was just made, shown this once.
struct NewKey {
    name: String,
    key: String,
}

#[derive(Template)]
#[template(path = "api_keys.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    first: bool,
    next: Option<String>,
    roles: Vec<Choice>,
    typed: Typed,
    made: Option<NewKey>,
    refused: Option<Refused>,
    told: Option<&'static str>,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, asked: &Asked) -> Result<Page, Problem> {
    let (frame, zone) = Frame::of(app, member, "API keys", "/api-keys").await?;
    let (limit, after) = (Limit::default(), id_cursor(Some(&asked.cursor))?);
    let found = database::api_key::list(&app.ledger, member.caller().0.tenant, None, after, limit.and_one()).await?;
    let cut = Cut::cut(found, limit, |key| key.id.to_string(), |key| row(key, &zone));
    Ok(Page {
        frame,
        rows: cut.items,
        first: after.is_none(),
        next: cut.next_cursor.map(|cursor| format!("/api-keys?cursor={cursor}")),
        roles: choices(member, Role::User),
        typed: Typed { days: "365".to_owned(), ..Typed::default() },
        made: None,
        refused: None,
        told: None,
        elsewhere: vec![
            elsewhere("This list", "ascribe key list", "GET /api/v1/api-keys"),
            elsewhere(
                "Make a key",
                "ascribe key create --name dashboard --role user",
                "POST /api/v1/api-keys {\"name\": \"dashboard\", \"role\": \"user\"}",
            ),
            elsewhere("Revoke one", "ascribe key revoke ID", "DELETE /api/v1/api-keys/ID"),
        ],
    })
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let mut written = written(&app, &member, &asked).await?;
    written.told = (asked.done == "revoked").then_some("Revoked. It does not work any more, from the next request on.");
    page(&written)
}

/// Makes a key. It is in the answer and nowhere else, so this is no redirect.
pub(super) async fn create(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let fields = member.fields();
    let confined = fields.text("reach") == "sites";
    let made = async {
        let invalid = || Problem::field("expires_in_days", "FIELD_INVALID", "A key works for 1 to 3650 days.");
        let days = fields.said("expires_in_days").map(|text| text.parse().map_err(|_| invalid())).transpose()?;
        let new = New {
            name: fields.text("name").to_owned(),
            role: fields.text("role").to_owned(),
            sites: if confined { Some(places(&app, &member, Place::Site).await?) } else { None },
            site_groups: if confined { Some(places(&app, &member, Place::Group).await?) } else { None },
            expires_in_days: days,
        };
        make(&app, &member.caller().0, &member.allowed(), new).await
    };
    let made = made.await;
    let mut written = written(&app, &member, &Asked::default()).await?;
    match made {
        Ok((_, key)) => {
            let name = fields.text("name").trim().to_owned();
            written.made = Some(NewKey { name, key: key.reveal().to_owned() });
            with_status(StatusCode::CREATED, &written)
        }
        Err(problem) => {
            let refused = on_the_page(problem)?;
            let status = refused.status;
            let typed = |field: &str| fields.text(field).to_owned();
            written.typed = Typed {
                name: typed("name"),
                days: typed("expires_in_days"),
                sites: typed("sites"),
                site_groups: typed("site_groups"),
                confined,
            };
            written.roles = choices(&member, Role::from_word(fields.text("role")).unwrap_or(Role::User));
            written.refused = Some(refused);
            with_status(status, &written)
        }
    }
}

pub(super) async fn revoke(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    if database::api_key::revoke(&app.ledger, &member.caller().0, path_id(&id)?).await? {
        Ok(see_other("/api-keys?done=revoked"))
    } else {
        Err(Problem::not_found())
    }
}
