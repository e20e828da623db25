//! Every call of this client, with what has to be known before making it (`reliability.md` 4.3).
//!
//! Of all of them: the caps below, no idempotency key, no compare-and-set. Every call is one request and costs one permit.

use crate::answer::Kind;

/// The most calls of an account in a minute (`rev_io.md` C2).
pub const CALLS_PER_MINUTE: u32 = 500;
/// The most calls of an account in a day (`rev_io.md` C2).
pub const CALLS_PER_DAY: u32 = 150_000;
/// The largest page that is documented (`rev_io.md` C3); what a larger one does is open.
pub const MOST_PAGE_SIZE: u32 = 500;

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`super::RevIo::page`].
    ReadPage,
    /// [`super::RevIo::get`].
    ReadOne,
    /// [`super::RevIo::create_service`].
    CreateService,
    /// [`super::RevIo::patch_service`].
    PatchService,
    /// [`super::RevIo::close_service`].
    CloseService,
    /// [`super::RevIo::create_service_product`].
    CreateServiceProduct,
    /// [`super::RevIo::patch_service_product`].
    PatchServiceProduct,
    /// [`super::RevIo::disconnect_service_product`].
    DisconnectServiceProduct,
    /// [`super::RevIo::create_customer`].
    CreateCustomer,
    /// [`super::RevIo::create_inventory_item`].
    CreateInventoryItem,
    /// [`super::RevIo::assign_inventory_items`].
    AssignInventoryItems,
    /// [`super::RevIo::unassign_inventory_item`].
    UnassignInventoryItem,
}

/// What making a call twice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// Nothing more; it changes nothing.
    Harmless,
    /// The same state, because it says absolute values; still not repeated before a read, for somebody else may have
    /// changed it in between.
    SameState,
    /// A second one of it.
    Duplicates,
    /// A refusal.
    Refused,
}

/// What has to be known of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallContract {
    /// The call.
    pub call: Call,
    /// One word for it, in logs.
    pub word: &'static str,
    /// Whether it changes anything.
    pub kind: Kind,
    /// What making it twice does.
    pub repeated: Repeated,
    /// How to find out afterwards whether it has happened.
    pub read_back: &'static str,
    /// How to take it back.
    pub undo: &'static str,
    /// Where it is described.
    pub source: &'static str,
}

const NOTHING_TO_READ: &str = "-";
const NOTHING_TO_UNDO: &str = "-";
const PATCH_BACK: &str = "patch the old values back, if they are still ours";

