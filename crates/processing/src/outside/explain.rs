//! What a person is told of a row that was given up, or that needs attention: the reason's code, and what to do in words.

use super::decide::{Attention, Because};
use super::desk::Working;
use super::saga::{Key, Write};
use domain::reason::Reason;

/// Why a row is given up.
pub(super) fn because(working: &Working, because: Because) -> (&'static str, String) {
    let words = |key: Key| {
        let latest = working.saga.attempts_at(key).next_back();
        latest.map(|attempt| attempt.evidence.clone()).unwrap_or_default()
    };
    match because {
        Because::Refused(key) => (Reason::BillingRejected.word(), format!("{}: {}", what(key), words(key))),
        Because::NeverArrived(key) => {
            (Reason::BillingTimeout.word(), format!("{}: sent, looked for, and not there", what(key)))
        }
        Because::LineMoved(line) => {
            (Reason::StaleSincePlan.word(), format!("line {line} at Rev.io is not as the plan found it"))
        }
    }
}

/// Why a row is left alone.
pub(super) fn stale(line: Option<i64>) -> String {
    match line {
        Some(line) => format!("line {line} at Rev.io is not as the plan found it; nothing was sent"),
        None => "the device, its assignment or the target changed before its turn at Rev.io came; nothing was sent"
            .to_owned(),
    }
}

/// Why a person has to decide.
pub(super) fn attention(working: &Working, attention: Attention) -> (&'static str, String) {
    let given_up =
        working.row.giving_up.as_ref().map(|(reason, details)| format!(" ({reason}: {details})")).unwrap_or_default();
    match attention {
        Attention::CannotReopen(line) => (
            Reason::UndoNotDone.word(),
            format!(
                "Line {line} of the customer before was ended, and the rest could not be done{given_up}. An ended line is not \
                 opened again from here: open one at Rev.io and close this row as failed, or finish the assignment there and close it as processed."
            ),
        ),
        Attention::UndoNotDone(key) => {
            let latest = working.saga.attempts_at(key).next_back().map(|a| a.evidence.clone()).unwrap_or_default();
            (
                Reason::UndoNotDone.word(),
                format!(
                    "{} could not be taken back: {latest}{given_up}. Put it right at Rev.io, then look again.",
                    what(key)
                ),
            )
        }
        Attention::NotOurs(line) => (
            Reason::UndoNotDone.word(),
            format!("Line {line} is not any more as this row left it{given_up}. Look at Rev.io, then close the row."),
        ),
        Attention::AskFirst => (
            Reason::UndoToBeApproved.word(),
            format!(
                "What was done is still there{given_up}. Say that it is to be taken back, or close the row as processed or failed."
            ),
        ),
    }
}

/// A write, in words.
pub(super) fn what(key: Key) -> String {
    match key.write {
        Write::CreateService => "opening the line".to_owned(),
        Write::CreateServiceProduct => format!("product {} of the line", key.item),
        Write::DisconnectServiceProduct => format!("ending product {}", key.item),
        Write::CloseService => format!("ending line {}", key.item),
        Write::PatchService => format!("putting the SIM on line {}", key.item),
    }
}
