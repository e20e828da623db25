//! What each operation of the API and each page is decided to need, written down apart from the table that the app goes by: a route
//! that is added has to be decided on here, too, and whoever changes one of the two has to mean it.

use domain::rights::Role;

/// What one has to be for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nobody: it is open.
    Nothing,
    /// Somebody, whoever it is.
    BeingSomebody,
    /// To look at devices, customers and what becomes of them.
    Looking,
    /// To plan, and to apply what was planned.
    Planning,
    /// To stop, go on with, and decide on what runs.
    Controlling,
    /// To write down what holds for the whole tenant.
    Editing,
    /// To run the tenant.
    Administering,
}

use Needs::{Administering, BeingSomebody, Controlling, Editing, Looking, Nothing, Planning};

/// Below `/api/v1`.
pub(super) const OPERATIONS: &[(Needs, &str, &[&str])] = &[
    (BeingSomebody, "GET", &["/me"]),
    (Looking, "GET", &["/plans", "/plans/{id}", "/plans/{id}/rows", "/plans/{id}/results.csv"]),
    (Looking, "GET", &["/bulk-changes", "/bulk-changes/{id}", "/bulk-changes/{id}/rows"]),
    (
        Looking,
        "GET",
        &["/bulk-changes/{id}/rows/{row}/log", "/bulk-changes/{id}/results.csv", "/bulk-changes/{id}/events"],
    ),
    (Looking, "GET", &["/plans/{id}/results.xlsx", "/bulk-changes/{id}/results.xlsx"]),
    (Looking, "GET", &["/devices", "/devices/{id}", "/devices/{id}/timeline"]),
    (Looking, "GET", &["/customers", "/customers/{id}", "/sites", "/sites/{id}"]),
    (Looking, "GET", &["/service-providers", "/service-providers/{id}"]),
    (
        Looking,
        "GET",
        &["/customer-rate-plans", "/customer-rate-plans/{id}", "/customer-rate-pools", "/customer-rate-pools/{id}"],
    ),
    (Planning, "POST", &["/plans", "/bulk-changes", "/bulk-changes/{id}/retry", "/bulk-changes/{id}/undo"]),
    (Controlling, "POST", &["/bulk-changes/{id}/pause", "/bulk-changes/{id}/resume", "/bulk-changes/{id}/cancel"]),
    (Controlling, "POST", &["/bulk-changes/{id}/resolve"]),
    (Editing, "POST", &["/devices/import", "/customers", "/customers/import", "/sites", "/sites/import"]),
    (
        Editing,
        "POST",
        &["/customer-rate-plans", "/customer-rate-plans/import", "/customer-rate-pools", "/customer-rate-pools/import"],
    ),
    (Editing, "PATCH", &["/devices/{id}", "/customers/{id}", "/sites/{id}"]),
    (Editing, "PATCH", &["/customer-rate-plans/{id}", "/customer-rate-pools/{id}"]),
    (
        Administering,
        "POST",
        &["/service-providers", "/service-providers/import", "/service-providers/{id}/account/credentials"],
    ),
    (Administering, "PATCH", &["/service-providers/{id}"]),
    (Administering, "GET", &["/service-providers/{id}/account"]),
    (Administering, "PUT", &["/service-providers/{id}/account"]),
    (Administering, "GET", &["/integration-authentications", "/integration-authentications/{id}"]),
    (Administering, "POST", &["/integration-authentications", "/integration-authentications/{id}/credentials"]),
    (Administering, "PATCH", &["/integration-authentications/{id}"]),
    (Administering, "GET", &["/api-keys"]),
    (Administering, "POST", &["/api-keys"]),
    (Administering, "DELETE", &["/api-keys/{id}"]),
    (Administering, "GET", &["/agents"]),
    (Administering, "POST", &["/agents/{id}/devices/give", "/agents/{id}/devices/take-back"]),
    (Administering, "GET", &["/site-groups", "/site-groups/{id}"]),
    (Administering, "POST", &["/site-groups", "/site-groups/{id}/sites", "/site-groups/{id}/sites/remove"]),
    (Administering, "PATCH", &["/site-groups/{id}"]),
    (Administering, "GET", &["/webhooks", "/webhooks/{id}", "/webhooks/{id}/deliveries"]),
    (Administering, "POST", &["/webhooks", "/webhooks/{id}/test"]),
    (Administering, "PATCH", &["/webhooks/{id}"]),
    (Administering, "DELETE", &["/webhooks/{id}"]),
    (Administering, "GET", &["/people", "/people/{id}", "/people/{id}/sessions"]),
    (Administering, "POST", &["/people", "/people/{id}/invitation", "/people/{id}/sessions/end"]),
    (Administering, "PATCH", &["/people/{id}"]),
    (Administering, "GET", &["/audit", "/audit/verify"]),
];

