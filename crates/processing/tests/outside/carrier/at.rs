//! The carrier's side of a stage: its devices are the ledger's, and what the ledger is told of its account.

use crate::stage::{CARRIER_USER, Stage, now};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::{IdKind, Profile, Record, State};
use testing::iccid;

/// The plan that SIMs have, and the one that they are to get.
pub(crate) const OLD: &str = "M2M1MB";
pub(crate) const NEW: &str = "M2M50MB";

impl Stage {
    /// A stage whose devices the carrier has, active, with the old plan.
    pub(crate) async fn at_carrier(devices: u32) -> Self {
        Self::of_devices(devices, State::Active).await
    }

    /// A stage whose devices the carrier has in this state.
    pub(crate) async fn of_devices(devices: u32, state: State) -> Self {
        let stage = Self::of(devices).await;
        let account = stage.profile(|profile| {
            profile.settings = profile.settings.clone().at_once();
            profile.accounts[0].name.clone()
        });
        stage.add(0..devices, &account, state);
        let provider = stage.app.fixture.provider;
        let wish = json!({"base_url": format!("{}/thingspace/api", stage.running.url()), "account_name": account,
            "calls_per_minute": 1_000_000, "calls_per_day": 1_000_000});
        let put = stage.app.request(Method::PUT, &format!("/api/v1/service-providers/{provider}/account"));
        let kept = stage.app.send(put.header("if-match", "*").json(&wish)).await.unwrap();
        assert!(kept.status.is_success(), "{}", kept.json);
        let secrets = json!({"key": "canary-key", "secret": "canary-secret", "username": CARRIER_USER, "password": "canary-password"});
        let kept =
            stage.app.post(&format!("/service-providers/{provider}/account/credentials"), &secrets).await.unwrap();
        assert!(kept.status.is_success(), "{}", kept.json);
        let as_it_is = match state.has_line() {
            true => format!("update app.m2m_device set status = '{}'", state.word()),
            false => format!("update app.m2m_device set status = '{}', msisdn = null", state.word()),
        };
        stage.app.database.plant(&as_it_is).await.unwrap();
        for plan in [OLD, NEW] {
            let sql = format!(
                "insert into app.carrier_rate_plan (tenant_id, id, service_provider_id, rate_plan_code, friendly_name)
                 select tenant_id, gen_random_uuid(), id, '{plan}', 'Plan {plan}' from app.service_provider where id = '{provider}'"
            );
            stage.app.database.plant(&sql).await.unwrap();
        }
        stage
    }

    pub(crate) fn profile<R>(&self, change: impl FnOnce(&mut Profile) -> R) -> R {
        self.world.thingspace(|state| change(state.profile_mut(CARRIER_USER).unwrap()))
    }

    /// Gives the carrier the ledger's devices of these places.
    pub(crate) fn add(&self, places: std::ops::Range<u32>, account: &str, state: State) {
        self.profile(|profile| {
            for place in places {
                let mut record = Record { account: account.to_owned(), state, ..Record::default() };
                record.ids.insert(IdKind::Iccid, iccid(place));
                record.ids.insert(IdKind::Imei, format!("35{place:013}"));
                if state.has_line() {
                    record.ids.insert(IdKind::Mdn, format!("555{place:07}"));
                    record.ids.insert(IdKind::Msisdn, format!("1555{place:07}"));
                    record.plan = Some(OLD.to_owned());
                }
                profile.devices.add(record, now());
            }
        });
    }

    /// What the carrier has of a device: its state and its plan.
    pub(crate) fn there(&self, place: u32) -> (State, Option<String>) {
        self.profile(|profile| {
            let device = profile.devices.iccid(&iccid(place)).unwrap();
            (device.record.state, device.record.plan.clone())
        })
    }

    /// Plans that these SIMs go to Water, and get the new plan at their carrier. The plan's id.
    pub(crate) async fn plan_to_change(&self, places: std::ops::Range<u32>) -> Value {
        self.planned("Water", &json!({"add_carrier_rate_plan": {"carrier_rate_plan": NEW}}), places).await
    }

    /// Plans that they get the new plan, go to Acme, and are billed there. The plan's id.
    pub(crate) async fn plan_to_change_and_open(&self, places: std::ops::Range<u32>) -> Value {
        let asked = json!({"create_rev_service": true, "rev_provider": 1, "service_type": 1, "products": [1, 2],
            "rates": ["1.25", "2.50"], "prorate": true, "add_carrier_rate_plan": {"carrier_rate_plan": NEW}});
        self.planned("Acme", &asked, places).await
    }

    /// Plans that these SIMs go to Water, and are activated, with an address of this pool. The plan's id.
    pub(crate) async fn plan_to_activate(&self, places: std::ops::Range<u32>, pool: Option<&str>) -> Value {
        self.planned("Water", &activation(pool), places).await
    }

    /// Plans that they are activated, go to Acme, and are billed there under the numbers that they get. The plan's id.
    pub(crate) async fn plan_to_activate_and_open(&self, places: std::ops::Range<u32>) -> Value {
        let mut asked = json!({"create_rev_service": true, "rev_provider": 1, "service_type": 1, "products": [1, 2],
            "rates": ["1.25", "2.50"], "prorate": true});
        asked.as_object_mut().unwrap().extend(activation(None).as_object().unwrap().clone());
        self.planned("Acme", &asked, places).await
    }

    async fn planned(&self, customer: &str, extra: &Value, places: std::ops::Range<u32>) -> Value {
        let devices: Vec<String> = places.map(iccid).collect();
        let plan = self.app.plan(customer, extra, &devices).await.unwrap();
        assert_eq!(plan.json["counts"]["change"], devices.len(), "{}", plan.json);
        plan.json["id"].clone()
    }

    /// How often the carrier was asked this.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.world.ledger(|ledger| ledger.entries().filter(|call| call.path.ends_with(path)).count())
    }
}

fn activation(pool: Option<&str>) -> Value {
    let mut activate = json!({"carrier_rate_plan": NEW, "zip_code": "92121", "sku": "TRACKER"});
    if let Some(pool) = pool {
        activate["static_ip"] = json!({ "pool": pool });
    }
    json!({ "activate": activate })
}
