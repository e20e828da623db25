//! A collection without its type, for what is the same for all: reading and listing.

use super::object::Object;
use super::refusal::Refusal;
use super::search::{self, Habits};
use super::table::{Table, Tally};
use jiff::Timestamp;
use serde_json::Value;

/// An object as the ledger lists it.
pub(crate) struct Listed {
    pub(crate) id: i64,
    pub(crate) natural_key: String,
    pub(crate) tally: Tally,
    pub(crate) open: bool,
    pub(crate) born: Timestamp,
    pub(crate) object: Value,
}

/// A collection of any type.
pub(crate) trait Shelf {
    /// A page of a search, as it goes on the wire.
    fn page(&self, query: &[(String, String)], habits: &Habits<'_>) -> Result<Vec<u8>, Refusal>;
    /// One object.
    fn one(&self, id: i64) -> Option<Value>;
    /// At most so many objects whose natural key was created at least so often, from behind an id on.
    fn listed(&self, after: i64, most: usize, created_at_least: u32) -> Vec<Listed>;
}

impl<T: Object> Shelf for Table<T> {
    fn page(&self, query: &[(String, String)], habits: &Habits<'_>) -> Result<Vec<u8>, Refusal> {
        search::page(self, query, habits)
    }

    fn one(&self, id: i64) -> Option<Value> {
        serde_json::to_value(self.get(id)?).ok()
    }

    fn listed(&self, after: i64, most: usize, created_at_least: u32) -> Vec<Listed> {
        let rows = self.rows_after(after).map(|(object, born)| {
            let natural_key = object.natural_key();
            (object, born, self.tally(&natural_key), natural_key)
        });
        let rows = rows.filter(|(_, _, tally, _)| tally.created >= created_at_least).take(most);
        rows.map(|(object, born, tally, natural_key)| {
            let value = serde_json::to_value(object).unwrap_or_default();
            Listed { id: object.id(), natural_key, tally, open: object.is_open(), born, object: value }
        })
        .collect()
    }
}
