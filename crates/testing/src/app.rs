//! A whole app on a real port and a real database, driven over HTTP as a client would.

use crate::cluster::{TestCluster, TestDatabase};
use crate::fixture::Fixture;
use anyhow::{Result, ensure};
use database::Ledger;
use database::person::session::SessionLimits;
use database::proof::broken_invariants;
use database::secret::KeyRing;
use domain::api_key::ApiKey;
use domain::clock::Clock;
use domain::ids::Ids;
use intake::{Planner, PlannerSettings, Spool};
use integrations::notify::{Notifier, NotifySettings, system_lookup};
use processing::outside::{Outside, carry_out};
use processing::{Outcome, Retry, Telling, apply_due, carriers, settle};
use queue::{Job, next_job, next_outside};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How people sign in to a test's app: as they do by default.
#[must_use]
pub fn people_settings(public_url: Option<&str>) -> web::PeopleSettings {
    web::PeopleSettings {
        limits: SessionLimits { idle: Duration::from_secs(30 * 60), absolute: Duration::from_secs(12 * 60 * 60) },
        public_url: public_url.map(str::to_owned),
        own_url: "http://127.0.0.1".to_owned(),
        proxies: 0,
    }
}

async fn serve(door: web::App) -> Result<(String, tokio::task::JoinHandle<()>)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = web::router(door).into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move {
        drop(axum::serve(listener, service).await);
    });
    Ok((url, serving))
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The body, if it is JSON.
    pub json: Value,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
}

/// A whole app.
#[derive(Debug)]
pub struct TestApp {
    /// Its database.
    pub database: TestDatabase,
    /// Its ledger.
    pub ledger: Ledger,
    /// What seals its secrets.
    pub keys: Arc<KeyRing>,
    /// The world in it.
    pub fixture: Fixture,
    /// Its ids.
    pub ids: Ids,
    /// How its worker carries out what is due outside; none: it does not.
    pub outside: Option<Outside>,
    url: String,
    http: reqwest::Client,
    serving: tokio::task::JoinHandle<()>,
    door: web::App,
    _spool: tempfile::TempDir,
}

impl TestApp {
    /// A world with this many plain devices, and chunks of ten rows.
    ///
    /// # Errors
    /// PostgreSQL does not start or answer.
    pub async fn start(devices: u32) -> Result<Self> {
        // Nobody reads Rev.io in most tests: plans do not wait for it for long.
        let billing_wait = Duration::from_secs(5);
        let settings = PlannerSettings { chunk_rows: 10, page_rows: 25, billing_wait, ..PlannerSettings::default() };
        Self::start_with(devices, settings, Duration::from_secs(60)).await
    }

    /// The same with other sizes, and another wait for a plan before an answer is 202.
    ///
    /// # Errors
    /// PostgreSQL does not start or answer.
    pub async fn start_with(devices: u32, settings: PlannerSettings, plan_wait: Duration) -> Result<Self> {
        Self::start_at(devices, settings, plan_wait, None, web::Limits::new(0, 0), &[]).await
    }

    /// The same, where webhooks may be at these hosts and ports, too.
    ///
    /// # Errors
    /// PostgreSQL does not start or answer.
    pub async fn start_telling(devices: u32, webhook_hosts: &[String]) -> Result<Self> {
        let settings = PlannerSettings { chunk_rows: 10, page_rows: 25, ..PlannerSettings::default() };
        let limits = web::Limits::new(0, 0);
        Self::start_at(devices, settings, Duration::from_secs(60), None, limits, webhook_hosts).await
    }

