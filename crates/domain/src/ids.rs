//! Ids are types, so that a site is never passed where a device is meant. All public ids are UUIDs.

use crate::clock::Clock;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A partner (reseller).
    TenantId;
    /// An API key (not the key itself).
    ApiKeyId;
    /// Somebody who signs in.
    PersonId;
    /// One account at one carrier.
    ServiceProviderId;
    /// A customer's seat in a tenant.
    SiteId;
    /// A customer as the API names it: a rev customer's id, or an AMOP customer's.
    CustomerId;
    /// A SIM.
    DeviceId;
    /// A plan, and the bulk change it becomes.
    BulkChangeId;
    /// A customer rate plan.
    CustomerRatePlanId;
    /// What the carrier charges for a SIM.
    CarrierRatePlanId;
    /// A customer rate pool.
    CustomerRatePoolId;
    /// One account at Rev.io.
    IntegrationAuthenticationId;
    /// A line at Rev.io, as it is mirrored here.
    RevServiceId;
    /// An address that is told of events.
    WebhookId;
}

/// Makes new ids: UUID version 7 (RFC 9562), from a clock and a random source that are passed in.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    random: Arc<Mutex<StdRng>>,
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

impl Ids {
    /// Ids from this clock and this seed. The same clock and seed give the same ids.
    #[must_use]
    pub fn new(clock: Clock, seed: [u8; 32]) -> Self {
        Self { clock, random: Arc::new(Mutex::new(StdRng::from_seed(seed))) }
    }

    /// A new UUIDv7: sortable by the millisecond it was made in.
    #[must_use]
    pub fn next(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// Random bytes from the same source; for secrets.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}
