//! What a plan asks of its carrier, added up while its rows go by: how many requests, about what, and how SIMs stand there.

use domain::carrier::{AtCarrier, Standing};
use domain::carrier_target::{Activation, CarrierTarget};
use domain::steps::{Step, carrier_calls};
use domain::verdict::DeviceFacts;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Distinct things that are remembered of a step. When there are more, each further one counts as a request of its own.
const MOST_DISTINCT: usize = 10_000;
/// Distinct things that a plan names in words.
const MOST_NAMED: usize = 20;

/// SIMs by what they are to become.
#[derive(Debug)]
struct Alike<K> {
    of: HashMap<K, i64>,
    /// SIMs of which it is not remembered.
    beyond: i64,
}

impl<K> Default for Alike<K> {
    fn default() -> Self {
        Self { of: HashMap::new(), beyond: 0 }
    }
}

impl<K: Hash + Eq> Alike<K> {
    fn add(&mut self, key: K) {
        let is_full = self.of.len() >= MOST_DISTINCT;
        match self.of.get_mut(&key) {
            Some(devices) => *devices += 1,
            None if is_full => self.beyond += 1,
            None => {
                self.of.insert(key, 1);
            }
        }
    }

    fn calls(&self, devices_per_request: i64) -> i64 {
        let alike = self.of.values().copied();
        // Each of its own: as many requests, and the readings of all.
        let alone = carrier_calls(std::iter::once(self.beyond), devices_per_request).saturating_add(self.beyond);
        carrier_calls(alike, devices_per_request).saturating_add(alone)
    }

    /// What most SIMs become, by the name a person knows it by; of the rest how many SIMs they are.
    fn named(&self, name: impl Fn(&K) -> String) -> (Vec<(String, i64)>, i64) {
        let mut by_name: BTreeMap<String, i64> = BTreeMap::new();
        for (key, devices) in &self.of {
            *by_name.entry(name(key)).or_default() += devices;
        }
        let mut named: Vec<(String, i64)> = by_name.into_iter().collect();
        named.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let rest = named.iter().skip(MOST_NAMED).map(|(_, devices)| devices).sum::<i64>() + self.beyond;
        named.truncate(MOST_NAMED);
        (named, rest)
    }
}

/// What is asked of the carrier.
#[derive(Debug, Default)]
pub(crate) struct Carrying {
    asked: Option<(i64, Option<i64>, Option<u32>)>,
    suspended: i64,
    /// SIMs whose plan is to change, by how often it was changed this month.
    used: BTreeMap<i32, i64>,
    plans: Alike<(String, Option<String>)>,
    activations: Alike<Activation>,
    /// Pool, and the plan that the SIM keeps.
    pools: Alike<(String, String)>,
    stay_active: i64,
}

impl Carrying {
    pub(crate) fn ask(&mut self, at: &AtCarrier) {
        let can = at.can.as_ref();
        self.asked = Some((
            can.map_or(1, |can| can.devices_per_request),
            can.and_then(|can| can.done_within_seconds),
            can.and_then(|can| can.plan_changes_per_month),
        ));
    }

    /// A SIM that somebody may see, and whether its plan is to change.
    pub(crate) fn see(&mut self, device: &DeviceFacts, changes_plan: bool) {
        self.suspended += i64::from(device.carrier.standing == Standing::Suspended);
        if changes_plan {
            *self.used.entry(device.carrier.plan_changes).or_default() += 1;
        }
    }

    pub(crate) fn add(&mut self, step: Step, target: &CarrierTarget) {
        match (step, &target.plan, &target.activation) {
            (Step::ChangeCarrierRatePlan, Some(plan), _) => self.add_plan(&plan.code, plan.communication_plan.as_ref()),
            (Step::ActivateAtCarrier, _, Some(activation)) => {
                self.activations.add(Activation { static_ip_pool: None, ..activation.clone() });
            }
            (Step::ProvisionIp, _, Some(activation)) => {
                self.pools.add((activation.static_ip_pool.clone().unwrap_or_default(), activation.code.clone()));
            }
            _ => {}
        }
    }

    pub(crate) fn add_plan(&mut self, code: &str, communication_plan: Option<&String>) {
        self.plans.add((code.to_owned(), communication_plan.cloned()));
    }

    pub(crate) fn stays_active(&mut self, stays: bool) {
        self.stay_active += i64::from(stays);
    }

    /// The calls that it takes; none where nothing is asked.
    pub(crate) fn calls(&self) -> i64 {
        let at_a_time = self.asked.map_or(1, |(at_a_time, _, _)| at_a_time);
        let of_each = [self.plans.calls(at_a_time), self.activations.calls(at_a_time), self.pools.calls(at_a_time)];
        of_each.into_iter().fold(0, i64::saturating_add)
    }

    /// As it is stored with the plan; None: nothing is asked.
    pub(crate) fn show(&self) -> Option<Value> {
        let (answers_within_seconds, plan_changes_per_month) = match self.asked {
            None if self.stay_active == 0 => return None,
            None => (None, None),
            Some((_, seconds, most)) => (seconds, most),
        };
        let rows = |(named, rest): (Vec<(String, i64)>, i64)| {
            let named: Vec<Value> =
                named.into_iter().map(|(name, rows)| json!({ "name": name, "rows": rows })).collect();
            json!({ "named": named, "rest": rest })
        };
        let used: BTreeMap<String, i64> = self.used.iter().map(|(used, rows)| (used.to_string(), *rows)).collect();
        Some(json!({
            "suspended": self.suspended, "plan_changes_used": used, "plan_changes_per_month": plan_changes_per_month,
            "answers_within_seconds": answers_within_seconds, "stay_active": self.stay_active,
            "plans": rows(self.plans.named(|(code, _)| code.clone())),
            "activations": rows(self.activations.named(|activation| activation.code.clone())),
            "pools": rows(self.pools.named(|(pool, _)| pool.clone())),
        }))
    }
}
