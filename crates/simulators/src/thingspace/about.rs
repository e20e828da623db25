//! What `/about` says: how to sign in, and what there is.

use super::ThingSpace;
use super::identifiers::IdKind;
use super::profile::Profile;
use super::state::State;
use serde_json::{Map, Value, json};

/// How many devices of a state are named.
const MOST_SAMPLES: usize = 1_000;

/// The first profile's data flat, for whoever wants just one; all of them in `profiles`.
pub(crate) fn about(state: &ThingSpace, base_url: &str) -> Value {
    let profiles: Vec<Map<String, Value>> = state.profiles().iter().map(|profile| one(profile, base_url)).collect();
    let mut about = profiles.first().cloned().unwrap_or_default();
    about.insert("base_url".to_owned(), json!(base_url));
    about.insert("profiles".to_owned(), json!(profiles));
    Value::Object(about)
}

fn one(profile: &Profile, base_url: &str) -> Map<String, Value> {
    let first = profile.accounts.first();
    let accounts: Vec<&str> = profile.accounts.iter().map(|account| account.name.as_str()).collect();
    let plans: Vec<&str> =
        first.into_iter().flat_map(|account| &account.plans).map(|plan| plan.code.as_str()).collect();
    let pools: Vec<&str> =
        first.into_iter().flat_map(|account| &account.pools).map(|pool| pool.name.as_str()).collect();
    let states = [State::Active, State::Suspend, State::Deactive, State::Preactive];
    let iccids: Map<String, Value> = (states.into_iter())
        .map(|state| {
            let records = profile.devices.iter().map(|device| &device.record);
            let records = records
                .filter(|record| record.state == state && first.is_some_and(|account| account.name == record.account));
            let iccids = records.filter_map(|record| record.id_of(IdKind::Iccid)).take(MOST_SAMPLES);
            (state.word().to_owned(), json!(iccids.collect::<Vec<_>>()))
        })
        .collect();
    let about = json!({
        "base_url": base_url, "key": profile.key, "secret": profile.secret, "username": profile.username,
        "password": profile.password, "account": first.map(|account| account.name.as_str()), "accounts": accounts,
        "plans": plans, "ip_pools": pools, "iccids": iccids, "devices": profile.devices.len(),
    });
    match about {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
