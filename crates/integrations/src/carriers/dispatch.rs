//! Which carrier it is: the one place that names all of them.

use super::device::Device;
use super::thingspace::{self, ThingSpace, ThingSpaceAccount, ThingSpaceSettings};
use super::{
    Admitted, Batch, CallbackGate, Capabilities, Cause, DevicePage, DeviceRef, HistoryPage, IpPool, Listing,
    NewCallback, NotAdmitted, OperationContract, Plan, RegisteredCallback, SignIn, Taken,
};
use crate::answer::{Outcome, Refusal, SignInPart};
use crate::{HttpClient, Permit};
use domain::clock::Clock;
use jiff::Timestamp;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// An account at a carrier, ready to be called. Of every call: one request, one [`Permit`], never sent again from here.
///
/// Calls take the [`SignIn`] of the account and never change it. When one says
/// [`SignInLapsed`](crate::answer::Postponed::SignInLapsed), the caller gets what is kept by now; if that is still the one
/// that has lapsed, it [renews](Self::renew) it and keeps that. If a part has lapsed again right after it was renewed, that
/// is to be taken for refused credentials: nobody signs in for ever.
#[derive(Debug)]
pub enum Carrier {
    /// Verizon ThingSpace.
    ThingSpace(ThingSpace),
}

/// Which carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CarrierKind {
    /// Verizon ThingSpace.
    ThingSpace,
}

/// What is said of a carrier in its document.
pub(super) struct Described {
    pub(super) capabilities: Capabilities,
    pub(super) contract: &'static [OperationContract],
    /// Setting, what is believed, why it is open.
    pub(super) inferred: &'static [(&'static str, &'static str, &'static str)],
}

impl CarrierKind {
    /// Every one of them.
    pub const ALL: [Self; 1] = [Self::ThingSpace];

    /// The ledger's word for the integration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ThingSpace => "thingspace",
        }
    }

    /// The carrier of that integration.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThingSpace => "Verizon ThingSpace",
        }
    }

    /// What it can do as it is set up unless somebody says otherwise: for a plan, which has no account at hand.
    #[must_use]
    pub fn capabilities(self) -> Capabilities {
        self.described().capabilities
    }

    /// Which of its services calls back about requests; none: it does not call back.
    #[must_use]
    pub fn callback_service(self) -> Option<&'static str> {
        match self {
            Self::ThingSpace => Some(thingspace::CALLBACK_SERVICE),
        }
    }

    /// Lets a callback in, or does not. `token` is from the path, `body` as it came.
    ///
    /// # Errors
    /// [`NotAdmitted`]
    pub fn admit(self, gate: &CallbackGate, token: &str, body: &[u8]) -> Result<Admitted, NotAdmitted> {
        match self {
            Self::ThingSpace => thingspace::admit(gate, token, body),
        }
    }

    /// What a code that was kept comes down to.
    #[must_use]
    pub fn cause_of_code(self, code: &str) -> Cause {
        match self {
            Self::ThingSpace => thingspace::cause_of(code),
        }
    }

    pub(super) fn described(self) -> Described {
        match self {
            Self::ThingSpace => thingspace::described(),
        }
    }
}

impl Carrier {
    /// An account at a carrier, by where it is, its name there, and its secrets by field. Makes no call.
    ///
    /// # Errors
    /// In words: what is missing, or cannot be used as it is.
    pub fn open(
        kind: CarrierKind,
        http: &HttpClient,
        (base_url, account_name): (&str, &str),
        mut secrets: BTreeMap<String, SecretString>,
        clock: Clock,
    ) -> Result<Self, String> {
        let mut secret = |field: &'static str| secrets.remove(field).ok_or_else(|| format!("it has no {field}"));
        match kind {
            CarrierKind::ThingSpace => {
                let account = ThingSpaceAccount {
                    base_url: base_url.to_owned(),
                    key: secret("key")?,
                    secret: secret("secret")?,
                    username: secret("username")?,
                    password: secret("password")?,
                    account_name: account_name.to_owned(),
                };
                let carrier = ThingSpace::new(http, account, ThingSpaceSettings::default(), clock);
                carrier.map(Self::ThingSpace).map_err(|why| why.to_string())
            }
        }
    }

    /// Which it is.
    #[must_use]
    pub const fn kind(&self) -> CarrierKind {
        match self {
            Self::ThingSpace(_) => CarrierKind::ThingSpace,
        }
    }

