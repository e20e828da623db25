//! A running world with a clock that the test moves, a client that knows nothing but HTTP, and a listener.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use simulators::thingspace::{
    Account, Delay, Device, IdKind, Lead, Plan, Pool, PoolType, Profile, Record, State as DeviceState,
};
use simulators::{Fleet, Running, ThingSpaceProfile, World};
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const KEY: &str = "key";
pub(crate) const SECRET: &str = "secret";
pub(crate) const USERNAME: &str = "UWSUSER";
pub(crate) const PASSWORD: &str = "Pass'word<1\\";
pub(crate) const ACCOUNT: &str = "0000123456-00001";
pub(crate) const OTHER_ACCOUNT: &str = "0000123456-00002";
pub(crate) const START: &str = "2026-01-15T12:00:00Z";
/// Far above every delay of the tests.
const A_WHILE: SignedDuration = SignedDuration::from_secs(20);

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) running: Running,
    pub(crate) http: Client,
    pub(crate) bearer: String,
    pub(crate) session: String,
    seconds: Arc<AtomicI64>,
}

/// One account with two plans, a dynamic default pool, a static pool of four addresses.
pub(crate) fn profile() -> ThingSpaceProfile {
    let mut profile = ThingSpaceProfile::new(KEY, SECRET, USERNAME, PASSWORD);
    profile.accounts.push(account(ACCOUNT));
    profile
}

pub(crate) fn account(name: &str) -> Account {
    let mut account = Account::new(name);
    let plan =
        |code: &str| Plan { name: format!("Plan {code}"), code: code.to_owned(), size_kb: 1024, carrier_code: None };
    account.plans = vec![plan("SMALL"), plan("LARGE")];
    account.pools = vec![
        Pool::new("roaming", PoolType::Dynamic, Ipv4Addr::new(100, 64, 0, 0), 1_000).as_default(),
        Pool::new("fixed", PoolType::Static, Ipv4Addr::new(10, 0, 0, 1), 4),
    ];
    let address = json!({
        "addressLine1": "1 Main Street", "city": "Mobile", "state": "AL", "zip": "36602", "country": "US",
    });
    account.leads = vec![Lead { id: "1-0".to_owned(), state: "Qualified".to_owned(), address }];
    account
}

pub(crate) fn iccid(number: usize) -> String {
    format!("8914800000{number:010}")
}

pub(crate) fn imei(number: usize) -> String {
    format!("3500000{number:08}")
}

/// A device of a fleet.
pub(crate) fn record(number: usize, state: DeviceState) -> Record {
    let mut record = Record { account: ACCOUNT.to_owned(), state, ..Record::default() };
    record.ids.extend([(IdKind::Iccid, iccid(number)), (IdKind::Imei, imei(number))]);
    if state.has_line() {
        let mdn = format!("205{number:07}");
        record.ids.extend([(IdKind::Msisdn, format!("1{mdn}")), (IdKind::Mdn, mdn)]);
        record.plan = Some("SMALL".to_owned());
    }
    if state == DeviceState::Suspend {
        record.suspended_at = START.parse().ok();
    }
    record
}

/// A device of a request.
pub(crate) fn device(number: usize) -> Value {
    json!({ "deviceIds": [{ "id": iccid(number), "kind": "ICCID" }, { "id": imei(number), "kind": "imei" }] })
}

impl Stage {
    /// So many devices in a state, signed in.
    pub(crate) async fn with(devices: usize, state: DeviceState) -> Self {
        let mut profile = profile();
        profile.devices.extend((1..=devices).map(|number| record(number, state)));
        Self::of(profile).await
    }

    pub(crate) async fn of(profile: ThingSpaceProfile) -> Self {
        Self::of_all(vec![profile], 1).await
    }

    pub(crate) async fn of_all(profiles: Vec<ThingSpaceProfile>, seed: u64) -> Self {
        let start: Timestamp = START.parse().unwrap();
        let seconds = Arc::new(AtomicI64::new(start.as_second()));
        let clock = Arc::clone(&seconds);
        let now = move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap();
        let world = World::new(seed, Arc::new(now));
        world.load(Fleet { thingspace: profiles, ..Fleet::default() }).unwrap();
        let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        // Plain HTTP needs none, but the client is not built without; a second test finds it already there.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let (bearer, session) = (String::new(), String::new());
        let mut stage = Self { world, running, http, bearer, session, seconds };
        stage.sign_in().await;
        stage
    }

    pub(crate) async fn sign_in(&mut self) {
        let (status, token) = self.token().await;
        assert_eq!(status, 200, "{token}");
        self.bearer = token["access_token"].as_str().unwrap().to_owned();
        let (status, login) = self.log_in(USERNAME, PASSWORD).await;
        assert_eq!(status, 200, "{login}");
        self.session = login["sessionToken"].as_str().unwrap().to_owned();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/thingspace/api{path}", self.running.url())
    }

    pub(crate) async fn token(&self) -> (u16, Value) {
        let call = self.http.post(self.url("/ts/v1/oauth2/token")).basic_auth(KEY, Some(SECRET));
        let form = call.header("content-type", "application/x-www-form-urlencoded");
        told(form.body("grant_type=client_credentials").send().await.unwrap()).await
    }

    pub(crate) async fn log_in(&self, username: &str, password: &str) -> (u16, Value) {
        let call = self.http.post(self.url("/m2m/v1/session/login")).bearer_auth(&self.bearer);
        told(call.json(&json!({ "username": username, "password": password })).send().await.unwrap()).await
    }

