//! Refusals as pages: for whoever asked for a page, the problem in words, what to do, and the request's id for who helps.

use super::assets::{ASSETS, Assets};
use super::with_status;
use crate::App;
use crate::problem::{REQUEST, Told};
use crate::signing_in::cookies;
use askama::Template;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

#[derive(Template)]
#[template(path = "error.html")]
struct Page {
    assets: &'static Assets,
    theme: &'static str,
    heading: &'static str,
    said: String,
    code: &'static str,
    request_id: String,
    again: &'static str,
    wait: Option<u64>,
}

/// A problem that answers a browser's page becomes one.
pub(crate) async fn as_pages(State(_): State<App>, request: Request, next: Next) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wants_page = accept.contains("text/html") && !request.uri().path().starts_with("/api/");
    let theme = match cookies::value(request.headers(), cookies::THEME) {
        Some("dark") => "dark",
        Some("light") => "light",
        _ => "",
    };
    let changes = !request.method().is_safe();
    let response = next.run(request).await;
    let Some(told) = response.extensions().get::<Told>().cloned().filter(|_| wants_page) else { return response };
    let status = response.status();
    let page = Page {
        assets: &ASSETS,
        theme,
        heading: heading(status),
        said: told.detail,
        code: told.code,
        request_id: REQUEST.try_with(|(id, _)| id.clone()).unwrap_or_default(),
        again: if changes {
            "Nothing was changed by this. Go back: what you typed is still there."
        } else {
            "Nothing was changed by this."
        },
        wait: told.retry_after,
    };
    let Ok(mut written) = with_status(status, &page) else { return response };
    for name in [header::RETRY_AFTER, header::SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            written.headers_mut().append(name.clone(), value.clone());
        }
    }
    written
}

fn heading(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 | 422 => "That cannot be done as it was asked",
        401 => "You are not signed in",
        403 => "You may not do that",
        404 => "There is nothing here",
        405 => "That cannot be asked for in this way",
        409 | 412 => "It is not as it was",
        413 => "That is too large",
        429 => "Too fast",
        503 => "Not available right now",
        _ => "Something of ours failed",
    }
}
