//! Signing in, lists, the account.

use crate::stage::{ACCOUNT, Stage, iccid, permit, to_large};
use integrations::answer::{Answer, Postponed, SignInPart};
use integrations::carriers::{Cause, Change, DeviceRef, Listing, PlanChange, Reading, Standing};
use jiff::{SignedDuration, Timestamp};
use simulators::thingspace::{Inferred, NoListeners, PoolsKey, State};
use std::collections::BTreeSet;

#[tokio::test]
async fn what_runs_out_is_renewed_when_it_says_so() {
    let mut stage = Stage::of(&[State::Active]).await;
    assert_eq!(stage.carrier.check(permit(), &stage.sign_in).await.answer, Answer::Done(()));
    // Twenty minutes without use: the session. An hour: both.
    for (minutes, part) in [(21, SignInPart::Session), (61, SignInPart::Bearer)] {
        stage.pass(SignedDuration::from_mins(minutes));
        let lapsed = stage.carrier.check(permit(), &stage.sign_in).await.answer;
        assert!(
            matches!(&lapsed, Answer::TryLater { why: Postponed::SignInLapsed(said), .. } if *said == part),
            "{lapsed:?}"
        );
        let checked = stage.renewing(async |carrier, sign_in| carrier.check(permit(), sign_in).await).await;
        assert_eq!(checked, Answer::Done(()));
    }
    // A write that is turned away for that alone was not done.
    stage.profile(|profile| profile.end_sessions());
    let sent = stage.send(&to_large([1])).await;
    assert!(matches!(sent, Answer::TryLater { why: Postponed::SignInLapsed(SignInPart::Session), .. }), "{sent:?}");
    stage.pass_a_while();
    stage.profile(|profile| assert_eq!(profile.requests.iter().count(), 0));
    stage.stop().await;
}

#[tokio::test]
async fn a_wrong_password_pauses_the_account_before_it_locks_the_user() {
    let stage = Stage::with_wrong_password().await;
    let Answer::Done(half) = stage.carrier.renew(permit(), &stage.sign_in).await.answer else { panic!() };
    let refused = stage.carrier.renew(permit(), &half).await.answer;
    assert!(matches!(refused, Answer::CredentialsRefused { status: 400, .. }), "{refused:?}");
    stage.profile(|profile| assert!(!profile.is_locked()));
    for _ in 0..4 {
        drop(stage.carrier.renew(permit(), &half).await);
    }
    stage.profile(|profile| assert!(profile.is_locked()));
    let locked = stage.carrier.renew(permit(), &half).await.answer;
    assert!(matches!(locked, Answer::CredentialsRefused { .. }), "{locked:?}");
    stage.stop().await;
}

#[tokio::test]
async fn every_device_is_listed_once_and_a_list_can_be_taken_up_again() {
    let stage = Stage::of(&vec![State::Active; 250]).await;
    let mut listing = Listing { most: Some(100), ..Listing::default() };
    let (mut met, mut pages) = (Vec::new(), 0);
    loop {
        let read = stage.carrier.devices(permit(), &stage.sign_in, &listing).await.answer;
        let Answer::Done(page) = read else { panic!("{read:?}") };
        assert!(page.unreadable.is_empty());
        met.extend(page.devices.into_iter().map(|device| device.iccid));
        pages += 1;
        match page.next {
            Some(next) => listing.after = Some(next),
            None => break,
        }
    }
    let each: BTreeSet<&String> = met.iter().collect();
    assert_eq!((met.len(), each.len(), pages), (250, 250, 3));
    assert_eq!(Reading::cheapest(250, Some(250), 100), Reading::ByPages(3));
    stage.stop().await;
}

#[tokio::test]
async fn a_list_shows_what_was_asked_for() {
    let stage = Stage::of(&[State::Active, State::Suspend, State::Deactive, State::Preactive]).await;
    for (standing, number) in
        [(Standing::Active, 1), (Standing::Suspended, 2), (Standing::Deactivated, 3), (Standing::NotYetActive, 4)]
    {
        let listing =
            Listing { standing: Some(standing), iccid_prefix: Some("89148".to_owned()), ..Listing::default() };
        let Answer::Done(page) = stage.carrier.devices(permit(), &stage.sign_in, &listing).await.answer else {
            panic!()
        };
        let met: Vec<_> = page.devices.iter().map(|device| (device.iccid.clone(), device.standing)).collect();
        assert_eq!(met, [(iccid(number), standing)]);
        let alone = stage.device(number).await;
        assert_eq!((alone.len(), alone[0].standing, alone[0].account.as_deref()), (1, standing, Some(ACCOUNT)));
    }
    let listing = Listing { plan: Some("LARGE".to_owned()), ..Listing::default() };
    let Answer::Done(page) = stage.carrier.devices(permit(), &stage.sign_in, &listing).await.answer else { panic!() };
    assert!(page.devices.is_empty() && page.next.is_none());
    assert!(stage.device(99).await.is_empty(), "there is no such device");
    stage.stop().await;
}

