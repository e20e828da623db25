//! The request: which customer these devices are to be assigned to, and how.

use crate::carrier_request::CarrierRequest;
use crate::input_field::InputField;
use crate::line_request::LineRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What to do with a device that is another customer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Refuse the row.
    #[default]
    Refuse,
    /// Take the device from the other customer.
    Replace,
}

/// Assign a customer to devices of one service provider, as it was asked for.
///
/// The devices themselves travel beside it, not in it: there may be a million of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssociateCustomer {
    /// The service provider: our id or its name. None: the one that has the SIM, or that the row names; a file that mixes
    /// several becomes linked changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_provider: Option<String>,
    /// The customer: our id, else a rev_customer_id if it is unique, else a unique name; the tenant's default site, by name or
    /// id, for nobody. None: each row names its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The site: our id or its name. None: the customer's own site in this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// What to do with a device that is another customer's.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// What is asked of billing.
    #[serde(flatten)]
    pub line: LineRequest,
    /// What is asked of the carrier.
    #[serde(flatten)]
    pub carrier: CarrierRequest,
    /// The customer rate plan's code or id. None leaves the plan as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_rate_plan: Option<String>,
    /// The pool's name or id. None leaves the pool as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_rate_pool: Option<String>,
    /// The data allocation in MB, as it was written. None leaves the allocation as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_data_allocation_mb: Option<String>,
    /// The civil date, in the tenant's time zone, on which plan, pool and allocation take effect. None: the day the carrier
    /// activated the SIM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_date: Option<String>,
    /// When the whole change is to start. None: as soon as it is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<String>,
    /// What columns of the input stand for, where the guess is wrong: heading to field, or to null for "nothing of yours".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Option<InputField>>,
    /// A ticket or anything else to find the change by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Why a request could not be read. Each is a 422 that names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// Not a JSON object.
    #[error("the request is not a JSON object")]
    NotAnObject,
    /// The change type is not `CustomerAssignment`.
    #[error("the change type {0:?} is not known; CustomerAssignment is")]
    ChangeType(String),
    /// A field that has to be there is not.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// A field has the wrong shape.
    #[error("the field {field} {problem}")]
    Invalid {
        /// The field's name.
        field: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: &'static str,
    },
    /// A field that is planned, but that this version does not act on. Refused, never ignored.
    #[error("the field {0} is not supported yet")]
    NotSupportedYet(String),
    /// A field nobody has heard of.
    #[error("the field {0} is not known")]
    Unknown(String),
}

/// Fields of the design that this version does not act on; `null` and `false` ask for nothing and pass.
pub const NOT_SUPPORTED_YET: &[&str] = &["billing_account", "notify"];

/// Fields that belong into another, or to one device alone; `null` and `false` ask for nothing and pass.
const ELSEWHERE: &[(&str, &str)] = &[
    ("carrier_rate_plan", "belongs into add_carrier_rate_plan or activate"),
    ("communication_plan", "belongs into add_carrier_rate_plan"),
    ("zip_code", "belongs into activate"),
    ("sku", "belongs into activate"),
    ("place_of_use", "belongs into activate"),
    ("static_ip", "belongs into activate"),
    ("imei", "is of one SIM alone: give it with the device, or as a column of the file"),
];

const TEXT_FIELDS: &[&str] = &[
    "service_provider",
    "customer",
    "site",
    "customer_rate_plan",
    "customer_rate_pool",
    "customer_data_allocation_mb",
    "effective_date",
    "start_at",
    "reference",
];

/// The longest text a field of the request takes, in bytes.
pub const LONGEST_FIELD: usize = 256;

impl AssociateCustomer {
    /// Reads the JSON of a request. `devices` is the caller's and must have been taken out before.
    ///
    /// # Errors
    /// The first [`RequestRefusal`] found.
    pub fn read(json: Value) -> Result<Self, RequestRefusal> {
        let Value::Object(mut fields) = json else { return Err(RequestRefusal::NotAnObject) };
        match fields.remove("change_type") {
            Some(Value::String(word)) if word == "CustomerAssignment" => {}
            Some(Value::String(word)) => return Err(RequestRefusal::ChangeType(word)),
            Some(_) => return Err(RequestRefusal::Invalid { field: "change_type".into(), problem: "is not text" }),
            None => return Err(RequestRefusal::Missing("change_type")),
        }
        let on_conflict = match fields.remove("on_conflict") {
            None | Some(Value::Null) => OnConflict::Refuse,
            Some(Value::String(word)) if word == "refuse" => OnConflict::Refuse,
            Some(Value::String(word)) if word == "replace" => OnConflict::Replace,
            Some(_) => {
                return Err(RequestRefusal::Invalid {
                    field: "on_conflict".into(),
                    problem: "is neither refuse nor replace",
                });
            }
        };
        let mut texts =
            TEXT_FIELDS.iter().map(|field| take_text(&mut fields, field)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut next = || texts.next().flatten();
        let (service_provider, customer, site) = (next(), next(), next());
        let (customer_rate_plan, customer_rate_pool, customer_data_allocation_mb) = (next(), next(), next());
        let (effective_date, start_at, reference) = (next(), next(), next());
        let columns = take_columns(&mut fields)?;
        let line = LineRequest::take(&mut fields, on_conflict)?;
        let carrier = CarrierRequest::take(&mut fields)?;
        for (field, problem) in ELSEWHERE {
            if fields.remove(*field).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
                return Err(RequestRefusal::Invalid { field: (*field).to_owned(), problem });
            }
        }
        for field in NOT_SUPPORTED_YET {
            if fields.remove(*field).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
                return Err(RequestRefusal::NotSupportedYet((*field).to_owned()));
            }
        }
        if let Some((field, _)) = fields.into_iter().next() {
            return Err(RequestRefusal::Unknown(field.chars().take(64).collect()));
        }
        Ok(Self {
            service_provider,
            customer,
            site,
            on_conflict,
            line,
            carrier,
            customer_rate_plan,
            customer_rate_pool,
            customer_data_allocation_mb,
            effective_date,
            start_at,
            columns,
            reference,
        })
    }
}

