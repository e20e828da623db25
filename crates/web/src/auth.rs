//! Who is asking, and may they: the one place where a request is let in. An API key belongs to one tenant and has a role, and a
//! person who is signed in acts in one tenant with one; missing, mistyped, unknown, revoked and expired keys are one answer; a
//! route without an act is denied.

use crate::App;
use crate::problem::Problem;
use crate::signing_in::{FORM_TOKEN_HEADER, foreign, form_token, same, same_origin, signed_in};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use domain::api_key::ApiKey;
use domain::rights::{Act, Rights, Scope};
use std::sync::Arc;

/// What each route does. Below `/api/v1`.
const ACTS: &[(Method, &str, Act)] = &[
    (Method::GET, "/plans", Act::LookAtDevices),
    (Method::POST, "/plans", Act::Plan),
    (Method::GET, "/plans/{id}", Act::LookAtDevices),
    (Method::GET, "/plans/{id}/rows", Act::LookAtDevices),
    (Method::GET, "/plans/{id}/results.csv", Act::LookAtDevices),
    (Method::GET, "/plans/{id}/results.xlsx", Act::LookAtDevices),
    (Method::GET, "/bulk-changes", Act::LookAtDevices),
    (Method::POST, "/bulk-changes", Act::Apply),
    (Method::GET, "/bulk-changes/{id}", Act::LookAtDevices),
    (Method::GET, "/bulk-changes/{id}/rows", Act::LookAtDevices),
    (Method::GET, "/bulk-changes/{id}/results.csv", Act::LookAtDevices),
    (Method::GET, "/bulk-changes/{id}/results.xlsx", Act::LookAtDevices),
    (Method::GET, "/bulk-changes/{id}/events", Act::LookAtDevices),
    (Method::POST, "/bulk-changes/{id}/pause", Act::Control),
    (Method::POST, "/bulk-changes/{id}/resume", Act::Control),
    (Method::POST, "/bulk-changes/{id}/cancel", Act::Control),
    (Method::POST, "/bulk-changes/{id}/retry", Act::Plan),
    (Method::POST, "/bulk-changes/{id}/undo", Act::Plan),
    (Method::POST, "/bulk-changes/{id}/resolve", Act::Resolve),
    (Method::GET, "/bulk-changes/{id}/rows/{row}/log", Act::LookAtDevices),
    (Method::GET, "/devices", Act::LookAtDevices),
    (Method::POST, "/devices/import", Act::EditDevices),
    (Method::GET, "/devices/{id}", Act::LookAtDevices),
    (Method::PATCH, "/devices/{id}", Act::EditDevices),
    (Method::GET, "/devices/{id}/timeline", Act::LookAtDevices),
    (Method::GET, "/customers", Act::LookAtCustomers),
    (Method::POST, "/customers", Act::EditCustomers),
    (Method::POST, "/customers/import", Act::EditCustomers),
    (Method::GET, "/customers/{id}", Act::LookAtCustomers),
    (Method::PATCH, "/customers/{id}", Act::EditCustomers),
    (Method::GET, "/sites", Act::LookAtCustomers),
    (Method::POST, "/sites", Act::EditCustomers),
    (Method::POST, "/sites/import", Act::EditCustomers),
    (Method::GET, "/sites/{id}", Act::LookAtCustomers),
    (Method::PATCH, "/sites/{id}", Act::EditCustomers),
    (Method::GET, "/service-providers", Act::LookAtDevices),
    (Method::POST, "/service-providers", Act::Administer),
    (Method::POST, "/service-providers/import", Act::Administer),
    (Method::GET, "/service-providers/{id}", Act::LookAtDevices),
    (Method::PATCH, "/service-providers/{id}", Act::Administer),
    (Method::GET, "/service-providers/{id}/account", Act::Administer),
    (Method::PUT, "/service-providers/{id}/account", Act::Administer),
    (Method::POST, "/service-providers/{id}/account/credentials", Act::Administer),
    (Method::GET, "/integration-authentications", Act::Administer),
    (Method::POST, "/integration-authentications", Act::Administer),
    (Method::GET, "/integration-authentications/{id}", Act::Administer),
    (Method::PATCH, "/integration-authentications/{id}", Act::Administer),
    (Method::POST, "/integration-authentications/{id}/credentials", Act::Administer),
    (Method::GET, "/customer-rate-plans", Act::LookAtDevices),
    (Method::POST, "/customer-rate-plans", Act::EditOffers),
    (Method::POST, "/customer-rate-plans/import", Act::EditOffers),
    (Method::GET, "/customer-rate-plans/{id}", Act::LookAtDevices),
    (Method::PATCH, "/customer-rate-plans/{id}", Act::EditOffers),
    (Method::GET, "/customer-rate-pools", Act::LookAtDevices),
    (Method::POST, "/customer-rate-pools", Act::EditOffers),
    (Method::POST, "/customer-rate-pools/import", Act::EditOffers),
    (Method::GET, "/customer-rate-pools/{id}", Act::LookAtDevices),
    (Method::PATCH, "/customer-rate-pools/{id}", Act::EditOffers),
    (Method::GET, "/api-keys", Act::Administer),
    (Method::POST, "/api-keys", Act::Administer),
    (Method::DELETE, "/api-keys/{id}", Act::Administer),
    (Method::GET, "/agents", Act::Administer),
    (Method::POST, "/agents/{id}/devices/give", Act::Administer),
    (Method::POST, "/agents/{id}/devices/take-back", Act::Administer),
    (Method::GET, "/site-groups", Act::Administer),
    (Method::POST, "/site-groups", Act::Administer),
    (Method::GET, "/site-groups/{id}", Act::Administer),
    (Method::PATCH, "/site-groups/{id}", Act::Administer),
    (Method::POST, "/site-groups/{id}/sites", Act::Administer),
    (Method::POST, "/site-groups/{id}/sites/remove", Act::Administer),
    (Method::GET, "/webhooks", Act::Administer),
    (Method::POST, "/webhooks", Act::Administer),
    (Method::GET, "/webhooks/{id}", Act::Administer),
    (Method::PATCH, "/webhooks/{id}", Act::Administer),
    (Method::DELETE, "/webhooks/{id}", Act::Administer),
    (Method::POST, "/webhooks/{id}/test", Act::Administer),
    (Method::GET, "/webhooks/{id}/deliveries", Act::Administer),
    (Method::GET, "/people", Act::Administer),
    (Method::POST, "/people", Act::Administer),
    (Method::GET, "/people/{id}", Act::Administer),
    (Method::PATCH, "/people/{id}", Act::Administer),
    (Method::POST, "/people/{id}/invitation", Act::Administer),
    (Method::GET, "/people/{id}/sessions", Act::Administer),
    (Method::POST, "/people/{id}/sessions/end", Act::Administer),
    (Method::GET, "/audit", Act::Administer),
    (Method::GET, "/audit/verify", Act::Administer),
    (Method::GET, "/me", Act::AskWhoIAm),
];

