//! What waited for its effective date and is due: whole if it goes, in halves if a row is bad, later if the database was not
//! there.

use database::schedule::{Applied, Due, apply_schedule_chunk, fail_schedule_row};
use database::{DatabaseError, Ledger};

/// Applies what is due. Answers what became of it; None if an outage ended it: it comes again, later each time.
pub async fn apply_due(ledger: &Ledger, due: &Due, worker: &str) -> Option<Applied> {
    let mut all = Applied::default();
    let mut parts = vec![(due.first_row, due.last_row)];
    while let Some((first, last)) = parts.pop() {
        match apply_schedule_chunk(ledger, due, first, last, worker).await {
            Ok(part) => {
                all.applied += part.applied;
                all.superseded += part.superseded;
                all.cancelled += part.cancelled;
                all.failed += part.failed;
            }
            Err(DatabaseError::Data { sqlstate, .. }) if first == last => {
                tracing::error!(bulk_change.id = %due.bulk_change, row = first, sqlstate, "a schedule row the database will not take");
                if let Err(trouble) = fail_schedule_row(ledger, due, first, &sqlstate, worker).await {
                    tracing::warn!(bulk_change.id = %due.bulk_change, error = &trouble as &dyn std::error::Error, "a schedule row could not be failed");
                    return None;
                }
                all.failed += 1;
                // The chunk is done when its last row ended: this looks, and applies nothing.
                parts.push((first, last));
            }
            Err(DatabaseError::Data { .. }) => {
                let middle = first + (last - first) / 2;
                parts.push((middle + 1, last));
                parts.push((first, middle));
            }
            Err(trouble) => {
                tracing::warn!(bulk_change.id = %due.bulk_change, error = &trouble as &dyn std::error::Error, "what is due did not go through");
                return None;
            }
        }
    }
    Some(all)
}
