//! Leave to call: permits of the budget that all workers share, and the waits that Rev.io asks for.

use crate::{SyncError, SyncSettings};
use database::Ledger;
use database::rev_io::{Reading, block, extend, take_permits};
use domain::ids::{IntegrationAuthenticationId, TenantId};
use integrations::Permit;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Permits that are taken from the budget at once: one statement for several calls.
const AT_ONCE: u32 = 4;

pub(crate) struct Pace<'a> {
    ledger: &'a Ledger,
    tenant: TenantId,
    account: IntegrationAuthenticationId,
    stop: &'a CancellationToken,
    lease: Duration,
    have: u32,
}

impl<'a> Pace<'a> {
    pub(crate) const fn new(
        ledger: &'a Ledger,
        tenant: TenantId,
        account: IntegrationAuthenticationId,
        stop: &'a CancellationToken,
        settings: &SyncSettings,
    ) -> Self {
        Self { ledger, tenant, account, stop, lease: settings.lease, have: 0 }
    }

    /// Leave for one call; waits for it, and keeps the reading ours meanwhile.
    pub(crate) async fn permit(&mut self, reading: &Reading) -> Result<Permit, SyncError> {
        while self.have == 0 {
            let granted = take_permits(self.ledger, self.tenant, self.account.0, AT_ONCE).await?;
            self.have = granted.calls;
            if granted.calls == 0 {
                self.wait(reading, Duration::from_secs_f64(granted.wait_seconds.clamp(0.01, 86_400.0))).await?;
            }
        }
        self.have -= 1;
        Ok(Permit::granted())
    }

    /// Rev.io asked for it: nobody calls the account for so long.
    pub(crate) async fn blocked(&mut self, reading: &Reading, after: Duration) -> Result<(), SyncError> {
        self.have = 0;
        block(self.ledger, self.tenant, self.account.0, after.as_secs_f64()).await?;
        self.wait(reading, after).await
    }

    /// Waits in parts, each shorter than the lease.
    pub(crate) async fn wait(&self, reading: &Reading, wait: Duration) -> Result<(), SyncError> {
        let mut left = wait;
        while !left.is_zero() {
            let part = left.min(self.lease / 3);
            tokio::select! {
                () = self.stop.cancelled() => return Err(SyncError::Stopped),
                () = tokio::time::sleep(part) => left = left.saturating_sub(part),
            }
            if !left.is_zero() {
                extend(self.ledger, reading, self.lease.as_secs_f64()).await?;
            }
        }
        if self.stop.is_cancelled() { Err(SyncError::Stopped) } else { Ok(()) }
    }
}
