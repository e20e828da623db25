//! What holds of every verdict, whatever it is asked: it is given, it is the same again, CHANGE is said only of what a settle
//! will take, and NO_CHANGE only where a settle would change nothing.

use super::*;
use crate::allocation::DataAllocation;
use crate::dates::EffectiveDate;
use crate::identifier::Column;
use crate::ids::{CustomerId, IntegrationAuthenticationId};
use crate::target::Versioned;
use proptest::prelude::*;
use uuid::Uuid;

/// Ids from a handful, so that things meet.
fn id() -> impl Strategy<Value = Uuid> {
    (1_u128..4).prop_map(Uuid::from_u128)
}

fn account() -> impl Strategy<Value = RevAccount> {
    (0..2_u8, id()).prop_map(|(n, authentication)| RevAccount {
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
        pool in proptest::option::of(id()), allocation in allocation(), scheduled in scheduled(), version in 1..9,
        lines in proptest::collection::vec(account(), 0..2)) -> Assignment {
        Assignment {
            site: SiteId(site), unassigned, account, plan: plan.map(CustomerRatePlanId), pool: pool.map(CustomerRatePoolId),
            allocation, version, scheduled,
            lines: lines.into_iter().map(|account| ActiveLine { account, rev_service_id: 1 }).collect(),
        }
    }
}

prop_compose! {
    fn device()(device in id(), active in proptest::bool::weighted(0.8), archived in proptest::bool::weighted(0.1),
        locked in proptest::bool::weighted(0.1), version in 1..9, assignment in proptest::option::weighted(0.9, assignment())) -> DeviceFacts {
        let status = if active { "active" } else { "suspend" }.to_owned();
        DeviceFacts { id: DeviceId(device), status, active, archived, locked, version, activated_at: None, assignment }
    }
}

prop_compose! {
    fn row()(cell in "[0-9]{0,3}8914800000[0-9]{6,12}F?|[0-9+ -]{0,24}|.{0,70}", duplicate_of in proptest::option::weighted(0.1, 1..9),
        ambiguous in proptest::option::weighted(0.1, 2..9), device in proptest::option::weighted(0.9, device())) -> RowFacts {
        RowFacts { reading: Identifier::read(&cell, Column::Either), duplicate_of, ambiguous, device }
    }
}

prop_compose! {
    fn target()(customer in id(), nobody in proptest::bool::weighted(0.2), site in id(), rev in proptest::option::of(account()), plan in proptest::option::of(id()),
        pool in proptest::option::of(id()), allocation in allocation(), effective in proptest::option::of((date(), any::<bool>()))) -> Target {
        Target {
            customer: CustomerId(customer),
            nobody,
            site: Versioned { id: SiteId(site), version: 1 },
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
    fn every_verdict_is_total_stable_and_true(wish in wish(), replace: bool, permit in permit(), row in row()) {
        let on_conflict = if replace { OnConflict::Replace } else { OnConflict::Refuse };
        let said = verdict(&wish, on_conflict, &permit, &row);
        prop_assert_eq!(&said, &verdict(&wish, on_conflict, &permit, &row));
        match said {
            Verdict::Change => {
                let (target, device) = (wish.unwrap(), row.device.clone().unwrap());
                prop_assert!(row.reading.is_ok() && row.duplicate_of.is_none() && row.ambiguous.is_none());
                prop_assert!((device.active || target.nobody) && !device.archived && !device.locked);
                prop_assert!(permit.may_assign && permit.scope_has(&device));
                if let Some(now) = &device.assignment {
                    let account = target.rev.as_ref().map(|(account, _)| account);
                    let same = now.site == target.site.id && now.account.as_ref() == account;
                    prop_assert!(same || now.unassigned || replace);
                    prop_assert!(same || now.billed_elsewhere(account).is_none(), "another is billed for it");
                    // What waits now is taken off by any change; so a change is never about nothing.
                    let after = Assignment { scheduled: settled(&target, now).scheduled.filter(|_| target.waits()), ..settled(&target, now) };
                    prop_assert!(after != *now, "{:?} would change nothing", target);
                }
            }
            Verdict::NoChange(_) => {
                let (target, now) = (wish.unwrap(), row.device.unwrap().assignment.unwrap());
                let after = settled(&target, &now);
                let waits_for_what_is = target.waits() && now.scheduled.is_none();
                prop_assert!(after == now || waits_for_what_is, "{:?} would make {:?} of {:?}", target, after, now);
            }
            Verdict::Refused(refusal) => prop_assert!(Reason::from_word(refusal.reason.word()).is_some()),
        }
    }
}
