//! The right to send one HTTP request.

/// One request's worth of a provider's budget. The budget lives in the database, which this crate does not know; whoever
/// took from it makes the permit and hands it in. It is neither `Clone` nor `Copy`, and a call consumes it, so that a
/// call that forgets the budget cannot be written.
#[derive(Debug)]
#[must_use = "a permit that is not used is budget that is lost"]
pub struct Permit(());

impl Permit {
    /// Says that the budget has granted one request.
    pub const fn granted() -> Self {
        Self(())
    }

    /// The request is sent now, or never will be.
    pub(crate) const fn spend(self) {}
}
