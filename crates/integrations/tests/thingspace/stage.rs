//! A client of whatever listens, and what it is asked.

use crate::server::Server;
use domain::clock::Clock;
use integrations::answer::SignInPart;
use integrations::carriers::thingspace::{Inferred, ThingSpace, ThingSpaceAccount, ThingSpaceSettings};
use integrations::carriers::{Activation, Batch, Carrier, Change, DeviceRef, PlanChange, SignIn, StaticIp};
use integrations::{HttpClient, HttpSettings, Permit};
use std::time::Duration;

pub(crate) const ACCOUNT: &str = "0000123456-00001";
pub(crate) const ONE: &str = "89148000000000000001";
pub(crate) const TWO: &str = "89148000000000000002";
pub(crate) const IMEI: &str = "356938035643809";
pub(crate) const REQUEST_ID: &str = "595f5c44-c31c-4552-8670-020a1545a84d";
pub(crate) const NOW: &str = "2026-01-15T12:00:00Z";
/// `key:secret`, as Basic has it.
pub(crate) const BASIC: &str = "Basic a2V5OnNlY3JldA==";

pub(crate) fn permit() -> Permit {
    Permit::granted()
}

thread_local! {
    // Setting one up takes longer than a test. A test has a thread and a runtime of its own.
    static HTTP: HttpClient = {
        drop(rustls::crypto::ring::default_provider().install_default());
        let patient = HttpSettings { total_timeout: Duration::from_secs(20), ..HttpSettings::default() };
        HttpClient::new(patient).unwrap()
    };
}

pub(crate) fn http() -> HttpClient {
    HTTP.with(HttpClient::clone)
}

pub(crate) fn account(base_url: &str) -> ThingSpaceAccount {
    ThingSpaceAccount {
        base_url: base_url.to_owned(),
        key: "key".into(),
        secret: "secret".into(),
        username: "user".into(),
        password: "password".into(),
        account_name: ACCOUNT.to_owned(),
    }
}

pub(crate) fn client(server: &Server) -> Carrier {
    believing(server, |_| {})
}

/// A client that believes other things of ThingSpace.
pub(crate) fn believing(server: &Server, change: impl FnOnce(&mut Inferred)) -> Carrier {
    let mut settings = ThingSpaceSettings::default();
    change(&mut settings.inferred);
    let clock = Clock::fixed(NOW.parse().unwrap());
    Carrier::ThingSpace(ThingSpace::new(&http(), account(&server.url()), settings, clock).unwrap())
}

pub(crate) fn signed_in() -> SignIn {
    SignIn::default().with(SignInPart::Bearer, "bearer-1".into()).with(SignInPart::Session, "session-1".into())
}

pub(crate) fn accepted() -> String {
    format!(r#"{{"requestId":"{REQUEST_ID}"}}"#)
}

pub(crate) fn named(iccid: &str) -> DeviceRef {
    DeviceRef::of(iccid.to_owned())
}

pub(crate) fn batch(change: Change, iccids: &[&str]) -> Batch {
    let devices = iccids.iter().map(|iccid| DeviceRef::of((*iccid).to_owned())).collect();
    Batch { change, devices }
}

pub(crate) fn plan_change(iccids: &[&str]) -> Batch {
    batch(Change::CarrierRatePlan(PlanChange { plan: "84888".to_owned(), ..PlanChange::default() }), iccids)
}

/// One of each change.
pub(crate) fn changes() -> Vec<Batch> {
    let activation = Activation { plan: "84777".to_owned(), zip_code: "98801".to_owned(), ..Activation::default() };
    let mut activating = batch(Change::Activate(Box::new(activation)), &[ONE]);
    activating.devices[0].imei = Some(IMEI.to_owned());
    let ip = StaticIp { pool: "static-1".to_owned(), plan: "84777".to_owned() };
    vec![
        plan_change(&[ONE]),
        activating,
        batch(Change::Deactivate, &[ONE]),
        batch(Change::Suspend, &[ONE]),
        batch(Change::Restore, &[ONE]),
        batch(Change::StaticIp(ip), &[ONE]),
    ]
}
