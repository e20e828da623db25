//! Inventory: the things, here SIMs, and on which line each is.

use super::date;
use super::words::InventoryStatus;
use jiff::civil::Date;
use serde::Deserialize;

/// A thing in stock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct InventoryItem {
    pub inventory_item_id: i64,
    pub inventory_type_id: Option<i64>,
    /// What is written on it: an ICCID, or a device's number.
    pub identifier: Option<String>,
    pub customer_id: Option<i64>,
    pub status: Option<InventoryStatus>,
    #[serde(default, deserialize_with = "date::optional")]
    pub created_date: Option<Date>,
    pub inventory_item_unavailable_reason_id: Option<i64>,
    pub note: Option<String>,
}

/// A thing on a line: how an assignment is read back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct ServiceInventory {
    pub inventory_item_id: i64,
    pub customer_id: Option<i64>,
    /// The service's id.
    pub line_id: Option<i64>,
    pub line_type: Option<String>,
    pub identifier: Option<String>,
    pub inventory_type: Option<String>,
    pub status: Option<InventoryStatus>,
    #[serde(default, deserialize_with = "date::optional")]
    pub assigned_date: Option<Date>,
}

/// A sort of thing. Fields inferred.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct InventoryType {
    pub inventory_type_id: i64,
    pub name: Option<String>,
    pub description: Option<String>,
    pub active: Option<bool>,
}
