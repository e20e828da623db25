//! A billing account: its plans, pools, groups, leads and listeners.

use super::codes::{self, Code};
use super::pool::{Pool, PoolType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// A service plan. Requests name it by its code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// For people.
    pub name: String,
    /// For requests.
    pub code: String,
    /// Its size.
    #[serde(default)]
    pub size_kb: i64,
    /// The carrier's own code; the plan's code if left out.
    #[serde(default)]
    pub carrier_code: Option<String>,
}

/// Somebody who is paid for activations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lead {
    /// Its id.
    pub id: String,
    /// `Qualified` in life's example.
    pub state: String,
    /// As on the wire.
    pub address: Value,
}

/// Where callbacks of a service go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Its address.
    pub url: String,
    /// Sent in the body.
    #[serde(default)]
    pub username: Option<String>,
    /// Sent in the body.
    #[serde(default)]
    pub password: Option<String>,
}

/// An account. A fleet's file has accounts in this form; a test may change one at will.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `0000123456-00001`, with its zeros.
    pub name: String,
    /// Whose it is.
    #[serde(default)]
    pub organization: String,
    /// Whether its devices may be provisioned. Yes unless said.
    #[serde(default = "yes")]
    pub provisioning_allowed: bool,
    /// Its plans.
    #[serde(default)]
    pub plans: Vec<Plan>,
    /// Its pools.
    #[serde(default)]
    pub pools: Vec<Pool>,
    /// Its groups beside the default one, with their descriptions.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
    /// Its leads.
    #[serde(default)]
    pub leads: Vec<Lead>,
    /// Its listeners by the service's name.
    #[serde(default)]
    pub listeners: BTreeMap<String, Listener>,
}

const fn yes() -> bool {
    true
}

impl Account {
    /// An account with nothing in it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let (plans, pools, leads) = (Vec::new(), Vec::new(), Vec::new());
        let (groups, listeners) = (BTreeMap::new(), BTreeMap::new());
        let (name, organization) = (name.to_owned(), String::new());
        Self { name, organization, provisioning_allowed: true, plans, pools, groups, leads, listeners }
    }

    /// The group that every device of the account is in (its name is inferred).
    #[must_use]
    pub fn default_group(&self) -> String {
        format!("Default: {}", self.name)
    }

    /// What the account can do; that it follows from its pools is inferred.
    pub(super) fn features(&self) -> Vec<&'static str> {
        let has = |wanted| self.pools.iter().any(|pool| pool.pool_type == wanted).then_some(PoolType::word(wanted));
        [has(PoolType::Static), has(PoolType::Dynamic)].into_iter().flatten().collect()
    }

    pub(super) fn has_plan(&self, code: &str) -> Result<(), Code> {
        let found = self.plans.iter().any(|plan| plan.code.eq_ignore_ascii_case(code));
        if found { Ok(()) } else { Err(Code::no_such_plan(code)) }
    }

    pub(super) fn has_pool(&self, name: &str) -> Result<(), Code> {
        let found = self.pools.iter().any(|pool| pool.name == name);
        if found { Ok(()) } else { Err(codes::POOL_NOT_FOUND) }
    }

    /// The pool a line without a wish gets its address from. An account without pools gives no addresses (inferred).
    pub(super) fn default_pool(&self) -> Result<Option<String>, Code> {
        match self.pools.iter().find(|pool| pool.default) {
            Some(pool) => Ok(Some(pool.name.clone())),
            None if self.pools.is_empty() => Ok(None),
            None => Err(codes::NO_DEFAULT_POOL),
        }
    }

    pub(super) fn give_address(&mut self, pool: &str, wanted: Option<Ipv4Addr>) -> Result<Ipv4Addr, Code> {
        let pool = self.pools.iter_mut().find(|other| other.name == pool).ok_or(codes::POOL_NOT_FOUND)?;
        pool.give(wanted)
    }

    /// An address is somebody's from the beginning.
    pub(super) fn mark_address(&mut self, pool: Option<&str>, address: Option<Ipv4Addr>) {
        let pool = self.pools.iter_mut().find(|other| Some(other.name.as_str()) == pool);
        if let (Some(pool), Some(address)) = (pool, address) {
            pool.mark(address);
        }
    }

    pub(super) fn take_address_back(&mut self, pool: Option<&str>, address: Option<Ipv4Addr>) {
        let pool = self.pools.iter_mut().find(|other| Some(other.name.as_str()) == pool);
        if let (Some(pool), Some(address)) = (pool, address) {
            pool.take_back(address);
        }
    }
}