/// Pages, and the forms on them.
pub(super) const PAGES: &[(Needs, &str, &[&str])] = &[
    (Nothing, "GET", &["/sign-in", "/set-up", "/invitation/{token}"]),
    (Nothing, "POST", &["/sign-in", "/set-up", "/invitation/{token}", "/preferences"]),
    (BeingSomebody, "GET", &["/", "/account", "/tenants"]),
    (BeingSomebody, "POST", &["/sign-out", "/account/password", "/account/sessions/end", "/tenants"]),
    (
        Looking,
        "GET",
        &["/devices", "/devices/{id}", "/bulk-changes", "/bulk-changes/{id}", "/bulk-changes/{id}/rows/{row}"],
    ),
    (Looking, "GET", &["/plans/{id}"]),
    (Planning, "POST", &["/plans/{id}/apply", "/bulk-changes/{id}/retry", "/bulk-changes/{id}/undo"]),
    (Controlling, "POST", &["/bulk-changes/{id}/pause", "/bulk-changes/{id}/resume", "/bulk-changes/{id}/cancel"]),
    (Controlling, "POST", &["/bulk-changes/{id}/resolve"]),
    (Administering, "GET", &["/people", "/people/{id}"]),
    (Administering, "POST", &["/people", "/people/{id}", "/people/{id}/invitation", "/people/{id}/sessions/end"]),
    (Looking, "POST", &["/devices"]),
    (Planning, "GET", &["/assign", "/assign/{id}"]),
    (Planning, "POST", &["/assign", "/assign/devices", "/assign/{id}"]),
    (Looking, "GET", &["/customers", "/customers/{id}", "/sites", "/sites/{id}"]),
    (Looking, "GET", &["/customer-rate-plans", "/customer-rate-plans/{id}"]),
    (Looking, "GET", &["/customer-rate-pools", "/customer-rate-pools/{id}"]),
    (Looking, "GET", &["/service-providers", "/service-providers/{id}"]),
    (Editing, "POST", &["/customers", "/customers/{id}", "/sites", "/sites/{id}"]),
    (Editing, "POST", &["/customer-rate-plans", "/customer-rate-plans/{id}"]),
    (Editing, "POST", &["/customer-rate-pools", "/customer-rate-pools/{id}"]),
    (Administering, "POST", &["/service-providers", "/service-providers/{id}"]),
    (Administering, "POST", &["/service-providers/{id}/account", "/service-providers/{id}/account/credentials"]),
    (Administering, "GET", &["/integration-authentications", "/integration-authentications/{id}"]),
    (Administering, "POST", &["/integration-authentications", "/integration-authentications/{id}"]),
    (Administering, "POST", &["/integration-authentications/{id}/credentials"]),
    (Administering, "GET", &["/api-keys", "/audit", "/audit/verify", "/system"]),
    (Administering, "POST", &["/api-keys", "/api-keys/{id}/revoke"]),
];

/// The decision about a route, if there is one.
pub(super) fn about(decisions: &[(Needs, &str, &[&str])], method: &str, route: &str) -> Option<Needs> {
    let found = decisions.iter().find(|(_, of, routes)| *of == method && routes.contains(&route));
    found.map(|(needs, ..)| *needs)
}

/// May somebody of this role who is not confined?
pub(super) const fn may(role: Role, needs: Needs) -> bool {
    match needs {
        Nothing | BeingSomebody => true,
        Looking => !matches!(role, Role::NotificationOnly),
        Planning => !matches!(role, Role::NotificationOnly | Role::User),
        Controlling | Editing | Administering => !matches!(role, Role::NotificationOnly | Role::User | Role::Agent),
    }
}

/// May a partner's administrator who is confined to some sites?
pub(super) const fn may_confined(needs: Needs) -> bool {
    !matches!(needs, Editing | Administering)
}
