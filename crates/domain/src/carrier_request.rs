//! What a request asks of the carrier: another carrier rate plan for SIMs that are active, service for those that are not, or
//! neither.

use crate::associate_customer::{LONGEST_FIELD, RequestRefusal, take_text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is asked of the carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CarrierRequest {
    /// The plan that active SIMs are to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_carrier_rate_plan: Option<PlanRequest>,
    /// What SIMs without service are activated with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activate: Option<ActivationRequest>,
}

/// A carrier rate plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanRequest {
    /// Its code, or its friendly name if one alone has it. A row may name it in place of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier_rate_plan: Option<String>,
    /// The communication plan, at carriers that have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_plan: Option<String>,
}

/// Service for SIMs that have none. Rows may name each of these by themselves, but for the place of use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivationRequest {
    /// The plan they are activated with; not said: that of `add_carrier_rate_plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier_rate_plan: Option<String>,
    /// Where their numbers are to be from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip_code: Option<String>,
    /// Which kind of device they are sold as, where there is no IMEI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Who uses them, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_of_use: Option<PlaceOfUse>,
    /// A static address for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_ip: Option<StaticIpRequest>,
}

/// A static address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticIpRequest {
    /// Of this pool at the carrier.
    pub pool: String,
}

/// Who uses a SIM, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is what it is called")]
pub struct PlaceOfUse {
    pub first_name: String,
    pub last_name: String,
    pub address_line_1: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_line_2: Option<String>,
    pub city: String,
    pub state: String,
    pub zip: String,
    /// `US` if it is not said.
    pub country: String,
}

/// Things of other carriers, or of one SIM alone, that somebody may expect in `activate`; and why they are not there.
const NOT_IN_AN_ACTIVATION: [(&str, &str); 4] = [
    ("imei", "is of one SIM alone: give it with the device, or as a column of the file"),
    ("billing_account", "is nothing that a carrier takes at which SIMs can be activated from here"),
    ("pdp", "is nothing that a carrier takes at which SIMs can be activated from here; a static address is of a pool"),
    ("communication_plan", "is nothing that a carrier takes at which SIMs can be activated from here"),
];

impl CarrierRequest {
    /// Is anything asked of the carrier?
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.add_carrier_rate_plan.is_some() || self.activate.is_some()
    }

    /// Takes what it is about out of a request's fields.
    pub(crate) fn take(fields: &mut Map<String, Value>) -> Result<Self, RequestRefusal> {
        let add_carrier_rate_plan = match take_object(fields, "add_carrier_rate_plan")? {
            None => None,
            Some(mut of) => {
                let at = "add_carrier_rate_plan";
                let carrier_rate_plan = Some(needed(&mut of, at, "carrier_rate_plan")?);
                let asked =
                    PlanRequest { carrier_rate_plan, communication_plan: optional(&mut of, at, "communication_plan")? };
                nothing_else(of, at)?;
                Some(asked)
            }
        };
        let activate = match take_object(fields, "activate")? {
            None => None,
            Some(mut of) => {
                let at = "activate";
                if let Some((field, why)) = NOT_IN_AN_ACTIVATION.into_iter().find(|(field, _)| asks(of.get(*field))) {
                    return Err(invalid(format!("{at}/{field}"), why));
                }
                for (field, _) in NOT_IN_AN_ACTIVATION {
                    of.remove(field);
                }
                let asked = ActivationRequest {
                    carrier_rate_plan: optional(&mut of, at, "carrier_rate_plan")?,
                    zip_code: optional(&mut of, at, "zip_code")?,
                    sku: optional(&mut of, at, "sku")?,
                    place_of_use: place_of_use(&mut of)?,
                    static_ip: static_ip(&mut of)?,
                };
                nothing_else(of, at)?;
                Some(asked)
            }
        };
        Ok(Self { add_carrier_rate_plan, activate })
    }
}

fn place_of_use(activation: &mut Map<String, Value>) -> Result<Option<PlaceOfUse>, RequestRefusal> {
    let at = "activate/place_of_use";
    let Some(mut of) = take_object_at(activation, "place_of_use", at)? else { return Ok(None) };
    let place = PlaceOfUse {
        first_name: needed(&mut of, at, "first_name")?,
        last_name: needed(&mut of, at, "last_name")?,
        address_line_1: needed(&mut of, at, "address_line_1")?,
        address_line_2: optional(&mut of, at, "address_line_2")?,
        city: needed(&mut of, at, "city")?,
        state: needed(&mut of, at, "state")?,
        zip: needed(&mut of, at, "zip")?,
        country: optional(&mut of, at, "country")?.unwrap_or_else(|| "US".to_owned()),
    };
    nothing_else(of, at)?;
    Ok(Some(place))
}

