//! What a request asks of billing: a new line at Rev.io for each SIM, an existing one, or neither.

use crate::associate_customer::{LONGEST_FIELD, OnConflict, RequestRefusal, take_text, take_text_of};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is asked of billing. Things of Rev.io are named by their id there, or by their exact description if one alone has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineRequest {
    /// Is a line to be opened for each SIM?
    #[serde(skip_serializing_if = "is_false")]
    pub create_rev_service: bool,
    /// The new line's kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Who carries it. None: the package's, or the one that all products share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev_provider: Option<String>,
    /// The package that brings its products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Or the products, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub products: Option<Vec<String>>,
    /// Their rates, in the same order; one that is empty is the product's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Vec<String>>,
    /// Is the first month charged in part?
    #[serde(skip_serializing_if = "is_false")]
    pub prorate: bool,
    /// How its usage is rated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_plan_group: Option<String>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The existing line that the SIM is put on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// Are active lines of other accounts to be closed?
    #[serde(skip_serializing_if = "is_false")]
    pub disconnect_existing: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The longest description that a line takes (`rev_io` C5).
pub const LONGEST_DESCRIPTION: usize = 1_000;
/// The most products of one line.
pub const MOST_PRODUCTS: usize = 50;

impl LineRequest {
    /// Is anything asked of billing?
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.create_rev_service || self.service_id.is_some() || self.disconnect_existing
    }

    /// Takes what it is about out of a request's fields.
    pub(crate) fn take(fields: &mut Map<String, Value>, on_conflict: OnConflict) -> Result<Self, RequestRefusal> {
        let asked = Self {
            create_rev_service: take_flag(fields, "create_rev_service")?,
            service_type: take_text(fields, "service_type")?,
            rev_provider: take_text(fields, "rev_provider")?,
            package: take_text(fields, "package")?,
            products: take_list(fields, "products", products_in)?,
            rates: take_list(fields, "rates", rates_in)?,
            prorate: take_flag(fields, "prorate")?,
            usage_plan_group: take_text(fields, "usage_plan_group")?,
            description: take_description(fields)?,
            service_id: take_text(fields, "service_id")?,
            disconnect_existing: take_flag(fields, "disconnect_existing")?,
        };
        match asked.contradiction(on_conflict) {
            None => Ok(asked),
            Some((field, problem)) => Err(RequestRefusal::Invalid { field: field.into(), problem }),
        }
    }

    /// The first field that contradicts another, and how.
    fn contradiction(&self, on_conflict: OnConflict) -> Option<(&'static str, &'static str)> {
        let details = [
            ("service_type", self.service_type.is_some()),
            ("rev_provider", self.rev_provider.is_some()),
            ("package", self.package.is_some()),
            ("products", self.products.is_some()),
            ("rates", self.rates.is_some()),
            ("prorate", self.prorate),
            ("usage_plan_group", self.usage_plan_group.is_some()),
            ("description", self.description.is_some()),
        ];
        if self.create_rev_service && self.service_id.is_some() {
            return Some(("service_id", "names an existing line, and create_rev_service asks for a new one"));
        }
        if let Some((field, _)) = details.into_iter().find(|(_, given)| *given && !self.create_rev_service) {
            return Some((field, "says what a new line has; it goes with create_rev_service: true"));
        }
        if self.package.is_some() && self.products.is_some() {
            return Some(("products", "cannot be given with a package, which brings its own"));
        }
        if self.rates.is_some() && self.products.is_none() {
            return Some(("rates", "goes with products, one rate for each"));
        }
        if self.disconnect_existing && on_conflict != OnConflict::Replace {
            return Some(("disconnect_existing", "goes with on_conflict: replace"));
        }
        None
    }
}

/// The products that a text names, with semicolons between them.
#[must_use]
pub fn products_in(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// The rates that a text gives, with semicolons between them. An empty one stands for the product's own.
#[must_use]
pub fn rates_in(text: &str) -> Vec<String> {
    text.split(';').map(|one| one.trim().to_owned()).collect()
}

fn invalid(field: &str, problem: &'static str) -> RequestRefusal {
    RequestRefusal::Invalid { field: field.to_owned(), problem }
}

fn take_flag(fields: &mut Map<String, Value>, field: &str) -> Result<bool, RequestRefusal> {
    match fields.remove(field) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(_) => Err(invalid(field, "is neither true nor false")),
    }
}

