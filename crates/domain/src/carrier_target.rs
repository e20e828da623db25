//! What a SIM is to become at its carrier: the names of a request resolved, what has to be done for one SIM, and why it cannot be.

use crate::carrier::{AtCarrier, CarrierCapabilities, CarrierFacts, Standing, read_imei};
use crate::carrier_request::{ActivationRequest, CarrierRequest, PlaceOfUse, PlanRequest};
use crate::ids::{CarrierRatePlanId, ServiceProviderId};
use crate::reason::{Reason, Refusal};
use crate::steps::Step;
use crate::verdict::DeviceFacts;

/// What SIMs are to become at their carrier; usually nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CarrierTarget {
    /// The plan that an active SIM is to have.
    pub plan: Option<CarrierPlan>,
    /// What a SIM without service is activated with.
    pub activation: Option<Activation>,
}

/// A carrier rate plan that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CarrierPlan {
    /// The plan.
    pub id: CarrierRatePlanId,
    /// Its code: what the carrier knows it by.
    pub code: String,
    /// The communication plan beside it.
    pub communication_plan: Option<String>,
}

/// What a SIM is activated with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Activation {
    /// The plan.
    pub plan: CarrierRatePlanId,
    /// Its code.
    pub code: String,
    /// Where its number is to be from.
    pub zip_code: String,
    /// The kind of device, where there is no IMEI.
    pub sku: Option<String>,
    /// Who uses it, and where.
    pub place_of_use: Option<PlaceOfUse>,
    /// Of which pool it gets a static address afterwards.
    pub static_ip_pool: Option<String>,
}

/// A carrier rate plan that the text of a request might mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierPlanCandidate {
    /// The plan.
    pub id: CarrierRatePlanId,
    /// Whose.
    pub service_provider: ServiceProviderId,
    /// What the carrier knows it by.
    pub code: String,
    /// Was it found by what people call it, and not by its code or id?
    pub by_name: bool,
    /// Is it still offered?
    pub active: bool,
}

/// What is asked of the carrier, resolved. `found` answers what a text might mean.
///
/// # Errors
/// The first [`Refusal`]. Where nothing can be changed at the carrier at all, that is the reason.
pub fn the_carrier_target(
    asked: &CarrierRequest,
    provider: ServiceProviderId,
    found: impl Fn(&str) -> Vec<CarrierPlanCandidate>,
    at: &AtCarrier,
) -> Result<CarrierTarget, Refusal> {
    let first = |refusal: Refusal| at.refuses_all().unwrap_or(refusal);
    let by_code = |text: &str| the_plan(text, provider, &found(text)).map_err(first);
    let plan = match &asked.add_carrier_rate_plan {
        None => None,
        Some(PlanRequest { carrier_rate_plan: None, .. }) => {
            return Err(first(Refusal::about(
                Reason::PlanNotFound,
                "a communication plan goes with a carrier rate plan",
            )));
        }
        Some(PlanRequest { carrier_rate_plan: Some(text), communication_plan }) => {
            let plan = by_code(text)?;
            Some(CarrierPlan { id: plan.id, code: plan.code, communication_plan: communication_plan.clone() })
        }
    };
    let activation = match &asked.activate {
        None => None,
        Some(activate) => Some(the_activation(activate, plan.as_ref(), by_code, at).map_err(first)?),
    };
    Ok(CarrierTarget { plan, activation })
}

/// One of this service provider's: by its code or id, else by what people call it if it is one's alone.
fn the_plan(
    text: &str,
    provider: ServiceProviderId,
    found: &[CarrierPlanCandidate],
) -> Result<CarrierPlanCandidate, Refusal> {
    let theirs = |by_name: bool| {
        found.iter().filter(move |plan| plan.active && plan.by_name == by_name && plan.service_provider == provider)
    };
    if let Some(plan) = theirs(false).next() {
        return Ok(plan.clone());
    }
    match (theirs(true).next(), theirs(true).count()) {
        (Some(plan), 1) => Ok(plan.clone()),
        (Some(_), several) => {
            let detail = format!("{several} carrier rate plans are called {text}: name it by its code");
            Err(Refusal::about(Reason::PlanNotFound, detail))
        }
        (None, _) => {
            let elsewhere = found.iter().any(|plan| plan.active);
            let reason = if elsewhere { Reason::PlanNotForCarrier } else { Reason::PlanNotFound };
            Err(Refusal::about(reason, format!("carrier rate plan {text}")))
        }
    }
}

fn the_activation(
    asked: &ActivationRequest,
    plan: Option<&CarrierPlan>,
    by_code: impl Fn(&str) -> Result<CarrierPlanCandidate, Refusal>,
    at: &AtCarrier,
) -> Result<Activation, Refusal> {
    let (id, code) = match (&asked.carrier_rate_plan, plan) {
        (Some(text), _) => by_code(text).map(|plan| (plan.id, plan.code))?,
        (None, Some(plan)) => (plan.id, plan.code.clone()),
        (None, None) => return Err(Refusal::about(Reason::ActivationInvalid, "carrier_rate_plan is missing")),
    };
    let Some(zip_code) = asked.zip_code.clone() else {
        return Err(Refusal::about(Reason::ActivationInvalid, "zip_code is missing"));
    };
    if !is_zip_code(&zip_code) {
        return Err(Refusal::about(Reason::ActivationInvalid, format!("zip_code {zip_code} is not of five digits")));
    }
    let pool = asked.static_ip.as_ref().map(|asked| asked.pool.clone());
    let activation = Activation {
        plan: id,
        code,
        zip_code,
        sku: asked.sku.clone(),
        place_of_use: asked.place_of_use.clone(),
        static_ip_pool: pool,
    };
    let refused = at.can.as_ref().map(|can| can.refused_characters).unwrap_or_default();
    if let Some((field, text)) = activation.texts().find(|(_, text)| text.contains(|c| refused.contains(c))) {
        let detail = format!("{field}: {text:?} has one of the characters {refused}");
        return Err(Refusal::about(Reason::ActivationInvalid, detail));
    }
    Ok(activation)
}