fn static_ip(activation: &mut Map<String, Value>) -> Result<Option<StaticIpRequest>, RequestRefusal> {
    let at = "activate/static_ip";
    let Some(mut of) = take_object_at(activation, "static_ip", at)? else { return Ok(None) };
    if asks(of.get("pdp")) {
        let why = "is nothing that a carrier takes at which SIMs can be activated from here: name a pool";
        return Err(invalid(format!("{at}/pdp"), why));
    }
    of.remove("pdp");
    let asked = StaticIpRequest { pool: needed(&mut of, at, "pool")? };
    nothing_else(of, at)?;
    Ok(Some(asked))
}

fn invalid(field: String, problem: &'static str) -> RequestRefusal {
    RequestRefusal::Invalid { field, problem }
}

/// Null and false ask for nothing.
fn asks(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
}

fn take_object(fields: &mut Map<String, Value>, field: &str) -> Result<Option<Map<String, Value>>, RequestRefusal> {
    take_object_at(fields, field, field)
}

fn take_object_at(
    fields: &mut Map<String, Value>,
    field: &str,
    at: &str,
) -> Result<Option<Map<String, Value>>, RequestRefusal> {
    match fields.remove(field) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::Object(of)) => Ok(Some(of)),
        Some(_) => Err(invalid(at.to_owned(), "is not an object")),
    }
}

fn optional(of: &mut Map<String, Value>, at: &str, field: &str) -> Result<Option<String>, RequestRefusal> {
    take_text(of, field).map_err(|refusal| match refusal {
        RequestRefusal::Invalid { field, problem } => {
            RequestRefusal::Invalid { field: format!("{at}/{field}"), problem }
        }
        other => other,
    })
}

fn needed(of: &mut Map<String, Value>, at: &str, field: &str) -> Result<String, RequestRefusal> {
    optional(of, at, field)?.ok_or_else(|| invalid(format!("{at}/{field}"), "is missing"))
}

fn nothing_else(of: Map<String, Value>, at: &str) -> Result<(), RequestRefusal> {
    match of.into_iter().next() {
        None => Ok(()),
        Some((field, _)) => {
            let field: String = field.chars().take(LONGEST_FIELD / 4).collect();
            Err(RequestRefusal::Unknown(format!("{at}/{field}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(json: Value) -> Result<CarrierRequest, RequestRefusal> {
        let Value::Object(mut fields) = json else { panic!("an object") };
        let taken = CarrierRequest::take(&mut fields)?;
        assert!(fields.is_empty(), "{fields:?}");
        Ok(taken)
    }

    #[test]
    fn a_whole_request_is_read_and_kept_as_it_was_asked() {
        let asked = json!({
            "add_carrier_rate_plan": {"carrier_rate_plan": "P", "communication_plan": "C"},
            "activate": {"carrier_rate_plan": "A", "zip_code": "10001", "sku": "S", "static_ip": {"pool": "blue"},
                "place_of_use": {"first_name": "Ada", "last_name": "Byron", "address_line_1": "1 Main St", "city": "Troy",
                    "state": "NY", "zip": "12180", "country": "US"}}
        });
        let read = taken(asked.clone()).unwrap();
        assert!(read.asks());
        assert_eq!(serde_json::to_value(&read).unwrap(), asked);
        assert_eq!(serde_json::from_value::<CarrierRequest>(asked).unwrap(), read);
        let nothing = json!({"add_carrier_rate_plan": null, "activate": false});
        assert!(!taken(nothing).unwrap().asks());
        // A file may bring the rest.
        assert!(taken(json!({"activate": {}})).unwrap().asks());
        assert_eq!(
            taken(json!({"activate": {"zip_code": 10001}})).unwrap().activate.unwrap().zip_code.unwrap(),
            "10001"
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let place = json!({"first_name": "Ada"});
        for (asked, at) in [
            (json!({"activate": true}), "activate"),
            (json!({"activate": {"imei": "356938035643809"}}), "activate/imei"),
            (json!({"activate": {"billing_account": "5"}}), "activate/billing_account"),
            (json!({"activate": {"static_ip": {"pdp": 1}}}), "activate/static_ip/pdp"),
            (json!({"activate": {"static_ip": {}}}), "activate/static_ip/pool"),
            (json!({"activate": {"static_ip": "blue"}}), "activate/static_ip"),
            (json!({"activate": {"place_of_use": place}}), "activate/place_of_use/last_name"),
            (json!({"activate": {"zip_code": ["x"]}}), "activate/zip_code"),
            (json!({"add_carrier_rate_plan": "P"}), "add_carrier_rate_plan"),
            (json!({"add_carrier_rate_plan": {}}), "add_carrier_rate_plan/carrier_rate_plan"),
        ] {
            let refused = taken(asked.clone());
            assert!(
                matches!(&refused, Err(RequestRefusal::Invalid { field, .. }) if field == at),
                "{asked} {refused:?}"
            );
        }
        let unknown = taken(json!({"activate": {"surprise": 1}}));
        assert_eq!(unknown, Err(RequestRefusal::Unknown("activate/surprise".into())));
    }
}
