//! A simulated ThingSpace, whose clock the test moves, and a carrier that is signed in to it.

use domain::clock::Clock;
use integrations::answer::{Answer, Outcome, Postponed};
use integrations::carriers::meaning::{Asked, Before, Meaning, meaning};
use integrations::carriers::thingspace::{Inferred, ThingSpace, ThingSpaceAccount, ThingSpaceSettings};
use integrations::carriers::{
    Batch, CallbackWord, Carrier, Change, Device, DeviceRef, NaturalKey, PlanChange, SignIn, Taken,
};
use integrations::{HttpClient, HttpSettings, Permit};
use jiff::{SignedDuration, Timestamp};
use simulators::faults::{Fault, Rule, When};
use simulators::thingspace::{Account, IdKind, Plan, Pool, PoolType, Profile, Record, State};
use simulators::{Fleet, Running, ThingSpaceProfile, World};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub(crate) const ACCOUNT: &str = "0000123456-00001";
const KEY: &str = "key-of-the-application";
const SECRET: &str = "secret-of-the-application";
const USERNAME: &str = "UWSUSER";
const PASSWORD: &str = "Pass'word<1\\";
const START: &str = "2026-01-15T12:00:00Z";

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) carrier: Carrier,
    pub(crate) sign_in: SignIn,
    running: Running,
    seconds: Arc<AtomicI64>,
}

pub(crate) fn permit() -> Permit {
    Permit::granted()
}

pub(crate) fn iccid(number: usize) -> String {
    format!("8914800000{number:010}")
}

pub(crate) fn imei(number: usize) -> String {
    format!("3500000{number:08}")
}

fn record(number: usize, state: State) -> Record {
    let mut record = Record { account: ACCOUNT.to_owned(), state, ..Record::default() };
    record.ids.extend([(IdKind::Iccid, iccid(number)), (IdKind::Imei, imei(number))]);
    if state.has_line() {
        let mdn = format!("205{number:07}");
        record.ids.extend([(IdKind::Msisdn, format!("1{mdn}")), (IdKind::Mdn, mdn)]);
        record.plan = Some("SMALL".to_owned());
    }
    if state == State::Suspend {
        record.suspended_at = START.parse().ok();
    }
    record
}

fn profile(states: &[State]) -> ThingSpaceProfile {
    let mut account = Account::new(ACCOUNT);
    let plan =
        |code: &str| Plan { name: format!("Plan {code}"), code: code.to_owned(), size_kb: 1_024, carrier_code: None };
    account.plans = vec![plan("SMALL"), plan("LARGE")];
    account.pools = vec![
        Pool::new("roaming", PoolType::Dynamic, Ipv4Addr::new(100, 64, 0, 0), 1_000).as_default(),
        Pool::new("fixed", PoolType::Static, Ipv4Addr::new(10, 0, 0, 1), 4),
    ];
    let mut profile = ThingSpaceProfile::new(KEY, SECRET, USERNAME, PASSWORD);
    profile.accounts.push(account);
    profile.devices.extend(states.iter().enumerate().map(|(place, state)| record(place + 1, *state)));
    profile
}

impl Stage {
    /// Devices 1, 2, … in these states, and a carrier that is signed in.
    pub(crate) async fn of(states: &[State]) -> Self {
        let mut stage = Self::before_signing_in(states, PASSWORD).await;
        stage.renew().await;
        stage
    }

    pub(crate) async fn with_wrong_password() -> Self {
        Self::before_signing_in(&[], "wrong").await
    }

    async fn before_signing_in(states: &[State], password: &str) -> Self {
        let start: Timestamp = START.parse().unwrap();
        let seconds = Arc::new(AtomicI64::new(start.as_second()));
        let clock = Arc::clone(&seconds);
        let now = move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap();
        let world = World::new(1, Arc::new(now));
        world.load(Fleet { thingspace: vec![profile(states)], ..Fleet::default() }).unwrap();
        let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("{}/thingspace/api", running.url());
        let carrier = carrier(&url, password, start, ThingSpaceSettings::default());
        Self { world, carrier, sign_in: SignIn::default(), running, seconds }
    }

    /// Another carrier at the same place, which believes something else.
    pub(crate) fn believing(&self, change: impl FnOnce(&mut Inferred)) -> Carrier {
        let mut settings = ThingSpaceSettings::default();
        change(&mut settings.inferred);
        carrier(&format!("{}/thingspace/api", self.running.url()), PASSWORD, START.parse().unwrap(), settings)
    }

