//! What happens outside, as the ledger knows it: rows that are due, intents before sends, what came of them, and the end of a row.
//! One function per procedure, of the same name.

/// Waves in a row of which no call came through, before the circuit opens and the account is left alone for a while.
pub const CIRCUIT_OPENS_AFTER: i32 = 3;

mod claim;
mod ended;
mod intent;
mod row;

pub use claim::{
    DueClaim, Gate, claim_due_work, extend, heal_turns, note_blind, note_found_over, open_gate, release_due_work,
    shut_gate,
};
pub use ended::{Ending, end_outside_rows, give_up, next_sweep, reopen_for_attention, settle_outside_rows};
pub use intent::{
    Intent, Key, NewIntent, Told, done_since_at_carrier, finish_intents, has_another_row_done, note_looked,
    receipts_among, record_intents,
};
pub use row::{AtCarrier, Attempt, Heard, LineToClose, OutsideRow, Sold, outside_rows};
