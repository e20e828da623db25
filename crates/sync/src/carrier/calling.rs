//! Calls to a carrier's account that read: each with leave out of the shared budget, signed in with what all workers share.

use crate::account::Installation;
use crate::{SyncError, SyncSettings};
use database::carrier::{
    CarrierAccount, FleetReading, SigningIn, block, credentials, extend, keep_token, pause, signed_with, take_permits,
    tokens,
};
use domain::ids::{Ids, TenantId};
use domain::provider_address::admitted;
use integrations::Permit;
use integrations::answer::{Answer, Postponed, SignInPart};
use integrations::carriers::{
    Carrier, CarrierKind, Device, DevicePage, DeviceRef, Lapsed, Listing, NewCallback, RegisteredCallback, SignIn,
};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// An account that is called.
pub(super) struct Calling<'a> {
    pub(super) installation: &'a Installation<'a>,
    pub(super) ids: &'a Ids,
    tenant: TenantId,
    account: &'a CarrierAccount,
    settings: &'a SyncSettings,
    stop: &'a CancellationToken,
    carrier: Carrier,
    sign_in: SignIn,
    /// What the secrets are that it calls with.
    signed_with: String,
    /// What this process has renewed and has not been told anything with since.
    just_renewed: Option<SignInPart>,
    /// Times that a part was to be renewed for the present call.
    renewals: u32,
    extended: Option<Instant>,
}

/// What is read, in words.
pub(super) const DEVICES: &str = "devices";
const CALLBACKS: &str = "where it calls back";

/// Times that a part of the sign-in is to be renewed for one call, at most: what is answered with something else than a no may have
/// been a wrong log-in, and five of those lock the user (`thingspace.md` 1).
const MOST_RENEWALS: u32 = 3;