    /// What it can do, as it is set up.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::ThingSpace(carrier) => carrier.capabilities(),
        }
    }

    /// The part of a sign-in that is to be renewed first; none if it can be called with.
    #[must_use]
    pub fn lacks(&self, sign_in: &SignIn) -> Option<SignInPart> {
        match self {
            Self::ThingSpace(carrier) => carrier.lacks(sign_in),
        }
    }

    /// The same sign-in with the part that it [lacks](Self::lacks) first. One request; a sign-in of two parts takes two calls.
    pub async fn renew(&self, permit: Permit, sign_in: &SignIn) -> Outcome<SignIn> {
        match self {
            Self::ThingSpace(carrier) => carrier.renew(permit, sign_in).await,
        }
    }

    /// Are the credentials good, and is the account there?
    pub async fn check(&self, permit: Permit, sign_in: &SignIn) -> Outcome<()> {
        match self {
            Self::ThingSpace(carrier) => carrier.check(permit, sign_in).await,
        }
    }

    /// The devices of exactly that key: none, one, or so many that a person has to look.
    pub async fn device(&self, permit: Permit, sign_in: &SignIn, device: &DeviceRef) -> Outcome<Vec<Device>> {
        match self {
            Self::ThingSpace(carrier) => carrier.device(permit, sign_in, device).await,
        }
    }

    /// The devices of exactly these keys, in one request; at most a page of the list. One that is not among them is to be asked
    /// for [by itself](Self::device) before anything is concluded.
    pub async fn devices_of(&self, permit: Permit, sign_in: &SignIn, devices: &[DeviceRef]) -> Outcome<Vec<Device>> {
        match self {
            Self::ThingSpace(carrier) => carrier.devices_of(permit, sign_in, devices).await,
        }
    }

    /// A page of the list of devices.
    pub async fn devices(&self, permit: Permit, sign_in: &SignIn, listing: &Listing) -> Outcome<DevicePage> {
        match self {
            Self::ThingSpace(carrier) => carrier.devices(permit, sign_in, listing).await,
        }
    }

    /// A page of what has become of a device between two instants, oldest first.
    pub async fn history(
        &self,
        permit: Permit,
        sign_in: &SignIn,
        device: &DeviceRef,
        between: (Timestamp, Timestamp),
    ) -> Outcome<HistoryPage> {
        match self {
            Self::ThingSpace(carrier) => carrier.history(permit, sign_in, device, between).await,
        }
    }

    /// The carrier rate plans of the account.
    pub async fn plans(&self, permit: Permit, sign_in: &SignIn) -> Outcome<Vec<Plan>> {
        match self {
            Self::ThingSpace(carrier) => carrier.plans(permit, sign_in).await,
        }
    }

    /// The account's pools of addresses.
    pub async fn pools(&self, permit: Permit, sign_in: &SignIn) -> Outcome<Vec<IpPool>> {
        match self {
            Self::ThingSpace(carrier) => carrier.pools(permit, sign_in).await,
        }
    }

    /// Where the carrier calls back.
    pub async fn callbacks(&self, permit: Permit, sign_in: &SignIn) -> Outcome<Vec<RegisteredCallback>> {
        match self {
            Self::ThingSpace(carrier) => carrier.callbacks(permit, sign_in).await,
        }
    }

    /// Has the carrier call back here from now on. What is registered already is to be deregistered first.
    pub async fn register_callback(&self, permit: Permit, sign_in: &SignIn, new: &NewCallback) -> Outcome<()> {
        match self {
            Self::ThingSpace(carrier) => carrier.register_callback(permit, sign_in, new).await,
        }
    }

    /// Has a service of the carrier call back no more.
    pub async fn deregister_callback(&self, permit: Permit, sign_in: &SignIn, service: &str) -> Outcome<()> {
        match self {
            Self::ThingSpace(carrier) => carrier.deregister_callback(permit, sign_in, service).await,
        }
    }

    /// Sends a batch. What the carrier does not do, or does not take as it is, is refused before anything is sent.
    pub async fn send(&self, permit: Permit, sign_in: &SignIn, batch: &Batch) -> Outcome<Taken> {
        match self {
            Self::ThingSpace(carrier) => carrier.send(permit, sign_in, batch).await,
        }
    }

    /// Why it was refused.
    #[must_use]
    pub fn cause(&self, refusal: &Refusal) -> Cause {
        match self {
            Self::ThingSpace(_) => thingspace::cause(refusal),
        }
    }
}