/// What anybody may ask for below `/api/v1` without a key or a session: what lets in is in the request itself, and the handler looks
/// at it.
const OPEN: &[(Method, &str)] = &[(Method::POST, "/callbacks/{provider}/{token}")];

/// What each page does. None: it is open to anybody, because one signs in there.
const PAGES: &[(Method, &str, Option<Act>)] = &[
    (Method::GET, "/sign-in", None),
    (Method::POST, "/sign-in", None),
    (Method::GET, "/set-up", None),
    (Method::POST, "/set-up", None),
    (Method::GET, "/invitation/{token}", None),
    (Method::POST, "/invitation/{token}", None),
    (Method::POST, "/preferences", None),
    (Method::POST, "/sign-out", Some(Act::AskWhoIAm)),
    (Method::GET, "/", Some(Act::AskWhoIAm)),
    (Method::GET, "/account", Some(Act::AskWhoIAm)),
    (Method::POST, "/account/password", Some(Act::AskWhoIAm)),
    (Method::POST, "/account/sessions/end", Some(Act::AskWhoIAm)),
    (Method::GET, "/tenants", Some(Act::AskWhoIAm)),
    (Method::POST, "/tenants", Some(Act::AskWhoIAm)),
    (Method::GET, "/devices", Some(Act::LookAtDevices)),
    (Method::POST, "/devices", Some(Act::LookAtDevices)),
    (Method::GET, "/devices/{id}", Some(Act::LookAtDevices)),
    (Method::GET, "/assign", Some(Act::Plan)),
    (Method::POST, "/assign", Some(Act::Plan)),
    (Method::POST, "/assign/devices", Some(Act::Plan)),
    (Method::GET, "/assign/{id}", Some(Act::Plan)),
    (Method::POST, "/assign/{id}", Some(Act::Plan)),
    (Method::GET, "/bulk-changes", Some(Act::LookAtDevices)),
    (Method::GET, "/bulk-changes/{id}", Some(Act::LookAtDevices)),
    (Method::GET, "/bulk-changes/{id}/rows/{row}", Some(Act::LookAtDevices)),
    (Method::POST, "/bulk-changes/{id}/pause", Some(Act::Control)),
    (Method::POST, "/bulk-changes/{id}/resume", Some(Act::Control)),
    (Method::POST, "/bulk-changes/{id}/cancel", Some(Act::Control)),
    (Method::POST, "/bulk-changes/{id}/retry", Some(Act::Plan)),
    (Method::POST, "/bulk-changes/{id}/undo", Some(Act::Plan)),
    (Method::POST, "/bulk-changes/{id}/resolve", Some(Act::Resolve)),
    (Method::GET, "/plans/{id}", Some(Act::LookAtDevices)),
    (Method::POST, "/plans/{id}/apply", Some(Act::Apply)),
    (Method::GET, "/customers", Some(Act::LookAtCustomers)),
    (Method::POST, "/customers", Some(Act::EditCustomers)),
    (Method::GET, "/customers/{id}", Some(Act::LookAtCustomers)),
    (Method::POST, "/customers/{id}", Some(Act::EditCustomers)),
    (Method::GET, "/sites", Some(Act::LookAtCustomers)),
    (Method::POST, "/sites", Some(Act::EditCustomers)),
    (Method::GET, "/sites/{id}", Some(Act::LookAtCustomers)),
    (Method::POST, "/sites/{id}", Some(Act::EditCustomers)),
    (Method::GET, "/customer-rate-plans", Some(Act::LookAtDevices)),
    (Method::POST, "/customer-rate-plans", Some(Act::EditOffers)),
    (Method::GET, "/customer-rate-plans/{id}", Some(Act::LookAtDevices)),
    (Method::POST, "/customer-rate-plans/{id}", Some(Act::EditOffers)),
    (Method::GET, "/customer-rate-pools", Some(Act::LookAtDevices)),
    (Method::POST, "/customer-rate-pools", Some(Act::EditOffers)),
    (Method::GET, "/customer-rate-pools/{id}", Some(Act::LookAtDevices)),
    (Method::POST, "/customer-rate-pools/{id}", Some(Act::EditOffers)),
    (Method::GET, "/service-providers", Some(Act::LookAtDevices)),
    (Method::POST, "/service-providers", Some(Act::Administer)),
    (Method::GET, "/service-providers/{id}", Some(Act::LookAtDevices)),
    (Method::POST, "/service-providers/{id}", Some(Act::Administer)),
    (Method::POST, "/service-providers/{id}/account", Some(Act::Administer)),
    (Method::POST, "/service-providers/{id}/account/credentials", Some(Act::Administer)),
    (Method::GET, "/integration-authentications", Some(Act::Administer)),
    (Method::POST, "/integration-authentications", Some(Act::Administer)),
    (Method::GET, "/integration-authentications/{id}", Some(Act::Administer)),
    (Method::POST, "/integration-authentications/{id}", Some(Act::Administer)),
    (Method::POST, "/integration-authentications/{id}/credentials", Some(Act::Administer)),
    (Method::GET, "/api-keys", Some(Act::Administer)),
    (Method::POST, "/api-keys", Some(Act::Administer)),
    (Method::POST, "/api-keys/{id}/revoke", Some(Act::Administer)),
    (Method::GET, "/audit", Some(Act::Administer)),
    (Method::GET, "/audit/verify", Some(Act::Administer)),
    (Method::GET, "/system", Some(Act::Administer)),
    (Method::GET, "/people", Some(Act::Administer)),
    (Method::POST, "/people", Some(Act::Administer)),
    (Method::GET, "/people/{id}", Some(Act::Administer)),
    (Method::POST, "/people/{id}", Some(Act::Administer)),
    (Method::POST, "/people/{id}/invitation", Some(Act::Administer)),
    (Method::POST, "/people/{id}/sessions/end", Some(Act::Administer)),
];