#[tokio::test]
async fn the_account_says_its_plans_and_pools() {
    let stage = Stage::of(&[State::Active]).await;
    let Answer::Done(plans) = stage.carrier.plans(permit(), &stage.sign_in).await.answer else { panic!() };
    let codes: Vec<&str> = plans.iter().map(|plan| plan.code.as_str()).collect();
    assert_eq!(codes, ["SMALL", "LARGE"]);
    let Answer::Done(pools) = stage.carrier.pools(permit(), &stage.sign_in).await.answer else { panic!() };
    let pools: Vec<_> = pools.iter().map(|pool| (pool.name.as_str(), pool.is_static, pool.is_default)).collect();
    assert_eq!(pools, [("roaming", false, true), ("fixed", true, false)]);
    let mut unknown = to_large([1]);
    unknown.change = Change::CarrierRatePlan(PlanChange { plan: "HUGE".to_owned(), ..Default::default() });
    let Answer::Refused(refusal) = stage.send(&unknown).await else { panic!() };
    assert_eq!(stage.carrier.cause(&refusal), Cause::PlanNotFound);
    stage.stop().await;
}

/// What nobody has tried at the live service may be one way or the other: both are understood.
#[tokio::test]
async fn whatever_is_inferred_is_read_either_way() {
    let turns: [fn(&mut Inferred); 6] = [
        |inferred| inferred.pools_key = PoolsKey::IpPools,
        |inferred| inferred.no_listeners = NoListeners::EmptyList,
        |inferred| inferred.history_in_a_list = false,
        |inferred| inferred.attributes_without_value = true,
        |inferred| inferred.attributes_in_lists = true,
        |inferred| inferred.expires_in_is_what_is_left = false,
    ];
    let between = (Timestamp::UNIX_EPOCH, "2030-01-01T00:00:00Z".parse().unwrap());
    for turn in turns {
        let mut stage = Stage::of(&[State::Active; 3]).await;
        stage.profile(|profile| turn(&mut profile.inferred));
        stage.profile(|profile| profile.expire_token());
        let checked = stage.renewing(async |carrier, sign_in| carrier.check(permit(), sign_in).await).await;
        assert_eq!(checked, Answer::Done(()));
        let Answer::Done(pools) = stage.carrier.pools(permit(), &stage.sign_in).await.answer else { panic!() };
        let Answer::Done(callbacks) = stage.carrier.callbacks(permit(), &stage.sign_in).await.answer else { panic!() };
        assert_eq!((pools.len(), callbacks.len(), stage.device(1).await.len()), (2, 0, 1));
        let read = stage.carrier.history(permit(), &stage.sign_in, &DeviceRef::of(iccid(1)), between).await.answer;
        assert!(matches!(read, Answer::Done(_)), "{read:?}");
        let listing = Listing { most: Some(2), ..Listing::default() };
        let Answer::Done(page) = stage.carrier.devices(permit(), &stage.sign_in, &listing).await.answer else {
            panic!()
        };
        assert!(page.devices.len() == 2 && page.next.is_some());
        stage.stop().await;
    }
}

/// A platform that takes devices or an account, and not both, is told by the setting.
#[tokio::test]
async fn an_account_beside_devices_can_be_left_out() {
    let stage = Stage::of(&[State::Active]).await;
    stage.profile(|profile| profile.inferred.account_beside_devices = false);
    let Answer::Refused(refusal) = stage.send(&to_large([1])).await else { panic!() };
    assert_eq!(stage.carrier.cause(&refusal), Cause::Malformed);
    let reticent = stage.believing(|inferred| inferred.names_the_account_with_devices = false);
    let sent = reticent.send(permit(), &stage.sign_in, &to_large([1])).await.answer;
    assert!(matches!(sent, Answer::Done(_)), "{sent:?}");
    stage.stop().await;
}
