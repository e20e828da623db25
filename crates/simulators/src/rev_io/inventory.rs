//! Inventory (`rev_io.md` C6): the things, here SIMs, and on which line each is.

use super::object::{WireDate, object};

/// May be assigned.
pub const AVAILABLE: &str = "AVAILABLE";
/// Is on a line.
pub const ASSIGNED: &str = "ASSIGNED";

object! {
    /// A thing in stock.
    InventoryItem in InventoryItem by inventory_item_id, indexed [identifier, customer_id] {
        inventory_type_id: Option<i64>,
        /// What is written on it, here the ICCID.
        identifier: Option<String>,
        customer_id: Option<i64>,
        /// `AVAILABLE`, `ASSIGNED` and others (C7).
        status: Option<String>,
        created_date: Option<WireDate>,
        inventory_item_unavailable_reason_id: Option<i64>,
        note: Option<String>,
    }

    fn natural_key(&self) -> String {
        let identifier = self.identifier.as_deref().unwrap_or_default();
        format!("type {} identifier {identifier}", self.inventory_type_id.unwrap_or_default())
    }
}

object! {
    /// A thing on a line; there is one for each assigned [`InventoryItem`], with the same id.
    ServiceInventory in ServiceInventory by inventory_item_id, indexed [line_id, identifier, customer_id] {
        customer_id: Option<i64>,
        /// The service's id.
        line_id: Option<i64>,
        /// What sort of line it is: `SERVICE` (inferred).
        line_type: Option<String>,
        identifier: Option<String>,
        /// The inventory type's description (inferred).
        inventory_type: Option<String>,
        status: Option<String>,
        assigned_date: Option<WireDate>,
    }

    fn natural_key(&self) -> String {
        let identifier = self.identifier.as_deref().unwrap_or_default();
        format!("line {} identifier {identifier}", self.line_id.unwrap_or_default())
    }
}

object! {
    /// A sort of thing. Its fields are inferred.
    InventoryType in InventoryTypes by inventory_type_id, indexed [] {
        name: Option<String>,
        description: Option<String>,
        active: bool,
    }
}
