//! `/account`: one's own password, where one is signed in, and how one likes the pages.

use super::frame::Frame;
use super::visitor::Member;
use super::wording::{Moment, moment};
use super::{page, see_other, with_status};
use crate::App;
use crate::paging::Filters;
use crate::problem::Problem;
use crate::signing_in::cookies;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use database::person::session;
use database::person::sign_in::{NewSession, by_key, set_password, sign_in};
use domain::email::Email;
use domain::password;
use domain::secret_token::SecretToken;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    done: String,
}

struct Session {
    id: Uuid,
    here: bool,
    began: Moment,
    seen: Moment,
    address: String,
    user_agent: String,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    email: String,
    sessions: Vec<Session>,
    refused: Option<(&'static str, String)>,
    told: Option<&'static str>,
    shortest: usize,
}

async fn written(
    app: &App,
    member: &Member,
    refused: Option<(&'static str, String)>,
    told: Option<&'static str>,
) -> Result<Page, Problem> {
    let (frame, zone) = Frame::of(app, member, "Your account", "/account").await?;
    let here = member.signed_in.session;
    let sessions = session::list(&app.ledger, here.key, app.people.limits()).await?;
    let one = |session: session::Listed| Session {
        id: session.id,
        here: session.id == here.id,
        began: moment(session.created_at, &zone),
        seen: moment(session.last_seen_at, &zone),
        address: session.address,
        user_agent: session.user_agent,
    };
    let email = email_of(app, member).await?;
    let sessions = sessions.into_iter().map(one).collect();
    Ok(Page { frame, email, sessions, refused, told, shortest: password::SHORTEST })
}

async fn email_of(app: &App, member: &Member) -> Result<String, Problem> {
    let (tenant, person) = (member.signed_in.caller.tenant, member.signed_in.session.key.person);
    Ok(database::person::list::greeting(&app.ledger, tenant, person).await?.email)
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(from): Filters<From>,
) -> Result<Response, Problem> {
    let told = match from.done.as_str() {
        "password" => Some("Your password is changed, and every other session has ended."),
        "sessions" => Some("Ended."),
        _ => None,
    };
    page(&written(&app, &member, None, told).await?)
}

/// Another password: with the one until now, and at the pace of any sign-in. Every session ends; this browser gets a new one.
pub(super) async fn change_password(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let (fields, key) = (member.fields(), member.signed_in.session.key);
    let email = Email::read(&email_of(&app, &member).await?).ok_or_else(Problem::internal)?;
    let refused = async |field: &'static str, said: String| {
        let page = written(&app, &member, Some((field, said)), None).await?;
        with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
    };
    if let Err(why) = password::taken(fields.text("new_password"), &email) {
        return refused("new_password", why.to_string()).await;
    }
    let Ok(a_try) = app.people.begin(&email, member.visitor.address) else {
        return refused("password", "That was tried very often. Wait a little.".to_owned()).await;
    };
    let kept = by_key(&app.ledger, key).await?.and_then(|known| known.phc);
    if !app.people.passwords().verify(fields.text("password").to_owned(), kept).await?.right {
        return refused("password", "This is not your password until now.".to_owned()).await;
    }
    app.people.was_right(a_try);
    let phc = app.people.passwords().hash(fields.text("new_password").to_owned()).await?;
    set_password(&app.ledger, key, &phc, None).await?;
    let (token, address) = (SecretToken::new(&app.ids), member.visitor.address.to_string());
    let user_agent = &member.visitor.user_agent;
    let new = NewSession { id: app.ids.next(), token: &token, address: &address, user_agent, instead_of: None };
    sign_in(&app.ledger, key, &new, (&phc, None)).await?;
    let mut response = see_other("/account?done=password");
    cookies::set_session(response.headers_mut(), &token, app.people.is_secure(), app.people.limits().absolute);
    Ok(response)
}

/// Ends one session, or all others, or all.
pub(super) async fn end_sessions(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let here = member.signed_in.session;
    let (only, but) = match member.fields().text("which") {
        "others" => (None, Some(here.id)),
        "all" => (None, None),
        id => (Some(crate::paging::path_id(id)?), None),
    };
    session::end(&app.ledger, here.key, only, but).await?;
    // Whoever ended this one, too, is sent to sign in by the next page.
    Ok(see_other("/account?done=sessions"))
}
