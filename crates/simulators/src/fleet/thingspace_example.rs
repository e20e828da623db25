//! A ThingSpace profile that looks like a small reseller's, the same for the same seed.

use super::example::checked;
use super::{Fleet, ThingSpaceProfile};
use crate::thingspace::{Account, IdKind, Lead, Plan, Pool, PoolType, Record, State};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const ACCOUNT: &str = "0000123456-00001";
const SECOND_ACCOUNT: &str = "0000123456-00002";
const PLANS: [(&str, &str, i64); 4] = [
    ("M2M 1 MB", "M2M1MB", 1_024),
    ("M2M 5 MB", "M2M5MB", 5_120),
    ("M2M 50 MB", "M2M50MB", 51_200),
    ("M2M 1 GB", "M2M1GB", 1_048_576),
];
/// More addresses than a static pool of an example needs.
const ADDRESSES: u32 = 4_096;

impl Fleet {
    /// The same fleet with a ThingSpace profile of so many devices: six in ten active, one in ten suspended, one in ten
    /// deactive, two in ten preactive. Active ones are the lines of the fleet's Rev.io accounts, as far as there are some.
    #[must_use]
    pub fn with_thingspace(mut self, seed: u64, devices: usize) -> Self {
        let lines = self.rev_io.iter().flat_map(|account| &account.services);
        let lines = lines.filter_map(|line| Some((line.number2.clone()?, line.number.clone()?)));
        let lines: Vec<(String, String)> = lines.filter(|(_, number)| number.len() == 10).collect();
        let profile = ThingSpaceProfile::new(
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
            "f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f",
            "UWSEXAMPLE01",
            "Correct!Horse7",
        );
        self.thingspace.push(profile.with_example(seed, devices, lines));
        self
    }
}

impl ThingSpaceProfile {
    /// Fills the profile with two accounts and so many devices in the first. Active devices take the ICCIDs and numbers that
    /// are given, as far as they go.
    #[must_use]
    pub fn with_example(mut self, seed: u64, devices: usize, lines: Vec<(String, String)>) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        self.accounts.push(account(ACCOUNT, Ipv4Addr::new(10, 20, 0, 1)));
        self.accounts.push(account(SECOND_ACCOUNT, Ipv4Addr::new(10, 30, 0, 1)));
        let mut lines = lines.into_iter();
        for place in 0..devices {
            let state = match place % 10 {
                0..=5 => State::Active,
                6 => State::Suspend,
                7 => State::Deactive,
                _ => State::Preactive,
            };
            let line = if state == State::Active { lines.next() } else { None };
            self.devices.push(device(&mut random, place, state, line));
        }
        self
    }
}

fn account(name: &str, first: Ipv4Addr) -> Account {
    let mut account = Account::new(name);
    "Example Telematics".clone_into(&mut account.organization);
    account.plans = (PLANS.into_iter())
        .map(|(name, code, size_kb)| Plan { name: name.to_owned(), code: code.to_owned(), size_kb, carrier_code: None })
        .collect();
    account.pools = vec![
        Pool::new("DynamicDefault", PoolType::Dynamic, Ipv4Addr::new(100, 64, 0, 1), 65_536).as_default(),
        Pool::new("StaticPrivate", PoolType::Static, first, ADDRESSES),
    ];
    account.groups.insert("Trackers".to_owned(), "Vehicles and trailers".to_owned());
    account.leads = vec![Lead { id: "1-4WOIHEU".to_owned(), state: "Qualified".to_owned(), address: address() }];
    account
}

fn address() -> Value {
    json!({
        "addressLine1": "9868 Scranton Rd", "addressLine2": "", "city": "San Diego", "state": "CA", "zip": "92121",
        "zip4": "", "country": "US", "phone": "", "phoneType": "", "emailAddress": "",
    })
}

fn device(random: &mut StdRng, place: usize, state: State, line: Option<(String, String)>) -> Record {
    let subscriber = u64::try_from(place).unwrap_or_default();
    let (iccid, mdn) = line.unwrap_or_else(|| {
        let iccid = checked(&format!("891480{:013}", random.random_range(0..10_000_000_000_000_u64)));
        (iccid, format!("{}{:07}", random.random_range(205..990), 1_000_000 + subscriber % 1_000_000))
    });
    let imei = checked(&format!("35{:012}", random.random_range(0..1_000_000_000_000_u64)));
    let mut record = Record { account: ACCOUNT.to_owned(), state, created_at: at(random), ..Record::default() };
    record.ids.extend([(IdKind::Iccid, iccid), (IdKind::Imei, imei)]);
    if state != State::Preactive {
        // As the carrier gives them: one behind the other, beginning with 1.
        let imsi = format!("311480{:09}", subscriber + 1);
        record.ids.insert(IdKind::Imsi, imsi);
        record.last_activation_by = Some("UWSEXAMPLE01".to_owned());
        record.last_activation_at = record.created_at;
    }
    if state.has_line() {
        let msisdn = format!("1{mdn}");
        record.ids.extend([(IdKind::Min, mdn.clone()), (IdKind::Msisdn, msisdn), (IdKind::Mdn, mdn)]);
        record.plan = PLANS.get(random.random_range(0..PLANS.len())).map(|(_, code, _)| (*code).to_owned());
        record.custom_fields.insert("CustomField1".to_owned(), format!("Unit {place}"));
    }
    if place.is_multiple_of(4) && state.has_line() {
        // Half of the pool at most: the rest is for those that come.
        let host = u32::try_from(place).unwrap_or_default() / 4;
        if host < ADDRESSES / 2 {
            record.ip_pool = Some("StaticPrivate".to_owned());
            record.ip_address = Some(Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 20, 0, 1)) + host));
        }
    }
    record.connected = state == State::Active;
    record.last_connection_at = record.last_activation_at;
    record
}

/// Some day of 2024.
fn at(random: &mut StdRng) -> Option<Timestamp> {
    const FIRST_SECOND: i64 = 1_704_067_200;
    Timestamp::from_second(FIRST_SECOND + random.random_range(0..366 * 86_400)).ok()
}
