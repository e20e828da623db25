//! What a person is told of a row that was given up, or that needs attention: the reason's code, and what to do in words.

use super::decide::{Attention, Because};
use super::desk::Working;
use super::saga::{Direction, Key, Step, Write};
use domain::reason::Reason;

/// Why a row is given up.
pub(super) fn because(working: &Working, because: Because) -> (&'static str, String) {
    let words = |key: Key| {
        let latest = working.saga.attempts_at(key).next_back();
        latest.map(|attempt| attempt.evidence.clone()).unwrap_or_default()
    };
    match because {
        Because::Refused(key) => (rejected(key).word(), format!("{}: {}", what(key), words(key))),
        Because::NeverArrived(key) => {
            let reason = if key.write.is_at_carrier() { Reason::CarrierTimeout } else { Reason::BillingTimeout };
            (reason.word(), format!("{}: sent, looked for, and not there", what(key)))
        }
        Because::Unfit(step, why) => (Reason::CarrierRejected.word(), format!("{}: {why}; nothing was sent", of(step))),
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
                    "{} could not be taken back: {latest}{given_up}. Put it right at {}, then look again.",
                    what(key),
                    at(key)
                ),
            )
        }
        Attention::NotOurs(line) => (
            Reason::UndoNotDone.word(),
            format!("Line {line} is not any more as this row left it{given_up}. Look at Rev.io, then close the row."),
        ),
        Attention::NotOursAtCarrier(key) => (
            Reason::UndoNotDone.word(),
            format!(
                "{} is not done: the SIM is not any more as this row left it at the carrier{given_up}. Look there, then close the row.",
                what(key)
            ),
        ),
        Attention::Silent(key) => (
            Reason::CarrierTimeout.word(),
            format!(
                "{}: the carrier has accepted it, and it has not come about in all the time that it may take{given_up}. Ask the                  carrier, then look again, or close the row as it is there.",
                what(key)
            ),
        ),
        Attention::LandedLate(key) => (
            Reason::OutcomeUnknown.word(),
            format!(
                "{}: it was looked for and not there, and the SIM has it by now: it landed late, or somebody did it. Look at the                  carrier, then close the row as processed or failed.",
                what(key)
            ),
        ),
        Attention::WithoutIp(key) => {
            let latest = working.saga.attempts_at(key).next_back().map(|a| a.evidence.clone()).unwrap_or_default();
            (
                Reason::CarrierRejected.word(),
                format!(
                    "Everything else is done, and the SIM has no static address: {latest}. Close the row as processed without one, \
                     have it sent again, or have what was done taken back."
                ),
            )
        }
        Attention::AskFirst => (
            Reason::UndoToBeApproved.word(),
            format!(
                "What was done is still there{given_up}. Say that it is to be taken back, or close the row as processed or failed."
            ),
        ),
    }
}

/// The provider's no, in the ledger's words.
pub(super) const fn rejected(key: Key) -> Reason {
    if key.write.is_at_carrier() { Reason::CarrierRejected } else { Reason::BillingRejected }
}

/// Where a write is done.
const fn at(key: Key) -> &'static str {
    if key.write.is_at_carrier() { "the carrier" } else { "Rev.io" }
}

/// What a step at the carrier does, in words.
const fn of(step: Step) -> &'static str {
    match step {
        Step::ActivateAtCarrier => "activating the SIM",
        Step::ProvisionIp => "giving it a static address",
        _ => "changing the carrier rate plan",
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
        Write::Activate => "activating the SIM".to_owned(),
        Write::Deactivate => "deactivating the SIM".to_owned(),
        Write::ProvisionIp => "giving the SIM a static address".to_owned(),
        Write::ChangeCarrierRatePlan if matches!(key.direction, Direction::Undo) => {
            "putting the carrier rate plan back".to_owned()
        }
        Write::ChangeCarrierRatePlan => "changing the carrier rate plan".to_owned(),
    }
}