/// Every page with its method and whether it is open to anybody, for tests that go through all of them.
#[must_use]
pub fn pages() -> Vec<(Method, &'static str, bool)> {
    PAGES.iter().map(|(method, path, act)| (method.clone(), *path, act.is_none())).collect()
}

/// What a page does; the outer None: it is not in the table, and denied.
pub(crate) fn act_of_page(method: &Method, path: &str) -> Option<Option<Act>> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    PAGES.iter().find(|(of, at, _)| of == method && *at == path).map(|(_, _, act)| *act)
}

/// Every route with its method, for tests that go through all of them.
#[must_use]
pub fn routes() -> Vec<(Method, &'static str)> {
    ACTS.iter().map(|(method, path, _)| (method.clone(), *path)).collect()
}

/// Every route that is open to anybody.
#[must_use]
pub fn open_routes() -> Vec<(Method, &'static str)> {
    OPEN.to_vec()
}

fn is_open(method: &Method, path: &str) -> bool {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    OPEN.iter().any(|(of, at)| of == method && *at == path)
}

fn act_of(method: &Method, path: &str) -> Option<Act> {
    // A HEAD is a GET whose body nobody wants.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    ACTS.iter().find(|(of, at, _)| of == method && *at == path).map(|(_, _, act)| *act)
}

