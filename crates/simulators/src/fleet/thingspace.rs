//! A ThingSpace profile as a fleet has it.

use super::FleetError;
use crate::thingspace::{Account, Inferred, Lot, Profile, Record, Settings};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A ThingSpace profile: an application, a user, the accounts that the user sees, and their devices.
///
/// ```json
/// {"key": "…", "secret": "…", "username": "…", "password": "…",
///  "accounts": [{"name": "0000123456-00001", "plans": [{"name": "5 MB", "code": "M2M5"}],
///                "pools": [{"name": "fixed", "type": "Static IP", "default": true, "first": "10.0.0.0", "size": 256}]}],
///  "devices": [{"account": "0000123456-00001", "state": "preactive", "ids": {"iccid": "8914…", "imei": "35…"}}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThingSpaceProfile {
    /// The application's key.
    pub key: String,
    /// The application's secret.
    pub secret: String,
    /// The user; tells profiles apart in ledger and rules.
    pub username: String,
    /// The user's password.
    pub password: String,
    /// Limits and delays; those of life where left out.
    #[serde(default)]
    pub settings: Settings,
    /// Behaviours that are guesses.
    #[serde(default)]
    pub inferred: Inferred,
    /// The accounts.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// The devices of all accounts.
    #[serde(default)]
    pub devices: Vec<Record>,
}

impl ThingSpaceProfile {
    /// A profile without accounts.
    #[must_use]
    pub fn new(key: &str, secret: &str, username: &str, password: &str) -> Self {
        Self {
            key: key.to_owned(),
            secret: secret.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            settings: Settings::default(),
            inferred: Inferred::default(),
            accounts: Vec::new(),
            devices: Vec::new(),
        }
    }

    pub(crate) fn into_profile(self, lot: Lot, now: Timestamp) -> Result<Profile, FleetError> {
        let credentials = (self.key, self.secret, self.username, self.password);
        let mut profile = Profile::new(credentials, self.settings, self.inferred, self.accounts, lot);
        for record in self.devices {
            let (id, name) = (record.id, record.account.clone());
            if id != 0 && profile.devices.get(id).is_some() {
                return Err(FleetError::DeviceTwice(id));
            }
            if profile.devices.taken(&record.ids, 0) {
                return Err(FleetError::IdentifierTwice(record.ids.into_values().next().unwrap_or_default()));
            }
            if profile.account(&name).is_none() {
                return Err(FleetError::NoSuchAccount(name));
            }
            profile.take(record, now);
        }
        Ok(profile)
    }
}
