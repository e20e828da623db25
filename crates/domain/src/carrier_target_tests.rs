use super::*;
use crate::carrier_request::StaticIpRequest;
use uuid::Uuid;

/// What ThingSpace can do.
pub(crate) fn thingspace() -> CarrierCapabilities {
    CarrierCapabilities {
        changes_plans: true,
        communication_plans: false,
        activates: true,
        static_ip_of_a_pool: true,
        activation_wants_imei: true,
        plan_changes_per_month: Some(4),
        plan_changes_while_suspended: false,
        refused_characters: "'<\\",
        devices_per_request: 500,
        done_within_seconds: Some(86_400),
    }
}

fn here() -> ServiceProviderId {
    ServiceProviderId(Uuid::from_u128(1))
}

fn candidate(id: u128, provider: u128, by_name: bool, active: bool) -> CarrierPlanCandidate {
    CarrierPlanCandidate {
        id: CarrierRatePlanId(Uuid::from_u128(id)),
        service_provider: ServiceProviderId(Uuid::from_u128(provider)),
        code: format!("P-{id}"),
        by_name,
        active,
    }
}

/// What texts mean here: a plan by its code, by a name, by a name that two have, one that is over, another provider's.
fn found(text: &str) -> Vec<CarrierPlanCandidate> {
    match text {
        "P-1" => vec![candidate(1, 1, false, true), candidate(2, 1, true, true), candidate(1, 9, false, true)],
        "named" => vec![candidate(2, 1, true, true), candidate(3, 9, true, true)],
        "twin" => vec![candidate(2, 1, true, true), candidate(3, 1, true, true)],
        "over" => vec![candidate(4, 1, false, false)],
        "theirs" => vec![candidate(5, 9, false, true)],
        _ => Vec::new(),
    }
}

fn open() -> AtCarrier {
    AtCarrier { can: Some(thingspace()), closed: None, activates: true }
}

fn plan(text: &str) -> CarrierRequest {
    let asked = PlanRequest { carrier_rate_plan: Some(text.into()), communication_plan: None };
    CarrierRequest { add_carrier_rate_plan: Some(asked), activate: None }
}

fn activate(change: impl FnOnce(&mut ActivationRequest)) -> CarrierRequest {
    let mut asked = ActivationRequest {
        carrier_rate_plan: Some("P-1".into()),
        zip_code: Some("10001".into()),
        ..ActivationRequest::default()
    };
    change(&mut asked);
    CarrierRequest { add_carrier_rate_plan: None, activate: Some(asked) }
}

fn resolved(asked: &CarrierRequest, at: &AtCarrier) -> Result<CarrierTarget, Reason> {
    the_carrier_target(asked, here(), found, at).map_err(|refusal| refusal.reason)
}

#[test]
fn a_plan_is_found_by_its_code_or_by_a_name_that_is_its_own() {
    let id = |text: &str| resolved(&plan(text), &open()).map(|target| target.plan.unwrap().id.0.as_u128());
    assert_eq!(id("P-1"), Ok(1));
    assert_eq!(id("named"), Ok(2));
    for missing in ["twin", "over", "nothing"] {
        assert_eq!(id(missing), Err(Reason::PlanNotFound), "{missing}");
    }
    assert_eq!(id("theirs"), Err(Reason::PlanNotForCarrier));
    let communication = PlanRequest { carrier_rate_plan: None, communication_plan: Some("C".into()) };
    let alone = CarrierRequest { add_carrier_rate_plan: Some(communication), activate: None };
    assert_eq!(resolved(&alone, &open()), Err(Reason::PlanNotFound));
    assert_eq!(resolved(&CarrierRequest::default(), &AtCarrier::default()), Ok(CarrierTarget::default()));
    // Where nothing can be changed anyway, a plan that is not known there is not what is to be put right.
    assert_eq!(resolved(&plan("nothing"), &AtCarrier::default()), Err(Reason::CarrierNotSupported));
    let closed = AtCarrier { closed: Some("paused".into()), ..open() };
    assert_eq!(resolved(&plan("nothing"), &closed), Err(Reason::CarrierWriteDisabled));
    assert!(resolved(&plan("P-1"), &closed).is_ok(), "whether it is needed shows with the SIM");
}

#[test]
fn an_activation_takes_a_plan_and_a_zip_code_and_nothing_the_carrier_does_not_take() {
    let of = |change: fn(&mut ActivationRequest)| resolved(&activate(change), &open());
    assert!(of(|_| {}).is_ok());
    assert!(of(|a| a.zip_code = Some("10001-1234".into())).is_ok());
    for change in [
        (|a| a.zip_code = None) as fn(&mut ActivationRequest),
        |a| a.zip_code = Some("1000".into()),
        |a| a.zip_code = Some("10001-12".into()),
        |a| a.zip_code = Some("1000a".into()),
        |a| a.carrier_rate_plan = None,
        |a| a.sku = Some("a<b".into()),
        |a| a.static_ip = Some(StaticIpRequest { pool: "it's".into() }),
        |a| a.place_of_use = Some(PlaceOfUse { last_name: "O'Neil".into(), ..PlaceOfUse::default() }),
    ] {
        assert_eq!(of(change), Err(Reason::ActivationInvalid));
    }
    assert_eq!(of(|a| a.carrier_rate_plan = Some("over".into())), Err(Reason::PlanNotFound));
    // Without a plan of its own it has that of the plan change.
    let both = CarrierRequest { activate: activate(|a| a.carrier_rate_plan = None).activate, ..plan("named") };
    assert_eq!(resolved(&both, &open()).unwrap().activation.unwrap().code, "P-2");
}

