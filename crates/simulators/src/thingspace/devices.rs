//! All devices of a profile, by number and by any identifier.

use super::device::{Device, Record};
use super::identifiers::IdKind;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

/// Where the platform's numbers begin: eleven digits, as in life.
const FIRST_ID: i64 = 65_000_000_001;

/// The devices. Reading is by reference; changing goes through [`Devices::change`], which keeps the index right.
#[derive(Debug, Default)]
pub struct Devices {
    rows: BTreeMap<i64, Device>,
    numbers: HashMap<(IdKind, String), i64>,
    /// How often each ICCID (or whatever stands for it) was added.
    added: HashMap<String, u32>,
    last_id: i64,
}

impl Devices {
    /// The device with that number.
    #[must_use]
    pub fn get(&self, id: i64) -> Option<&Device> {
        self.rows.get(&id)
    }

    /// The device of that identifier.
    #[must_use]
    pub fn find(&self, kind: IdKind, id: &str) -> Option<&Device> {
        self.number(kind, id).and_then(|number| self.get(number))
    }

    /// The device of that ICCID.
    #[must_use]
    pub fn iccid(&self, iccid: &str) -> Option<&Device> {
        self.find(IdKind::Iccid, iccid)
    }

    /// All devices, by number.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Device> {
        self.rows.values()
    }

    /// Those behind a number.
    pub(crate) fn after(&self, id: i64) -> impl Iterator<Item = &Device> {
        self.rows.range((Bound::Excluded(id), Bound::Unbounded)).map(|(_, device)| device)
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

    /// How often a device like this one was added.
    #[must_use]
    pub fn times_added(&self, record: &Record) -> u32 {
        self.added.get(natural_key(record)).copied().unwrap_or_default()
    }

    pub(crate) fn number(&self, kind: IdKind, id: &str) -> Option<i64> {
        self.numbers.get(&(kind, id.to_owned())).copied()
    }

    /// Whether an identifier is somebody else's than that device's.
    pub(crate) fn taken(&self, ids: &BTreeMap<IdKind, String>, by_other_than: i64) -> bool {
        ids.iter().any(|(kind, id)| self.number(*kind, id).is_some_and(|number| number != by_other_than))
    }

    /// Adds a device and says its number. A number that is taken replaces what had it.
    pub fn add(&mut self, mut record: Record, now: Timestamp) -> i64 {
        if record.id == 0 {
            record.id = (self.last_id + 1).max(FIRST_ID);
        }
        let (id, created_at) = (record.id, record.created_at.unwrap_or(now));
        record.created_at = Some(created_at);
        self.remove(id);
        self.last_id = self.last_id.max(id);
        *self.added.entry(natural_key(&record).to_owned()).or_default() += 1;
        self.enter(&record);
        self.rows.insert(id, Device::new(record, now));
        id
    }

    /// Changes what the list shows of a device; says whether it is there. Its number cannot be changed.
    pub fn change(&mut self, id: i64, now: Timestamp, change: impl FnOnce(&mut Record)) -> bool {
        let Some(mut device) = self.rows.remove(&id) else { return false };
        self.leave(&device.record);
        device.keep_look(now);
        change(&mut device.record);
        device.record.id = id;
        self.enter(&device.record);
        self.rows.insert(id, device);
        true
    }

    /// What the carrier remembers of a device, to change.
    pub(super) fn remembered(&mut self, id: i64) -> Option<&mut Device> {
        self.rows.get_mut(&id)
    }

    /// Takes a device out; its number is not given again.
    pub fn remove(&mut self, id: i64) -> Option<Device> {
        let device = self.rows.remove(&id)?;
        self.leave(&device.record);
        Some(device)
    }

    fn enter(&mut self, record: &Record) {
        for (kind, id) in &record.ids {
            self.numbers.insert((*kind, id.clone()), record.id);
        }
    }

    fn leave(&mut self, record: &Record) {
        for (kind, id) in &record.ids {
            self.numbers.remove(&(*kind, id.clone()));
        }
    }
}

/// By what somebody who lost an answer would look for a device.
pub(crate) fn natural_key(record: &Record) -> &str {
    let kinds = [IdKind::Iccid, IdKind::Eid, IdKind::Imei, IdKind::Meid, IdKind::Esn];
    kinds.into_iter().find_map(|kind| record.id_of(kind)).unwrap_or_default()
}