/// What is to become of where a carrier calls back.
pub(super) enum ChangeCallback<'a> {
    /// Here, from now on.
    Register(&'a NewCallback),
    /// Nowhere, for this service.
    Deregister(&'a str),
}

fn sign_in_of(mut tokens: BTreeMap<String, SecretString>) -> SignIn {
    SignIn::of(tokens.remove("bearer"), tokens.remove("session"))
}

impl<'a> Calling<'a> {
    /// The account, ready to be called. Makes no call.
    pub(super) async fn new(
        installation: &'a Installation<'a>,
        ids: &'a Ids,
        (tenant, account): (TenantId, &'a CarrierAccount),
        settings: &'a SyncSettings,
        stop: &'a CancellationToken,
    ) -> Result<Self, SyncError> {
        admitted(&account.base_url, &settings.carrier_hosts)
            .map_err(|why| SyncError::Unusable(format!("its base_url {why}")))?;
        let (ledger, keys) = (installation.ledger, installation.keys);
        let SigningIn { secrets, signed_with } = credentials(ledger, tenant, keys, account.service_provider).await?;
        let carrier = carrier(installation, account, secrets)?;
        let sign_in = sign_in_of(tokens(ledger, tenant, keys, account.service_provider, &signed_with).await?);
        Ok(Self {
            installation,
            ids,
            tenant,
            account,
            settings,
            stop,
            carrier,
            sign_in,
            signed_with,
            just_renewed: None,
            renewals: 0,
            extended: None,
        })
    }

    /// A page of the list.
    pub(super) async fn page(&mut self, reading: &FleetReading, listing: &Listing) -> Result<DevicePage, SyncError> {
        let mut failed = 0;
        self.renewals = 0;
        loop {
            let permit = self.ready(Some(reading), &mut failed).await?;
            let answer = self.carrier.devices(permit, &self.sign_in, listing).await.answer;
            if let Some(page) = self.weigh(Some(reading), answer, &mut failed).await? {
                return Ok(page);
            }
        }
    }

    /// Everything that the carrier has under this ICCID.
    pub(super) async fn device(&mut self, reading: &FleetReading, iccid: &str) -> Result<Vec<Device>, SyncError> {
        let mut failed = 0;
        self.renewals = 0;
        loop {
            let permit = self.ready(Some(reading), &mut failed).await?;
            let answer = self.carrier.device(permit, &self.sign_in, &DeviceRef::of(iccid.to_owned())).await.answer;
            if let Some(found) = self.weigh(Some(reading), answer, &mut failed).await? {
                return Ok(found);
            }
        }
    }

    /// Where the carrier calls back.
    pub(super) async fn callbacks(&mut self) -> Result<Vec<RegisteredCallback>, SyncError> {
        let mut failed = 0;
        self.renewals = 0;
        loop {
            let permit = self.ready(None, &mut failed).await?;
            let answer = self.carrier.callbacks(permit, &self.sign_in).await.answer;
            if let Some(registered) = self.weigh(None, answer, &mut failed).await? {
                return Ok(registered);
            }
        }
    }

    /// Has the carrier call back, or call back no more. What has come of it is told by [`Calling::callbacks`]: an answer of which nothing
    /// is known is not asked for again from here.
    pub(super) async fn change_callback(&mut self, change: &ChangeCallback<'_>) -> Result<(), SyncError> {
        let mut failed = 0;
        self.renewals = 0;
        loop {
            let permit = self.ready(None, &mut failed).await?;
            let (carrier, sign_in) = (&self.carrier, &self.sign_in);
            let answer = match change {
                ChangeCallback::Register(new) => carrier.register_callback(permit, sign_in, new).await.answer,
                ChangeCallback::Deregister(service) => {
                    carrier.deregister_callback(permit, sign_in, service).await.answer
                }
            };
            if let Answer::Unknown { why } = &answer {
                tracing::warn!(carrier = self.account.name, why = %why, "it is not known what came of a registration");
                return Ok(());
            }
            if self.weigh(None, answer, &mut failed).await?.is_some() {
                return Ok(());
            }
        }
    }

    pub(super) fn signed_with(&self) -> &str {
        &self.signed_with
    }

    /// Signed in, and with leave for one call.
    async fn ready(&mut self, reading: Option<&FleetReading>, failed: &mut u32) -> Result<Permit, SyncError> {
        while let Some(part) = self.carrier.lacks(&self.sign_in) {
            self.renewals += 1;
            if self.renewals > MOST_RENEWALS {
                let why = format!("the {} could not be renewed", part.word());
                return Err(SyncError::GivenUp { resource: "the sign-in", tries: MOST_RENEWALS, why });
            }
            // Somebody may have written others since: with these it would be a wrong log-in.
            let (ledger, provider) = (self.installation.ledger, self.account.service_provider);
            if signed_with(ledger, self.tenant, provider).await? != self.signed_with {
                return Err(SyncError::Unusable("it was set up anew meanwhile".to_owned()));
            }
            let permit = self.permit(reading).await?;
            let answer = self.carrier.renew(permit, &self.sign_in).await.answer;
            let Some(renewed) = self.weigh(reading, answer, failed).await? else { continue };
            if let Some(token) = renewed.token(part) {
                let Installation { ledger, keys, .. } = self.installation;
                let kept = (part.word(), token);
                let whose = (self.account.service_provider, self.signed_with.as_str());
                keep_token(ledger, self.tenant, (keys, self.ids), whose, kept).await?;
            }
            (self.sign_in, self.just_renewed) = (renewed, Some(part));
        }
        self.permit(reading).await
    }

    async fn permit(&mut self, reading: Option<&FleetReading>) -> Result<Permit, SyncError> {
        loop {
            self.keep(reading).await?;
            let provider = self.account.service_provider;
            let granted = take_permits(self.installation.ledger, self.tenant, provider, 1).await?;
            if granted.paused {
                return Err(SyncError::Paused);
            }
            if granted.calls > 0 {
                return Ok(Permit::granted());
            }
            self.wait(reading, Duration::from_secs_f64(granted.wait_seconds.clamp(0.01, 86_400.0))).await?;
        }
    }

    /// What an answer comes to. None: ask again; what had to be waited for was waited for.
    async fn weigh<T>(
        &mut self,
        reading: Option<&FleetReading>,
        answer: Answer<T>,
        failed: &mut u32,
    ) -> Result<Option<T>, SyncError> {
        let resource = if reading.is_some() { DEVICES } else { CALLBACKS };
        let (after, why) = match answer {
            Answer::Done(done) => {
                self.just_renewed = None;
                return Ok(Some(done));
            }
            Answer::Refused(refusal) => return Err(SyncError::Refused { resource, message: refusal.message }),
            Answer::CredentialsRefused { message, .. } => return Err(self.refused(message).await?),
            Answer::TryLater { why: Postponed::SignInLapsed(part), .. } => {
                self.lapsed(part).await?;
                return Ok(None);
            }
            Answer::TryLater { after, why: Postponed::Throttled | Postponed::QuotaSpent } => {
                let provider = self.account.service_provider;
                block(self.installation.ledger, self.tenant, provider, after.as_secs_f64()).await?;
                self.wait(reading, after).await?;
                return Ok(None);
            }
            Answer::TryLater { after, why } => (after, format!("{why:?}")),
            Answer::Unknown { why } => (Duration::from_secs(1), why.to_string()),
        };
        *failed += 1;
        if *failed >= self.settings.tries {
            return Err(SyncError::GivenUp { resource, tries: *failed, why });
        }
        tracing::warn!(carrier = self.account.name, why, failed = *failed, "an answer could not be had");
        let backing_off = Duration::from_millis(100).saturating_mul(1 << (*failed).min(10));
        self.wait(reading, after.max(backing_off).min(self.settings.longest_wait)).await?;
        Ok(None)
    }

    /// A part of the sign-in has run out. Nobody signs in for ever: ThingSpace locks a user after five wrong tries.
    async fn lapsed(&mut self, part: SignInPart) -> Result<(), SyncError> {
        let Installation { ledger, keys, .. } = self.installation;
        let kept =
            sign_in_of(tokens(ledger, self.tenant, keys, self.account.service_provider, &self.signed_with).await?);
        match self.sign_in.lapsed(part, kept, self.just_renewed) {
            Lapsed::GoesOn => Ok(()),
            Lapsed::Refused => {
                let message = format!("the {} was renewed and is turned away all the same", part.word());
                Err(self.refused(message).await?)
            }
        }
    }

    /// Nothing more is sent until somebody looked.
    async fn refused(&self, message: String) -> Result<SyncError, SyncError> {
        let because = format!("the carrier refused the credentials: {message}");
        let provider = self.account.service_provider;
        pause(self.installation.ledger, self.tenant, provider, &self.signed_with, &because).await?;
        Ok(SyncError::CarrierCredentials(message))
    }

    /// Waits in parts, each shorter than the lease.
    async fn wait(&mut self, reading: Option<&FleetReading>, wait: Duration) -> Result<(), SyncError> {
        let mut left = wait;
        while !left.is_zero() {
            let part = left.min(self.settings.lease / 4);
            tokio::select! {
                () = self.stop.cancelled() => return Err(SyncError::Stopped),
                () = tokio::time::sleep(part) => left = left.saturating_sub(part),
            }
            self.keep(reading).await?;
        }
        Ok(())
    }

    /// The reading stays ours while it goes on, and does not go on when we are to stop.
    async fn keep(&mut self, reading: Option<&FleetReading>) -> Result<(), SyncError> {
        if self.stop.is_cancelled() {
            return Err(SyncError::Stopped);
        }
        // How long we have waited ourselves: no decision of the ledger hangs on it.
        let now = Instant::now();
        if self.extended.is_none_or(|last| now.duration_since(last) > self.settings.lease / 4) {
            if let Some(reading) = reading {
                extend(self.installation.ledger, reading, self.settings.lease.as_secs_f64()).await?;
            }
            self.extended = Some(now);
        }
        Ok(())
    }
}

fn carrier(
    installation: &Installation<'_>,
    account: &CarrierAccount,
    secrets: BTreeMap<String, SecretString>,
) -> Result<Carrier, SyncError> {
    let kind = CarrierKind::from_word(&account.integration)
        .ok_or_else(|| SyncError::Unusable(format!("{} cannot be read yet", account.integration)))?;
    let at = (account.base_url.as_str(), account.account_name.as_str());
    Carrier::open(kind, installation.http, at, secrets, installation.clock.clone()).map_err(SyncError::Unusable)
}
