//! The state of everything outside, and the clock and the seed it was given.

use crate::faults::Faults;
use crate::fleet::{Fleet, FleetError};
use crate::ledger::Ledger;
use crate::rev_io::RevIo;
use crate::thingspace::{Sending, ThingSpace};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Where "now" comes from. A test passes one that it moves itself.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The outside. Cloning gives another handle on the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Clock,
    random: Mutex<StdRng>,
    rev_io: Mutex<RevIo>,
    thingspace: Mutex<ThingSpace>,
    /// Tells whoever sends callbacks that one may be due.
    due: Notify,
    faults: Mutex<Faults>,
    ledger: Mutex<Ledger>,
}

impl World {
    /// An empty world. The same seed, clock and calls in the same order give the same answers.
    #[must_use]
    pub fn new(seed: u64, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            rev_io: Mutex::new(RevIo::default()),
            thingspace: Mutex::new(ThingSpace::new(seed)),
            due: Notify::new(),
            faults: Mutex::new(Faults::default()),
            ledger: Mutex::new(Ledger::default()),
        }))
    }

    /// Puts a fleet's accounts and objects into the world, beside those that are there.
    ///
    /// # Errors
    /// If an account's user name is taken or an id is given twice; then nothing was added to that provider.
    pub fn load(&self, fleet: Fleet) -> Result<(), FleetError> {
        let now = self.now();
        self.rev_io(|state| state.load(fleet.rev_io, now))?;
        self.thingspace(|state| state.load(fleet.thingspace, now))
    }

    /// Looks at Rev.io's accounts from inside the process, and may change them; calls wait meanwhile.
    pub fn rev_io<R>(&self, look: impl FnOnce(&mut RevIo) -> R) -> R {
        look(&mut open(&self.0.rev_io))
    }

    /// Looks at ThingSpace's profiles from inside the process, and may change them; calls wait meanwhile. What is due by the
    /// world's clock is done first.
    pub fn thingspace<R>(&self, look: impl FnOnce(&mut ThingSpace) -> R) -> R {
        let now = self.now();
        let looked = {
            let mut state = open(&self.0.thingspace);
            state.settle(self, now);
            look(&mut state)
        };
        self.0.due.notify_waiters();
        looked
    }

    /// The callbacks that are to be sent now; they count as under way.
    pub(crate) fn due_callbacks(&self) -> Vec<Sending> {
        let now = self.now();
        let mut state = open(&self.0.thingspace);
        state.settle(self, now);
        state.sendings(now)
    }

    /// Whether a callback, or what leads to one, is left.
    pub(crate) fn has_callbacks_left(&self) -> bool {
        let state = open(&self.0.thingspace);
        state.profiles().iter().any(|profile| profile.callbacks.left() > 0 || profile.requests.is_busy())
    }

    /// Waits until somebody has changed something.
    pub(crate) async fn callbacks_may_be_due(&self) {
        self.0.due.notified().await;
    }

    /// The rules of what goes wrong. They must not be asked for inside [`World::faults`] itself.
    pub fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        look(&mut open(&self.0.faults))
    }

    /// What was called.
    pub fn ledger<R>(&self, look: impl FnOnce(&mut Ledger) -> R) -> R {
        look(&mut open(&self.0.ledger))
    }

    /// The world's present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// The next number of the seed's sequence, from 0 up to but not 1.
    pub(crate) fn chance(&self) -> f64 {
        open(&self.0.random).random::<f64>()
    }
}

/// A handler that died while it held the lock leaves state that is still worth looking at.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
