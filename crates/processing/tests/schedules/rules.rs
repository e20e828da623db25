//! What holds in a schedule: times, how the protocol is followed, and how often the world does what.

use crate::chance::Chance;
use jiff::Timestamp;
use processing::outside::OutsideSettings;
use processing::outside::decide::Policy;

/// Virtual time, in milliseconds from the beginning of the schedule.
pub(crate) type Ms = i64;

pub(crate) const SECOND: Ms = 1_000;
pub(crate) const HOUR: Ms = 3_600 * SECOND;
/// Not before a person has decided.
pub(crate) const NEVER: Ms = i64::MAX;
/// A send leaves this soon after its wave began, or not at all: as in `wave.rs`.
pub(crate) const FRESH: Ms = 5 * SECOND;
/// A lease has to last for the call and so long besides.
pub(crate) const SPARE: Ms = 5 * SECOND;
/// Another row's attempt at the same thing is waited for so long by a row under way: as in `read_back.rs`.
pub(crate) const OTHERS_SETTLE: Ms = 30 * SECOND;
/// Assumption A2: so long after its intent a request has arrived, or never does. A3: so much later every search shows it.
pub(crate) const ARRIVES: Ms = 115 * SECOND;
pub(crate) const SHOWS: Ms = 30 * SECOND;
/// A request that violates A2 arrives so long after its intent at most: the last look is 24 hours after the end of its row.
pub(crate) const LATEST: Ms = 20 * HOUR;

/// The moment as the decisions read it.
pub(crate) fn moment(at: Ms) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + at).unwrap()
}

/// And back.
pub(crate) fn ms(moment: Timestamp) -> Ms {
    moment.as_millisecond() - 1_800_000_000_000
}

/// How the protocol is followed. Sound, or with one bug planted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How long after its begin a write may still arrive or show.
    pub(crate) settle: Ms,
    /// Is what was ever unknown looked at again?
    pub(crate) sweeps: bool,
    /// Also what ends or changes something, of rows that were not done?
    pub(crate) sweeps_endings: bool,
    /// Does the ledger ask for a claim that is valid?
    pub(crate) fence: bool,
    /// Planted: what is unknown counts as not there, without a look.
    pub(crate) blind: bool,
    /// Does a sweep leave alone what a receipt accounts for?
    pub(crate) receipts: bool,
    /// Planted: what is being taken back counts as taken back, though nobody knows.
    pub(crate) trusting: bool,
    /// Requests in ten thousand that arrive later than A2 says.
    pub(crate) late: u64,
    /// Requests in ten thousand that are answered, and arrive a second time all the same: nothing in the protocol knows of that.
    pub(crate) doubled_in_silence: u64,
}

impl Rules {
    /// As it is coded, with the times of an installation that changes none.
    pub(crate) fn sound() -> Self {
        let settle = i64::try_from(OutsideSettings::default().settle_for.as_millis()).unwrap();
        assert!(ARRIVES + SHOWS < settle, "a world in which the protocol promises nothing");
        Self {
            settle,
            sweeps: true,
            sweeps_endings: true,
            fence: true,
            blind: false,
            receipts: true,
            trusting: false,
            late: 100,
            doubled_in_silence: 0,
        }
    }
}

/// Times of the installation, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) call: Ms,
    pub(crate) lease: Ms,
    pub(crate) blind_for: Ms,
    pub(crate) sweeps: [Ms; 3],
}

impl Times {
    pub(crate) fn of_installation() -> Self {
        let settings = OutsideSettings::default();
        let of = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap();
        Self {
            call: of(settings.call_timeout),
            lease: of(settings.lease),
            blind_for: of(settings.blind_for),
            sweeps: settings.sweeps.map(of),
        }
    }
}

/// How rough a schedule is, in ten thousand: drawn once, so that some are calm and some are not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mood {
    /// Requests with which anything is wrong.
    pub(crate) faults: u64,
    /// Steps of a worker before which it dies.
    pub(crate) crashes: u64,
    /// Steps before which it is frozen.
    pub(crate) freezes: u64,
    /// Does the provider refuse to end what has ended?
    pub(crate) strict: bool,
    /// The longest that a search lags behind.
    pub(crate) lag: Ms,
    pub(crate) policy: Policy,
}

impl Mood {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let of = |chance: &mut Chance, some: [u64; 4]| some[usize::try_from(chance.below(4)).unwrap()];
        Self {
            faults: of(chance, [500, 1_500, 3_000, 6_000]),
            crashes: of(chance, [0, 50, 150, 400]),
            freezes: of(chance, [0, 50, 150, 400]),
            strict: chance.happens(5_000),
            lag: if chance.happens(5_000) { SHOWS } else { 0 },
            policy: Policy { asks_before_undo: chance.happens(1_000), ..Policy::default() },
        }
    }
}
