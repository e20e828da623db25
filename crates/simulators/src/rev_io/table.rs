//! One collection of one account: objects by id, with small indexes, and a count of how often each was made.

use super::object::Object;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How often something was made, whatever became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often an object with this natural key was created, the fleet's included.
    pub created: u32,
    /// How many of them are there now and in force.
    pub open: u32,
}

struct Row<T> {
    object: T,
    born: Timestamp,
}

/// A collection. Reading is by reference; changing goes through [`Table::change`], which keeps the indexes right.
pub struct Table<T> {
    rows: BTreeMap<i64, Row<T>>,
    /// For each indexed field: the ids by value.
    indexes: Vec<HashMap<String, BTreeSet<i64>>>,
    tallies: HashMap<String, Tally>,
    last_id: i64,
}

impl<T: Object> Default for Table<T> {
    fn default() -> Self {
        let indexes = T::INDEXED.iter().map(|_| HashMap::new()).collect();
        Self { rows: BTreeMap::new(), indexes, tallies: HashMap::new(), last_id: 0 }
    }
}

impl<T: Object> Table<T> {
    /// The object with that id.
    #[must_use]
    pub fn get(&self, id: i64) -> Option<&T> {
        self.rows.get(&id).map(|row| &row.object)
    }

    /// All objects, by id.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.values().map(|row| &row.object)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds an object and says its id. An id of 0 takes the next one; an id that is taken replaces what had it.
    pub fn add(&mut self, mut object: T, born: Timestamp) -> i64 {
        if object.id() == 0 {
            object.set_id(self.last_id + 1);
        }
        let id = object.id();
        self.remove(id);
        self.last_id = self.last_id.max(id);
        self.tallies.entry(object.natural_key()).or_default().created += 1;
        self.enter(&object);
        self.rows.insert(id, Row { object, born });
        id
    }

    /// Changes an object in place; says whether it was there. The id cannot be changed.
    pub fn change(&mut self, id: i64, change: impl FnOnce(&mut T)) -> bool {
        let Some(mut row) = self.rows.remove(&id) else { return false };
        self.leave(&row.object);
        change(&mut row.object);
        row.object.set_id(id);
        self.enter(&row.object);
        self.rows.insert(id, row);
        true
    }

    /// Takes an object out, as if it had never been; its id is not given again.
    pub fn remove(&mut self, id: i64) -> Option<T> {
        let row = self.rows.remove(&id)?;
        self.leave(&row.object);
        Some(row.object)
    }

    /// The objects whose field has that value, by id.
    pub fn find(&self, field: &str, value: &str) -> Vec<&T> {
        match self.indexed(field, &[value.to_owned()]) {
            Some(ids) => ids.into_iter().filter_map(|id| self.get(id)).collect(),
            None => self.iter().filter(|object| object.plain(field).is_some_and(|plain| plain.is(value))).collect(),
        }
    }

    /// How often an object like this one was made.
    #[must_use]
    pub fn tally(&self, natural_key: &str) -> Tally {
        self.tallies.get(natural_key).copied().unwrap_or_default()
    }

    /// The objects from an id on, with the instant each was made.
    pub(crate) fn rows_after(&self, id: i64) -> impl Iterator<Item = (&T, Timestamp)> {
        let range = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
        self.rows.range(range).map(|(_, row)| (&row.object, row.born))
    }

    /// When it was made.
    pub(crate) fn born(&self, id: i64) -> Option<Timestamp> {
        self.rows.get(&id).map(|row| row.born)
    }

    /// The ids an index has for any of the values, or nothing if the field has no index.
    pub(crate) fn indexed(&self, field: &str, values: &[String]) -> Option<BTreeSet<i64>> {
        let index = self.indexes.get(T::INDEXED.iter().position(|indexed| *indexed == field)?)?;
        let found = values.iter().filter_map(|value| index.get(&value.trim().to_ascii_lowercase()));
        Some(found.flatten().copied().collect())
    }

    fn enter(&mut self, object: &T) {
        for (field, index) in T::INDEXED.iter().zip(&mut self.indexes) {
            if let Some(value) = object.plain(field) {
                index.entry(value.key()).or_default().insert(object.id());
            }
        }
        if object.is_open() {
            self.tallies.entry(object.natural_key()).or_default().open += 1;
        }
    }

    fn leave(&mut self, object: &T) {
        for (field, index) in T::INDEXED.iter().zip(&mut self.indexes) {
            let Some(key) = object.plain(field).map(|value| value.key()) else { continue };
            if let Some(ids) = index.get_mut(&key) {
                ids.remove(&object.id());
                if ids.is_empty() {
                    index.remove(&key);
                }
            }
        }
        if object.is_open()
            && let Some(tally) = self.tallies.get_mut(&object.natural_key())
        {
            tally.open = tally.open.saturating_sub(1);
        }
    }
}