/// A list of texts or numbers, or one text of them.
fn take_list(
    fields: &mut Map<String, Value>,
    field: &str,
    split: fn(&str) -> Vec<String>,
) -> Result<Option<Vec<String>>, RequestRefusal> {
    let Some(Value::Array(given)) = fields.get(field) else {
        let list = take_text_of(fields, field, LONGEST_FIELD * MOST_PRODUCTS)?.map(|text| split(&text));
        return checked(field, list.filter(|list| !list.is_empty()));
    };
    let given = given.clone();
    fields.remove(field);
    let one = |value: Value| {
        let mut alone = Map::from_iter([(field.to_owned(), value)]);
        Ok(take_text(&mut alone, field)?.unwrap_or_default())
    };
    let list = given.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    checked(field, (!list.is_empty()).then_some(list))
}

fn checked(field: &str, list: Option<Vec<String>>) -> Result<Option<Vec<String>>, RequestRefusal> {
    match &list {
        Some(list) if list.len() > MOST_PRODUCTS => Err(invalid(field, "has more than 50 entries")),
        Some(list) if list.iter().any(|one| one.len() > LONGEST_FIELD) => {
            Err(invalid(field, "has an entry that is longer than 256 bytes"))
        }
        _ => Ok(list),
    }
}

fn take_description(fields: &mut Map<String, Value>) -> Result<Option<String>, RequestRefusal> {
    let text = take_text_of(fields, "description", LONGEST_DESCRIPTION * 4)?;
    match text {
        Some(text) if text.chars().count() > LONGEST_DESCRIPTION => {
            Err(invalid("description", "is longer than 1000 characters"))
        }
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::associate_customer::AssociateCustomer;
    use serde_json::json;

    fn read(extra: &Value) -> Result<LineRequest, RequestRefusal> {
        let mut request = json!({"change_type": "CustomerAssignment", "customer": "c"});
        for (field, value) in extra.as_object().unwrap() {
            request[field] = value.clone();
        }
        AssociateCustomer::read(request).map(|request| request.line)
    }

    #[test]
    fn products_and_rates_are_lists_or_text() {
        let listed =
            read(&json!({"create_rev_service": true, "products": [7, "Data 5"], "rates": [1.5, null]})).unwrap();
        let written = read(&json!({"create_rev_service": true, "products": "7; Data 5;", "rates": "1.5;"})).unwrap();
        assert_eq!(listed, written);
        assert_eq!(written.products.unwrap(), ["7", "Data 5"]);
        assert_eq!(written.rates.unwrap(), ["1.5", ""]);
        assert!(!read(&json!({"create_rev_service": false, "products": "", "prorate": null})).unwrap().asks());
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_the_field() {
        let new = json!({"create_rev_service": true, "package": 1});
        let with = |field: &str, value: Value| {
            let mut request = new.clone();
            request[field] = value;
            request
        };
        let cases = [
            (with("service_id", json!(5)), "service_id"),
            (with("products", json!([7])), "products"),
            (with("rates", json!([7])), "rates"),
            (json!({"service_type": "SIM"}), "service_type"),
            (json!({"service_id": 5, "prorate": true}), "prorate"),
            (json!({"description": "x"}), "description"),
            (json!({"disconnect_existing": true}), "disconnect_existing"),
            (with("create_rev_service", json!("yes")), "create_rev_service"),
            (with("description", json!("x".repeat(1_001))), "description"),
            (json!({"create_rev_service": true, "products": vec![1; 51]}), "products"),
            (json!({"create_rev_service": true, "products": ["x".repeat(257)]}), "products"),
            (json!({"create_rev_service": true, "products": [["x"]]}), "products"),
        ];
        for (request, field) in cases {
            let refused = read(&request);
            assert!(
                matches!(&refused, Err(RequestRefusal::Invalid { field: f, .. }) if f == field),
                "{request}: {refused:?}"
            );
        }
        assert!(read(&json!({"on_conflict": "replace", "disconnect_existing": true})).unwrap().asks());
        assert!(read(&with("description", json!("ü".repeat(1_000)))).is_ok());
    }
}