    /// As whoever keeps the sign-in does it: what is lacking is got, one request each.
    pub(crate) async fn renew(&mut self) {
        while self.carrier.lacks(&self.sign_in).is_some() {
            let Answer::Done(renewed) = self.carrier.renew(permit(), &self.sign_in).await.answer else { panic!() };
            self.sign_in = renewed;
        }
    }

    /// A call, renewed once for each part that has run out.
    pub(crate) async fn renewing<T>(&mut self, call: impl AsyncFn(&Carrier, &SignIn) -> Outcome<T>) -> Answer<T> {
        for _ in 0..2 {
            match call(&self.carrier, &self.sign_in).await.answer {
                Answer::TryLater { why: Postponed::SignInLapsed(part), .. } => {
                    self.sign_in = self.sign_in.clone().without(part);
                    self.renew().await;
                }
                answer => return answer,
            }
        }
        call(&self.carrier, &self.sign_in).await.answer
    }

    pub(crate) fn pass(&self, duration: SignedDuration) {
        self.seconds.fetch_add(duration.as_secs(), Ordering::SeqCst);
    }

    /// So much that everything that was asked for is done.
    pub(crate) fn pass_a_while(&self) {
        self.pass(SignedDuration::from_secs(60));
    }

    pub(crate) fn profile<R>(&self, look: impl FnOnce(&mut Profile) -> R) -> R {
        self.world.thingspace(|state| look(state.profile_mut(USERNAME).unwrap()))
    }

    /// The next call of that path ends so.
    pub(crate) fn spoil(&self, path: &str, fault: Fault) {
        let rule = Rule { path: Some(path.to_owned()), when: When::Next(1), ..Rule::new("thingspace", fault) };
        self.world.faults(|faults| faults.add(rule)).unwrap();
    }

    /// How many calls of that path have reached the provider.
    pub(crate) fn calls(&self, path: &str) -> usize {
        self.world.ledger(|ledger| ledger.entries().filter(|entry| entry.path.contains(path)).count())
    }

    pub(crate) async fn send(&self, batch: &Batch) -> Answer<Taken> {
        self.carrier.send(permit(), &self.sign_in, batch).await.answer
    }

    pub(crate) async fn accepted(&self, batch: &Batch) -> String {
        let Answer::Done(Taken::Accepted { request_id }) = self.send(batch).await else { panic!("{batch:?}") };
        request_id
    }

    pub(crate) async fn device(&self, number: usize) -> Vec<Device> {
        let found = self.carrier.device(permit(), &self.sign_in, &DeviceRef::of(iccid(number))).await.answer;
        let Answer::Done(found) = found else { panic!("{found:?}") };
        found
    }

    /// How a device is, as an intent keeps it.
    pub(crate) async fn before(&self, number: usize) -> Before {
        let device = self.device(number).await.pop().unwrap_or_default();
        Before { carrier_rate_plan: device.carrier_rate_plan, ip_address: device.ip_address, standing: device.standing }
    }

    /// What a device means for what was asked of it.
    pub(crate) async fn means(&self, batch: &Batch, number: usize, before: &Before) -> Meaning {
        self.means_having_heard(batch, number, before, false, None).await
    }

    pub(crate) async fn means_having_heard(
        &self,
        batch: &Batch,
        number: usize,
        before: &Before,
        settled: bool,
        heard: Option<&CallbackWord>,
    ) -> Meaning {
        let device = batch.devices.iter().find(|device| device.iccid == iccid(number)).unwrap();
        let asked =
            Asked { change: &batch.change, device, key: NaturalKey::Iccid, before, plan_name: None, settled, heard };
        meaning(&asked, &self.device(number).await)
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

fn carrier(url: &str, password: &str, start: Timestamp, settings: ThingSpaceSettings) -> Carrier {
    drop(rustls::crypto::ring::default_provider().install_default());
    let patient = HttpSettings { total_timeout: Duration::from_secs(20), ..HttpSettings::default() };
    let account = ThingSpaceAccount {
        base_url: url.to_owned(),
        key: KEY.into(),
        secret: SECRET.into(),
        username: USERNAME.into(),
        password: password.into(),
        account_name: ACCOUNT.to_owned(),
    };
    let http = HttpClient::new(patient).unwrap();
    Carrier::ThingSpace(ThingSpace::new(&http, account, settings, Clock::fixed(start)).unwrap())
}

pub(crate) fn batch(change: Change, numbers: impl IntoIterator<Item = usize>) -> Batch {
    Batch { change, devices: numbers.into_iter().map(|number| DeviceRef::of(iccid(number))).collect() }
}

pub(crate) fn to_large(numbers: impl IntoIterator<Item = usize>) -> Batch {
    batch(Change::CarrierRatePlan(PlanChange { plan: "LARGE".to_owned(), ..PlanChange::default() }), numbers)
}
