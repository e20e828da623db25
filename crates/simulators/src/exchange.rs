//! A call from its admission to its ending: what the rules make of it, what is applied and written down, what is sent.

mod ending;

use crate::World;
use crate::call::{Answer, Call};
use crate::faults::Fault;
use crate::ledger::{Entry, FaultRef};
use crate::running::Line;
use axum::http::StatusCode;
use axum::response::Response;
pub(crate) use ending::Ending;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What an exchange needs of a provider.
pub(crate) trait Outside: Send + Sync + 'static {
    /// Its name in paths and rules.
    const NAME: &'static str;

    /// Does the call. Nothing is waited for in it, so that a call is applied whole or not at all.
    fn apply(world: &World, call: &Call, account: &str, hide_born_after: Option<Timestamp>) -> Answer;
    /// The application's refusal.
    fn refused(status: StatusCode, error: &str, message: &str) -> Answer;
    /// Too many calls.
    fn throttled(seconds: Option<u32>) -> Answer;
    /// Any other answer of whatever stands before the application.
    fn failed(status: StatusCode) -> Answer;
    /// Waits for what is to happen between doing a call and answering it, and begins what may happen afterwards.
    fn before_answer(_world: &World, _account: &str, _answer: &Answer) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Who calls, or how he was turned away.
pub(crate) struct Admission {
    pub(crate) account: Option<String>,
    pub(crate) refused: Option<Answer>,
}

/// What is to happen to a call.
struct Course {
    /// What is sent, as far as the ending lets it be; also tells what was applied.
    answer: Option<Answer>,
    ending: Ending,
    /// When it is applied (once more) in the background.
    landing: Option<Duration>,
}

impl Course {
    fn says(answer: Answer) -> Self {
        Self { answer: Some(answer), ending: Ending::Answered, landing: None }
    }

    fn ends(answer: Option<Answer>, ending: Ending) -> Self {
        Self { answer, ending, landing: None }
    }
}

/// Runs a call to its end.
pub(crate) async fn exchange<P: Outside>(
    world: World,
    call: Call,
    line: Option<Line>,
    admission: Admission,
) -> Response {
    let now = world.now();
    let account = admission.account.clone().unwrap_or_default();
    let (course, fault) = match admission.refused {
        Some(refused) => (Course::says(refused), None),
        None => {
            let verdict = world.faults(|faults| faults.verdict(&call, &account, || world.chance()));
            let stale = verdict.stale.and_then(|(_, seconds)| SignedDuration::try_from(seconds.duration()).ok());
            let hide_born_after = stale.and_then(|age| now.checked_sub(age).ok());
            let apply = || P::apply(&world, &call, &account, hide_born_after);
            let stale = verdict.stale.map(|(rule, _)| FaultRef { rule, kind: "stale_search" });
            let fault = verdict.fault.as_ref().map(|(rule, fault)| FaultRef { rule: *rule, kind: fault.name() });
            (course::<P>(verdict.fault.map(|(_, fault)| fault), apply), fault.or(stale))
        }
    };
    let entry = Entry::new(&call, now, admission.account, &course.ending, course.answer.as_ref(), fault);
    tracing::debug!(entry.provider, entry.method, entry.path, entry.status, entry.ended, entry.applied, "called");
    let seq = world.ledger(|ledger| ledger.enter(entry));
    if let Some(answer) = &course.answer {
        P::before_answer(&world, &account, answer).await;
    }
    if let Some(after) = course.landing {
        land::<P>(world, call, account, line.as_ref(), seq, after);
    }
    course.ending.carry_out(course.answer, line).await
}

/// What a fault makes of a call.
fn course<P: Outside>(fault: Option<Fault>, apply: impl Fn() -> Answer) -> Course {
    let Some(fault) = fault else { return Course::says(apply()) };
    match fault {
        Fault::Refuse { status, error, message } => Course::says(P::refused(code(status), &error, &message)),
        Fault::RefuseText { status, message } => Course::says(Answer::bytes(code(status), "text/plain", message)),
        Fault::Throttle { seconds } => Course::says(P::throttled(Some(seconds))),
        Fault::GatewayThrottleWithoutSeconds {} => Course::says(P::throttled(None)),
        Fault::Unauthorized {} => Course::says(P::failed(StatusCode::UNAUTHORIZED)),
        Fault::Forbidden {} => Course::says(P::failed(StatusCode::FORBIDDEN)),
        Fault::ServerErrorBefore { status } => Course::says(P::failed(code(status))),
        Fault::ServerErrorAfter { status } => Course::says(P::failed(code(status)).about(Some(apply()))),
        Fault::TimeoutBefore { seconds } => Course::ends(None, Ending::Held(seconds.duration())),
        Fault::TimeoutAfter { seconds } => Course::ends(Some(apply()), Ending::Held(seconds.duration())),
        Fault::LateLanding { seconds, status, hold_seconds } => {
            let now = match status {
                Some(status) => Course::says(P::failed(code(status))),
                None => Course::ends(None, Ending::Held(hold_seconds.duration())),
            };
            Course { landing: Some(seconds.duration()), ..now }
        }
        Fault::SecondLanding { seconds } => Course { landing: Some(seconds.duration()), ..Course::says(apply()) },
        Fault::CutBefore {} => Course::ends(None, Ending::Cut),
        Fault::CutAfter {} => Course::ends(Some(apply()), Ending::Cut),
        Fault::CutInTheMiddle {} => Course::ends(Some(apply()), Ending::CutInTheMiddle),
        Fault::Garbage { applied } => {
            let garbage = Answer::bytes(StatusCode::OK, "application/json", "<html><body>It works!</body></html>");
            Course::says(garbage.about(applied.then(apply)))
        }
        Fault::Empty { status, applied } => {
            let nothing = Answer::bytes(code(status), "application/json", "");
            Course::says(nothing.about(applied.then(apply)))
        }
        Fault::SlowDrip { milliseconds_per_byte } => {
            let pace = Duration::from_millis(u64::from(milliseconds_per_byte));
            Course::ends(Some(apply()), Ending::Dripped(pace))
        }
        Fault::Huge { bytes, applied } => {
            let head = Answer::bytes(StatusCode::OK, "application/json", "");
            Course::ends(Some(head.about(applied.then(apply))), Ending::Endless(bytes))
        }
        // It changes what is seen, and never reaches here as an ending.
        Fault::StaleSearch { .. } => Course::says(apply()),
        // They are about what comes of the call, and rules about calls have none of them.
        Fault::DeviceRefused { .. }
        | Fault::DeviceDelayed { .. }
        | Fault::CallbackEarly {}
        | Fault::CallbackLost { .. }
        | Fault::CallbackLate { .. }
        | Fault::CallbackDoubled { .. }
        | Fault::CallbackForged { .. } => Course::says(apply()),
    }
}

/// Rules are checked when they are added; a status outside the range cannot get here.
fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Applies the call later, unless the server stops before.
fn land<P: Outside>(world: World, call: Call, account: String, line: Option<&Line>, seq: u64, after: Duration) {
    let stopping = line.map(Line::stopping).unwrap_or_default();
    tokio::spawn(async move {
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(after) => {
                let answer = P::apply(&world, &call, &account, None);
                let now = world.now();
                world.ledger(|ledger| ledger.landed(seq, now, &answer));
                P::before_answer(&world, &account, &answer).await;
            }
        }
    });
}
