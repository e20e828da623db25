//! How plans are made: sizes, times, and how fresh what is known of Rev.io has to be.

use std::time::Duration;

/// Sizes and times of planning.
#[derive(Clone, Copy, Debug)]
pub struct PlannerSettings {
    /// Rows to change per chunk.
    pub chunk_rows: i32,
    /// Rows judged and stored at a time.
    pub page_rows: i64,
    /// For how long a plan may be applied.
    pub expires_in: Duration,
    /// How old what is known of Rev.io may be where lines are opened, closed or taken over.
    pub billing_fresh_for: Duration,
    /// How long a plan waits for Rev.io to be asked again.
    pub billing_wait: Duration,
}

impl Default for PlannerSettings {
    fn default() -> Self {
        Self {
            chunk_rows: 1_000,
            page_rows: 5_000,
            expires_in: Duration::from_secs(24 * 3600),
            billing_fresh_for: Duration::from_secs(24 * 3600),
            billing_wait: Duration::from_secs(120),
        }
    }
}
