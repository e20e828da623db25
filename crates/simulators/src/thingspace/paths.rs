//! Which call a method and a path are (`thingspace.md` 1, 2).

use super::refusal::Refusal;
use axum::http::Method;
use percent_encoding::percent_decode_str;

/// Where the OAuth calls are.
pub(crate) const OAUTH: &str = "/api/ts/v1";
/// Where the platform is.
pub(crate) const PLATFORM: &str = "/api/m2m/v1";

/// A call of ThingSpace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Token,
    Revoke,
    LogIn,
    LogOut,
    ResetPassword,
    List,
    Add,
    Delete,
    Order(OrderKind),
    History,
    Usage,
    Plans(String),
    Account(String),
    RequestStatus(String, String),
    Leads(String),
    Listeners(String),
    Register(String),
    Deregister(String, String),
    Groups(String),
    CreateGroup,
    Group(String, String),
    UpdateGroup(String, String),
    DeleteGroup(String, String),
}

/// What is done asynchronously.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the call of that name")]
pub enum OrderKind {
    Activate,
    Deactivate,
    Suspend,
    Restore,
    Plan,
    CustomFields,
    CostCenter,
    ContactInfo,
    ChangeId,
    Move,
    GoToState,
    Availability,
    SuspensionStatus,
    AggregateUsage,
}

impl OrderKind {
    /// Its name in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::Suspend => "suspend",
            Self::Restore => "restore",
            Self::Plan => "plan",
            Self::CustomFields => "custom_fields",
            Self::CostCenter => "cost_center",
            Self::ContactInfo => "contact_info",
            Self::ChangeId => "change_id",
            Self::Move => "move",
            Self::GoToState => "go_to_state",
            Self::Availability => "availability",
            Self::SuspensionStatus => "suspension_status",
            Self::AggregateUsage => "aggregate_usage",
        }
    }

    /// The callback service that tells of it (`thingspace.md` 3.1).
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::GoToState => "StateService",
            Self::Availability => "DeviceService",
            Self::SuspensionStatus => "DeviceSuspensionStatus",
            Self::AggregateUsage => "DeviceUsage",
            _ => "CarrierService",
        }
    }

    /// Whether the status of a request about one device can be asked for (`thingspace.md` 3.4).
    pub(crate) const fn can_be_polled(self) -> bool {
        matches!(self, Self::Activate | Self::Deactivate | Self::Suspend | Self::Restore)
    }
}

impl Operation {
    /// Its name in the ledger.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Revoke => "revoke",
            Self::LogIn => "log_in",
            Self::LogOut => "log_out",
            Self::ResetPassword => "reset_password",
            Self::List => "list",
            Self::Add => "add",
            Self::Delete => "delete",
            Self::Order(kind) => kind.name(),
            Self::History => "history",
            Self::Usage => "usage",
            Self::Plans(_) => "plans",
            Self::Account(_) => "account",
            Self::RequestStatus(..) => "request_status",
            Self::Leads(_) => "leads",
            Self::Listeners(_) => "listeners",
            Self::Register(_) => "register",
            Self::Deregister(..) => "deregister",
            Self::Groups(_) => "groups",
            Self::CreateGroup => "create_group",
            Self::Group(..) => "group",
            Self::UpdateGroup(..) => "update_group",
            Self::DeleteGroup(..) => "delete_group",
        }
    }
}

/// The operation. Paths are exact but for `gotostate`, which is written in two ways (`thingspace.md` 2).
pub(crate) fn operation(method: &Method, path: &str) -> Result<Operation, Refusal> {
    let (oauth, rest) = match (below(path, OAUTH), below(path, PLATFORM)) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(Refusal::no_such_api()),
    };
    let segments: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let found = if oauth { token(method, &segments) } else { platform(method, &segments) };
    found.ok_or_else(Refusal::no_such_resource)
}

