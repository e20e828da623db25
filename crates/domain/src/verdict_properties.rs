//! What holds of every verdict, whatever it is asked: it is given, it is the same again, CHANGE is said only of what a settle
//! will take, and NO_CHANGE only where a settle would change nothing.

use super::*;
use crate::allocation::DataAllocation;
use crate::carrier::Standing;
use crate::carrier_target::{Activation, CarrierPlan, CarrierTarget};
use crate::dates::EffectiveDate;
use crate::identifier::Column;
use crate::ids::{CarrierRatePlanId, CustomerId, IntegrationAuthenticationId};
use crate::line_target::NewLine;
use crate::rate::Rate;
use crate::steps::{Outside, Step};
use crate::target::Versioned;
use proptest::prelude::*;
use uuid::Uuid;

/// Ids from a handful, so that things meet.
fn id() -> impl Strategy<Value = Uuid> {
    (1_u128..4).prop_map(Uuid::from_u128)
}

/// Accounts from four, so that a SIM is often billed to who is to have it.
fn account() -> impl Strategy<Value = RevAccount> {
    (0..2_u8, (1_u128..3).prop_map(Uuid::from_u128)).prop_map(|(n, authentication)| RevAccount {
        rev_customer_id: format!("900000{n}"),
        integration_authentication: IntegrationAuthenticationId(authentication),
    })
}

fn allocation() -> impl Strategy<Value = Option<DataAllocation>> {
    proptest::option::of((0..3_u8).prop_map(|n| DataAllocation::parse(&n.to_string()).unwrap()))
}

fn date() -> impl Strategy<Value = Date> {
    (1..4_i8).prop_map(|day| Date::constant(2027, 1, day))
}

fn scheduled() -> impl Strategy<Value = Option<Scheduled>> {
    let fields = (date(), proptest::option::of(id()), proptest::option::of(id()), allocation());
    proptest::option::of(fields.prop_map(|(date, plan, pool, allocation)| Scheduled {
        date,
        plan: plan.map(CustomerRatePlanId),
        pool: pool.map(CustomerRatePoolId),
        allocation,
    }))
}

prop_compose! {
    fn assignment()(site in id(), unassigned: bool, account in proptest::option::of(account()), plan in proptest::option::of(id()),
        pool in proptest::option::of(id()), allocation in allocation(), scheduled in scheduled(), version in 1..9) -> Assignment {
        Assignment {
            site: SiteId(site), unassigned, account, plan: plan.map(CustomerRatePlanId), pool: pool.map(CustomerRatePoolId),
            allocation, version, scheduled,
        }
    }
}

prop_compose! {
    fn device()(device in id(), number in proptest::option::weighted(0.9, number()), carrier in carrier_facts(), archived in proptest::bool::weighted(0.1),
        locked in proptest::bool::weighted(0.1), version in 1..9, assignment in proptest::option::weighted(0.9, assignment()),
        lines in proptest::collection::vec(account(), 0..3)) -> DeviceFacts {
        let line = |(account, n)| ActiveLine { id: RevServiceId(Uuid::from_u128(n)), account, rev_service_id: 1, products: 1 };
        let lines = lines.into_iter().zip(1..).map(line).collect();
        let (active, status) = (carrier.standing == Standing::Active, carrier.standing.word().to_owned());
        DeviceFacts { id: DeviceId(device), iccid: iccid(device), number, status, active, archived, locked, version, activated_at: None, assignment, lines, carrier }
    }
}

prop_compose! {
    fn carrier_facts()(standing in prop_oneof![6 => Just(Standing::Active), 1 => proptest::sample::select(Standing::ALL)],
        plan in proptest::option::of(carrier_plan()), imei in proptest::option::of("[0-9]{15}"), plan_changes in 0..6) -> CarrierFacts {
        CarrierFacts { standing, plan, imei, plan_changes }
    }
}

fn carrier_plan() -> impl Strategy<Value = CarrierRatePlanId> {
    id().prop_map(CarrierRatePlanId)
}

prop_compose! {
    fn carrier_target()(plan in proptest::option::of(carrier_plan()), communicates in proptest::bool::weighted(0.2),
        activation in proptest::option::of((carrier_plan(), any::<bool>(), any::<bool>()))) -> CarrierTarget {
        let code = || "P".to_owned();
        let communication_plan = communicates.then(code);
        let activation = activation.map(|(plan, sku, pool)| Activation {
            plan, code: code(), zip_code: "10001".into(), sku: sku.then(code), place_of_use: None, static_ip_pool: pool.then(code),
        });
        CarrierTarget { plan: plan.map(|id| CarrierPlan { id, code: code(), communication_plan }), activation }
    }
}

