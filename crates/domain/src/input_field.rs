//! What the columns of an input stand for.

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
        /// The carrier rate plan.
        CarrierRatePlan = "carrier_rate_plan",
        /// The communication plan beside it.
        CommunicationPlan = "communication_plan",
        /// The carrier rate plan of an activation, where it is another.
        ActivationCarrierRatePlan = "activation_carrier_rate_plan",
        /// Where the number of an activation is to be from.
        ZipCode = "zip_code",
        /// The radio that the SIM is activated with.
        Imei = "imei",
        /// The kind of device, where there is no IMEI.
        Sku = "sku",
        /// The pool of its static address.
        StaticIpPool = "static_ip_pool",
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
    (InputField::CarrierRatePlan, &["carrierrateplan", "carrierrateplancode", "carrierplan"]),
    (InputField::CommunicationPlan, &["communicationplan", "commplan"]),
    (InputField::ActivationCarrierRatePlan, &["activationcarrierrateplan", "activationrateplan", "activationplan"]),
    (InputField::ZipCode, &["zipcode", "activationzipcode", "mdnzipcode"]),
    (InputField::Imei, &["imei", "imeinumber", "deviceimei"]),
    (InputField::Sku, &["sku", "skunumber", "devicesku"]),
    (InputField::StaticIpPool, &["staticippool", "staticip", "ippool"]),
];

/// Headings of fields of the design that rows cannot name: a file that has them is refused, not half read.
const NOT_SUPPORTED_YET: &[&str] = &["billingaccount", "placeofuse", "pdp"];

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

    /// Does it say what a SIM is activated with? Then the request has to ask for activations.
    #[must_use]
    pub const fn is_of_an_activation(self) -> bool {
        matches!(self, Self::ActivationCarrierRatePlan | Self::ZipCode | Self::Imei | Self::Sku | Self::StaticIpPool)
    }

    /// Does it ask something of the carrier?
    #[must_use]
    pub const fn is_of_the_carrier(self) -> bool {
        matches!(self, Self::CarrierRatePlan | Self::CommunicationPlan) || self.is_of_an_activation()
    }

    /// Does it name the SIM?
    #[must_use]
    pub const fn names_the_sim(self) -> bool {
        matches!(self, Self::Iccid | Self::Msisdn | Self::Device)
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
            ("Carrier Rate Plan", Guess::Field(InputField::CarrierRatePlan)),
            ("Zip code", Guess::Field(InputField::ZipCode)),
            ("Billing account", Guess::NotSupportedYet),
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
