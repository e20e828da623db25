//! What a look means for the row: adopted as the receipt, not there, or for a person to decide.

use super::desk::{Late, LateThing, Working};
use super::look::{Found, Leftovers};
use super::saga::{Closing, Direction, Fate, Key, Resolution, Step, Write};
use super::told::key_of;
use database::outside::{Told, has_another_row_done, receipts_among};
use database::{DatabaseError, Ledger};
use domain::ids::TenantId;
use domain::reason::Reason;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// How long another row's attempt at the same thing is waited for before what is found is believed to be ours.
const OTHERS_SETTLE: SignedDuration = SignedDuration::from_secs(30);

/// Whose row it is.
#[derive(Clone, Copy)]
pub(super) struct Whose {
    pub(super) tenant: TenantId,
    pub(super) bulk_change: Uuid,
    pub(super) account: Uuid,
}

async fn has_another_done(
    ledger: &Ledger,
    whose: Whose,
    working: &Working,
    key: Key,
    ids: &[i64],
) -> Result<bool, DatabaseError> {
    let (at, word) = ((whose.tenant, whose.account), key.write.word());
    has_another_row_done(ledger, at, except_of(whose, working), word, ids).await
}

/// What has landed of a row that was not done.
fn landed(key: Key) -> (&'static str, String) {
    (
        Reason::FoundSeveral.word(),
        format!(
            "The row is over and not done, and {} has happened at Rev.io by now: it landed late, or somebody did it. Look at \
             Rev.io, put it right there if it is not wanted, then close the row.",
            super::explain::what(key)
        ),
    )
}

const fn except_of(whose: Whose, working: &Working) -> (Uuid, i32) {
    (whose.bulk_change, working.row.row)
}

/// What a look at a write means. None: it is not told yet, and the row says when or why.
pub(super) async fn meaning(
    ledger: &Ledger,
    whose: Whose,
    working: &mut Working,
    key: Key,
    found: Found,
    now: Timestamp,
) -> Result<Option<Told>, DatabaseError> {
    let ids = match found {
        Found::These(ids) => ids,
        Found::SomebodyElses(ids) => {
            working.attention = Some((
                Reason::FoundSeveral.word(),
                format!("Rev.io has line {} for this SIM, of another customer, and none of this one.", list(&ids)),
            ));
            return Ok(None);
        }
        Found::Line(..) => return Ok(None),
    };
    let ids = match (key.write.duplicates(), ids.is_empty()) {
        (true, false) => {
            let natural = super::send::natural_key(&working.row, key, working.line());
            let except = except_of(whose, working);
            let call = key.write.word();
            let (receipts, others) =
                receipts_among(ledger, whose.tenant, whose.account, call, &ids, (&natural, except)).await?;
            if others {
                working.not_before = Some(now + OTHERS_SETTLE);
                return Ok(None);
            }
            ids.into_iter().filter(|id| !receipts.contains(id)).collect()
        }
        _ => ids,
    };
    let latest = working.saga.attempts_at(key).next_back();
    let (attempt, is_open) =
        latest.map_or((1, false), |latest| (latest.number, matches!(latest.fate, Fate::Open | Fate::Unknown)));
    if !is_open {
        // Looked for because a person wants it sent again, or after the end of the row: nothing is written of what was decided before.
        let after_the_end = working.late != Late::NotYet;
        if ids.is_empty() || after_the_end && has_another_done(ledger, whose, working, key, &ids).await? {
            working.saga.looked.insert(key);
        } else if after_the_end {
            working.attention = Some(landed(key));
        } else {
            working.attention = Some((
                Reason::FoundSeveral.word(),
                format!(
                    "Rev.io has {} by now, which is {}: it is not sent again.",
                    list(&ids),
                    super::explain::what(key)
                ),
            ));
        }
        return Ok(None);
    }
    if ids.is_empty() && matches!(working.saga.resolution, Some(Resolution::Adopt(_))) {
        working.attention =
            Some((Reason::OutcomeUnknown.word(), "That is what another row has made; name another.".to_owned()));
        return Ok(None);
    }
    let late_for_nothing =
        working.late != Late::NotYet && !working.row.was_processed && key.direction == Direction::Apply;
    if late_for_nothing && key.write.duplicates() && !ids.is_empty() {
        working.attention = Some((
            Reason::FoundSeveral.word(),
            format!("The row is over and not done, and Rev.io has {}: {}.", list(&ids), super::explain::what(key)),
        ));
        return Ok(None);
    }
    let mut ids = ids;
    if late_for_nothing && !key.write.duplicates() && !ids.is_empty() {
        if !has_another_done(ledger, whose, working, key, &ids).await? {
            working.attention = Some(landed(key));
            return Ok(None);
        }
        // Another row of the SIM has done it since: of this one nothing shows.
        ids.clear();
    }
    let told = |outcome, reference, evidence: String, log_status| Told {
        key: key_of(working.row.row, key),
        attempt,
        outcome,
        reference,
        evidence: Some(evidence),
        log_status,
        request: None,
        response: None,
        request_id: None,
        shown: None,
    };
    Ok(match ids.as_slice() {
        [] => Some(told("NOT_APPLIED", None, "looked for after it had settled: not there".to_owned(), "NOT_FOUND")),
        [one] => Some(told("DONE", Some(*one), format!("found at Rev.io as {one}"), "FOUND")),
        several => {
            working.attention = Some((
                Reason::FoundSeveral.word(),
                format!("Rev.io has {} that could be {}.", list(several), super::explain::what(key)),
            ));
            None
        }
    })
}

