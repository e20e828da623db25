//! What a row does at its carrier, as a plan shows it.

use database::carrier_images::ActivationImage;
use database::rows::DeviceChange;
use domain::carrier_request::PlaceOfUse;
use domain::steps::Step;
use serde::Serialize;
use utoipa::ToSchema;

/// Another carrier rate plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanChangeShown {
    /// The code of the one before; null: it is not known.
    #[schema(required)]
    before: Option<String>,
    /// The code of the one that it gets.
    after: String,
    #[schema(required)]
    communication_plan: Option<String>,
    /// How often its plan was changed from here this calendar month (UTC), without this change, as of now.
    changes_this_month: i32,
    /// How often the carrier changes it in a calendar month; null: as often as one likes.
    #[schema(required)]
    changes_per_month: Option<u32>,
}

/// Who uses a SIM, and where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceOfUseShown {
    first_name: String,
    last_name: String,
    address_line_1: String,
    #[schema(required)]
    address_line_2: Option<String>,
    city: String,
    state: String,
    zip: String,
    country: String,
}

/// Service for a SIM that has none. Its number is known when it has happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivationShown {
    /// The plan's code.
    carrier_rate_plan: String,
    zip_code: String,
    /// The one that the row names; null: the one that the SIM has, or none where `sku` takes its place.
    #[schema(required)]
    imei: Option<String>,
    #[schema(required)]
    sku: Option<String>,
    #[schema(required)]
    place_of_use: Option<PlaceOfUseShown>,
    /// The pool of its static address.
    #[schema(required)]
    static_ip_pool: Option<String>,
}

/// What happens at the carrier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CarrierShown {
    #[schema(required)]
    activates: Option<ActivationShown>,
    #[schema(required)]
    carrier_rate_plan: Option<PlanChangeShown>,
}

/// What a row does at its carrier; none: nothing. `most` is how often the carrier changes a plan in a month.
pub(crate) fn show(row: &DeviceChange, most: Option<u32>) -> Option<CarrierShown> {
    let asked = row.carrier.as_deref()?;
    let activation = asked.activation.as_ref().filter(|_| row.steps.contains(&Step::ActivateAtCarrier));
    let activates = activation.map(|activation| activated(activation, row));
    let plan = asked.carrier_rate_plan.as_ref().filter(|_| row.steps.contains(&Step::ChangeCarrierRatePlan));
    let carrier_rate_plan = plan.map(|code| PlanChangeShown {
        before: row.carrier_plan_before.clone(),
        after: code.clone(),
        communication_plan: asked.communication_plan.clone(),
        changes_this_month: row.plan_changes,
        changes_per_month: most,
    });
    (activates.is_some() || carrier_rate_plan.is_some()).then_some(CarrierShown { activates, carrier_rate_plan })
}

fn activated(activation: &ActivationImage, row: &DeviceChange) -> ActivationShown {
    let place = |place: &PlaceOfUse| {
        let place = place.clone();
        PlaceOfUseShown {
            first_name: place.first_name,
            last_name: place.last_name,
            address_line_1: place.address_line_1,
            address_line_2: place.address_line_2,
            city: place.city,
            state: place.state,
            zip: place.zip,
            country: place.country,
        }
    };
    ActivationShown {
        carrier_rate_plan: activation.carrier_rate_plan.clone(),
        zip_code: activation.asked.zip_code.clone(),
        imei: row.imei.clone(),
        sku: activation.asked.sku.clone(),
        place_of_use: activation.asked.place_of_use.as_ref().map(place),
        static_ip_pool: activation.static_ip_pool.clone(),
    }
}

/// The same in a few words, for a page.
pub(crate) fn in_words(row: &DeviceChange) -> Option<String> {
    let shown = show(row, None)?;
    let activated = shown.activates.map(|activation| {
        let address = activation.static_ip_pool.map(|pool| format!(", a static address of {pool}")).unwrap_or_default();
        format!("activated with carrier rate plan {}{address}", activation.carrier_rate_plan)
    });
    activated.or(shown.carrier_rate_plan.map(|plan| format!("carrier rate plan {}", plan.after)))
}
