//! After the end of a row: what of it may still come, or has come by now.

use super::super::saga::{Attempt, Closing, Direction, Fate, Key, Saga, Step, Write};
use super::{Judge, Look, Next, Policy, Progress};
use jiff::Timestamp;

/// What of a row that is over was sent and is not known yet. It settles before it is looked what else came late: else nobody would
/// ever find out.
#[must_use]
pub fn decide_unsettled(saga: &Saga, policy: &Policy, now: Timestamp) -> Option<Next> {
    let judge = Judge { saga, policy, now };
    let is_open =
        |step: Step, attempt: &&Attempt| attempt.key.step == step && matches!(attempt.fate, Fate::Open | Fate::Unknown);
    saga.steps.iter().rev().find_map(|step| {
        let open = saga.attempts.iter().rev().find(|attempt| is_open(*step, attempt))?;
        match open.key.write.is_at_carrier() {
            // Once in each sweep: nobody waits for it any more.
            true => (!saga.looked.contains(&open.key)).then_some(Next::Look(Look::Back(open.key))),
            false => judge.unsettled(*step),
        }
    })
}

/// After the end of a row that was not done: what is to be looked for once more. It ends or changes something of somebody's, was not
/// there when it had settled, and may have landed since.
#[must_use]
pub fn decide_landed(saga: &Saga) -> Option<Look> {
    // A line that the row has ended took its products with it.
    let has_ended_its_line = saga.closes.len() == 1
        && saga.attempts.iter().any(|a| a.key.write == Write::CloseService && matches!(a.fate, Fate::Done(_)));
    let may_have_landed = |attempt: &&Attempt| {
        let key = attempt.key;
        key.direction == Direction::Apply
            && !(key.write == Write::DisconnectServiceProduct && has_ended_its_line)
            && !key.write.duplicates()
            && attempt.was_unknown
            && saga.receipt(key).is_none()
            && !saga.looked.contains(&key)
    };
    saga.attempts.iter().find(may_have_landed).map(|attempt| Look::Back(attempt.key))
}

/// What is to be done with what a look after the end of a row has found that no receipt accounts for: it came late, and is ended.
#[must_use]
pub fn decide_late(saga: &Saga, late: Closing, policy: &Policy, now: Timestamp) -> Next {
    let judge = Judge { saga, policy, now };
    match judge.closed(Step::OpenRevService, Direction::Undo, late) {
        Progress::Complete => Next::Record,
        Progress::Next(next) => next,
    }
}

/// The same for a product that came late on a line that stays.
#[must_use]
pub fn decide_late_product(saga: &Saga, product: i64, policy: &Policy, now: Timestamp) -> Next {
    let judge = Judge { saga, policy, now };
    let key = Key::new(Step::OpenRevService, Direction::Undo, Write::DisconnectServiceProduct, product);
    match judge.written(key) {
        Progress::Complete => Next::Record,
        Progress::Next(next) => next,
    }
}
