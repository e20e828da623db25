//! What the form of a plan asks for, as the API is asked for it: no rule is here, the API's reader has them.

use super::super::devices::quoted;
use super::super::fields::Fields;
use domain::input_field::InputField;
use domain::line_request::{products_in, rates_in};
use domain::reason::Reason;
use intake::Look;
use serde_json::{Map, Value, json};

/// Fields that are sent as they were typed.
const TEXTS: &[&str] = &[
    "service_provider",
    "customer",
    "site",
    "customer_rate_plan",
    "customer_rate_pool",
    "customer_data_allocation_mb",
    "effective_date",
    "start_at",
    "reference",
    "on_conflict",
    "service_type",
    "rev_provider",
    "package",
    "products",
    "rates",
    "usage_plan_group",
    "description",
    "service_id",
];

/// Fields that are ticked.
const FLAGS: &[&str] = &["disconnect_existing", "create_rev_service", "prorate"];

/// A column of the input, and what it is taken for.
pub(super) struct Column {
    /// Its place, which its field on the form is named by.
    pub(super) at: usize,
    pub(super) heading: String,
    /// The field's word; empty: nothing of ours.
    pub(super) field: String,
    /// Its cells in the first rows.
    pub(super) sample: Vec<String>,
}

/// The columns of an input as the form has them: as they were sent, else as they are guessed.
pub(super) fn columns(look: &Look, typed: &Fields) -> Vec<Column> {
    let one = |(at, (heading, guess)): (usize, &(String, Option<InputField>))| {
        let name = format!("column_{at}");
        let sent = typed.has(&name).then(|| typed.text(&name).to_owned());
        Column {
            at,
            heading: heading.clone(),
            field: sent.unwrap_or_else(|| guess.map(InputField::word).unwrap_or_default().to_owned()),
            sample: look.sample.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()).cloned().collect(),
        }
    };
    look.columns.iter().enumerate().map(one).collect()
}

/// The request of a plan, without its devices.
pub(super) fn request(look: &Look, typed: &Fields) -> Value {
    let mut request = Map::new();
    request.insert("change_type".to_owned(), json!("CustomerAssignment"));
    for field in TEXTS {
        if let Some(text) = typed.said(field) {
            request.insert((*field).to_owned(), json!(text));
        }
    }
    for field in FLAGS {
        if typed.said(field).is_some() {
            request.insert((*field).to_owned(), json!(true));
        }
    }
    let mut corrected = Map::new();
    for (column, (heading, guess)) in columns(look, typed).into_iter().zip(&look.columns) {
        let guessed = guess.map(InputField::word).unwrap_or_default();
        // Of two columns with one heading the API means the first.
        let is_said = column.field != guessed || look.not_supported.contains(heading);
        if is_said && !corrected.contains_key(heading) {
            let field = if column.field.is_empty() { Value::Null } else { json!(column.field) };
            corrected.insert(heading.clone(), field);
        }
    }
    if !corrected.is_empty() {
        request.insert("columns".to_owned(), Value::Object(corrected));
    }
    Value::Object(request)
}

/// The same request as a command.
pub(super) fn command(request: &Value, file: &str) -> String {
    let mut text = "ascribe plan assign".to_owned();
    let mut say = |option: &str, value: &str| {
        text = format!("{text} --{option} {}", quoted(value));
    };
    for field in TEXTS {
        let Some(value) = request[*field].as_str() else { continue };
        match *field {
            "products" => products_in(value).iter().for_each(|one| say("product", one)),
            "rates" => rates_in(value).iter().for_each(|one| say("rate", one)),
            field => say(&field.replace('_', "-"), value),
        }
    }
    for (heading, field) in request["columns"].as_object().into_iter().flatten() {
        say("column", &format!("{heading}={}", field.as_str().unwrap_or_default()));
    }
    say("devices", file);
    for flag in FLAGS.iter().filter(|flag| request[**flag] == true) {
        text = format!("{text} --{}", flag.replace('_', "-"));
    }
    text
}

/// The field of the form that a refusal of what it names is about.
pub(super) const fn field_of(reason: Reason) -> &'static str {
    match reason {
        Reason::SiteNotFound | Reason::SiteAmbiguous => "site",
        Reason::PlanNotFound | Reason::PlanNotForCarrier => "customer_rate_plan",
        Reason::PoolNotFound | Reason::PoolMismatch => "customer_rate_pool",
        Reason::AllocationInvalid => "customer_data_allocation_mb",
        Reason::EffectiveDateInvalid => "effective_date",
        Reason::ProductNotFound | Reason::BillingItemNotFound => "products",
        Reason::ServiceNotFound | Reason::ServiceInUse => "service_id",
        Reason::RateInvalid | Reason::ProductsAndRatesDiffer => "rates",
        _ => "customer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> Fields {
        Fields::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_form_asks_as_the_api_is_asked_and_says_of_columns_only_what_differs_from_the_guess() {
        let look = Look {
            columns: vec![
                ("SIM".into(), Some(InputField::Iccid)),
                ("Who".into(), None),
                ("IMEI".into(), None),
                ("Pool".into(), Some(InputField::CustomerRatePool)),
            ],
            not_supported: vec!["IMEI".into()],
            ..Look::default()
        };
        let form = typed(&[
            ("customer", " Water "),
            ("site", ""),
            ("create_rev_service", "1"),
            ("products", "7; 8"),
            ("column_1", "customer"),
            ("column_3", ""),
        ]);
        let asked = request(&look, &form);
        let columns = json!({"Who": "customer", "IMEI": null, "Pool": null});
        assert_eq!(
            asked,
            json!({"change_type": "CustomerAssignment", "customer": "Water", "create_rev_service": true, "products": "7; 8", "columns": columns})
        );
        assert_eq!(
            command(&asked, "sims.csv"),
            "ascribe plan assign --customer Water --product 7 --product 8 --column 'IMEI=' --column 'Pool=' --column 'Who=customer' --devices sims.csv --create-rev-service"
        );
        assert_eq!(request(&Look::default(), &typed(&[])), json!({"change_type": "CustomerAssignment"}));
    }
}
