//! The entrance of every page: who comes, is it a form of ours, and may they. What may be done is in the one table of rights.

use super::fields::Fields;
use super::upload::begun;
use super::visitor::Visitor;
use super::{encoded, next_path, see_other};
use crate::App;
use crate::auth::act_of_page;
use crate::problem::Problem;
use crate::signing_in::{FORM_TOKEN_HEADER, cookies, foreign, form_token, same, same_origin, signed_in};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::secret_token::SecretToken;
use std::sync::Arc;

/// The most bytes of a form.
const MOST_FORM_BYTES: usize = 256 * 1024;
/// Pages whose form carries a list, and the most bytes of that.
const LISTS: &[(&str, usize)] = &[("/devices", 2 * 1024 * 1024), ("/assign/devices", 1024 * 1024)];
/// Pages whose form carries a file: of it the entrance reads the token, which comes first, and the page the rest as it comes.
const UPLOADS: &[&str] = &["/assign"];
/// The most of what a browser says it is.
const MOST_USER_AGENT: usize = 256;

/// Lets somebody in, sends them to sign in, or says why not.
pub(crate) async fn let_in(
    State(app): State<App>,
    matched: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(act) = act_of_page(request.method(), matched.as_str()) else { return Err(Problem::forbidden()) };
    let secure = app.people.is_secure();
    let signed_in = signed_in(&app, request.headers()).await?;
    // Forms are tied to the session, or to a cookie of their own where there is none; also of a session that is over, so that
    // a form that was filled in for too long is still known for ours.
    let cookie = cookies::session(request.headers(), secure).filter(|_| signed_in.is_some());
    let form_cookie = cookies::form(request.headers(), secure);
    let new_cookie = (cookie.is_none() && form_cookie.is_none()).then(|| SecretToken::new(&app.ids));
    let acting = signed_in.as_ref().map(|signed_in| signed_in.session.acting);
    let tie = cookie.as_ref().or(form_cookie.as_ref()).or(new_cookie.as_ref());
    let tie = tie.map(|tie| form_token(tie, acting)).unwrap_or_default();

    let changes = !request.method().is_safe();
    // Whatever needs no body is asked before one is read: nobody has to be signed in to send one.
    let headers = request.headers();
    if changes && !same_origin(headers, app.people.public_url()) {
        return Err(foreign());
    }
    if let (Some(_), None) = (act, &signed_in) {
        let was_signed_in = cookies::session(headers, secure).is_some();
        // While nobody can sign in at all, the first set-up is what there is to do.
        if !was_signed_in && !database::person::sign_in::anybody(&app.ledger).await? {
            return Ok(see_other("/set-up"));
        }
        return Ok(to_sign_in(&request, was_signed_in));
    }
    if let (Some(act), Some(signed_in)) = (act, &signed_in) {
        app.limits.take(signed_in.caller.api_key)?;
        if !signed_in.rights.may(act) {
            tracing::warn!(actor = signed_in.caller.actor(), path = matched.as_str(), "not allowed");
            let role = super::wording::role(signed_in.rights.role);
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "FORBIDDEN",
                format!(
                    "Your role here, {role}, may not do that. An administrator of this tenant can give you another."
                ),
            ));
        }
    }
    let (mut request, fields, upload) = if !changes {
        (request, Fields::default(), None)
    } else if UPLOADS.contains(&matched.as_str()) && is_multipart(request.headers()) {
        let (request, fields, upload) = begun(request).await?;
        (request, fields, Some(upload))
    } else {
        let most = LISTS.iter().find(|(path, _)| *path == matched.as_str()).map_or(MOST_FORM_BYTES, |(_, most)| *most);
        let (request, fields) = read(request, most).await?;
        (request, fields, None)
    };
    if changes {
        let in_header =
            request.headers().get(FORM_TOKEN_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !same(fields.text("form_token"), &tie) && !same(in_header, &tie) {
            return Err(foreign());
        }
    }
    let visitor = Visitor { upload, ..visitor(&app, &request, signed_in, tie, fields) };
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    if let Some(cookie) = new_cookie {
        cookies::set_form(response.headers_mut(), &cookie, secure);
    }
    Ok(response)
}

fn visitor(
    app: &App,
    request: &Request,
    signed_in: Option<crate::signing_in::SignedIn>,
    form_token: String,
    fields: Fields,
) -> Visitor {
    let headers = request.headers();
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Visitor {
        signed_in,
        form_token,
        address: app.people.address(headers, request.extensions()),
        user_agent: user_agent.chars().take(MOST_USER_AGENT).collect(),
        fields: Arc::new(fields),
        upload: None,
        theme: match cookies::value(headers, cookies::THEME) {
            Some("dark") => "dark",
            Some("light") => "light",
            _ => "",
        },
        shortcuts: cookies::value(headers, cookies::SHORTCUTS) != Some("off"),
        path: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

async fn read(request: Request, most: usize) -> Result<(Request, Fields), Problem> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, most)
        .await
        .map_err(|_| Problem::too_large(format!("The form is larger than {} KiB, or broke off.", most / 1024)))?;
    let fields = Fields::read(&bytes);
    Ok((Request::from_parts(parts, Body::empty()), fields))
}

/// To sign in, and back to where they were.
fn to_sign_in(request: &Request, was_signed_in: bool) -> Response {
    let headers = request.headers();
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let back = if request.method().is_safe() { next_path(here) } else { page_before(headers) };
    let over = if was_signed_in { "&over=1" } else { "" };
    let path = format!("/sign-in?next={}{over}", encoded(&back));
    if headers.contains_key("hx-request") {
        // A script asked: the whole page goes, not the part it asked for.
        let mut response = StatusCode::UNAUTHORIZED.into_response();
        let back = headers.get("hx-current-url").and_then(|value| value.to_str().ok()).map_or(back, path_of);
        let path = format!("/sign-in?next={}{over}", encoded(&back));
        if let Ok(value) = HeaderValue::from_str(&path) {
            response.headers_mut().insert("hx-redirect", value);
        }
        return response;
    }
    see_other(&path)
}

/// The page that had the form.
fn page_before(headers: &HeaderMap) -> String {
    headers.get(header::REFERER).and_then(|value| value.to_str().ok()).map_or_else(|| "/".to_owned(), path_of)
}

fn path_of(url: &str) -> String {
    let after_host = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |place| &rest[place..]));
    next_path(after_host)
}
