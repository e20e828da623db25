//! How far a plan is, told from the tasks that make it to the one that keeps its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Rows read and rows judged so far. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<(AtomicI32, AtomicI32)>);

impl Progress {
    /// So many rows are read.
    pub(crate) fn read(&self, rows: i32) {
        self.0.0.store(rows, Ordering::Relaxed);
    }

    /// So many more rows are judged and stored.
    pub(crate) fn judged(&self, rows: usize) {
        self.0.1.fetch_add(i32::try_from(rows).unwrap_or(i32::MAX), Ordering::Relaxed);
    }

    /// Rows read, rows judged.
    pub(crate) fn so_far(&self) -> (i32, i32) {
        (self.0.0.load(Ordering::Relaxed), self.0.1.load(Ordering::Relaxed))
    }
}
