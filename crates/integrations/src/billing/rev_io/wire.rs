//! How Rev.io says things: its objects as they are on the wire (`rev_io.md` C6).
//! Must not know: what we make of them.
//!
//! A field that may be null or missing is an `Option`; only an object's own id may not be, because without it the object
//! is nothing. Fields that are not here are ignored. Text is as it came: nothing is trimmed and no case is changed.

mod catalogue;
mod customer;
pub mod date;
mod inventory;
pub mod request;
mod service;
mod words;

pub use catalogue::{
    Agent, BillProfile, Package, PackageProduct, Product, ProductType, Provider, ProviderAccount, ServiceType,
    UsagePlanGroup,
};
pub use customer::{Address, Customer, Finance, Profile};
pub use inventory::{InventoryItem, InventoryType, ServiceInventory};
pub use service::{Service, ServiceProduct};
pub use words::{CustomerStatus, InventoryStatus, ServiceProductStatus};
