//! A whole app beside a served world, with one account at Rev.io, SIMs with numbers, and plans that open and end lines.

use domain::clock::Clock;
use intake::PlannerSettings;
use integrations::billing::rev_io::RevIoSettings;
use integrations::{HttpClient, HttpSettings};
use processing::outside::decide::Policy;
use processing::outside::{Accounts, NoWitness, Outside, OutsideSettings, Place, Witness};
use serde_json::{Value, json};
use simulators::rev_io::Service;
use simulators::{Fleet, RevAccount, Running, ThingSpaceProfile, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testing::{TestApp, TestCluster, iccid};

pub(crate) const USER: &str = "api@first";
pub(crate) const CARRIER_USER: &str = "uws@first";
/// The customers of the world that Acme and Twin are.
pub(crate) const ACME: i64 = 100_000_001;
pub(crate) const OTHER: i64 = 100_000_002;

#[expect(clippy::disallowed_methods, reason = "the world under test runs on the machine's clock")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) world: World,
    pub(crate) running: Running,
    /// How far the worker's clock has been moved on, in minutes.
    minutes: u32,
}

/// Dies once, at one place.
pub(crate) struct DiesOnceAt(pub(crate) Place, AtomicBool);

impl DiesOnceAt {
    pub(crate) fn new(place: Place) -> Arc<Self> {
        Arc::new(Self(place, AtomicBool::new(false)))
    }
}

impl Witness for DiesOnceAt {
    fn dies_at(&self, place: Place) -> bool {
        place == self.0 && !self.1.swap(true, Ordering::SeqCst)
    }
}

/// Calls give up after so long.
pub(crate) const CALL: Duration = Duration::from_millis(700);

pub(crate) fn times() -> OutsideSettings {
    OutsideSettings {
        call_timeout: CALL,
        lease: Duration::from_secs(20),
        settle_for: Duration::from_secs(60),
        policy: Policy::default(),
        ..OutsideSettings::default()
    }
}

impl Stage {
    pub(crate) async fn of(devices: u32) -> Self {
        Self::with(TestApp::start(devices).await.unwrap()).await
    }

    /// On a server that nobody else writes to.
    pub(crate) async fn alone(cluster: &TestCluster, devices: u32) -> Self {
        // Nobody looks after the mirror here.
        let billing_wait = Duration::from_millis(300);
        let settings = PlannerSettings { chunk_rows: 10, page_rows: 25, billing_wait, ..PlannerSettings::default() };
        Self::with(TestApp::start_in(cluster, devices, settings).await.unwrap()).await
    }

