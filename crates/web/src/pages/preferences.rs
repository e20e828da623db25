//! `POST /preferences`: light or dark, and whether single keys do something. Kept in the browser.

use super::visitor::Visitor;
use super::{next_path, see_other};
use crate::App;
use crate::signing_in::cookies;
use axum::extract::State;
use axum::response::Response;

pub(crate) async fn submit(State(app): State<App>, visitor: Visitor) -> Response {
    let (fields, secure) = (&visitor.fields, app.people.is_secure());
    let mut response = see_other(&next_path(fields.text("back")));
    let headers = response.headers_mut();
    if let Some(theme) = fields.said("theme") {
        let theme = if matches!(theme, "light" | "dark") { theme } else { "" };
        cookies::set_preference(headers, cookies::THEME, theme, secure);
    }
    if let Some(shortcuts) = fields.said("shortcuts") {
        let off = if shortcuts == "off" { "off" } else { "" };
        cookies::set_preference(headers, cookies::SHORTCUTS, off, secure);
    }
    response
}
