//! A whole app beside a served world, with one or two accounts at Rev.io set up.

use database::rev_io::{self, AccountEdit};
use database::secret::KeyRing;
use domain::clock::Clock;
use integrations::{HttpClient, HttpSettings};
use secrecy::SecretString;
use simulators::{Fleet, RevAccount, Running, World};
use std::sync::Arc;
use std::time::Duration;
use sync::{AccountReport, Installation, SyncError, SyncSettings, read_account};
use testing::TestApp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) world: World,
    pub(crate) running: Running,
    pub(crate) http: HttpClient,
    pub(crate) settings: SyncSettings,
}

/// Without the limits of life: the pace is tried elsewhere.
fn fast(username: &str) -> RevAccount {
    let mut account = RevAccount::new(username, "canary-password", "canarykey0123456789");
    account.calls_per_minute = 10_000_000;
    account.calls_per_day = 10_000_000;
    account
}

fn timestamp(clock: &Clock) -> jiff::Timestamp {
    clock.now()
}

impl Stage {
    /// The first account has so many customers with so many lines each; the second has as many of the same numbers.
    pub(crate) async fn of(devices: u32, customers: usize, lines: usize) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let app = TestApp::start(devices).await.unwrap();
        let clock = Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap());
        let world = World::new(7, Arc::new(move || timestamp(&clock)));
        let first = fast("api@first").with_example(1, customers, lines);
        let second = fast("api@second").with_example(2, customers.min(20), lines.min(2));
        world.load(Fleet { rev_io: vec![first, second], ..Fleet::default() }).unwrap();
        let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let http = HttpClient::new(HttpSettings { total_timeout: Duration::from_secs(6), ..HttpSettings::default() });
        let settings = SyncSettings {
            hosts: vec!["127.0.0.1".to_owned()],
            longest_wait: Duration::from_millis(300),
            ..SyncSettings::default()
        };
        let stage = Self { app, world, running, http: http.unwrap(), settings };
        // The fixture's own customers are kept by hand and are no account's of this world.
        stage.set_up("Rev.io", "api@first").await;
        stage
            .app
            .database
            .plant("update app.rev_customer set rev_customer_id = 'hand-' || rev_customer_id")
            .await
            .unwrap();
        let second = rev_io::NewAccount {
            id: domain::ids::IntegrationAuthenticationId(stage.app.ids.next()),
            name: "Second".into(),
            base_url: None,
            calls_per_minute: None,
            calls_per_day: None,
        };
        assert!(rev_io::create(&stage.app.ledger, &stage.caller().await, &second).await.unwrap());
        stage.set_up("Second", "api@second").await;
        stage
    }

    pub(crate) async fn caller(&self) -> database::api_key::Caller {
        let (tenant, key) = (self.app.fixture.tenant, self.app.fixture.key_id);
        let rights = database::rights::of(&self.app.ledger, tenant, key).await.unwrap();
        database::api_key::Caller::new(tenant, key, &rights)
    }

    async fn set_up(&self, name: &str, username: &str) {
        let caller = self.caller().await;
        let account = self.account(name).await;
        let edit = AccountEdit {
            base_url: Some(format!("{}/rev-io/v1", self.running.url())),
            calls_per_minute: Some(10_000_000),
            calls_per_day: Some(10_000_000),
            ..AccountEdit::default()
        };
        rev_io::edit(&self.app.ledger, &caller, account.id.0, None, &edit).await.unwrap();
        self.sign_in(account.id.0, username, "canary-password").await;
    }

    pub(crate) async fn sign_in(&self, account: Uuid, username: &str, password: &str) {
        let secrets = [
            ("username", SecretString::from(username)),
            ("password", SecretString::from(password)),
            ("subscription_key", SecretString::from("canarykey0123456789")),
        ];
        let keys: &KeyRing = &self.app.keys;
        let caller = self.caller().await;
        let kept = rev_io::keep_secrets(&self.app.ledger, &caller, (keys, &self.app.ids), account, &secrets);
        assert!(kept.await.unwrap());
    }

    pub(crate) async fn account(&self, name: &str) -> rev_io::Account {
        rev_io::account_named(&self.app.ledger, self.app.fixture.tenant, name).await.unwrap().unwrap()
    }

    /// Reads an account until it is through, or is stopped.
    pub(crate) async fn read(&self, name: &str, stop: &CancellationToken) -> Result<AccountReport, SyncError> {
        let account = self.account(name).await;
        let installation = Installation {
            ledger: &self.app.ledger,
            keys: &self.app.keys,
            http: &self.http,
            clock: Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap()),
        };
        read_account(&installation, self.app.fixture.tenant, &account, &self.settings, stop, |_| {}).await
    }

    pub(crate) async fn read_both(&self) -> Vec<AccountReport> {
        let stop = CancellationToken::new();
        vec![self.read("Rev.io", &stop).await.unwrap(), self.read("Second", &stop).await.unwrap()]
    }

    pub(crate) fn fault(&self, rule: serde_json::Value) {
        let rule = serde_json::from_value(rule).unwrap();
        self.world.faults(|faults| faults.add(rule)).unwrap();
    }

    pub(crate) async fn finish(self) {
        self.running.stop().await;
        self.app.finish().await.unwrap();
    }
}
