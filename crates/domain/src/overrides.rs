//! What one row of an input asks for in place of the request.

use crate::associate_customer::AssociateCustomer;
use crate::carrier_request::{ActivationRequest, CarrierRequest, PlanRequest, StaticIpRequest};
use crate::input_field::InputField;
use crate::line_request::{LineRequest, products_in, rates_in};
use serde::{Deserialize, Serialize};

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
    /// The carrier rate plan that the SIM is to have, whether it is active or is activated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier_rate_plan: Option<String>,
    /// The communication plan beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_plan: Option<String>,
    /// The carrier rate plan of an activation, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation_carrier_rate_plan: Option<String>,
    /// Where its number is to be from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip_code: Option<String>,
    /// The kind of device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The pool of its static address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_ip_pool: Option<String>,
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
            InputField::CarrierRatePlan => Some(&mut self.carrier_rate_plan),
            InputField::CommunicationPlan => Some(&mut self.communication_plan),
            InputField::ActivationCarrierRatePlan => Some(&mut self.activation_carrier_rate_plan),
            InputField::ZipCode => Some(&mut self.zip_code),
            InputField::Sku => Some(&mut self.sku),
            InputField::StaticIpPool => Some(&mut self.static_ip_pool),
            // An IMEI is one SIM's: what rows are to become is stored once for all that are to become the same.
            InputField::Iccid
            | InputField::Msisdn
            | InputField::Device
            | InputField::ServiceProvider
            | InputField::Imei => None,
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
            carrier: self.carrier_over(&request.carrier),
            ..request.clone()
        }
    }

    /// What is asked of the carrier as it holds for this row. A carrier rate plan of its own is asked for also where the request
    /// asks for none, and a SIM that is activated gets that one; what an activation takes counts only where the request activates.
    fn carrier_over(&self, request: &CarrierRequest) -> CarrierRequest {
        let or = |own: &Option<String>, asked: &Option<String>| own.clone().or_else(|| asked.clone());
        let asked = request.add_carrier_rate_plan.as_ref();
        let add_carrier_rate_plan = match (&self.carrier_rate_plan, &self.communication_plan) {
            (None, None) => asked.cloned(),
            (None, Some(own)) => Some(PlanRequest {
                carrier_rate_plan: asked.and_then(|asked| asked.carrier_rate_plan.clone()),
                communication_plan: Some(own.clone()),
            }),
            // The request's communication plan goes with the request's plan.
            (Some(own), communication_plan) => Some(PlanRequest {
                carrier_rate_plan: Some(own.clone()),
                communication_plan: communication_plan.clone(),
            }),
        };
        let own_plan = or(&self.activation_carrier_rate_plan, &self.carrier_rate_plan);
        let activate = request.activate.as_ref().map(|asked| ActivationRequest {
            carrier_rate_plan: or(&own_plan, &asked.carrier_rate_plan),
            zip_code: or(&self.zip_code, &asked.zip_code),
            sku: or(&self.sku, &asked.sku),
            place_of_use: asked.place_of_use.clone(),
            static_ip: self
                .static_ip_pool
                .clone()
                .map(|pool| StaticIpRequest { pool })
                .or_else(|| asked.static_ip.clone()),
        });
        CarrierRequest { add_carrier_rate_plan, activate }
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
    fn a_rows_own_carrier_plan_is_for_the_sim_whether_it_is_active_or_is_activated() {
        let plan = |code: &str, communication: Option<&str>| PlanRequest {
            carrier_rate_plan: Some(code.to_owned()),
            communication_plan: communication.map(str::to_owned),
        };
        let activate = ActivationRequest {
            carrier_rate_plan: Some("A".into()),
            zip_code: Some("10001".into()),
            ..ActivationRequest::default()
        };
        let carrier =
            CarrierRequest { add_carrier_rate_plan: Some(plan("P", Some("C"))), activate: Some(activate.clone()) };
        let request = AssociateCustomer { carrier: carrier.clone(), ..AssociateCustomer::default() };
        let over = |own: Overrides| own.over(&request).carrier;
        assert_eq!(over(Overrides::default()), carrier);
        let own = over(Overrides { carrier_rate_plan: Some("Q".into()), ..Overrides::default() });
        assert_eq!(own.add_carrier_rate_plan, Some(plan("Q", None)));
        assert_eq!(own.activate.unwrap().carrier_rate_plan.as_deref(), Some("Q"));
        let both = Overrides { activation_carrier_rate_plan: Some("B".into()), ..Overrides::default() };
        let own = over(Overrides { carrier_rate_plan: Some("Q".into()), ..both });
        assert_eq!(own.activate.unwrap().carrier_rate_plan.as_deref(), Some("B"));
        let own = over(Overrides { communication_plan: Some("D".into()), ..Overrides::default() });
        assert_eq!(own.add_carrier_rate_plan, Some(plan("P", Some("D"))));
        let own = over(Overrides {
            zip_code: Some("94103".into()),
            sku: Some("S".into()),
            static_ip_pool: Some("blue".into()),
            ..Overrides::default()
        });
        let expected = ActivationRequest {
            zip_code: Some("94103".into()),
            sku: Some("S".into()),
            static_ip: Some(StaticIpRequest { pool: "blue".into() }),
            ..activate
        };
        assert_eq!(own.activate, Some(expected));
        // A request that asks for nothing: the plan is asked for, an activation is not.
        let own = Overrides { carrier_rate_plan: Some("Q".into()), zip_code: Some("1".into()), ..Overrides::default() };
        let own = own.over(&AssociateCustomer::default()).carrier;
        assert_eq!(own, CarrierRequest { add_carrier_rate_plan: Some(plan("Q", None)), activate: None });
    }
}
