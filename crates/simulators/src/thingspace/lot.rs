//! Chance that depends on what it is drawn for, not on who drew before: two runs with one seed agree even if their calls
//! meet in another order.

use uuid::{Builder, Uuid};

/// What is drawn for; each has numbers of its own.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum For {
    Token = 1,
    Session,
    Password,
    Request,
    Delay,
    Rule,
    Usage,
    Forgery,
}

/// A profile's seed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lot(u64);

impl Lot {
    /// A lot for everything below something.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        Self(name.bytes().fold(mixed(seed), |state, byte| mixed(state ^ u64::from(byte))))
    }

    /// Any number.
    pub(crate) fn number(self, what: For, keys: &[u64]) -> u64 {
        keys.iter().fold(mixed(self.0 ^ (what as u64)), |state, key| mixed(state ^ *key))
    }

    /// From 0 up to but not 1.
    pub(crate) fn part(self, what: For, keys: &[u64]) -> f64 {
        // 53 bits are what a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "53 bits of 64 are left")]
        let (part, whole) = ((self.number(what, keys) >> 11) as f64, (1_u64 << 53) as f64);
        part / whole
    }

    /// A UUID that looks random.
    pub(crate) fn uuid(self, what: For, keys: &[u64]) -> Uuid {
        let high = self.number(what, keys);
        let bytes = (u128::from(high) << 64 | u128::from(mixed(high))).to_be_bytes();
        Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// One step of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
const fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