    /// A world in a cluster of the caller's own, as a bench has that waits for the disk.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn start_in(cluster: &TestCluster, devices: u32, settings: PlannerSettings) -> Result<Self> {
        let database = TestDatabase::new_in(cluster).await?;
        Self::start_on(database, devices, settings, Duration::from_secs(60), (None, web::Limits::new(0, 0)), &[]).await
    }

    /// A small world in which a key may ask so many times a second, after a burst of so many.
    ///
    /// # Errors
    /// PostgreSQL does not start or answer.
    pub async fn start_limited(per_second: u32, burst: u32) -> Result<Self> {
        let limits = web::Limits::new(per_second, burst);
        Self::start_at(0, PlannerSettings::default(), Duration::from_secs(60), None, limits, &[]).await
    }

    /// A small world whose clock says this moment now, and runs on from there.
    ///
    /// # Errors
    /// PostgreSQL does not start or answer.
    pub async fn start_at_moment(devices: u32, moment: &str) -> Result<Self> {
        let settings = PlannerSettings { chunk_rows: 10, page_rows: 25, ..PlannerSettings::default() };
        // Tests ask as fast as they can.
        Self::start_at(devices, settings, Duration::from_secs(60), Some(moment), web::Limits::new(0, 0), &[]).await
    }

    async fn start_at(
        devices: u32,
        settings: PlannerSettings,
        plan_wait: Duration,
        moment: Option<&str>,
        limits: web::Limits,
        webhook_hosts: &[String],
    ) -> Result<Self> {
        Self::start_on(TestDatabase::new().await?, devices, settings, plan_wait, (moment, limits), webhook_hosts).await
    }

    async fn start_on(
        database: TestDatabase,
        devices: u32,
        settings: PlannerSettings,
        plan_wait: Duration,
        (moment, limits): (Option<&str>, web::Limits),
        webhook_hosts: &[String],
    ) -> Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        #[expect(clippy::disallowed_methods, reason = "the app under test runs on the machine's clock")]
        let clock = Clock::from_fn(jiff::Timestamp::now);
        let ids = Ids::new(clock, [42; 32]);
        let fixture = Fixture::make(database.server(), &ids, devices).await?;
        let mut server = database.server().clone();
        if let Some(moment) = moment {
            #[expect(clippy::disallowed_methods, reason = "how far the wanted moment is from the machine's")]
            let ahead = moment.parse::<jiff::Timestamp>()?.duration_since(jiff::Timestamp::now());
            server = server.clock_offset(&format!("{} microseconds", ahead.as_micros()));
        }
        let ledger = Ledger::new(server);
        database::migrate::months_ahead(&ledger).await?;
        let folder = tempfile::tempdir()?;
        let spool = Spool::open(folder.path().to_owned(), 64 * 1024 * 1024).await?;
        let planner = Planner::new(ledger.clone(), ids.clone(), settings, spool.clone()).with_carriers(carriers());
        let keys = Arc::new(KeyRing::read(&KeyRing::new_key(&ids))?);
        let rev_io_hosts = Arc::new(["127.0.0.1".to_owned(), "api.revioapi.com".to_owned()]);
        let people = web::People::new(people_settings(None), web::SetUp::default(), &ids);
        let door = web::App {
            ledger: ledger.clone(),
            planner,
            spool,
            ids: ids.clone(),
            plan_wait,
            limits,
            keys: Some(Arc::clone(&keys)),
            rev_io_hosts,
            carrier_hosts: Arc::new(["127.0.0.1".to_owned(), "thingspace.verizon.com".to_owned()]),
            webhook_hosts: webhook_hosts.into(),
            people,
        };
        let (url, serving) = serve(door.clone()).await?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { keys, database, ledger, fixture, ids, outside: None, url, http, serving, door, _spool: folder })
    }

    /// Another door to the same ledger, as another process or another setting would be. Serves until the process ends.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn another_door(&self, change: impl FnOnce(&mut web::App)) -> Result<String> {
        let mut door = self.door.clone();
        change(&mut door);
        Ok(serve(door).await?.0)
    }

    /// A door whose clock is ahead by this interval, such as `31 minutes`.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn later_door(&self, interval: &str) -> Result<String> {
        let later = Ledger::new(self.ledger.server().later_by(interval));
        self.another_door(|door| door.ledger = later).await
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request with the first tenant's key.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path).bearer_auth(self.fixture.key.reveal())
    }

    /// A request below `/api/v1` with another key, and JSON if any is given.
    ///
    /// # Errors
    /// No answer came.
    pub async fn send_as(&self, key: &ApiKey, method: Method, path: &str, json: Option<&Value>) -> Result<Answer> {
        let request = self.anonymous(method, &format!("/api/v1{path}")).bearer_auth(key.reveal());
        self.send(if let Some(json) = json { request.json(json) } else { request }).await
    }

    /// A request without a key.
    pub fn anonymous(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Sends it.
    ///
    /// # Errors
    /// No answer came.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        Ok(Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    /// GETs below `/api/v1`.
    ///
    /// # Errors
    /// No answer came.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, &format!("/api/v1{path}"))).await
    }

    /// POSTs JSON below `/api/v1`.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post(&self, path: &str, json: &Value) -> Result<Answer> {
        self.send(self.request(Method::POST, &format!("/api/v1{path}")).json(json)).await
    }

    /// A request for a plan at Verizon, with these extra fields.
    #[must_use]
    pub fn asking(&self, customer: &str, extra: &Value) -> Value {
        let mut request =
            json!({"change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": customer});
        if let (Some(fields), Some(extra)) = (request.as_object_mut(), extra.as_object()) {
            fields.extend(extra.clone());
        }
        request
    }

    /// Plans these devices.
    ///
    /// # Errors
    /// No answer came.
    pub async fn plan(&self, customer: &str, extra: &Value, devices: &[String]) -> Result<Answer> {
        let mut request = self.asking(customer, extra);
        request["devices"] = json!(devices);
        self.post("/plans", &request).await
    }

    /// Plans this file.
    ///
    /// # Errors
    /// No answer came.
    pub async fn plan_file(&self, customer: &str, extra: &Value, file: impl Into<Vec<u8>>) -> Result<Answer> {
        let form = Form::new()
            .part("request", Part::text(self.asking(customer, extra).to_string()))
            .part("devices", Part::bytes(file.into()).file_name("devices.csv"));
        self.send(self.request(Method::POST, "/api/v1/plans").multipart(form)).await
    }

    /// Plans these devices, applies the plan and works until nothing is left; the change as it ended.
    ///
    /// # Errors
    /// A step was refused, or no answer came.
    pub async fn carry_out(&self, customer: &str, extra: &Value, devices: &[String]) -> Result<Value> {
        let plan = self.plan(customer, extra, devices).await?;
        ensure!(plan.status == StatusCode::CREATED, "{}", plan.json);
        let applied = self.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await?;
        ensure!(applied.status == StatusCode::ACCEPTED, "{}", applied.json);
        self.work().await?;
        let id = plan.json["id"].as_str().unwrap_or_default();
        Ok(self.get(&format!("/bulk-changes/{id}")).await?.json)
    }

    /// Works until nothing is due. Answers how many chunks were settled, or applied on their date, and claims carried on.
    ///
    /// # Errors
    /// The database does not answer, or a chunk was not done.
    pub async fn work(&self) -> Result<u32> {
        self.work_through(&self.ledger).await
    }

    /// The same as a worker would at another time, by an interval such as `25 hours`. The app's own clock stands where it was.
    ///
    /// # Errors
    /// The database does not answer, or a chunk was not done.
    pub async fn work_after(&self, interval: &str) -> Result<u32> {
        let later = Ledger::new(self.ledger.server().later_by(interval));
        database::migrate::months_ahead(&later).await?;
        let chunks = self.work_through(&later).await;
        later.close().await;
        chunks
    }

    /// What a worker tells webhooks with, which may be at these hosts and ports, too.
    ///
    /// # Errors
    /// The process has no TLS.
    pub fn telling(&self, webhook_hosts: &[String]) -> Result<Telling> {
        #[expect(clippy::disallowed_methods, reason = "the app under test runs on the machine's clock")]
        let clock = Clock::from_fn(jiff::Timestamp::now);
        let notifier = Notifier::new(NotifySettings::default(), webhook_hosts.into(), clock, system_lookup())?;
        Ok(Telling { ledger: self.ledger.clone(), keys: Arc::clone(&self.keys), notifier, ids: self.ids.clone() })
    }

    /// The rows of a plan or a change.
    ///
    /// # Errors
    /// No answer came.
    pub async fn rows(&self, of: &str, id: &Value) -> Result<Vec<Value>> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let id = id.as_str().unwrap_or_default();
            let page = self.get(&format!("/{of}/{id}/rows?limit=100&cursor={cursor}")).await?;
            ensure!(page.status == StatusCode::OK, "{}", page.json);
            rows.extend(page.json["items"].as_array().cloned().unwrap_or_default());
            match page.json["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return Ok(rows),
            }
        }
    }

    /// Ends the test: every invariant holds, and no work is left.
    ///
    /// # Errors
    /// One does not hold.
    pub async fn finish(self) -> Result<()> {
        let broken = broken_invariants(self.database.server()).await?;
        ensure!(broken.is_empty(), "{broken:?}");
        let left = self
            .database
            .number("select count(*) from app.bulk_change_chunk where state in ('READY', 'RUNNING')")
            .await?;
        ensure!(left == 0, "{left} chunks are left to do");
        self.serving.abort();
        self.ledger.close().await;
        Ok(())
    }

    async fn work_through(&self, ledger: &Ledger) -> Result<u32> {
        let mut jobs = 0;
        let retry = Retry { tries: 5, first_wait: Duration::from_millis(5), lease: Duration::from_secs(30) };
        let outside = self.outside.as_ref().map(|outside| Outside { ledger: ledger.clone(), ..outside.clone() });
        loop {
            let mut job = next_job(ledger, Duration::from_secs(30), jobs % 2 == 0).await?;
            if let (None, Some(outside)) = (&job, &outside) {
                job = next_outside(ledger, &self.ids, outside.settings.lease).await?;
            }
            match (job, &outside) {
                (None, _) => return Ok(jobs),
                (Some(Job::Chunk(claim)), _) => {
                    let outcome = settle(ledger, &claim, "worker:test", retry, &mut StdRng::seed_from_u64(1)).await;
                    ensure!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
                }
                (Some(Job::Due(due)), _) => ensure!(apply_due(ledger, &due, "worker:test").await.is_some(), "{due:?}"),
                (Some(Job::Outside(claim)), Some(outside)) => {
                    // What it could not do is due again, and this goes on with it.
                    carry_out(outside, &claim, &CancellationToken::new()).await;
                }
                (Some(Job::Outside(_)), None) => {}
            }
            jobs += 1;
        }
    }
}
