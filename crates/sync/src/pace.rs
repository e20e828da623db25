//! Leave to call: permits of the budget that all workers share, and the waits that Rev.io asks for.

use crate::{SyncError, SyncSettings};
use database::Ledger;
use database::rev_io::{Reading, ReadingAgain, block, extend, extend_wanted, relink, take_permits};
use domain::ids::{IntegrationAuthenticationId, TenantId};
use integrations::Permit;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What is ours to read for as long as we read it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'a> {
    /// A resource of an account.
    Resource(&'a Reading),
    /// What a plan wants to know again.
    Wanted(&'a ReadingAgain),
}

impl<'a> From<&'a Reading> for Held<'a> {
    fn from(reading: &'a Reading) -> Self {
        Self::Resource(reading)
    }
}

impl<'a> From<&'a ReadingAgain> for Held<'a> {
    fn from(reading: &'a ReadingAgain) -> Self {
        Self::Wanted(reading)
    }
}

/// Permits that are taken from the budget at once: one statement for several calls.
const AT_ONCE: u32 = 4;

pub(crate) struct Pace<'a> {
    ledger: &'a Ledger,
    tenant: TenantId,
    account: IntegrationAuthenticationId,
    stop: &'a CancellationToken,
    lease: Duration,
    have: u32,
    /// When the lease of the reading was last made longer.
    extended: Option<Instant>,
}

impl<'a> Pace<'a> {
    pub(crate) const fn new(
        ledger: &'a Ledger,
        tenant: TenantId,
        account: IntegrationAuthenticationId,
        stop: &'a CancellationToken,
        settings: &SyncSettings,
    ) -> Self {
        Self { ledger, tenant, account, stop, lease: settings.lease, have: 0, extended: None }
    }

    /// Leave for one call; waits for it, and keeps the reading ours meanwhile.
    pub(crate) async fn permit(&mut self, held: Held<'_>) -> Result<Permit, SyncError> {
        self.keep(held).await?;
        while self.have == 0 {
            let granted = take_permits(self.ledger, self.tenant, self.account.0, AT_ONCE).await?;
            if granted.paused {
                return Err(SyncError::Paused);
            }
            self.have = granted.calls;
            if granted.calls == 0 {
                self.wait(held, Duration::from_secs_f64(granted.wait_seconds.clamp(0.01, 86_400.0))).await?;
            }
        }
        self.have -= 1;
        Ok(Permit::granted())
    }

    /// Rev.io asked for it: nobody calls the account for so long.
    pub(crate) async fn blocked(&mut self, held: Held<'_>, after: Duration) -> Result<(), SyncError> {
        self.have = 0;
        block(self.ledger, self.tenant, self.account.0, after.as_secs_f64()).await?;
        self.wait(held, after).await
    }

    /// Rev.io refused the credentials: nothing more is sent until somebody looked.
    pub(crate) async fn pause(&self, because: &str) -> Result<(), SyncError> {
        Ok(database::rev_io::pause(self.ledger, self.tenant, self.account, because).await?)
    }

    /// Waits in parts, each shorter than the lease.
    pub(crate) async fn wait(&mut self, held: Held<'_>, wait: Duration) -> Result<(), SyncError> {
        let mut left = wait;
        while !left.is_zero() {
            let part = left.min(self.lease / 4);
            tokio::select! {
                () = self.stop.cancelled() => return Err(SyncError::Stopped),
                () = tokio::time::sleep(part) => left = left.saturating_sub(part),
            }
            self.keep(held).await?;
        }
        Ok(())
    }

    /// Makes links again until no device is due.
    pub(crate) async fn link(&mut self, held: Held<'_>) -> Result<(), SyncError> {
        while relink(self.ledger, self.tenant).await?.0 > 0 {
            self.keep(held).await?;
        }
        Ok(())
    }

    /// The reading stays ours while it goes on, however slowly; and does not go on when we are to stop.
    async fn keep(&mut self, held: Held<'_>) -> Result<(), SyncError> {
        if self.stop.is_cancelled() {
            return Err(SyncError::Stopped);
        }
        // How long we have waited ourselves: no decision of the ledger hangs on it.
        let now = Instant::now();
        if self.extended.is_none_or(|last| now.duration_since(last) > self.lease / 4) {
            let lease = self.lease.as_secs_f64();
            match held {
                Held::Resource(reading) => extend(self.ledger, reading, lease).await?,
                Held::Wanted(reading) => extend_wanted(self.ledger, reading, lease).await?,
            }
            self.extended = Some(now);
        }
        Ok(())
    }
}
