//! Whatever goes wrong at the provider, a call says the right thing about it and is made once.

use crate::calls::{make, prepare, subject, writes};
use crate::stage::{Stage, hasty, patient, permit};
use integrations::answer::{Postponed, RefusedBy, Trouble};
use integrations::billing::rev_io::wire::Service;
use integrations::{Answer, HttpSettings};
use simulators::faults::{Fault, Seconds};
use std::time::Duration;

/// What a fault must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Refused(RefusedBy),
    Throttled(u64),
    Credentials(u16),
    Doubt(Doubt),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    TimedOut,
    Cut,
    TooLarge,
    Status(u16),
}

/// A fault, whether it leaves the call done, and what it must come to.
struct Case {
    fault: Fault,
    applied: bool,
    expected: Expected,
}

fn case(fault: Fault, applied: bool, expected: Expected) -> Case {
    Case { fault, applied, expected }
}

fn a_minute() -> Seconds {
    Seconds::new(60.0).unwrap()
}

fn quick() -> Vec<Case> {
    let refuse = |status| Fault::Refuse { status, error: "E_RULE".to_owned(), message: "It may not.".to_owned() };
    let text = |status| Fault::RefuseText { status, message: "no".to_owned() };
    let by_status = |status| Expected::Doubt(Doubt::Status(status));
    let mut cases = vec![
        case(text(400), false, by_status(400)),
        case(Fault::Throttle { seconds: 17 }, false, Expected::Throttled(18)),
        case(Fault::Throttle { seconds: 100_000 }, false, Expected::Throttled(3_600)),
        case(Fault::GatewayThrottleWithoutSeconds {}, false, Expected::Throttled(60)),
        case(Fault::Unauthorized {}, false, Expected::Credentials(401)),
        case(Fault::Forbidden {}, false, Expected::Credentials(403)),
        case(Fault::CutBefore {}, false, Expected::Doubt(Doubt::Cut)),
        case(Fault::CutAfter {}, true, Expected::Doubt(Doubt::Cut)),
        case(Fault::CutInTheMiddle {}, true, Expected::Doubt(Doubt::Cut)),
        case(Fault::Garbage { applied: true }, true, by_status(200)),
        case(Fault::Garbage { applied: false }, false, by_status(200)),
        case(Fault::Empty { status: 200, applied: true }, true, by_status(200)),
        case(Fault::Empty { status: 204, applied: true }, true, by_status(204)),
        case(Fault::Empty { status: 201, applied: false }, false, by_status(201)),
        case(Fault::Huge { bytes: None, applied: true }, true, Expected::Doubt(Doubt::TooLarge)),
        case(Fault::Huge { bytes: Some(2 * 1024 * 1024), applied: false }, false, Expected::Doubt(Doubt::TooLarge)),
    ];
    for status in [400, 404, 409, 422] {
        cases.push(case(refuse(status), false, Expected::Refused(RefusedBy::Application)));
    }
    for status in [500, 502, 503, 504] {
        cases.push(case(Fault::ServerErrorBefore { status }, false, by_status(status)));
        cases.push(case(Fault::ServerErrorAfter { status }, true, by_status(status)));
    }
    cases
}

fn slow() -> Vec<Case> {
    let held = a_minute();
    let timed_out = Expected::Doubt(Doubt::TimedOut);
    vec![
        case(Fault::TimeoutBefore { seconds: held }, false, timed_out),
        case(Fault::TimeoutAfter { seconds: held }, true, timed_out),
        case(Fault::LateLanding { seconds: held, status: None, hold_seconds: held }, false, timed_out),
        case(Fault::SlowDrip { milliseconds_per_byte: 100 }, true, timed_out),
    ]
}

fn doubt(trouble: &Trouble) -> Expected {
    Expected::Doubt(match trouble {
        Trouble::TimedOut => Doubt::TimedOut,
        Trouble::Cut { .. } => Doubt::Cut,
        Trouble::TooLarge => Doubt::TooLarge,
        Trouble::Unproven { status, .. } => Doubt::Status(*status),
    })
}

/// What it came to; a write that is simply to be tried again after a failure is none of it.
fn came_to<T: std::fmt::Debug>(answer: &Answer<T>, is_read: bool) -> Expected {
    match answer {
        Answer::Refused(refusal) => {
            assert_eq!((refusal.code.as_deref(), refusal.message.as_str()), (Some("E_RULE"), "It may not."));
            Expected::Refused(refusal.by)
        }
        Answer::TryLater { after, why: Postponed::Throttled } => Expected::Throttled(after.as_secs()),
        Answer::TryLater { after, why: Postponed::ReadFailed(trouble) } if is_read => {
            assert_eq!(*after, Duration::from_secs(10));
            doubt(trouble)
        }
        Answer::CredentialsRefused { status, .. } => Expected::Credentials(*status),
        Answer::Unknown { why } if !is_read => doubt(why),
        other => panic!("{other:?}"),
    }
}

