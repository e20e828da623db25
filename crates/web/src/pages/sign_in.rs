//! `/sign-in` and `/sign-out`. An unknown address and a wrong password are one answer, and take as long.

use super::frame::Frame;
use super::visitor::{Member, Visitor};
use super::{next_path, page, see_other, with_status};
use crate::App;
use crate::paging::Filters;
use crate::problem::Problem;
use crate::signing_in::cookies;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use database::person::sign_in::{Known, NewSession};
use domain::email::Email;
use domain::secret_token::SecretToken;
use serde::Deserialize;
use std::time::Duration;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    next: String,
    over: String,
    done: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    email: String,
    next: String,
    refused: Option<String>,
    told: Option<&'static str>,
}

/// The form; who is signed in already is sent on.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Filters(from): Filters<From>,
) -> Result<Response, Problem> {
    if visitor.signed_in.is_some() {
        return Ok(see_other(&next_path(&from.next)));
    }
    if !database::person::sign_in::anybody(&app.ledger).await? {
        return Ok(see_other("/set-up"));
    }
    let told = match (from.over.is_empty(), from.done.as_str()) {
        (false, _) => Some("Your session is over. Sign in again, and you are back where you were."),
        (_, "out") => Some("You are signed out."),
        (_, "password") => Some("Your password is set. Sign in with it."),
        _ => None,
    };
    let frame = Frame::open(&visitor, "Sign in");
    page(&Page { frame, email: String::new(), next: next_path(&from.next), refused: None, told })
}

/// Signs somebody in, or says that address and password do not go together.
pub(super) async fn submit(State(app): State<App>, visitor: Visitor, headers: HeaderMap) -> Result<Response, Problem> {
    let fields = &visitor.fields;
    let (given, next) = (fields.text("email").to_owned(), next_path(fields.text("next")));
    let refused = |status: StatusCode, said: String| {
        let frame = Frame::open(&visitor, "Sign in");
        let email = given.chars().take(254).collect();
        with_status(status, &Page { frame, email, next: next.clone(), refused: Some(said), told: None })
    };
    let wrong = "E-mail address and password do not go together.";
    let Some(email) = Email::read(&given) else { return refused(StatusCode::FORBIDDEN, wrong.to_owned()) };
    let a_try = match app.people.begin(&email, visitor.address) {
        Ok(a_try) => a_try,
        Err(wait) => {
            tracing::warn!(address = %visitor.address, "a sign-in has to wait");
            let seconds = whole_seconds(wait);
            let mut response = refused(StatusCode::TOO_MANY_REQUESTS, waiting(seconds))?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
    };
    let known = database::person::sign_in::known(&app.ledger, &email).await?;
    let (key, active) = known.as_ref().map(|known| (known.key, known.active)).unzip();
    let kept = known.and_then(|Known { phc, .. }| phc);
    // Too long a password is nobody's; hashing it would be work for nothing.
    let password: String =
        Some(fields.text("password")).filter(|p| p.len() <= domain::password::LONGEST).unwrap_or("").into();
    let checked = kept.clone().unwrap_or_default();
    let verified = app.people.passwords().verify(password, kept).await?;
    let Some(key) = key.filter(|_| verified.right && active == Some(true)) else {
        tracing::warn!(address = %visitor.address, "a sign-in with a wrong password");
        if let Some(key) = key {
            // Beside the answer: whether there is such a person must not be told by how long it takes.
            let (ledger, address) = (app.ledger.clone(), visitor.address.to_string());
            tokio::spawn(async move {
                if let Err(error) = database::person::sign_in::sign_in_failed(&ledger, key, &address).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a failed sign-in could not be written down"
                    );
                }
            });
        }
        return refused(StatusCode::FORBIDDEN, wrong.to_owned());
    };
    let secure = app.people.is_secure();
    let (token, address) = (SecretToken::new(&app.ids), visitor.address.to_string());
    let session = NewSession {
        id: app.ids.next(),
        token: &token,
        address: &address,
        user_agent: &visitor.user_agent,
        instead_of: cookies::session(&headers, secure).map(|before| before.sha256()),
    };
    if !database::person::sign_in::sign_in(&app.ledger, key, &session, (&checked, verified.anew.as_deref())).await? {
        return refused(StatusCode::FORBIDDEN, "You have no role here any more. Ask an administrator.".to_owned());
    }
    app.people.was_right(a_try);
    let mut response = see_other(&next);
    cookies::set_session(response.headers_mut(), &token, secure, app.people.limits().absolute);
    Ok(response)
}

/// Ends this session.
pub(super) async fn end(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let session = member.signed_in.session;
    database::person::session::end(&app.ledger, session.key, Some(session.id), None).await?;
    let mut response = see_other("/sign-in?done=out");
    cookies::end_session(response.headers_mut(), app.people.is_secure());
    Ok(response)
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

fn waiting(seconds: u64) -> String {
    let wait = match seconds {
        0..=1 => "a second".to_owned(),
        2..=89 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    };
    format!(
        "That was tried very often from here. Wait {wait}, and try again. Nobody is locked out: from another address it works at once."
    )
}
