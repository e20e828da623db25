//! Settling a chunk: whole if it goes, in halves if a row is bad, again if the database was not there.

use database::chunk::{Claim, Settled, extend_chunk_lease, fail_poison_row, release_chunk, settle_chunk};
use database::{DatabaseError, Ledger};
use rand::Rng;
use std::time::Duration;

/// How a chunk ended for this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No row of it is left to do.
    Done {
        /// Rows done.
        ok: i32,
        /// Rows left alone.
        skipped: i32,
        /// Rows the database would not take.
        poisoned: i32,
    },
    /// Somebody else holds it now; nothing more was written.
    LeaseLost,
    /// The database was not there for long; the chunk is left to its lease.
    GivenUp,
}

/// How often, and how patiently, an outage is sat out.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Tries in a row that end in an outage before giving up.
    pub tries: u32,
    /// The first wait; it doubles, with jitter, up to two seconds.
    pub first_wait: Duration,
    /// The lease that is asked for before each further part of a halved chunk.
    pub lease: Duration,
}

/// Settles a claimed chunk.
///
/// A part of it that raises because of data is halved until the bad row is alone; that row is `POISON_ROW`, its neighbours
/// go on. An outage (SQLSTATE classes 08, 40, 53, 55, 57, 58, a cut connection) repeats the part: it poisons nobody. A
/// COMMIT whose answer was lost is safe to repeat, because rows that ended are not pending any more.
pub async fn settle(
    ledger: &Ledger,
    claim: &Claim,
    worker: &str,
    retry: Retry,
    random: &mut (impl Rng + Send),
) -> Outcome {
    let (mut ok, mut skipped, mut poisoned) = (0, 0, 0);
    let mut parts = vec![(claim.first_row, claim.last_row)];
    let mut outages = 0;
    while let Some((first, last)) = parts.pop() {
        let trouble = match settle_chunk(ledger, claim, first, last, worker).await {
            Ok(Settled { ok: o, skipped: s, .. }) => {
                ok += o;
                skipped += s;
                outages = 0;
                continue;
            }
            Err(trouble) => trouble,
        };
        match trouble {
            DatabaseError::LeaseLost => {
                // If it ran out and nobody has it yet, it is not to be claimed again at once; else this does nothing.
                drop(release_chunk(ledger, claim).await);
                return Outcome::LeaseLost;
            }
            DatabaseError::Data { sqlstate, .. } if first == last => {
                tracing::error!(bulk_change.id = %claim.bulk_change, row = first, sqlstate, "a row the database will not take");
                match fail_poison_row(ledger, claim, first, &sqlstate, worker).await {
                    Ok(()) => poisoned += 1,
                    Err(DatabaseError::LeaseLost) => return Outcome::LeaseLost,
                    Err(trouble) => {
                        parts.push((first, last));
                        if !sit_out(ledger, &trouble, claim, &mut outages, retry, random).await {
                            drop(release_chunk(ledger, claim).await);
                            return Outcome::GivenUp;
                        }
                    }
                }
            }
            DatabaseError::Data { .. } => {
                let middle = first + (last - first) / 2;
                parts.push((middle + 1, last));
                parts.push((first, middle));
                // Halving takes longer than a settle that goes through.
                if matches!(extend_chunk_lease(ledger, claim, retry.lease).await, Ok(false)) {
                    return Outcome::LeaseLost;
                }
            }
            outage_or_defect => {
                parts.push((first, last));
                if !sit_out(ledger, &outage_or_defect, claim, &mut outages, retry, random).await {
                    // Given back, to be due again after a while, if the database can take it; else the lease runs out.
                    drop(release_chunk(ledger, claim).await);
                    return Outcome::GivenUp;
                }
            }
        }
    }
    Outcome::Done { ok, skipped, poisoned }
}

/// Waits before a further try. False: it is not an outage, or there were too many in a row.
async fn sit_out(
    ledger: &Ledger,
    trouble: &DatabaseError,
    claim: &Claim,
    outages: &mut u32,
    retry: Retry,
    random: &mut (impl Rng + Send),
) -> bool {
    *outages += 1;
    tracing::warn!(bulk_change.id = %claim.bulk_change, chunk = claim.chunk_number, outages,
        error = trouble as &dyn std::error::Error, "a settle did not go through");
    if *outages >= retry.tries || !trouble.is_outage() {
        return false;
    }
    tokio::time::sleep(wait(retry.first_wait, *outages, random)).await;
    // Several waits for a lock are longer than one lease. A lease that is lost is told by the next try.
    drop(extend_chunk_lease(ledger, claim, retry.lease).await);
    true
}

/// The wait before a further try: doubled each time, between half of it and all of it.
fn wait(first: Duration, tries: u32, random: &mut impl Rng) -> Duration {
    let full = first.saturating_mul(1 << (tries - 1).min(10)).min(Duration::from_secs(2));
    full.mul_f64(random.random_range(0.5..1.0))
}
