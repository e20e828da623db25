//! The pages: HTML that is complete when it comes, and works without a script. A page calls what the API calls; it has no rule of
//! its own. What changes something is a form, answered with 303; what a script does with it is only to save a reload.

mod account;
mod accounts;
mod api_keys;
pub(crate) mod assets;
mod assign;
mod audit;
mod bulk_change;
mod bulk_changes;
mod customer;
mod customers;
mod device;
mod devices;
mod entrance;
pub(crate) mod errors;
mod field_errors;
mod fields;
mod frame;
pub(crate) mod headers;
mod home;
mod invitation;
mod offer;
mod offers;
mod people;
mod person;
mod picked_devices;
mod plan;
mod plot;
mod preferences;
mod refused;
mod rev_account;
mod rev_accounts;
mod service_provider;
mod service_providers;
mod set_up;
mod sign_in;
mod site;
mod sites;
mod system;
mod tenants;
mod upload;
mod visitor;
mod wording;

use crate::problem::Problem;
use crate::{App, MOST_JSON_BYTES, MOST_UPLOAD_BYTES};
use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};

/// Every page, let in by the one table of rights.
pub(crate) fn router(app: &App) -> Router<App> {
    // Room for what is around a file; the spool counts the file itself.
    let room = usize::try_from(MOST_UPLOAD_BYTES).unwrap_or(usize::MAX).saturating_add(2 * MOST_JSON_BYTES);
    let uploads = Router::new()
        .route("/assign", get(assign::devices::show).post(assign::devices::submit))
        .route_layer(middleware::from_fn_with_state(app.clone(), entrance::let_in))
        .layer(DefaultBodyLimit::max(room));
    Router::new()
        .route("/", get(home::show))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-out", post(sign_in::end))
        .route("/set-up", get(set_up::show).post(set_up::submit))
        .route("/invitation/{token}", get(invitation::show).post(invitation::submit))
        .route("/preferences", post(preferences::submit))
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password))
        .route("/account/sessions/end", post(account::end_sessions))
        .route("/tenants", get(tenants::show).post(tenants::act_in))
        .route("/devices", get(devices::show).post(devices::paste))
        .route("/devices/{id}", get(device::show))
        .route("/assign/devices", post(assign::devices::picked))
        .route("/assign/{id}", get(assign::target::show).post(assign::target::submit))
        .route("/bulk-changes", get(bulk_changes::show))
        .route("/bulk-changes/{id}", get(bulk_change::show))
        .route("/bulk-changes/{id}/rows/{row}", get(bulk_change::row))
        .route("/bulk-changes/{id}/pause", post(bulk_change::acts::pause))
        .route("/bulk-changes/{id}/resume", post(bulk_change::acts::resume))
        .route("/bulk-changes/{id}/cancel", post(bulk_change::acts::cancel))
        .route("/bulk-changes/{id}/retry", post(bulk_change::acts::retry))
        .route("/bulk-changes/{id}/undo", post(bulk_change::acts::undo))
        .route("/bulk-changes/{id}/resolve", post(bulk_change::acts::resolve))
        .route("/plans/{id}", get(plan::show))
        .route("/plans/{id}/apply", post(plan::apply))
        .route("/people", get(people::show).post(people::add))
        .route("/people/{id}", get(person::one).post(person::change))
        .route("/people/{id}/invitation", post(person::invite))
        .route("/people/{id}/sessions/end", post(person::end_sessions))
        .route("/customers", get(customers::show).post(customers::create))
        .route("/customers/{id}", get(customer::show).post(customer::change))
        .route("/sites", get(sites::show).post(sites::create))
        .route("/sites/{id}", get(site::show).post(site::change))
        .route("/customer-rate-plans", get(offers::plans).post(offers::create_plan))
        .route("/customer-rate-plans/{id}", get(offer::plan).post(offer::change_plan))
        .route("/customer-rate-pools", get(offers::pools).post(offers::create_pool))
        .route("/customer-rate-pools/{id}", get(offer::pool).post(offer::change_pool))
        .route("/service-providers", get(service_providers::show).post(service_providers::create))
        .route("/service-providers/{id}", get(service_provider::show).post(service_provider::change))
        .route("/service-providers/{id}/account", post(service_provider::keep_account))
        .route("/service-providers/{id}/account/credentials", post(service_provider::write_credentials))
        .route("/integration-authentications", get(rev_accounts::show).post(rev_accounts::create))
        .route("/integration-authentications/{id}", get(rev_account::show).post(rev_account::change))
        .route("/integration-authentications/{id}/credentials", post(rev_account::write_credentials))
        .route("/api-keys", get(api_keys::show).post(api_keys::create))
        .route("/api-keys/{id}/revoke", post(api_keys::revoke))
        .route("/audit", get(audit::show))
        .route("/audit/verify", get(audit::verified))
        .route("/system", get(system::show))
        .route_layer(middleware::from_fn_with_state(app.clone(), entrance::let_in))
        .merge(uploads)
        .route("/assets/{hash}/{name}", get(assets::serve))
}

/// A page as it is sent: nobody keeps a copy.
fn page(template: &impl Template) -> Result<Response, Problem> {
    with_status(StatusCode::OK, template)
}

fn with_status(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let text = template.render().map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be written");
        Problem::internal()
    })?;
    let mut response = (status, Html(text)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Off to another page, as GET (RFC 9110, 15.4.4).
fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// A path of ours to go on to, or home: never another host, whatever a link says.
fn next_path(text: &str) -> String {
    let ours = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains('\\')
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !["/sign-in", "/sign-out", "/api/"].iter().any(|other| text.starts_with(other));
    if ours { text.to_owned() } else { "/".to_owned() }
}

/// What the page before says was done.
fn done(word: &str) -> Option<&'static str> {
    match word {
        "made" => Some("It is made."),
        "changed" => Some("It is changed, and holds from now on."),
        _ => None,
    }
}

/// Text as it stands in a query.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::next_path;

    #[test]
    fn one_goes_on_to_a_path_of_ours_and_nowhere_else() {
        assert_eq!(next_path("/bulk-changes?cursor=ab"), "/bulk-changes?cursor=ab");
        for text in [
            "",
            "devices",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x",
            "javascript:alert(1)",
            "/sign-in?next=/sign-in",
            "/sign-out",
            "/api/v1/me",
        ] {
            assert_eq!(next_path(text), "/", "{text:?}");
        }
    }
}
