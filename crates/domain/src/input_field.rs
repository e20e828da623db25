//! What the columns of an input stand for, and what one row asks for in place of the request.

use crate::associate_customer::AssociateCustomer;
use crate::states::words;
use serde::{Deserialize, Serialize};

words! {
    /// What a column may stand for.
    InputField {
        /// The SIM, by its ICCID.
        Iccid = "iccid",
        /// The SIM, by its subscriber number.
        Msisdn = "msisdn",
        /// The SIM, by either.
        Device = "device",
        /// The service provider that has the SIM.
        ServiceProvider = "service_provider",
        /// The customer.
        Customer = "customer",
        /// The site.
        Site = "site",
        /// The customer rate plan.
        CustomerRatePlan = "customer_rate_plan",
        /// The customer rate pool.
        CustomerRatePool = "customer_rate_pool",
        /// The data allocation.
        CustomerDataAllocationMb = "customer_data_allocation_mb",
        /// The effective date.
        EffectiveDate = "effective_date",
    }
}

/// Columns that our own files add: what became of a row the last time, and its number. They are nobody's own.
pub const RESULT_COLUMNS: &[&str] = &["_status", "_code", "_reason", "_fix", "_attempts", "_row"];

/// What a heading most likely means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// This field.
    Field(InputField),
    /// A field of the design that this version does not act on.
    NotSupportedYet,
    /// Nothing of ours: a note, a place, somebody's own number.
    Nothing,
}

/// Headings in letters and digits alone, small, and the field they are taken for.
const HEADINGS: &[(InputField, &[&str])] = &[
    (
        InputField::Iccid,
        &["iccid", "iccids", "iccidnumber", "simiccid", "sim", "sims", "simnumber", "simid", "simcard"],
    ),
    (
        InputField::Msisdn,
        &[
            "msisdn",
            "subscribernumber",
            "phonenumber",
            "phone",
            "mobilenumber",
            "telephonenumber",
            "ctn",
            "mdn",
            "number",
        ],
    ),
    (InputField::Device, &["device", "devices", "identifier"]),
    (
        InputField::ServiceProvider,
        &["serviceprovider", "serviceprovidername", "serviceproviderid", "provider", "carrier"],
    ),
    (
        InputField::Customer,
        &["customer", "customerid", "customername", "revcustomerid", "revcustomer", "reviocustomer"],
    ),
    (InputField::Site, &["site", "sitename", "siteid"]),
    (InputField::CustomerRatePlan, &["customerrateplan", "customerrateplancode", "rateplan", "rateplancode"]),
    (InputField::CustomerRatePool, &["customerratepool", "customerpool", "ratepool", "pool"]),
    (
        InputField::CustomerDataAllocationMb,
        &[
            "customerdataallocationmb",
            "customerdataallocation",
            "dataallocationmb",
            "dataallocation",
            "allocation",
            "allocationmb",
        ],
    ),
    (InputField::EffectiveDate, &["effectivedate", "effective", "effectivefrom"]),
];

/// Headings of fields that wait for Rev.io and the carriers: a file that has them is refused, not half read.
const NOT_SUPPORTED_YET: &[&str] =
    &["products", "revioproduct", "rates", "rate", "carrierrateplan", "zipcode", "imei", "billingaccount", "staticip"];

impl InputField {
    /// What a heading most likely means.
    #[must_use]
    pub fn guess(heading: &str) -> Guess {
        if RESULT_COLUMNS.contains(&heading.trim()) {
            return Guess::Nothing;
        }
        let bare: String =
            heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(64).collect();
        if NOT_SUPPORTED_YET.contains(&bare.as_str()) {
            return Guess::NotSupportedYet;
        }
        HEADINGS
            .iter()
            .find(|(_, headings)| headings.contains(&bare.as_str()))
            .map_or(Guess::Nothing, |(field, _)| Guess::Field(*field))
    }

    /// Does it name the SIM?
    #[must_use]
    pub const fn names_the_sim(self) -> bool {
        matches!(self, Self::Iccid | Self::Msisdn | Self::Device)
    }
}

/// What one row asks for in place of the request; an empty cell asks for nothing of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overrides {
    /// The customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The customer rate plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_rate_plan: Option<String>,
    /// The pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_rate_pool: Option<String>,
    /// The data allocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_data_allocation_mb: Option<String>,
    /// The effective date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_date: Option<String>,
}

impl Overrides {
    /// Does the row ask for nothing of its own?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Where this field's value goes; None for fields that are no overrides.
    pub const fn field(&mut self, field: InputField) -> Option<&mut Option<String>> {
        match field {
            InputField::Customer => Some(&mut self.customer),
            InputField::Site => Some(&mut self.site),
            InputField::CustomerRatePlan => Some(&mut self.customer_rate_plan),
            InputField::CustomerRatePool => Some(&mut self.customer_rate_pool),
            InputField::CustomerDataAllocationMb => Some(&mut self.customer_data_allocation_mb),
            InputField::EffectiveDate => Some(&mut self.effective_date),
            InputField::Iccid | InputField::Msisdn | InputField::Device | InputField::ServiceProvider => None,
        }
    }

    /// The request as it holds for this row. A row with a customer of its own does not go to the request's site.
    #[must_use]
    pub fn over(&self, request: &AssociateCustomer) -> AssociateCustomer {
        let or = |own: &Option<String>, asked: &Option<String>| own.clone().or_else(|| asked.clone());
        let site = if self.customer.is_some() { self.site.clone() } else { or(&self.site, &request.site) };
        AssociateCustomer {
            customer: or(&self.customer, &request.customer),
            site,
            customer_rate_plan: or(&self.customer_rate_plan, &request.customer_rate_plan),
            customer_rate_pool: or(&self.customer_rate_pool, &request.customer_rate_pool),
            customer_data_allocation_mb: or(&self.customer_data_allocation_mb, &request.customer_data_allocation_mb),
            effective_date: or(&self.effective_date, &request.effective_date),
            ..request.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_guessed_in_any_spelling_and_result_columns_are_left_alone() {
        for (heading, guess) in [
            ("SIM ICCID", Guess::Field(InputField::Iccid)),
            ("Subscriber Number", Guess::Field(InputField::Msisdn)),
            ("customer_rate-plan", Guess::Field(InputField::CustomerRatePlan)),
            ("Effective Date", Guess::Field(InputField::EffectiveDate)),
            ("Carrier Rate Plan", Guess::NotSupportedYet),
            ("Note", Guess::Nothing),
            ("_status", Guess::Nothing),
            ("_iccid", Guess::Field(InputField::Iccid)),
            ("_id", Guess::Nothing),
        ] {
            assert_eq!(InputField::guess(heading), guess, "{heading}");
        }
    }

    #[test]
    fn no_heading_stands_for_two_fields() {
        let all: Vec<&str> =
            HEADINGS.iter().flat_map(|(_, h)| h.iter().copied()).chain(NOT_SUPPORTED_YET.iter().copied()).collect();
        let distinct: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len());
    }
}
