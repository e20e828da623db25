//! Verizon ThingSpace, the connectivity API for M2M (`thingspace.md`): what it is asked. How it says things is in `wire`.
//! Must not know: our database, our customers, when to call or how often.
//!
//! Writes name many devices and are answered by a request id; what becomes of each device shows in the list of devices only.
//! Two tokens run out and are renewed by [`ThingSpace::renew`], and by nothing else.

mod account;
mod callback;
mod codes;
mod contract;
mod failure;
mod history;
mod listing;
mod proof;
mod said;
mod send;
mod settings;
mod setup;
mod signing;
mod wire;
mod writes;

pub use account::{ThingSpaceAccount, ThingSpaceAccountUnusable};
pub use contract::{
    ACTIVATIONS_PER_MINUTE, CALLBACK_SERVICE, MOST_DEVICES_PER_PAGE, MOST_DEVICES_PER_REQUEST, PLAN_CHANGES_PER_MONTH,
    PROVISIONING_PER_DAY,
};
pub use settings::{Inferred, ThingSpaceSettings};

pub(super) use callback::admit;
pub(super) use codes::{cause, cause_of};

use super::dispatch::Described;
use super::{Answers, Capabilities, NaturalKey, SignIn, StaticIps};
use crate::HttpClient;
use crate::answer::SignInPart;
use crate::exchange::Secrets;
use account::Credentials;
use domain::clock::Clock;
use reqwest::Url;

/// One account at ThingSpace, ready to be called. Its credentials show in no `Debug`, error, log or [`crate::Exchange`].
pub struct ThingSpace {
    http: HttpClient,
    base: Url,
    account_name: String,
    credentials: Credentials,
    secrets: Secrets,
    settings: ThingSpaceSettings,
    clock: Clock,
}

impl ThingSpace {
    /// Looks at the account and makes no call.
    ///
    /// # Errors
    /// If the address, the credentials or the account's name cannot be used as they are.
    pub fn new(
        http: &HttpClient,
        account: ThingSpaceAccount,
        settings: ThingSpaceSettings,
        clock: Clock,
    ) -> Result<Self, ThingSpaceAccountUnusable> {
        let base = account.address(http)?;
        let account_name = account.account_name.trim().to_owned();
        let credentials = account.into_credentials()?;
        let secrets = credentials.secrets();
        Ok(Self { http: http.clone(), base, account_name, credentials, secrets, settings, clock })
    }

    /// What it can do, as it is set up.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        capabilities(&self.settings)
    }

    /// The part of a sign-in that is to be renewed first: without the bearer there is no session.
    #[must_use]
    pub fn lacks(&self, sign_in: &SignIn) -> Option<SignInPart> {
        [SignInPart::Bearer, SignInPart::Session].into_iter().find(|part| sign_in.token(*part).is_none())
    }
}

impl std::fmt::Debug for ThingSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ThingSpace");
        shown.field("base", &self.base.as_str()).field("account", &self.account_name).finish_non_exhaustive()
    }
}

fn capabilities(settings: &ThingSpaceSettings) -> Capabilities {
    let inferred = &settings.inferred;
    let operations = contract::CONTRACT.iter().map(|row| row.operation);
    let left_out = |operation: &super::Operation| {
        *operation == super::Operation::ProvisionIp && !inferred.pool_moves_with_the_plan
    };
    Capabilities {
        operations: operations.filter(|operation| !left_out(operation)).collect(),
        devices_per_request: settings.devices_per_request(),
        devices_per_page: settings.devices_per_page(),
        answers: Answers::Later,
        natural_key: NaturalKey::Iccid,
        communication_plans: false,
        static_ips: StaticIps { of_a_pool: true, asked_for: inferred.takes_an_address_that_is_asked_for },
        activation_wants_imei: true,
        plan_changes_per_month: Some(PLAN_CHANGES_PER_MONTH),
        plan_changes_while_suspended: false,
        provisioning_per_day: Some(PROVISIONING_PER_DAY),
        activations_per_minute: Some(ACTIVATIONS_PER_MINUTE),
        settles_within: inferred.settles_within,
        done_within: inferred.done_within,
        calls_back: true,
    }
}

pub(super) fn described() -> Described {
    Described {
        capabilities: capabilities(&ThingSpaceSettings::default()),
        contract: contract::CONTRACT,
        inferred: settings::INFERRED,
    }
}
