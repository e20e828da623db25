//! A simulated Rev.io and a client of it.

use domain::clock::Clock;
use integrations::billing::rev_io::{Account, Inferred, RevIo, RevIoSettings};
use integrations::{HttpClient, HttpSettings, Permit};
use secrecy::SecretString;
use simulators::faults::{Fault, Rule};
use simulators::ledger::Entry;
use simulators::{Fleet, Running, World};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const USERNAME: &str = "api@example";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const NOW: &str = "2026-01-15T12:00:00Z";

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) rev_io: RevIo,
    running: Running,
}

/// Long enough for a busy machine, for what is not about time.
pub(crate) fn patient() -> HttpSettings {
    HttpSettings { total_timeout: Duration::from_secs(20), ..HttpSettings::default() }
}

/// For what is to run out of time.
pub(crate) fn hasty() -> HttpSettings {
    HttpSettings {
        connect_timeout: Duration::from_millis(200),
        total_timeout: Duration::from_millis(400),
        ..HttpSettings::default()
    }
}

pub(crate) fn http(settings: HttpSettings) -> HttpClient {
    drop(rustls::crypto::ring::default_provider().install_default());
    HttpClient::new(settings).unwrap()
}

pub(crate) fn clock() -> Clock {
    Clock::fixed(NOW.parse().unwrap())
}

pub(crate) fn account(base_url: &str) -> Account {
    Account {
        base_url: base_url.to_owned(),
        username: USERNAME.to_owned(),
        password: SecretString::from(PASSWORD),
        subscription_key: Some(SecretString::from(KEY)),
    }
}

/// A client of whatever listens there.
pub(crate) fn client(base_url: &str, settings: HttpSettings) -> RevIo {
    believing(base_url, settings, Inferred::default())
}

/// A client that believes other things of Rev.io.
pub(crate) fn believing(base_url: &str, settings: HttpSettings, inferred: Inferred) -> RevIo {
    let believed = RevIoSettings { inferred, ..RevIoSettings::default() };
    RevIo::new(&http(settings), account(base_url), believed, clock()).unwrap()
}

pub(crate) fn permit() -> Permit {
    Permit::granted()
}

impl Stage {
    pub(crate) async fn new(settings: HttpSettings) -> Self {
        let world = World::new(1, Arc::new(|| NOW.parse().unwrap()));
        world.load(Fleet::example(1, 5, 3)).unwrap();
        let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let rev_io = client(&format!("{}/rev-io/v1", running.url()), settings);
        Self { world, rev_io, running }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/rev-io/v1", self.running.url())
    }

    /// All calls from here on end so.
    pub(crate) fn spoil(&self, fault: Fault) {
        self.world.faults(|faults| faults.add(Rule::new("rev-io", fault)).unwrap());
    }

    pub(crate) fn calls(&self) -> Vec<Entry> {
        self.world.ledger(|ledger| ledger.entries().cloned().collect())
    }

    /// The one call that reached the provider.
    pub(crate) fn only_call(&self) -> Entry {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:#?}");
        calls.remove(0)
    }

    /// Waits until nothing of it runs any more.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}
