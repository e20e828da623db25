//! IP pools (`thingspace.md` 2.2): where a line's address comes from.

use super::codes::{self, Code};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Whether an address stays with its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolType {
    /// It stays until the line is deactivated, and the pool runs out.
    #[default]
    #[serde(rename = "Static IP")]
    Static,
    /// It changes with each activation, and the pool never runs out.
    #[serde(rename = "Dynamic IP")]
    Dynamic,
}

impl PoolType {
    /// On the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Static => "Static IP",
            Self::Dynamic => "Dynamic IP",
        }
    }
}

/// A pool: so many addresses from the first one on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Whether addresses stay.
    #[serde(default, rename = "type")]
    pub pool_type: PoolType,
    /// Whether lines that name none are given an address of this one.
    #[serde(default)]
    pub default: bool,
    /// The first address.
    pub first: Ipv4Addr,
    /// How many there are.
    pub size: u32,
    #[serde(skip)]
    taken: BTreeSet<u32>,
    #[serde(skip)]
    next: u32,
}

impl Pool {
    /// A static pool of nobody yet.
    #[must_use]
    pub fn new(name: &str, pool_type: PoolType, first: Ipv4Addr, size: u32) -> Self {
        Self { name: name.to_owned(), pool_type, default: false, first, size, taken: BTreeSet::new(), next: 0 }
    }

    /// The same pool as the account's default.
    #[must_use]
    pub fn as_default(self) -> Self {
        Self { default: true, ..self }
    }

    /// How many addresses are left; a dynamic pool always has all of them.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.size.saturating_sub(u32::try_from(self.taken.len()).unwrap_or(u32::MAX))
    }

    /// Gives an address out, the one that was asked for if one was.
    pub(super) fn give(&mut self, wanted: Option<Ipv4Addr>) -> Result<Ipv4Addr, Code> {
        let wanted = match wanted {
            Some(address) => Some(self.place(address).ok_or(codes::ADDRESS_TAKEN)?),
            None => None,
        };
        if self.pool_type == PoolType::Dynamic {
            self.next = (self.next + 1) % self.size.max(1);
            return Ok(self.address(wanted.unwrap_or(self.next)));
        }
        let place = match wanted {
            Some(place) if self.taken.contains(&place) => return Err(codes::ADDRESS_TAKEN),
            Some(place) => place,
            None => self.free().ok_or(codes::POOL_EXHAUSTED)?,
        };
        self.taken.insert(place);
        Ok(self.address(place))
    }

    /// Takes an address back.
    pub(super) fn take_back(&mut self, address: Ipv4Addr) {
        if let Some(place) = self.place(address) {
            self.taken.remove(&place);
        }
    }

    /// An address is somebody's already, as a fleet has it.
    pub(super) fn mark(&mut self, address: Ipv4Addr) {
        if let (Some(place), PoolType::Static) = (self.place(address), self.pool_type) {
            self.taken.insert(place);
        }
    }

    /// The next one that nobody has; those that came back are given last.
    fn free(&mut self) -> Option<u32> {
        let (next, size) = (self.next, self.size);
        let found = (next..size).chain(0..next.min(size)).find(|place| !self.taken.contains(place))?;
        self.next = found + 1;
        Some(found)
    }

    fn address(&self, place: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.first).wrapping_add(place))
    }

    fn place(&self, address: Ipv4Addr) -> Option<u32> {
        let place = u32::from(address).checked_sub(u32::from(self.first))?;
        (place < self.size).then_some(place)
    }
}