/// Five digits, and four more after a hyphen if they are known.
fn is_zip_code(text: &str) -> bool {
    let (five, four) = text.split_once('-').map_or((text, None), |(five, four)| (five, Some(four)));
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(five, 5) && four.is_none_or(|four| digits(four, 4))
}

impl Activation {
    /// What the carrier is told in words of the caller's own.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let place = self.place_of_use.iter().flat_map(|place| {
            [
                ("first_name", place.first_name.as_str()),
                ("last_name", &place.last_name),
                ("address_line_1", &place.address_line_1),
                ("address_line_2", place.address_line_2.as_deref().unwrap_or_default()),
                ("city", &place.city),
                ("state", &place.state),
                ("zip", &place.zip),
                ("country", &place.country),
            ]
        });
        let own = [("sku", self.sku.as_deref()), ("static_ip_pool", self.static_ip_pool.as_deref())];
        own.into_iter().filter_map(|(field, text)| Some((field, text?))).chain(place)
    }
}

impl CarrierTarget {
    /// Is a SIM activated that stands like this?
    #[must_use]
    pub const fn activates(&self, standing: Standing) -> bool {
        self.activation.is_some() && standing.can_be_activated()
    }

    /// What has to be done at the carrier for a SIM. One that is activated has its plan from the activation; one that has the
    /// plan already is left alone, but for a communication plan, of which nothing is known.
    #[must_use]
    pub fn steps(&self, now: &CarrierFacts) -> Vec<Step> {
        if let Some(activation) = self.activation.as_ref().filter(|_| now.standing.can_be_activated()) {
            let address = activation.static_ip_pool.as_ref().map(|_| Step::ProvisionIp);
            return std::iter::once(Step::ActivateAtCarrier).chain(address).collect();
        }
        let changes = |plan: &&CarrierPlan| now.plan != Some(plan.id) || plan.communication_plan.is_some();
        self.plan.iter().filter(changes).map(|_| Step::ChangeCarrierRatePlan).collect()
    }

    /// Why what has to be done at the carrier cannot be; None also if nothing has to be.
    #[must_use]
    pub fn refused(&self, device: &DeviceFacts, imei: Option<&str>, at: &AtCarrier) -> Option<Refusal> {
        let steps = self.steps(&device.carrier);
        if steps.is_empty() {
            return None;
        }
        let Some(can) = at.can.as_ref().filter(|_| at.closed.is_none()) else { return at.refuses_all() };
        if let Some(lacking) = self.lacking(&steps, can) {
            return Some(Refusal::about(Reason::CarrierNotSupported, lacking));
        }
        if steps.contains(&Step::ActivateAtCarrier) {
            let has_sku = self.activation.as_ref().is_some_and(|activation| activation.sku.is_some());
            let known = device.carrier.imei.as_deref().filter(|known| !known.trim().is_empty());
            return match imei.or(known) {
                Some(text) => read_imei(text).err(),
                None if can.activation_wants_imei && !has_sku => Some(Refusal::plain(Reason::ImeiMissing)),
                None => None,
            };
        }
        plan_keeps(device, can)
    }

    fn lacking(&self, steps: &[Step], can: &CarrierCapabilities) -> Option<&'static str> {
        let communication_plan = self.plan.as_ref().is_some_and(|plan| plan.communication_plan.is_some());
        let lacks = |step: &Step| match step {
            Step::ChangeCarrierRatePlan if !can.changes_plans => Some("it changes no carrier rate plans"),
            Step::ChangeCarrierRatePlan if communication_plan && !can.communication_plans => {
                Some("it has no communication plans")
            }
            Step::ActivateAtCarrier if !can.activates => Some("it activates no SIMs"),
            Step::ProvisionIp if !can.static_ip_of_a_pool => Some("it gives no static addresses of a pool"),
            _ => None,
        };
        steps.iter().find_map(lacks)
    }
}

/// Why the carrier would not change the plan of a SIM now.
pub(crate) fn plan_keeps(device: &DeviceFacts, can: &CarrierCapabilities) -> Option<Refusal> {
    if let Some(refusal) = suspended(device, can) {
        return Some(refusal);
    }
    if !device.active && device.carrier.standing != Standing::Suspended {
        return Some(Refusal::about(Reason::DeviceNotActive, format!("status {}", device.status)));
    }
    let (used, most) = (device.carrier.plan_changes, can.plan_changes_per_month?);
    let is_spent = u32::try_from(used).is_ok_and(|used| used >= most);
    is_spent.then(|| Refusal::about(Reason::CarrierChangeQuota, format!("{used} of {most} this month")))
}

/// Is it suspended, and keeps its plan for as long?
pub(crate) fn suspended(device: &DeviceFacts, can: &CarrierCapabilities) -> Option<Refusal> {
    let keeps = device.carrier.standing == Standing::Suspended && !can.plan_changes_while_suspended;
    keeps.then(|| Refusal::about(Reason::CarrierSuspended, format!("status {}", device.status)))
}

#[cfg(test)]
#[path = "carrier_target_tests.rs"]
pub(crate) mod tests;