/// Lets a request in, or answers why not.
pub(crate) async fn authorize(
    State(app): State<App>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if is_open(request.method(), matched.as_str()) {
        return Ok(next.run(request).await);
    }
    let (caller, rights) = authenticate(&app, request.method(), request.headers()).await?;
    let left = app.limits.take(caller.api_key)?;
    let allowed = act_of(request.method(), matched.as_str()).is_some_and(|act| rights.may(act));
    if !allowed {
        tracing::warn!(actor = caller.actor(), role = rights.role.word(), path = matched.as_str(), "not allowed");
        return Err(Problem::forbidden());
    }
    request.extensions_mut().insert(Caller(caller));
    request.extensions_mut().insert(Allowed(rights));
    let mut response = next.run(request).await;
    app.limits.tell(response.headers_mut(), left);
    Ok(response)
}

/// A key, or else the session of somebody who is signed in. Whoever sends a key is asked for nothing else.
async fn authenticate(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(database::api_key::Caller, Arc<Rights>), Problem> {
    let Some(text) = headers.get(AUTHORIZATION) else { return by_session(app, method, headers).await };
    let (scheme, key) = text.to_str().unwrap_or_default().split_once(' ').unwrap_or_default();
    let key = scheme.eq_ignore_ascii_case("bearer").then(|| ApiKey::read(key.trim())).flatten();
    let Some(key) = key else { return Err(Problem::unauthorized()) };
    let Some((tenant, api_key)) = database::api_key::found(&app.ledger, &key).await? else {
        tracing::warn!(key = key.shown(), "a key that is unknown, revoked or expired");
        return Err(Problem::unauthorized());
    };
    let Some((caller, rights)) = database::rights::coming(&app.ledger, tenant, api_key).await? else {
        tracing::warn!(key = key.shown(), "a key whose maker has no role here any more");
        return Err(Problem::unauthorized());
    };
    Ok((caller, Arc::new(rights)))
}

/// A cookie comes by itself, whoever made the browser ask: what changes something also needs what only a page of ours knows.
async fn by_session(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(database::api_key::Caller, Arc<Rights>), Problem> {
    let Some(signed_in) = signed_in(app, headers).await? else { return Err(Problem::unauthorized()) };
    if !method.is_safe() {
        let token = headers.get(FORM_TOKEN_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !same_origin(headers, app.people.public_url())
            || !same(token, &form_token(&signed_in.token, Some(signed_in.session.acting)))
        {
            tracing::warn!(actor = signed_in.caller.actor(), "a request with a cookie that no page of ours sent");
            return Err(foreign());
        }
    }
    Ok((signed_in.caller, signed_in.rights))
}

/// The caller of a request that was let in.
#[derive(Clone, Copy)]
pub(crate) struct Caller(pub(crate) database::api_key::Caller);

/// The caller's rights.
#[derive(Clone)]
pub(crate) struct Allowed(pub(crate) Arc<Rights>);

impl Allowed {
    /// The sites the caller is confined to, if it is.
    pub(crate) fn sites(&self) -> Option<Vec<uuid::Uuid>> {
        match &self.0.scope {
            Scope::Everything => None,
            Scope::Sites(sites) => Some(sites.iter().map(|site| site.0).collect()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Nobody who was not let in gets as far as this.
        parts.extensions.get::<Self>().copied().ok_or_else(Problem::unauthorized)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Allowed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthorized)
    }
}
