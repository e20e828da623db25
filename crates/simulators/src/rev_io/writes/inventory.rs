//! `POST /InventoryItem` and putting things on lines and taking them off (`rev_io.md` C5).

use super::{Done, Refusal, body, exists, required};
use crate::call::Call;
use crate::rev_io::account::Account;
use crate::rev_io::inventory::{ASSIGNED, AVAILABLE, InventoryItem, ServiceInventory};
use crate::rev_io::kind::Kind;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewItem {
    inventory_type_id: Option<i64>,
    identifier: Option<String>,
    customer_id: Option<i64>,
    status: Option<String>,
    note: Option<String>,
}

pub(crate) fn create(account: &mut Account, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let known = ["inventory_type_id", "identifier", "customer_id", "status", "note"];
    let new: NewItem = body(call, &known, &account.inferred)?;
    let inventory_type_id = required(new.inventory_type_id, "inventory_type_id")?;
    let identifier = required(new.identifier, "identifier")?;
    exists(&account.inventory_types, Some(inventory_type_id), "inventory_type_id")?;
    exists(&account.customers, new.customer_id, "customer_id")?;
    let mut alike = account.inventory_items.find("identifier", &identifier).into_iter();
    if account.inferred.inventory_identifiers_unique
        && alike.any(|item| item.inventory_type_id == Some(inventory_type_id))
    {
        return Err(Refusal::rule(format!("An item with identifier {identifier} already exists.")));
    }
    let item = InventoryItem {
        inventory_type_id: Some(inventory_type_id),
        identifier: Some(identifier),
        customer_id: new.customer_id,
        status: Some(new.status.unwrap_or_else(|| AVAILABLE.to_owned())),
        created_date: Some(now.into()),
        note: new.note,
        ..InventoryItem::default()
    };
    Ok(Done::created(Kind::InventoryItem, account.inventory_items.add(item, now)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Assignment {
    service_id: Option<i64>,
    identifiers: Option<Vec<String>>,
}

/// All or none. Doing it again changes nothing; an item on another line is refused (inferred).
pub(crate) fn assign(account: &mut Account, call: &Call, now: Timestamp) -> Result<Done, Refusal> {
    let Assignment { service_id, identifiers } = body(call, &["service_id", "identifiers"], &account.inferred)?;
    let service_id = required(service_id, "service_id")?;
    let identifiers = required(identifiers.filter(|identifiers| !identifiers.is_empty()), "identifiers")?;
    let service = account.services.get(service_id).ok_or_else(|| Refusal::dangling("service_id", service_id))?;
    let customer_id = service.customer_id;
    let items: Result<Vec<i64>, Refusal> =
        identifiers.iter().map(|identifier| assignable(account, identifier, service_id)).collect();
    for id in items? {
        put_on_line(account, id, service_id, customer_id, now);
    }
    Ok(Done::changed(Kind::Services, service_id))
}

/// The item of that identifier that is not on another line.
fn assignable(account: &Account, identifier: &str, service_id: i64) -> Result<i64, Refusal> {
    let items = account.inventory_items.find("identifier", identifier);
    let free = items.iter().find(|item| {
        let line = account.service_inventory.get(item.inventory_item_id).and_then(|on_line| on_line.line_id);
        line.is_none_or(|line| line == service_id)
    });
    match (free, items.is_empty()) {
        (Some(item), _) => Ok(item.inventory_item_id),
        (None, true) => Err(Refusal::invalid(format!("There is no item with identifier {identifier}."))),
        (None, false) => Err(Refusal::rule(format!("The item {identifier} is assigned to another service."))),
    }
}

fn put_on_line(account: &mut Account, id: i64, service_id: i64, customer_id: i64, now: Timestamp) {
    if account.service_inventory.get(id).is_some() {
        return;
    }
    account.inventory_items.change(id, |item| {
        item.status = Some(ASSIGNED.to_owned());
        item.customer_id = Some(customer_id);
    });
    let Some(item) = account.inventory_items.get(id) else { return };
    let inventory_type = item.inventory_type_id.and_then(|id| account.inventory_types.get(id));
    let on_line = ServiceInventory {
        inventory_item_id: id,
        customer_id: Some(customer_id),
        line_id: Some(service_id),
        line_type: Some("SERVICE".to_owned()),
        identifier: item.identifier.clone(),
        inventory_type: inventory_type.and_then(|inventory_type| inventory_type.description.clone()),
        status: item.status.clone(),
        assigned_date: Some(now.into()),
    };
    account.service_inventory.add(on_line, now);
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Unassignment {
    id: Option<i64>,
}

/// Takes the item from its customer, and from its line (the second is inferred).
pub(crate) fn unassign(account: &mut Account, call: &Call) -> Result<Done, Refusal> {
    let Unassignment { id } = body(call, &["id"], &account.inferred)?;
    let id = required(id, "id")?;
    let freed = account.inventory_items.change(id, |item| {
        item.status = Some(AVAILABLE.to_owned());
        item.customer_id = None;
    });
    if !freed {
        return Err(Refusal::dangling("id", id));
    }
    account.service_inventory.remove(id);
    Ok(Done::changed(Kind::InventoryItem, id))
}