    /// A call below `/m2m/v1` in the session.
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(&format!("/m2m/v1{path}"))).bearer_auth(&self.bearer);
        request.header("VZ-M2M-Token", &self.session).header("content-type", "application/json")
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        told(self.call(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        told(self.call(method, path).body(body.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::PUT, path, body).await
    }

    /// Places a request, and says its id.
    pub(crate) async fn order(&self, method: Method, path: &str, body: &Value) -> String {
        let (status, answer) = self.send(method, path, body).await;
        assert_eq!((status, answer.as_object().map(serde_json::Map::len)), (200, Some(1)), "{answer}");
        answer["requestId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn activate(&self, devices: &[Value]) -> String {
        let body = json!({
            "accountName": ACCOUNT, "devices": devices, "servicePlan": "SMALL", "mdnZipCode": "36602",
        });
        self.order(Method::POST, "/devices/actions/activate", &body).await
    }

    pub(crate) async fn change_plan(&self, devices: &[Value], plan: &str) -> String {
        let body = json!({ "accountName": ACCOUNT, "devices": devices, "servicePlan": plan });
        self.order(Method::PUT, "/devices/actions/plan", &body).await
    }

    /// The only device of a list.
    pub(crate) async fn listed(&self, number: usize) -> Value {
        let body = json!({ "deviceId": { "id": iccid(number), "kind": "iccid" } });
        let (status, page) = self.post("/devices/actions/list", &body).await;
        assert_eq!((status, &page["hasMoreData"]), (200, &json!(false)), "{page}");
        page["devices"][0].clone()
    }

    /// State and plan as the list has them.
    pub(crate) async fn state(&self, number: usize) -> (String, Value) {
        let device = self.listed(number).await;
        let carrier = &device["carrierInformations"][0];
        (carrier["state"].as_str().unwrap().to_owned(), carrier["servicePlan"].clone())
    }

    /// A call of the world's own pages.
    pub(crate) async fn own(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.running.url()));
        if let Some(body) = body {
            request = request.json(body);
        }
        told(request.send().await.unwrap()).await
    }

    pub(crate) async fn fault(&self, rule: Value) {
        let (status, answer) = self.own(Method::POST, "/faults", Some(&rule)).await;
        assert_eq!(status, 201, "{answer}");
    }

    /// Waits until nothing is left to be told.
    pub(crate) async fn settles(&self) {
        self.comes_about(|profile| profile.callbacks.left() == 0).await;
    }

    /// Waits until something holds.
    pub(crate) async fn comes_about(&self, holds: impl Fn(&Profile) -> bool) {
        for _ in 0..2_000 {
            if self.profile(|profile| holds(profile)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it did not come about within ten seconds");
    }

    pub(crate) fn pass(&self, duration: SignedDuration) {
        self.seconds.fetch_add(duration.as_secs(), Ordering::SeqCst);
    }

    /// So much that everything that was asked for is done.
    pub(crate) fn pass_a_while(&self) {
        self.pass(A_WHILE);
    }

    /// Stops the world; its clock stays.
    pub(crate) async fn stopped(self) -> Arc<AtomicI64> {
        self.running.stop().await;
        self.seconds
    }

    pub(crate) fn profile<R>(&self, look: impl FnOnce(&mut Profile) -> R) -> R {
        self.world.thingspace(|state| look(state.profile_mut(USERNAME).unwrap()))
    }

    pub(crate) fn device<R>(&self, number: usize, look: impl FnOnce(&Device) -> R) -> R {
        self.profile(|profile| look(profile.devices.iccid(&iccid(number)).unwrap()))
    }

    /// Everything is done at once from now on.
    pub(crate) fn at_once(&self) {
        self.profile(|profile| {
            profile.settings = profile.settings.clone().at_once();
            assert_eq!(Delay::exactly(0.0), Some(profile.settings.delay));
        });
    }

    /// Registers a listener for a service.
    pub(crate) async fn listen(&self, listener: &Listener, service: &str) {
        let body = json!({ "name": service, "url": listener.url, "username": "call", "password": "back" });
        let (status, answer) = self.post(&format!("/callbacks/{ACCOUNT}"), &body).await;
        assert_eq!((status, answer), (200, json!({ "accountName": ACCOUNT, "serviceName": service })));
    }
}

pub(crate) async fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, value)
}

/// Somebody who takes callbacks.
pub(crate) struct Listener {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Bytes>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

type Ear = (Arc<Mutex<Vec<Bytes>>>, Arc<Mutex<VecDeque<u16>>>);

impl Listener {
    pub(crate) async fn start() -> Self {
        let (heard, answers) = (Arc::default(), Arc::default());
        let ear: Ear = (Arc::clone(&heard), Arc::clone(&answers));
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callbacks", socket.local_addr().unwrap());
        let router = Router::new().route("/callbacks", post(hear)).with_state(ear);
        tokio::spawn(async move { axum::serve(socket, router).await });
        Self { url, heard, answers }
    }

    /// The next answers; afterwards 200.
    pub(crate) fn answers(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) fn heard(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap().clone();
        heard.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    /// What was heard once it is so much.
    pub(crate) async fn hears(&self, count: usize) -> Vec<Value> {
        for _ in 0..2_000 {
            let heard = self.heard();
            assert!(heard.len() <= count, "{} instead of {count}: {heard:?}", heard.len());
            if heard.len() == count {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("heard {} of {count}", self.heard().len())
    }

    /// Nothing more is heard for a moment.
    pub(crate) async fn hears_no_more_than(&self, count: usize) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(self.heard().len(), count);
    }
}

async fn hear(State((heard, answers)): State<Ear>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get("content-type").is_none_or(|kind| kind != "application/json") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    heard.lock().unwrap().push(body);
    let answer = answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(answer).unwrap()
}