/// What a late look has found: what no receipt accounts for is to end. While another row's attempt at the same line is not settled,
/// what is found may be that one's: then the next look tells, and of the last one a person does. Nobody waits for another row, for
/// that one may wait for a person.
pub(super) async fn late(
    ledger: &Ledger,
    whose: Whose,
    working: &mut Working,
    (lines, products): Leftovers,
    is_last: bool,
) -> Result<(), DatabaseError> {
    let mut things = Vec::new();
    let doubted = |write: Write| working.saga.attempts.iter().any(|a| a.key.write == write && a.was_unknown);
    let create = Key::new(Step::OpenRevService, Direction::Apply, Write::CreateService, 0);
    let except = (whose.bulk_change, working.row.row);
    if doubted(Write::CreateService) && !lines.is_empty() {
        let natural = super::send::natural_key(&working.row, create, None);
        let call = create.write.word();
        let (receipts, others) =
            receipts_among(ledger, whose.tenant, whose.account, call, &lines, (&natural, except)).await?;
        let lines_found = lines.clone();
        let unaccounted: Vec<i64> = lines.into_iter().filter(|line| !receipts.contains(line)).collect();
        let has_ours = lines_found.iter().any(|line| working.line() == Some(*line));
        if !others && !has_ours && !unaccounted.is_empty() {
            // Without the row's own line beside it, it may be one that a person has opened since.
            working.attention = Some((
                Reason::FoundSeveral.word(),
                format!(
                    "The row is over, and Rev.io has {} for this SIM, which no receipt accounts for: it landed late, or somebody \
                     opened it. Look at Rev.io, end it there if it is too many, then close the row.",
                    list(&unaccounted)
                ),
            ));
        } else if !others {
            let closing = |line| LateThing::Line(Closing { line, customer: working.saga.customer });
            things.extend(unaccounted.into_iter().map(closing));
        } else if is_last && !unaccounted.is_empty() {
            working.attention = Some((
                Reason::FoundSeveral.word(),
                format!(
                    "Rev.io has {} for this SIM, and it is not known whether this row made it or a later one.",
                    list(&unaccounted)
                ),
            ));
        }
    }
    if doubted(Write::CreateServiceProduct) && !products.is_empty() {
        let ids: Vec<i64> = products.iter().map(|(id, _)| *id).collect();
        let call = Write::CreateServiceProduct.word();
        let (receipts, _) = receipts_among(ledger, whose.tenant, whose.account, call, &ids, ("", except)).await?;
        let sold = |product: i64| working.row.sold.products.iter().any(|(sold, _)| *sold == product);
        let unaccounted = products.into_iter().filter(|(id, product)| !receipts.contains(id) && sold(*product));
        things.extend(unaccounted.map(|(id, _)| LateThing::Product(id)));
    }
    if !things.is_empty() {
        tracing::warn!(bulk_change.id = %whose.bulk_change, row = working.row.row, ?things, "came late, and is ended");
    }
    working.late = Late::Found(things);
    Ok(())
}

/// What the ledger kept of an attempt, applied to what is known.
pub(super) fn take_down(working: &mut Working, key: Key, outcome: &str, reference: Option<i64>, evidence: &str) {
    let fate: Fate = super::told::fate(outcome, reference);
    working.take_down(key, fate, evidence);
}

fn list(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