/// Usually a carrier that can do what it is asked.
fn at_carrier() -> impl Strategy<Value = AtCarrier> {
    let can = (any::<[bool; 5]>(), proptest::bool::weighted(0.7)).prop_map(|(lacks, all)| {
        let full = crate::carrier_target::tests::thingspace();
        let [changes_plans, communication_plans, activates, static_ip_of_a_pool, plan_changes_while_suspended] = lacks;
        if all {
            return full;
        }
        crate::carrier::CarrierCapabilities {
            changes_plans,
            communication_plans,
            activates,
            static_ip_of_a_pool,
            plan_changes_while_suspended,
            ..full
        }
    });
    let closed = proptest::option::weighted(0.1, Just("paused".to_owned()));
    (proptest::option::weighted(0.9, can), closed).prop_map(|(can, closed)| AtCarrier { can, closed, activates: false })
}

/// Mostly a number that reads: what is refused for its cell says nothing of the rest.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("89148000001234567896".to_owned()), 1 => "[0-9]{0,3}8914800000[0-9]{6,12}F?|[0-9+ -]{0,24}|.{0,70}"]
}

prop_compose! {
    fn row()(cell in cell(), duplicate_of in proptest::option::weighted(0.1, 1..9),
        ambiguous in proptest::option::weighted(0.1, 2..9), device in proptest::option::weighted(0.9, device()),
        line_taken_by in proptest::option::weighted(0.1, 1..9), imei in proptest::option::of(prop_oneof![3 => "[0-9]{15}", 1 => ".{0,20}"])) -> RowFacts {
        RowFacts { reading: Identifier::read(&cell, Column::Either), duplicate_of, ambiguous, device, line_taken_by, imei }
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![Just("12025550100".to_owned()), Just("2025550100".to_owned()), Just("2025550101".to_owned())]
}

fn iccid(device: Uuid) -> String {
    format!("8914800000000000000{}", device.as_u128())
}

fn line() -> impl Strategy<Value = Line> {
    let new = (proptest::bool::ANY, 1..4_i64).prop_map(|(package, products)| {
        let rate = Rate::parse("1.5").unwrap();
        Line::New(NewLine {
            provider: 1,
            service_type: None,
            package: package.then_some(2),
            products: if package { Vec::new() } else { (0..products).map(|id| (id, rate)).collect() },
            usage_plan_group: None,
            prorate: package,
            description: None,
        })
    });
    let existing = (1..3_u128, proptest::option::of(number()), id()).prop_map(|(n, number, device)| {
        let number2 = number.is_some().then(|| iccid(device));
        Line::Existing(ExistingLine { id: RevServiceId(Uuid::from_u128(n)), rev_service_id: 1, number, number2 })
    });
    prop_oneof![new, existing]
}

prop_compose! {
    fn target()(customer in id(), nobody in proptest::bool::weighted(0.2), site in id(), rev in proptest::option::of(account()), plan in proptest::option::of(id()),
        pool in proptest::option::of(id()), allocation in allocation(), effective in proptest::option::of((date(), any::<bool>())), line in proptest::option::of(line()),
        carrier in prop_oneof![1 => Just(CarrierTarget::default()), 1 => carrier_target()]) -> Target {
        Target {
            carrier,
            customer: CustomerId(customer),
            nobody,
            site: Versioned { id: SiteId(site), version: 1 },
            // No line without an account: the target would not have been resolved.
            line: line.filter(|_| rev.is_some()),
            rev: rev.map(|account| (account, 1)),
            plan: plan.map(|id| Versioned { id: CustomerRatePlanId(id), version: 1 }),
            pool: pool.map(|id| Versioned { id: CustomerRatePoolId(id), version: 1 }),
            allocation,
            effective: effective.map(|(date, in_future)| EffectiveDate { date, at: Timestamp::UNIX_EPOCH, in_future }),
        }
    }
}

fn permit() -> impl Strategy<Value = Permit> {
    let scope = prop_oneof![
        3 => Just(Scope::Everything),
        1 => proptest::collection::btree_set(id().prop_map(SiteId), 0..3).prop_map(Scope::Sites),
    ];
    (proptest::bool::weighted(0.9), scope).prop_map(|(may_assign, scope)| Permit { may_assign, scope })
}

fn wish() -> impl Strategy<Value = Result<Target, Refusal>> {
    prop_oneof![9 => target().prop_map(Ok), 1 => Just(Err(Refusal::plain(Reason::CustomerNotFound)))]
}

/// What a settle would make of an assignment: site, account, plan, pool, allocation, and what waits.
fn settled(target: &Target, now: &Assignment) -> Assignment {
    let offers = target.asks_for_an_offer();
    let mut after =
        Assignment { site: target.site.id, account: target.rev.as_ref().map(|(a, _)| a.clone()), ..now.clone() };
    if target.waits() {
        let date = target.effective.map_or(Date::MAX, |effective| effective.date);
        let (plan, pool) = (target.plan.map(|p| p.id), target.pool.map(|p| p.id));
        after.scheduled = Some(Scheduled { date, plan, pool, allocation: target.allocation });
    } else {
        after.plan = target.plan.map(|p| p.id).or(now.plan);
        after.pool = target.pool.map(|p| p.id).or(now.pool);
        after.allocation = target.allocation.or(now.allocation);
        if offers {
            after.scheduled = None;
        }
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_verdict_is_total_stable_and_true(wish in wish(), replace: bool, disconnect_existing: bool, permit in permit(), at in at_carrier(), row in row()) {
        // What a request asks for it asks for of every row.
        let at = AtCarrier { activates: wish.as_ref().is_ok_and(|target| target.carrier.activation.is_some()), ..at };
        let on_conflict = if replace { OnConflict::Replace } else { OnConflict::Refuse };
        let conflict = Conflict { on_conflict, disconnect_existing };
        let said = verdict(&wish, conflict, &permit, &at, &row);
        prop_assert_eq!(&said, &verdict(&wish, conflict, &permit, &at, &row));
        match said {
            Verdict::Change => {
                let (target, device) = (wish.unwrap(), row.device.clone().unwrap());
                prop_assert!(row.reading.is_ok() && row.duplicate_of.is_none() && row.ambiguous.is_none());
                prop_assert!(!device.archived && !device.locked);
                prop_assert!(permit.may_assign && permit.scope_has(&device));
                let outside = Outside::of(&target, conflict, &device);
                let activates = outside.steps.contains(&Step::ActivateAtCarrier);
                prop_assert!(device.active || target.nobody || activates);
                for step in outside.steps.iter().filter(|step| step.is_at_carrier()) {
                    let can = at.can.as_ref().unwrap();
                    prop_assert!(at.closed.is_none(), "nothing may be changed there");
                    match step {
                        Step::ChangeCarrierRatePlan => {
                            let asked = target.carrier.plan.as_ref().unwrap();
                            let known = device.carrier.plan == Some(asked.id);
                            prop_assert!(can.changes_plans && !activates && (!known || asked.communication_plan.is_some()));
                            prop_assert!(asked.communication_plan.is_none() || can.communication_plans);
                            prop_assert!(device.active || device.carrier.standing == Standing::Suspended && can.plan_changes_while_suspended);
                            prop_assert!(device.carrier.plan_changes < 4);
                        }
                        Step::ActivateAtCarrier => {
                            let asked = target.carrier.activation.as_ref().unwrap();
                            prop_assert!(can.activates && !device.active && device.carrier.standing.can_be_activated());
                            prop_assert!(asked.sku.is_some() || row.imei.is_some() || device.carrier.imei.is_some());
                        }
                        _ => prop_assert!(can.static_ip_of_a_pool && activates),
                    }
                }
                let account = target.account();
                prop_assert!(outside.closes.iter().all(|line| Some(&line.account) != account), "the customer's own line is closed");
                prop_assert!(outside.closes.is_empty() || replace && disconnect_existing, "closed without being asked");
                prop_assert_eq!(outside.steps.contains(&Step::CloseRevService), !outside.closes.is_empty());
                prop_assert_eq!(outside.steps.iter().all(|step| step.is_at_carrier()), outside.calls(Some(&target)).map(|(_, calls)| calls).sum::<i64>() == 0);
                let in_order = outside.steps.windows(2).all(|two| Step::ALL.iter().position(|s| *s == two[0]) < Step::ALL.iter().position(|s| *s == two[1]));
                prop_assert!(in_order && !outside.steps.contains(&Step::RecordAssignment));
                let asked = target.line.as_ref();
                prop_assert!(asked.is_none() || device.number.is_some() || activates, "a line by no number");
                prop_assert_eq!(outside.steps.contains(&Step::OpenRevService), matches!(asked, Some(Line::New(_))));
                let own = device.own_lines(account).count();
                prop_assert!(own == 0 || !outside.steps.contains(&Step::OpenRevService), "billed twice");
                if let Some(Line::Existing(line)) = asked {
                    prop_assert!(row.line_taken_by.is_none() && (line.number.is_none() || line.is_of_number(&device)));
                    prop_assert!(device.own_lines(account).all(|own| own.id == line.id), "billed twice");
                }
                let same = device.assignment.as_ref().is_some_and(|now| now.is_of(&target));
                let stays = device.lines_of_others(account).filter(|line| !outside.closes.contains(line)).count();
                prop_assert!(same && asked.is_none() || stays == 0, "another is billed for it");
                if let Some(now) = &device.assignment {
                    prop_assert!(same || now.unassigned || replace);
                    // What waits now is taken off by any change; so a change is never about nothing.
                    let after = Assignment { scheduled: settled(&target, now).scheduled.filter(|_| target.waits()), ..settled(&target, now) };
                    prop_assert!(after != *now || !outside.steps.is_empty(), "{:?} would change nothing", target);
                }
            }
            Verdict::NoChange(_) => {
                let target = wish.unwrap();
                prop_assert!(Outside::of(&target, conflict, row.device.as_ref().unwrap()).steps.is_empty());
                let now = row.device.unwrap().assignment.unwrap();
                let after = settled(&target, &now);
                let waits_for_what_is = target.waits() && now.scheduled.is_none();
                prop_assert!(after == now || waits_for_what_is, "{:?} would make {:?} of {:?}", target, after, now);
            }
            Verdict::Refused(refusal) => prop_assert!(Reason::from_word(refusal.reason.word()).is_some()),
        }
    }
}
