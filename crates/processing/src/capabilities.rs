//! What carriers can be asked, as a plan reads it: the integrations' own words in those of the domain.

use domain::carrier::{CarrierCapabilities, Carriers};
use integrations::carriers::{Answers, Capabilities, CarrierKind, Operation};

/// What every carrier can be asked at which anything can be changed from here. Of the others there is nothing: what is asked of them is
/// refused by name.
#[must_use]
pub fn carriers() -> Carriers {
    Carriers(
        CarrierKind::ALL.into_iter().map(|kind| (kind.word().to_owned(), of(kind, &kind.capabilities()))).collect(),
    )
}

fn of(kind: CarrierKind, can: &Capabilities) -> CarrierCapabilities {
    let admits = |operation| can.admits(operation).is_ok();
    let seconds = i64::try_from(can.done_within.as_secs()).unwrap_or(i64::MAX);
    CarrierCapabilities {
        changes_plans: admits(Operation::ChangeCarrierRatePlan),
        communication_plans: can.communication_plans,
        activates: admits(Operation::Activate),
        static_ip_of_a_pool: can.static_ips.of_a_pool && admits(Operation::ProvisionIp),
        activation_wants_imei: can.activation_wants_imei,
        plan_changes_per_month: can.plan_changes_per_month,
        plan_changes_while_suspended: can.plan_changes_while_suspended,
        // `thingspace.md` 1: the characters that are illegal in input.
        refused_characters: match kind {
            CarrierKind::ThingSpace => "'<\\",
        },
        devices_per_request: i64::try_from(can.devices_per_request).unwrap_or(i64::MAX),
        done_within_seconds: match can.answers {
            Answers::Later => Some(seconds),
            Answers::AtOnce => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thingspace_can_be_asked_and_those_without_a_client_cannot() {
        let carriers = carriers();
        let can = carriers.of("thingspace").unwrap();
        assert!(can.changes_plans && can.activates && can.activation_wants_imei && !can.communication_plans);
        assert_eq!((can.plan_changes_per_month, can.plan_changes_while_suspended), (Some(4), false));
        assert!(can.done_within_seconds.is_some_and(|seconds| seconds >= 3_600));
        assert!(carriers.of("control_center").is_none() && carriers.of("telegence").is_none());
    }
}