async fn every_write(settings: &HttpSettings, cases: Vec<Case>) {
    for Case { fault, applied, expected } in cases {
        for call in writes() {
            let stage = Stage::new(settings.clone()).await;
            let subject = subject(&stage);
            prepare(&stage, call, &subject);
            stage.spoil(fault.clone());
            let outcome = make(&stage.rev_io, call, &subject).await;
            assert_eq!(came_to(&outcome.answer, false), expected, "{call:?} {fault:?}: {outcome:?}");
            let entry = stage.only_call();
            assert_eq!(entry.applied, applied, "{call:?} {fault:?}");
        }
    }
}

async fn every_read(settings: &HttpSettings, cases: Vec<Case>) {
    for Case { fault, expected, .. } in cases {
        let stage = Stage::new(settings.clone()).await;
        stage.spoil(fault.clone());
        let page = stage.rev_io.page::<Service>(permit(), 1, 500, &[]).await;
        assert_eq!(stage.calls().len(), 1, "{fault:?}");
        match (&fault, came_to_page(&page.answer)) {
            // Two megabytes are within what a page may have, and are then no page.
            (Fault::Huge { bytes: Some(_), .. }, came) => assert_eq!(came, Some(Expected::Doubt(Doubt::Status(200)))),
            (_, came) => assert_eq!(came, Some(expected), "{fault:?}: {page:?}"),
        }
        let one = stage.rev_io.get::<Service>(permit(), 1).await;
        match &fault {
            Fault::Refuse { status: 404, .. } => assert_eq!(one.answer, Answer::Done(None)),
            _ => assert_eq!(came_to(&one.answer, true), expected, "{fault:?}: {one:?}"),
        }
        assert_eq!(stage.calls().len(), 2, "{fault:?}");
    }
}

fn came_to_page<T: std::fmt::Debug>(answer: &Answer<T>) -> Option<Expected> {
    Some(came_to(answer, true))
}

#[tokio::test]
async fn every_write_says_what_each_fault_means_and_is_sent_once() {
    every_write(&patient(), quick()).await;
}

#[tokio::test]
async fn every_write_that_runs_out_of_time_is_in_doubt_and_is_sent_once() {
    every_write(&hasty(), slow()).await;
}

#[tokio::test]
async fn every_read_says_what_each_fault_means_and_is_sent_once() {
    every_read(&patient(), quick()).await;
}

#[tokio::test]
async fn every_read_that_runs_out_of_time_is_tried_later() {
    every_read(&hasty(), slow()).await;
}

#[tokio::test]
async fn a_late_landing_behind_a_gateways_504_is_in_doubt() {
    let stage = Stage::new(patient()).await;
    let subject = subject(&stage);
    let soon = Seconds::new(0.2).unwrap();
    stage.spoil(Fault::LateLanding { seconds: soon, status: Some(504), hold_seconds: a_minute() });
    let outcome = make(&stage.rev_io, writes()[0], &subject).await;
    assert_eq!(came_to(&outcome.answer, false), Expected::Doubt(Doubt::Status(504)));
    assert!(!stage.only_call().applied);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(stage.only_call().applied, "it has landed behind our back, which is why it was in doubt");
}

#[tokio::test]
async fn spent_limits_are_waited_for_and_blame_nobodys_credentials() {
    let stage = Stage::new(patient()).await;
    let limits = |per_minute, per_day| {
        stage.world.rev_io(|state| {
            let account = &mut state.accounts_mut()[0];
            (account.calls_per_minute, account.calls_per_day) = (per_minute, per_day);
        });
    };
    limits(1, 2);
    let read = async || stage.rev_io.get::<Service>(permit(), 1).await.answer;
    assert!(matches!(read().await, Answer::Done(Some(_))));
    let later = |seconds, why| Answer::TryLater { after: Duration::from_secs(seconds), why };
    assert_eq!(read().await, later(61, Postponed::Throttled));
    limits(10, 1);
    assert_eq!(read().await, later(24 * 60 * 60, Postponed::QuotaSpent), "a day and a second, within the most");
}
