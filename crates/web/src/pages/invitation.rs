//! `/invitation/{token}`: whoever has the link sets the password, once.

use super::frame::Frame;
use super::visitor::Visitor;
use super::{page, see_other, with_status};
use crate::App;
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use database::person::invitation::{Invited, accept, found};
use domain::email::Email;
use domain::password;
use domain::secret_token::SecretToken;

#[derive(Template)]
#[template(path = "invitation.html")]
struct Page {
    frame: Frame,
    name: String,
    email: String,
    refused: Option<String>,
    shortest: usize,
}

async fn invited(app: &App, token: &str) -> Result<(SecretToken, Invited), Problem> {
    let gone = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "This link was used, is too old, or never was one. Ask whoever sent it for another.",
        )
    };
    let token = SecretToken::read(token).ok_or_else(gone)?;
    let invited = found(&app.ledger, &token).await?.ok_or_else(gone)?;
    Ok((token, invited))
}

fn written(visitor: &Visitor, invited: Invited, refused: Option<String>) -> Page {
    let frame = Frame::open(visitor, "Set your password");
    Page { frame, name: invited.name, email: invited.email, refused, shortest: password::SHORTEST }
}

/// The form. The link goes nowhere else: this page tells nobody where it was reached.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let (_, invited) = invited(&app, &token).await?;
    // Not `no-referrer`: under that, browsers send `Origin: null` with the form itself (Fetch), and it would be refused. The policy of
    // every page tells no other host.
    page(&written(&visitor, invited, None))
}

/// Sets it.
pub(super) async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let (token, invited) = invited(&app, &token).await?;
    let given = visitor.fields.text("password").to_owned();
    let email = Email::read(&invited.email).ok_or_else(Problem::internal)?;
    if let Err(why) = password::taken(&given, &email) {
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &written(&visitor, invited, Some(why.to_string())));
    }
    let phc = app.people.passwords().hash(given).await?;
    if accept(&app.ledger, invited.key, &token, &phc).await? {
        Ok(see_other("/sign-in?done=password"))
    } else {
        Err(Problem::not_found())
    }
}
