//! A whole app beside a served ThingSpace.

use database::carrier::{self, CarrierAccountEdit};
use domain::clock::Clock;
use domain::ids::ServiceProviderId;
use integrations::{HttpClient, HttpSettings};
use secrecy::SecretString;
use simulators::thingspace::{IdKind, Profile};
use simulators::{Fleet, Running, ThingSpaceProfile, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync::{FleetReport, Installation, Registered, SyncError, SyncSettings, read_fleet, register_callbacks};
use testing::TestApp;
use tokio_util::sync::CancellationToken;

pub(crate) const USER: &str = "uws@fleet";

pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) world: World,
    pub(crate) running: Running,
    pub(crate) settings: SyncSettings,
    http: HttpClient,
}

/// What the carrier and the ledger both say of a SIM: its status and its number.
pub(crate) type Said = (String, Option<String>);

impl Stage {
    /// The carrier has so many devices; the ledger's first service provider, none of them.
    pub(crate) async fn of(devices: usize) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let app = TestApp::start(0).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "the world under test runs on the machine's clock")]
        let world = World::new(7, Arc::new(jiff::Timestamp::now));
        let mut profile = ThingSpaceProfile::new("canary-key", "canary-secret", USER, "canary-password");
        profile = profile.with_example(1, devices, Vec::new());
        world.load(Fleet { thingspace: vec![profile], ..Fleet::default() }).unwrap();
        let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let settings = SyncSettings {
            carrier_hosts: vec!["127.0.0.1".to_owned()],
            longest_wait: Duration::from_millis(200),
            ..SyncSettings::default()
        };
        // The fixture's own devices are another carrier's list.
        app.database.plant("update app.m2m_device set is_archived = true").await.unwrap();
        let http = HttpClient::new(HttpSettings { total_timeout: Duration::from_secs(6), ..HttpSettings::default() });
        let stage = Self { app, world, running, settings, http: http.unwrap() };
        stage.set_up("canary-password").await;
        stage
    }

    pub(crate) fn provider(&self) -> ServiceProviderId {
        self.app.fixture.provider
    }

    pub(crate) async fn set_up(&self, password: &str) {
        let (tenant, key) = (self.app.fixture.tenant, self.app.fixture.key_id);
        let rights = database::rights::of(&self.app.ledger, tenant, key).await.unwrap();
        let caller = database::api_key::Caller::new(tenant, key, &rights);
        let account_name = self.world.thingspace(|state| state.profile(USER).unwrap().accounts[0].name.clone());
        let edit = CarrierAccountEdit {
            base_url: Some(format!("{}/thingspace/api", self.running.url())),
            account_name: Some(account_name),
            calls_per_minute: Some(1_000_000),
            calls_per_day: Some(1_000_000),
            paused: Some(false),
        };
        let kept = carrier::keep(&self.app.ledger, &caller, self.provider(), None, &edit).await.unwrap();
        assert!(matches!(kept, carrier::Kept::Made | carrier::Kept::Changed), "{kept:?}");
        let secrets = [
            ("key", SecretString::from("canary-key")),
            ("secret", SecretString::from("canary-secret")),
            ("username", SecretString::from(USER)),
            ("password", SecretString::from(password)),
        ];
        let kept = carrier::keep_secrets(
            &self.app.ledger,
            &caller,
            (&self.app.keys, &self.app.ids),
            self.provider(),
            &secrets,
        );
        assert!(kept.await.unwrap());
    }

    pub(crate) async fn read(&self, stop: &CancellationToken) -> Result<FleetReport, SyncError> {
        let installation = Installation {
            ledger: &self.app.ledger,
            keys: &self.app.keys,
            http: &self.http,
            clock: Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap()),
        };
        let tenant = self.app.fixture.tenant;
        let account = carrier::get(&self.app.ledger, tenant, self.provider()).await.unwrap().unwrap();
        read_fleet(&installation, &self.app.ids, (tenant, &account), &self.settings, stop, |_| {}).await
    }

    /// Looks after where the carrier calls back, below this address.
    pub(crate) async fn register(&self, public_url: &str, at_once: bool) -> Result<Registered, SyncError> {
        let installation = Installation {
            ledger: &self.app.ledger,
            keys: &self.app.keys,
            http: &self.http,
            clock: Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap()),
        };
        let tenant = self.app.fixture.tenant;
        let account = carrier::get(&self.app.ledger, tenant, self.provider()).await.unwrap().unwrap();
        let (whose, stop) = ((tenant, &account), CancellationToken::new());
        register_callbacks(&installation, &self.app.ids, whose, (public_url, at_once), &self.settings, &stop).await
    }

    /// Everything that the carrier has is listed, and whoever did it is gone before it asks for what is missing.
    pub(crate) async fn list_and_leave(&self) {
        let (ledger, tenant) = (&self.app.ledger, self.app.fixture.tenant);
        let account = carrier::get(ledger, tenant, self.provider()).await.unwrap().unwrap();
        let of_account = format!("{} {}", account.base_url, account.account_name);
        let taken = carrier::claim(ledger, tenant, (self.provider(), &of_account), 60.0).await.unwrap();
        let mut reading = taken.unwrap();
        let read = |(iccid, (status, msisdn)): (String, Said)| carrier::ReadDevice {
            iccid,
            msisdn,
            status: Some(status),
            ..carrier::ReadDevice::default()
        };
        let there: Vec<carrier::ReadDevice> = self.there().into_iter().map(read).collect();
        carrier::keep_page(ledger, &self.app.ids, &mut reading, (&there, 0), None, 60.0).await.unwrap();
        carrier::release(ledger, &reading).await.unwrap();
    }

    /// Reads to the end.
    pub(crate) async fn read_whole(&self) -> carrier::Progress {
        self.read(&CancellationToken::new()).await.unwrap().reading
    }

    pub(crate) fn fault(&self, rule: serde_json::Value) {
        let rule = serde_json::from_value(rule).unwrap();
        self.world.faults(|faults| faults.add(rule)).unwrap();
    }

    pub(crate) fn profile<R>(&self, change: impl FnOnce(&mut Profile) -> R) -> R {
        self.world.thingspace(|state| change(state.profile_mut(USER).unwrap()))
    }

    /// What the ledger has that is not in the archive, by ICCID.
    pub(crate) async fn here(&self) -> BTreeMap<String, Said> {
        let mut here = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let list = self.app.get(&format!("/devices?limit=500{cursor}")).await.unwrap().json;
            for device in list["items"].as_array().unwrap().iter().filter(|device| device["archived"] == false) {
                let text = |field: &str| device[field].as_str().map(str::to_owned);
                here.insert(text("iccid").unwrap(), (text("status").unwrap(), text("msisdn")));
            }
            match list["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return here,
            }
        }
    }

    /// What the carrier has, by ICCID.
    pub(crate) fn there(&self) -> BTreeMap<String, Said> {
        self.profile(|profile| {
            let devices = profile.devices.iter();
            devices
                .filter_map(|device| {
                    let record = &device.record;
                    let number = record.id_of(IdKind::Msisdn).or_else(|| record.id_of(IdKind::Mdn));
                    let said = (record.state.word().to_owned(), number.map(str::to_owned));
                    Some((record.id_of(IdKind::Iccid)?.to_owned(), said))
                })
                .collect()
        })
    }

    pub(crate) async fn finish(self) {
        self.running.stop().await;
        self.app.finish().await.unwrap();
    }
}
