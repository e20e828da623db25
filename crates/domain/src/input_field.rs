//! What the columns of an input stand for, and what one row asks for in place of the request.

use crate::associate_customer::AssociateCustomer;
use crate::line_request::{LineRequest, products_in, rates_in};
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
        /// The products of a new line.
        Products = "products",
        /// Their rates.
        Rates = "rates",
        /// The package of a new line.
        Package = "package",
        /// The existing line that the SIM is put on.
        ServiceId = "service_id",
        /// A new line's kind.
        ServiceType = "service_type",
        /// Who carries a new line.
        RevProvider = "rev_provider",
        /// How a new line's usage is rated.
        UsagePlanGroup = "usage_plan_group",
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
    (
        InputField::Products,
        &[
            "products",
            "product",
            "productid",
            "productids",
            "revproduct",
            "revproducts",
            "revioproduct",
            "revioproducts",
        ],
    ),
    (InputField::Rates, &["rates", "rate", "productrate", "productrates"]),
    (InputField::Package, &["package", "packageid", "revpackage", "reviopackage"]),
    (InputField::ServiceId, &["serviceid", "revserviceid", "revioserviceid", "revservice"]),
    (InputField::ServiceType, &["servicetype", "servicetypeid", "revservicetype", "revioservicetype"]),
    (InputField::RevProvider, &["revprovider", "revproviderid", "revioprovider", "billingprovider"]),
    (InputField::UsagePlanGroup, &["usageplangroup", "usageplangroupid", "revusageplangroup"]),
];

/// Headings of fields that wait for the carriers: a file that has them is refused, not half read.
const NOT_SUPPORTED_YET: &[&str] = &["carrierrateplan", "zipcode", "imei", "billingaccount", "staticip"];

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

    /// Does it say what a new line has? Then the request has to ask for one.
    #[must_use]
    pub const fn is_of_a_new_line(self) -> bool {
        matches!(
            self,
            Self::Products | Self::Rates | Self::Package | Self::ServiceType | Self::RevProvider | Self::UsagePlanGroup
        )
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
    /// The products of a new line, with semicolons between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub products: Option<String>,
    /// Their rates, the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<String>,
    /// The package of a new line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// An existing line, in place of a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// The new line's kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Who carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev_provider: Option<String>,
    /// How its usage is rated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_plan_group: Option<String>,
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
            InputField::Products => Some(&mut self.products),
            InputField::Rates => Some(&mut self.rates),
            InputField::Package => Some(&mut self.package),
            InputField::ServiceId => Some(&mut self.service_id),
            InputField::ServiceType => Some(&mut self.service_type),
            InputField::RevProvider => Some(&mut self.rev_provider),
            InputField::UsagePlanGroup => Some(&mut self.usage_plan_group),
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
            line: self.line_over(&request.line),
            ..request.clone()
        }
    }

    /// What is asked of billing as it holds for this row. A line, a package or products of its own take the place of the
    /// request's, with what goes with them: the request's rates are the request's products' rates.
    fn line_over(&self, request: &LineRequest) -> LineRequest {
        if self.service_id.is_some() {
            return LineRequest {
                service_id: self.service_id.clone(),
                // Kept, so that a row that names both is refused.
                package: self.package.clone(),
                products: self.products.as_deref().map(products_in),
                disconnect_existing: request.disconnect_existing,
                ..LineRequest::default()
            };
        }
        let or = |own: &Option<String>, asked: &Option<String>| own.clone().or_else(|| asked.clone());
        let (own_products, own_rates) =
            (self.products.as_deref().map(products_in), self.rates.as_deref().map(rates_in));
        let (package, products, rates) = match (&self.package, own_products) {
            (None, None) => {
                (request.package.clone(), request.products.clone(), own_rates.or_else(|| request.rates.clone()))
            }
            (package, products) => (package.clone(), products, own_rates),
        };
        LineRequest {
            service_type: or(&self.service_type, &request.service_type),
            rev_provider: or(&self.rev_provider, &request.rev_provider),
            usage_plan_group: or(&self.usage_plan_group, &request.usage_plan_group),
            package,
            products,
            rates,
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
    fn a_rows_own_line_takes_the_place_of_the_requests_with_what_goes_with_it() {
        let list = |text: &[&str]| Some(text.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        let asked = LineRequest {
            create_rev_service: true,
            products: list(&["7", "8"]),
            rates: list(&["1", "2"]),
            rev_provider: Some("3".into()),
            ..LineRequest::default()
        };
        let request = AssociateCustomer { line: asked.clone(), ..AssociateCustomer::default() };
        let over = |own: Overrides| own.over(&request).line;
        assert_eq!(over(Overrides::default()), asked);
        let products = over(Overrides { products: Some("9; 10".into()), ..Overrides::default() });
        assert_eq!((products.products, products.rates), (list(&["9", "10"]), None));
        let rates = over(Overrides { rates: Some("5;".into()), ..Overrides::default() });
        assert_eq!((rates.products, rates.rates), (list(&["7", "8"]), list(&["5", ""])));
        let package = over(Overrides { package: Some("4".into()), ..Overrides::default() });
        assert_eq!((package.package.as_deref(), package.products, package.rates), (Some("4"), None, None));
        assert_eq!(package.rev_provider.as_deref(), Some("3"));
        let line = over(Overrides { service_id: Some("77".into()), ..Overrides::default() });
        assert_eq!(line, LineRequest { service_id: Some("77".into()), ..LineRequest::default() });
    }

    #[test]
    fn no_heading_stands_for_two_fields() {
        let all: Vec<&str> =
            HEADINGS.iter().flat_map(|(_, h)| h.iter().copied()).chain(NOT_SUPPORTED_YET.iter().copied()).collect();
        let distinct: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len());
    }
}
