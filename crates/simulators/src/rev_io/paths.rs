//! Which call a method and a path are.

use super::inferred::Inferred;
use super::kind::Kind;
use super::refusal::Refusal;
use axum::http::{Method, StatusCode};

/// A call of Rev.io (`rev_io.md` C5, C6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Search(Kind),
    Get(Kind, i64),
    CreateCustomer,
    CreateService,
    PatchService(i64),
    CreateServiceProduct,
    PatchServiceProduct(i64),
    PutServiceProduct(i64),
    DisconnectServiceProduct,
    CreateInventoryItem,
    AssignInventory,
    UnassignInventory,
    CreateCharge,
}

/// The operation, or 404 for a path that is none, or 405 for one that has other methods.
pub(crate) fn operation(method: &Method, path: &str, inferred: &Inferred) -> Result<Operation, Refusal> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let same = |sent: &str, name: &str| {
        if inferred.paths_in_any_case { sent.eq_ignore_ascii_case(name) } else { sent == name }
    };
    let version = segments.next().filter(|version| same(version, "v1"));
    let collection = segments.next().filter(|_| version.is_some()).unwrap_or_default();
    let kind = Kind::named(collection).filter(|kind| same(collection, kind.name())).ok_or_else(nothing_there)?;
    let (item, rest) = (segments.next(), segments.next());
    if rest.is_some() {
        return Err(nothing_there());
    }
    match item {
        None => on_collection(method, kind),
        Some(word) if kind == Kind::InventoryItem && same(word, "assignService") => {
            only(method, &Method::PATCH, Operation::AssignInventory)
        }
        Some(word) if kind == Kind::InventoryItem && same(word, "UnassignCustomer") => {
            only(method, &Method::PATCH, Operation::UnassignInventory)
        }
        Some(id) => on_object(method, kind, id.parse().map_err(|_| nothing_there())?),
    }
}

fn on_collection(method: &Method, kind: Kind) -> Result<Operation, Refusal> {
    match (method.as_str(), kind) {
        ("GET", _) => Ok(Operation::Search(kind)),
        ("POST", Kind::Customers) => Ok(Operation::CreateCustomer),
        ("POST", Kind::Services) => Ok(Operation::CreateService),
        ("POST", Kind::ServiceProduct) => Ok(Operation::CreateServiceProduct),
        ("DELETE", Kind::ServiceProduct) => Ok(Operation::DisconnectServiceProduct),
        ("POST", Kind::InventoryItem) => Ok(Operation::CreateInventoryItem),
        ("POST", Kind::Charges) => Ok(Operation::CreateCharge),
        _ => Err(wrong_method()),
    }
}

fn on_object(method: &Method, kind: Kind, id: i64) -> Result<Operation, Refusal> {
    match (method.as_str(), kind) {
        ("GET", _) => Ok(Operation::Get(kind, id)),
        ("PATCH", Kind::Services) => Ok(Operation::PatchService(id)),
        ("PATCH", Kind::ServiceProduct) => Ok(Operation::PatchServiceProduct(id)),
        ("PUT", Kind::ServiceProduct) => Ok(Operation::PutServiceProduct(id)),
        _ => Err(wrong_method()),
    }
}

fn only(method: &Method, wanted: &Method, operation: Operation) -> Result<Operation, Refusal> {
    if method == wanted { Ok(operation) } else { Err(wrong_method()) }
}

/// In the gateway's shape and words (inferred).
fn nothing_there() -> Refusal {
    Refusal::gateway(StatusCode::NOT_FOUND, "Resource not found")
}

fn wrong_method() -> Refusal {
    Refusal::gateway(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}
