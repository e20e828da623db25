//! What happens at a carrier: many SIMs in a request, answered by an id; what has become of each shows by reading it.

mod batch;
mod calls;
mod heard;
mod wave;

pub(super) use calls::Calls;

use super::saga::{Direction, Key, Write};
use super::send::Unsendable;
use database::outside::OutsideRow;
use domain::carrier::read_imei;
use integrations::carriers::meaning::Before;
use integrations::carriers::{Activation, Change, Device, DeviceRef, PlaceOfUse, PlanChange, Standing, StaticIp};
use serde_json::{Value, json};

/// How the carrier's requests about a SIM are found again, and what a callback about it is matched by.
pub(super) fn natural_key(iccid: &str) -> String {
    format!("device iccid={iccid}")
}

/// By what the carrier knows the row's SIM.
fn device_of(row: &OutsideRow) -> DeviceRef {
    DeviceRef { subscriber_number: row.msisdn.clone(), ..DeviceRef::of(row.iccid.clone()) }
}

/// What a write makes of the row's SIM. `before` is how it was.
fn change(row: &OutsideRow, key: Key, before: &Before) -> Result<(Change, DeviceRef), Unsendable> {
    let (asked, device) = (&row.at_carrier, device_of(row));
    let activation_plan = || asked.activation_plan.as_ref().map(|(code, _)| code.clone());
    Ok(match (key.write, key.direction) {
        (Write::ChangeCarrierRatePlan, direction) => {
            let (plan, _) = asked.plan.clone().ok_or(Unsendable("the row names no carrier rate plan"))?;
            let communication_plan = asked.communication_plan.clone();
            let change = Change::CarrierRatePlan(PlanChange { plan, communication_plan, only_from: None });
            let change = match direction {
                Direction::Apply => Some(change),
                Direction::Undo => change.taken_back(before.carrier_rate_plan.as_deref()),
            };
            (change.ok_or(Unsendable("what the SIM had before is not known"))?, device)
        }
        (Write::Activate, _) => {
            let plan = activation_plan().ok_or(Unsendable("the row names no plan to activate with"))?;
            let text = |field: &str| asked.activation.as_ref()?.get(field)?.as_str().map(str::to_owned);
            let activation = Activation {
                plan,
                zip_code: text("zip_code").ok_or(Unsendable("the row names no zip code"))?,
                ip: None,
                sku: text("sku"),
                place_of_use: asked.activation.as_ref().and_then(|all| all.get("place_of_use")).and_then(place_of_use),
            };
            // What the ledger has may be written otherwise than in digits; what is none is not sent.
            let imei = asked.imei.as_deref().and_then(|imei| read_imei(imei).ok());
            (Change::Activate(Box::new(activation)), DeviceRef { imei, ..device })
        }
        (Write::ProvisionIp, _) => {
            let pool = asked.static_ip_pool.clone().ok_or(Unsendable("the row names no pool of addresses"))?;
            let plan = before.carrier_rate_plan.clone().or_else(activation_plan);
            let plan = plan.ok_or(Unsendable("the SIM's carrier rate plan is not known"))?;
            (Change::StaticIp(StaticIp { pool, plan }), device)
        }
        (Write::Deactivate, Direction::Undo) => (Change::Deactivate, device),
        _ => return Err(Unsendable("this is not done at a carrier")),
    })
}

fn place_of_use(place: &Value) -> Option<PlaceOfUse> {
    let text = |field: &str| place.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(PlaceOfUse {
        first_name: text("first_name")?,
        last_name: text("last_name")?,
        address_line_1: text("address_line_1")?,
        address_line_2: text("address_line_2"),
        city: text("city")?,
        state: text("state")?,
        zip: text("zip")?,
        country: text("country").unwrap_or_else(|| "US".to_owned()),
    })
}

const STANDINGS: [(Standing, &str); 7] = [
    (Standing::Active, "active"),
    (Standing::Suspended, "suspended"),
    (Standing::Deactivated, "deactivated"),
    (Standing::NotYetActive, "not_yet_active"),
    (Standing::BecomingActive, "becoming_active"),
    (Standing::BecomingDeactivated, "becoming_deactivated"),
    (Standing::Unlisted, "unlisted"),
];

/// How a SIM was, to be kept with an intent. One that the carrier does not know was never active.
pub(super) fn before_image(shown: &[Device]) -> Value {
    let Some(device) = shown.first() else { return json!({ "standing": "not_yet_active" }) };
    let standing = STANDINGS.iter().find(|(standing, _)| *standing == device.standing).map(|(_, word)| *word);
    json!({ "carrier_rate_plan": device.carrier_rate_plan, "ip_address": device.ip_address, "standing": standing, "status": device.status })
}

/// The plan in it.
pub(super) fn plan_before(image: Option<&Value>) -> Option<String> {
    image?.get("carrier_rate_plan")?.as_str().map(str::to_owned)
}

fn before(image: Option<&Value>) -> Before {
    let text = |field: &str| image.and_then(|image| image.get(field)).and_then(Value::as_str);
    let standing = STANDINGS.iter().find(|(_, word)| Some(*word) == text("standing")).map(|(standing, _)| *standing);
    Before {
        carrier_rate_plan: text("carrier_rate_plan").map(str::to_owned),
        ip_address: text("ip_address").map(str::to_owned),
        standing: standing.unwrap_or_default(),
    }
}