/// Every call, once.
pub const CONTRACT: &[CallContract] = &[
    CallContract {
        call: Call::ReadPage,
        word: "read_page",
        kind: Kind::Read,
        repeated: Repeated::Harmless,
        read_back: NOTHING_TO_READ,
        undo: NOTHING_TO_UNDO,
        source: "rev_io.md C3",
    },
    CallContract {
        call: Call::ReadOne,
        word: "read_one",
        kind: Kind::Read,
        repeated: Repeated::Harmless,
        read_back: NOTHING_TO_READ,
        undo: NOTHING_TO_UNDO,
        source: "rev_io.md C3",
    },
    CallContract {
        call: Call::CreateService,
        word: "create_service",
        kind: Kind::Write,
        repeated: Repeated::Duplicates,
        read_back: "services by number, then exactly::matching_services: number, customer, ICCID, active",
        undo: "disconnect its products, then close the service; the history stays",
        source: "rev_io.md C5, Rules",
    },
    CallContract {
        call: Call::PatchService,
        word: "patch_service",
        kind: Kind::Write,
        repeated: Repeated::SameState,
        read_back: "the service by its id",
        undo: PATCH_BACK,
        source: "rev_io.md C5",
    },
    CallContract {
        call: Call::CloseService,
        word: "close_service",
        kind: Kind::Write,
        repeated: Repeated::SameState,
        read_back: "the service by its id: disconnected_date",
        undo: "open another; a closed service is not opened again here",
        source: "rev_io.md C5 (refused until all its products end on that date), C7",
    },
    CallContract {
        call: Call::CreateServiceProduct,
        word: "create_service_product",
        kind: Kind::Write,
        repeated: Repeated::Duplicates,
        read_back: "service products by service, then exactly::matching_service_products: product, in force",
        undo: "disconnect it, with generate_proration false",
        source: "rev_io.md C5; not with a package, which brings its own",
    },
    CallContract {
        call: Call::PatchServiceProduct,
        word: "patch_service_product",
        kind: Kind::Write,
        repeated: Repeated::SameState,
        read_back: "the service product by its id",
        undo: PATCH_BACK,
        source: "rev_io.md C5 (rate and quantity not together with a status)",
    },
    CallContract {
        call: Call::DisconnectServiceProduct,
        word: "disconnect_service_product",
        kind: Kind::Write,
        repeated: Repeated::SameState,
        read_back: "the service product by its id: status DISCONNECTED",
        undo: "create it again; a disconnected one stays so",
        source: "rev_io.md C5: DELETE with a body",
    },
    CallContract {
        call: Call::CreateCustomer,
        word: "create_customer",
        kind: Kind::Write,
        repeated: Repeated::Duplicates,
        read_back: "customers by account_number (that it can be searched is inferred), then exactly; without one, none",
        undo: "none; a person closes it at Rev.io",
        source: "rev_io.md C5, C6",
    },
    CallContract {
        call: Call::CreateInventoryItem,
        word: "create_inventory_item",
        kind: Kind::Write,
        repeated: Repeated::Refused,
        read_back: "inventory items by identifier, then exactly::matching_inventory_items: type, customer",
        undo: "none; an unassigned item stays in stock",
        source: "rev_io.md C5; that a second one is refused is inferred, so look first",
    },
    CallContract {
        call: Call::AssignInventoryItems,
        word: "assign_inventory_items",
        kind: Kind::Write,
        repeated: Repeated::SameState,
        read_back: "service inventory by line_id (that it can be searched is inferred)",
        undo: "unassign_inventory_item",
        source: "rev_io.md C5: plain JSON, though a PATCH",
    },
    CallContract {
        call: Call::UnassignInventoryItem,
        word: "unassign_inventory_item",
        kind: Kind::Write,
        repeated: Repeated::SameState,
        read_back: "the inventory item by its id",
        undo: "assign_inventory_items",
        source: "rev_io.md C5 (the beginning of its path is inferred)",
    },
];

impl Call {
    /// What has to be known of it.
    #[must_use]
    pub fn contract(self) -> Option<&'static CallContract> {
        CONTRACT.iter().find(|contract| contract.call == self)
    }

    /// Whether it changes anything. A call without a contract would be taken for a write.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.contract().map_or(Kind::Write, |contract| contract.kind)
    }

    /// One word for it, in logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.contract().map_or("call", |contract| contract.word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READS: &str = include_str!("reads.rs");
    const WRITES: &str = include_str!("writes.rs");

    /// Each public function makes exactly one call, and its call is the one named as it is.
    fn calls_made(source: &str) -> Vec<String> {
        let source = source.split("mod tests").next().unwrap();
        let calls = source.split("Call::").skip(1);
        calls.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect()).collect()
    }

    #[test]
    fn the_table_and_the_calls_are_the_same() {
        let listed: Vec<String> = CONTRACT.iter().map(|contract| format!("{:?}", contract.call)).collect();
        let made: Vec<String> = [calls_made(READS), calls_made(WRITES)].concat();
        assert_eq!(listed, made, "the table lists the calls in the order in which the code makes them, each once");
    }

    #[test]
    fn reads_are_read_in_reads_and_writes_written_in_writes() {
        for contract in CONTRACT {
            let is_read = READS.contains(&format!("Call::{:?},", contract.call));
            assert_eq!(is_read, contract.kind == Kind::Read, "{:?}", contract.call);
            assert_eq!(is_read, contract.repeated == Repeated::Harmless, "{:?}", contract.call);
        }
    }

    #[test]
    fn a_write_says_how_it_is_read_back_and_undone() {
        for contract in CONTRACT.iter().filter(|contract| contract.kind == Kind::Write) {
            assert!(contract.read_back.len() > 10 && contract.undo.len() > 10, "{:?}", contract.call);
        }
    }
}