fn below<'a>(path: &'a str, mount: &str) -> Option<&'a str> {
    path.strip_prefix(mount).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn token(method: &Method, segments: &[&str]) -> Option<Operation> {
    match (method.as_str(), segments) {
        ("POST", ["oauth2", "token"]) => Some(Operation::Token),
        ("POST", ["oauth2", "revoke"]) => Some(Operation::Revoke),
        _ => None,
    }
}

fn platform(method: &Method, segments: &[&str]) -> Option<Operation> {
    let owned = |text: &&str| (*text).to_owned();
    match (method.as_str(), segments) {
        ("POST", ["session", "login"]) => Some(Operation::LogIn),
        ("POST", ["session", "logout"]) => Some(Operation::LogOut),
        ("PUT", ["session", "password", "actions", "reset"]) => Some(Operation::ResetPassword),
        (_, ["devices", rest @ ..]) => devices(method, rest),
        ("GET", ["plans", account]) => Some(Operation::Plans(owned(account))),
        ("GET", ["accounts", account]) => Some(Operation::Account(owned(account))),
        ("GET", ["accounts", account, "requests", id, "status"]) => {
            Some(Operation::RequestStatus(owned(account), owned(id)))
        }
        ("GET", ["leads", account]) => Some(Operation::Leads(owned(account))),
        ("GET", ["callbacks", account]) => Some(Operation::Listeners(owned(account))),
        ("POST", ["callbacks", account]) => Some(Operation::Register(owned(account))),
        ("DELETE", ["callbacks", account, "name", name]) => Some(Operation::Deregister(owned(account), owned(name))),
        ("POST", ["groups"]) => Some(Operation::CreateGroup),
        ("GET", ["groups", account]) => Some(Operation::Groups(owned(account))),
        ("GET", ["groups", account, "name", name]) => Some(Operation::Group(owned(account), owned(name))),
        ("PUT", ["groups", account, "name", name]) => Some(Operation::UpdateGroup(owned(account), owned(name))),
        ("DELETE", ["groups", account, "name", name]) => Some(Operation::DeleteGroup(owned(account), owned(name))),
        _ => None,
    }
}

fn devices(method: &Method, segments: &[&str]) -> Option<Operation> {
    let order = |kind| Some(Operation::Order(kind));
    match (method.as_str(), segments) {
        ("POST", ["actions", "list"]) => Some(Operation::List),
        ("POST", ["actions", "add"]) => Some(Operation::Add),
        ("POST", ["actions", "delete"]) => Some(Operation::Delete),
        ("POST", ["actions", "activate"]) => order(OrderKind::Activate),
        ("POST", ["actions", "deactivate"]) => order(OrderKind::Deactivate),
        ("POST", ["actions", "suspend"]) => order(OrderKind::Suspend),
        ("POST", ["actions", "restore"]) => order(OrderKind::Restore),
        ("PUT", ["actions", "plan"]) => order(OrderKind::Plan),
        ("PUT", ["actions", "customFields"]) => order(OrderKind::CustomFields),
        ("PUT", ["costCenter"]) => order(OrderKind::CostCenter),
        ("PUT", ["actions", "contactInfo"]) => order(OrderKind::ContactInfo),
        ("PUT", [_service_type, "actions", "deviceId"]) => order(OrderKind::ChangeId),
        ("PUT", ["actions", "move"]) => order(OrderKind::Move),
        ("PUT", ["actions", name]) if name.eq_ignore_ascii_case("gotostate") => order(OrderKind::GoToState),
        ("POST", ["history", "actions", "list"]) => Some(Operation::History),
        ("POST", ["availability", "actions", "list"]) => order(OrderKind::Availability),
        ("POST", ["suspension", "status"]) => order(OrderKind::SuspensionStatus),
        ("POST", ["usage", "actions", "list"]) => Some(Operation::Usage),
        ("POST", ["usage", "actions", "list", "aggregate"]) => order(OrderKind::AggregateUsage),
        _ => None,
    }
}