fn device(standing: Standing, plan: Option<u128>) -> DeviceFacts {
    DeviceFacts {
        id: crate::ids::DeviceId(Uuid::from_u128(5)),
        iccid: "89148000001234567896".into(),
        number: None,
        status: standing.word().into(),
        active: standing == Standing::Active,
        archived: false,
        locked: false,
        version: 1,
        activated_at: None,
        assignment: None,
        lines: Vec::new(),
        carrier: CarrierFacts {
            standing,
            plan: plan.map(|id| CarrierRatePlanId(Uuid::from_u128(id))),
            imei: Some("356938035643809".into()),
            plan_changes: 0,
        },
    }
}

#[test]
fn only_what_is_needed_is_done() {
    let change = resolved(&plan("P-1"), &open()).unwrap();
    let steps = |target: &CarrierTarget, standing, plan| target.steps(&device(standing, plan).carrier);
    assert_eq!(steps(&change, Standing::Active, None), [Step::ChangeCarrierRatePlan]);
    assert_eq!(steps(&change, Standing::Active, Some(2)), [Step::ChangeCarrierRatePlan]);
    assert!(steps(&change, Standing::Active, Some(1)).is_empty());
    let mut with = plan("P-1");
    with.add_carrier_rate_plan.as_mut().unwrap().communication_plan = Some("C".into());
    let with = resolved(&with, &open()).unwrap();
    assert_eq!(steps(&with, Standing::Active, Some(1)), [Step::ChangeCarrierRatePlan]);
    let address = |a: &mut ActivationRequest| a.static_ip = Some(StaticIpRequest { pool: "blue".into() });
    let both = CarrierRequest { activate: activate(address).activate, ..plan("named") };
    let both = resolved(&both, &open()).unwrap();
    for standing in [Standing::NotYetActive, Standing::Deactivated] {
        assert_eq!(steps(&both, standing, None), [Step::ActivateAtCarrier, Step::ProvisionIp]);
    }
    // Active already: no second activation; the plan alone.
    assert_eq!(steps(&both, Standing::Active, Some(1)), [Step::ChangeCarrierRatePlan]);
    let alone = resolved(&activate(address), &open()).unwrap();
    assert!(steps(&alone, Standing::Active, None).is_empty());
    assert!(steps(&CarrierTarget::default(), Standing::Deactivated, None).is_empty());
}

#[test]
fn what_cannot_be_done_has_its_reason_and_what_need_not_be_done_has_none() {
    let change = resolved(&plan("P-1"), &open()).unwrap();
    let refused = |target: &CarrierTarget, device: &DeviceFacts, imei: Option<&str>, at: &AtCarrier| {
        target.refused(device, imei, at).map(|refusal| refusal.reason)
    };
    let active = device(Standing::Active, Some(2));
    assert_eq!(refused(&change, &active, None, &open()), None);
    let closed = AtCarrier { closed: Some("paused".into()), ..open() };
    assert_eq!(refused(&change, &active, None, &closed), Some(Reason::CarrierWriteDisabled));
    assert_eq!(refused(&change, &active, None, &AtCarrier::default()), Some(Reason::CarrierNotSupported));
    assert_eq!(refused(&change, &device(Standing::Active, Some(1)), None, &closed), None);
    let spent = |changes| {
        let mut spent = active.clone();
        spent.carrier.plan_changes = changes;
        refused(&change, &spent, None, &open())
    };
    assert_eq!(
        (spent(3), spent(4), spent(5)),
        (None, Some(Reason::CarrierChangeQuota), Some(Reason::CarrierChangeQuota))
    );
    assert_eq!(refused(&change, &device(Standing::Suspended, None), None, &open()), Some(Reason::CarrierSuspended));
    for standing in [Standing::Deactivated, Standing::NotYetActive, Standing::Pending, Standing::Other] {
        assert_eq!(refused(&change, &device(standing, None), None, &open()), Some(Reason::DeviceNotActive));
    }
    let mut with = change.clone();
    with.plan.as_mut().unwrap().communication_plan = Some("C".into());
    assert_eq!(refused(&with, &active, None, &open()), Some(Reason::CarrierNotSupported));

    let address = |a: &mut ActivationRequest| a.static_ip = Some(StaticIpRequest { pool: "blue".into() });
    let activation = resolved(&activate(address), &open()).unwrap();
    let fresh = device(Standing::NotYetActive, None);
    assert_eq!(refused(&activation, &fresh, None, &open()), None);
    assert_eq!(refused(&activation, &fresh, Some("12"), &open()), Some(Reason::ImeiMalformed));
    assert_eq!(refused(&activation, &active, Some("12"), &open()), None, "nothing is activated");
    let mut bare = fresh.clone();
    bare.carrier.imei = Some(" ".into());
    assert_eq!(refused(&activation, &bare, None, &open()), Some(Reason::ImeiMissing));
    assert_eq!(refused(&activation, &bare, Some("356938035643809"), &open()), None);
    let mut sold = activation.clone();
    sold.activation.as_mut().unwrap().sku = Some("VZW".into());
    assert_eq!(refused(&sold, &bare, None, &open()), None);
    for lacking in [
        CarrierCapabilities { activates: false, ..thingspace() },
        CarrierCapabilities { static_ip_of_a_pool: false, ..thingspace() },
    ] {
        let at = AtCarrier { can: Some(lacking), ..open() };
        assert_eq!(refused(&activation, &fresh, None, &at), Some(Reason::CarrierNotSupported));
    }
    let at = AtCarrier { can: Some(CarrierCapabilities { changes_plans: false, ..thingspace() }), ..open() };
    assert_eq!(refused(&change, &active, None, &at), Some(Reason::CarrierNotSupported));
}