/// The most headings that a correction of the columns names.
const MOST_COLUMNS: usize = 256;

fn take_columns(fields: &mut Map<String, Value>) -> Result<BTreeMap<String, Option<InputField>>, RequestRefusal> {
    let invalid = |field: String, problem| RequestRefusal::Invalid { field, problem };
    let given = match fields.remove("columns") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(given)) if given.len() <= MOST_COLUMNS => given,
        Some(_) => return Err(invalid("columns".into(), "is not an object of at most 256 headings")),
    };
    given
        .into_iter()
        .map(|(heading, field)| {
            if heading.len() > LONGEST_FIELD || heading.chars().any(char::is_control) {
                return Err(invalid("columns".into(), "has a heading that is too long or holds a control character"));
            }
            match field {
                Value::Null => Ok((heading, None)),
                Value::String(word) => match InputField::from_word(&word) {
                    Some(field) => Ok((heading, Some(field))),
                    None => Err(invalid(format!("columns/{heading}"), "is not a field that a column can stand for")),
                },
                _ => Err(invalid(format!("columns/{heading}"), "is neither a field's name nor null")),
            }
        })
        .collect()
}

/// Text, or a number written as one (people send `"customer": 9000001`). Empty text and null are "not given".
pub(crate) fn take_text(fields: &mut Map<String, Value>, field: &str) -> Result<Option<String>, RequestRefusal> {
    take_text_of(fields, field, LONGEST_FIELD)
}

/// The same, of at most so many bytes.
pub(crate) fn take_text_of(
    fields: &mut Map<String, Value>,
    field: &str,
    most_bytes: usize,
) -> Result<Option<String>, RequestRefusal> {
    let invalid = |problem| RequestRefusal::Invalid { field: field.to_owned(), problem };
    let text = match fields.remove(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(invalid("is neither text nor a number")),
    };
    if text.len() > most_bytes {
        return Err(invalid(if most_bytes == LONGEST_FIELD { "is longer than 256 bytes" } else { "is too long" }));
    }
    // PostgreSQL text cannot hold U+0000, and the other control characters only ever hide something.
    if text.chars().any(char::is_control) {
        return Err(invalid("holds a control character"));
    }
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: Value) -> Result<AssociateCustomer, RequestRefusal> {
        AssociateCustomer::read(json)
    }

    #[test]
    fn the_least_request_is_enough() {
        let request =
            read(json!({"change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": 9000001}))
                .unwrap();
        assert_eq!(request.customer.as_deref(), Some("9000001"));
        assert_eq!(request.on_conflict, OnConflict::Refuse);
        assert_eq!(request.site, None);
    }

    #[test]
    fn what_is_not_built_yet_is_refused_and_never_ignored() {
        for field in NOT_SUPPORTED_YET {
            let mut request = json!({"change_type": "CustomerAssignment", "service_provider": "v", "customer": "c"});
            request[*field] = json!("x");
            assert_eq!(read(request.clone()), Err(RequestRefusal::NotSupportedYet((*field).to_owned())));
            request[*field] = Value::Null;
            assert!(read(request).is_ok(), "{field}: null asks for nothing");
        }
    }

    #[test]
    fn what_is_asked_of_the_carrier_is_kept_and_misplaced_fields_say_where_they_belong() {
        let mut asked =
            json!({"change_type": "CustomerAssignment", "customer": "c", "activate": {"zip_code": "10001"}});
        let request = read(asked.clone()).unwrap();
        assert_eq!(request.carrier.activate.as_ref().unwrap().zip_code.as_deref(), Some("10001"));
        let kept = serde_json::to_value(&request).unwrap();
        assert_eq!(serde_json::from_value::<AssociateCustomer>(kept).unwrap(), request);
        for (field, _) in ELSEWHERE {
            asked[*field] = json!("x");
            let refused = read(asked.clone());
            assert!(matches!(refused, Err(RequestRefusal::Invalid { field: f, .. }) if f == *field), "{field}");
            asked[*field] = Value::Null;
            assert!(read(asked.clone()).is_ok(), "{field}: null asks for nothing");
        }
    }

    #[test]
    fn hostile_fields_are_named() {
        let base = json!({"change_type": "CustomerAssignment", "service_provider": "v", "customer": "c"});
        for (field, value) in [
            ("customer", json!("a\u{0}b")),
            ("site", json!(["x"])),
            ("reference", json!("x".repeat(257))),
            ("on_conflict", json!("maybe")),
        ] {
            let mut request = base.clone();
            request[field] = value;
            assert!(matches!(read(request), Err(RequestRefusal::Invalid { field: f, .. }) if f == field), "{field}");
        }
        let mut request = base;
        request["surprise"] = json!(1);
        assert_eq!(read(request), Err(RequestRefusal::Unknown("surprise".into())));
    }
}