    async fn with(mut app: TestApp) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        // What the workers say stands beside a test that fails.
        drop(
            tracing_subscriber::fmt()
                .with_test_writer()
                .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
                .try_init(),
        );
        #[expect(clippy::disallowed_methods, reason = "the world under test runs on the machine's clock")]
        let world = World::new(7, Arc::new(jiff::Timestamp::now));
        let mut account = RevAccount::new(USER, "canary-password", "canarykey0123456789").with_example(1, 4, 0);
        account.calls_per_minute = 10_000_000;
        account.calls_per_day = 10_000_000;
        for customer in &mut account.customers {
            customer.status = Some("OPEN".to_owned());
            customer.close_date = None;
        }
        let carrier = ThingSpaceProfile::new("canary-key", "canary-secret", CARRIER_USER, "canary-password");
        let fleet = Fleet { rev_io: vec![account], thingspace: vec![carrier.with_example(1, 0, Vec::new())] };
        world.load(fleet).unwrap();
        let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = format!("{}/rev-io/v1", running.url());
        for sql in [
            "update app.m2m_device set msisdn = '1555' || substr(iccid, 11, 9)".to_owned(),
            "update app.integration_authentication set calls_per_minute = 10000000, calls_per_day = 10000000, base_url = '".to_owned() + &base + "' where name = 'Rev.io'",
            format!("update app.rev_customer set rev_customer_id = '{ACME}' where customer_name = 'Acme'"),
            format!("update app.rev_customer set rev_customer_id = '{OTHER}' where rev_customer_id = '9000002'"),
            // It was read a moment ago, whatever the clock says: no plan waits for somebody to read it again.
            "insert into app.rev_sync (tenant_id, integration_authentication_id, resource, started_at, ended_at, mirrored_at)
             select a.tenant_id, a.id, r, now(), now(), now() + interval '10 years'
             from app.integration_authentication a, unnest(array['customers', 'services', 'service_products']) as r where a.name = 'Rev.io'"
                .to_owned(),
            // What is sold there, as it was read.
            "insert into app.rev_provider (tenant_id, integration_authentication_id, rev_provider_id, description, is_active)
             select tenant_id, id, 1, 'Verizon Wireless', true from app.integration_authentication where name = 'Rev.io';
             insert into app.rev_service_type (tenant_id, integration_authentication_id, rev_service_type_id, description, is_active)
             select tenant_id, id, 1, 'Wireless', true from app.integration_authentication where name = 'Rev.io';
             insert into app.rev_product (tenant_id, integration_authentication_id, rev_product_id, description, rev_provider_id, rate, is_active)
             select tenant_id, id, n, 'Product ' || n, 1, n, true from app.integration_authentication, generate_series(1, 2) as n where name = 'Rev.io';
             insert into app.rev_package (tenant_id, integration_authentication_id, rev_package_id, description, rev_provider_id, rev_service_type_id, is_active)
             select tenant_id, id, 1, 'IoT starter', 1, 1, true from app.integration_authentication where name = 'Rev.io'"
                .to_owned(),
        ] {
            app.database.plant(&sql).await.unwrap();
        }
        let secrets =
            json!({"username": USER, "password": "canary-password", "subscription_key": "canarykey0123456789"});
        let accounts = app.get("/integration-authentications").await.unwrap().json;
        let id = accounts["items"][0]["id"].as_str().unwrap().to_owned();
        let kept = app.post(&format!("/integration-authentications/{id}/credentials"), &secrets).await.unwrap();
        assert!(kept.status.is_success(), "{}", kept.json);
        let http = HttpSettings { connect_timeout: CALL / 2, total_timeout: CALL, ..HttpSettings::default() };
        let accounts = Accounts::new(
            Some(Arc::clone(&app.keys)),
            HttpClient::new(http).unwrap(),
            Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap()),
            vec!["127.0.0.1".to_owned()],
            RevIoSettings::default(),
        );
        let accounts = accounts.with_carriers(vec!["127.0.0.1".to_owned()], app.ids.clone());
        app.outside = Some(Outside {
            ledger: app.ledger.clone(),
            accounts: Arc::new(accounts),
            settings: times(),
            worker: "worker:test".to_owned(),
            witness: Arc::new(NoWitness),
        });
        Self { app, world, running, minutes: 0 }
    }

    pub(crate) fn outside(&mut self) -> &mut Outside {
        self.app.outside.as_mut().unwrap()
    }

    pub(crate) fn fault(&self, rule: Value) {
        let rule = serde_json::from_value(rule).unwrap();
        self.world.faults(|faults| faults.add(rule)).unwrap();
    }

    /// Plans that these SIMs go to Acme with a line of two products each. The plan's id.
    pub(crate) async fn plan_to_open(&self, places: std::ops::Range<u32>) -> Value {
        let plan = self.plan(&json!({}), places.clone()).await;
        assert_eq!(plan["counts"]["change"], places.len(), "{plan}");
        plan["id"].clone()
    }

    /// The same with more asked for.
    pub(crate) async fn plan(&self, extra: &Value, places: std::ops::Range<u32>) -> Value {
        let devices: Vec<String> = places.map(iccid).collect();
        let mut asked = json!({"create_rev_service": true, "rev_provider": 1, "service_type": 1, "products": [1, 2],
            "rates": ["1.25", "2.50"], "prorate": true});
        asked.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let plan = self.app.plan("Acme", &asked, &devices).await.unwrap();
        assert_eq!(plan.status, 201, "{}", plan.json);
        plan.json
    }

    pub(crate) async fn apply(&self, plan: &Value) {
        let applied = self.app.post("/bulk-changes", &json!({ "plan_id": plan })).await.unwrap();
        assert_eq!(applied.status, 202, "{}", applied.json);
    }

    /// Works, moves the clock on, and works again, until nothing is due that time alone brings. The change then.
    pub(crate) async fn work_to_rest(&mut self, change: &Value) -> Value {
        for _ in 0..40 {
            self.minutes += 2;
            self.app.work_after(&format!("{} minutes", self.minutes)).await.unwrap();
            let left = self
                .app
                .database
                .number(
                    "select (select count(*) from app.due_work where sweeps is null and due_at < 'infinity')
                             + (select count(*) from app.bulk_change_chunk where state in ('READY', 'RUNNING'))",
                )
                .await
                .unwrap();
            if left == 0 {
                let id = change.as_str().unwrap();
                return self.app.get(&format!("/bulk-changes/{id}")).await.unwrap().json;
            }
        }
        unreachable!("the change does not come to rest");
    }

    /// Works, after so many more minutes.
    pub(crate) async fn work_later(&mut self, minutes: u32) {
        self.minutes += minutes;
        self.app.work_after(&format!("{} minutes", self.minutes)).await.unwrap();
    }

    /// How many rows of a change are in this state.
    pub(crate) async fn rows_in(&self, change: &Value, status: &str) -> usize {
        let rows = self.app.rows("bulk-changes", change).await.unwrap();
        rows.iter().filter(|row| row["status"] == status).count()
    }

    /// Lets a day and more go by: every sweep is made.
    pub(crate) async fn sweep(&mut self) {
        for _ in 0..4 {
            self.minutes += 24 * 60;
            self.app.work_after(&format!("{} minutes", self.minutes)).await.unwrap();
        }
    }

    /// The lines in force at Rev.io, by number.
    pub(crate) fn lines(&self) -> BTreeMap<String, Vec<Service>> {
        let mut lines: BTreeMap<String, Vec<Service>> = BTreeMap::new();
        self.world.rev_io(|state| {
            let account = state.account(USER).unwrap();
            for line in account.services.iter().filter(|line| line.disconnected_date.is_none()) {
                lines.entry(line.number.clone().unwrap_or_default()).or_default().push(line.clone());
            }
        });
        lines
    }

    /// The products in force on a line: product and rate.
    pub(crate) fn products(&self, line: i64) -> Vec<(i64, String)> {
        self.world.rev_io(|state| {
            let account = state.account(USER).unwrap();
            let on_line = account.service_products.iter().filter(|product| product.service_id == Some(line));
            let mut found: Vec<_> = on_line
                .filter(|product| product.status.as_deref() != Some("DISCONNECTED"))
                .map(|product| {
                    (product.product_id, product.rate.map_or_else(String::new, |rate| format!("{:.2}", rate.0)))
                })
                .collect();
            found.sort();
            found
        })
    }

    /// Every row agrees with the world: PROCESSED has exactly one line with exactly its products, FAILED and the like have none.
    pub(crate) async fn agrees(&self, change: &Value) {
        let rows = self.app.rows("bulk-changes", change).await.unwrap();
        assert!(!rows.is_empty());
        let lines = self.lines();
        for row in rows {
            let iccid = row["iccid"].as_str().unwrap();
            let ours: Vec<&Service> = lines
                .values()
                .flatten()
                .filter(|line| line.number2.as_deref() == Some(iccid) && line.customer_id == ACME)
                .collect();
            match row["status"].as_str().unwrap() {
                "PROCESSED" => {
                    assert_eq!(ours.len(), 1, "{row}");
                    let wanted = vec![(1, "1.25".to_owned()), (2, "2.50".to_owned())];
                    assert_eq!(self.products(ours[0].service_id), wanted, "{row}");
                }
                "NEEDS_ATTENTION" => {}
                _ => assert!(ours.is_empty(), "{row}: {ours:?}"),
            }
        }
    }

    pub(crate) async fn finish(self) {
        self.running.stop().await;
        self.app.finish().await.unwrap();
    }
}
