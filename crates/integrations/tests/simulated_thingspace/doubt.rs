//! Answers that say nothing of what has happened, and what reading says of it.

use crate::stage::{Stage, to_large};
use integrations::answer::{Answer, Postponed};
use integrations::carriers::meaning::Meaning;
use simulators::faults::Fault;
use simulators::thingspace::State;

const PLAN: &str = "/devices/actions/plan";

#[tokio::test]
async fn a_write_in_doubt_is_settled_by_reading_and_sent_once() {
    for (fault, applied) in [
        (Fault::ServerErrorAfter { status: 502 }, true),
        (Fault::ServerErrorBefore { status: 500 }, false),
        (Fault::CutAfter {}, true),
        (Fault::CutBefore {}, false),
        (Fault::CutInTheMiddle {}, true),
        (Fault::Garbage { applied: true }, true),
        (Fault::Empty { status: 200, applied: true }, true),
        (Fault::Empty { status: 200, applied: false }, false),
        (Fault::Huge { bytes: Some(3 * 1024 * 1024), applied: true }, true),
    ] {
        let stage = Stage::of(&[State::Active]).await;
        let (batch, before) = (to_large([1]), stage.before(1).await);
        stage.spoil(PLAN, fault.clone());
        let sent = stage.send(&batch).await;
        assert!(matches!(sent, Answer::Unknown { .. }), "{fault:?}: {sent:?}");
        stage.pass_a_while();
        let found = stage.means_having_heard(&batch, 1, &before, true, None).await;
        let expected = if applied { matches!(found, Meaning::Done(_)) } else { found == Meaning::NotYet };
        assert!(expected, "{fault:?}: {found:?}");
        assert_eq!(stage.calls("/devices/actions/plan"), 1, "{fault:?}");
        stage.stop().await;
    }
}

#[tokio::test]
async fn what_is_told_for_certain_is_no_doubt() {
    let stage = Stage::of(&[State::Active]).await;
    let batch = to_large([1]);
    stage.spoil(PLAN, Fault::Throttle { seconds: 30 });
    let sent = stage.send(&batch).await;
    assert!(matches!(sent, Answer::TryLater { why: Postponed::Throttled, .. }), "{sent:?}");
    stage.spoil(PLAN, Fault::Forbidden {});
    let sent = stage.send(&batch).await;
    assert!(matches!(sent, Answer::CredentialsRefused { status: 403, .. }), "{sent:?}");
    stage.stop().await;
}
