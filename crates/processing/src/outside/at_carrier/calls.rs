//! An account at a carrier, ready to be called: its secrets, and the sign-in that all workers share.

use super::super::account::{AccountTrouble, CarrierCalls};
use database::Ledger;
use database::carrier::{SigningIn, credentials, get, keep_token, signed_with, tokens};
use database::rev_io::CredentialRefusal;
use domain::ids::{ServiceProviderId, TenantId};
use domain::provider_address::admitted;
use integrations::answer::SignInPart;
use integrations::carriers::{Carrier, CarrierKind, Lapsed, SignIn};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Times that a claim renews its sign-in at most: what is answered with something else than a no may have been a wrong log-in, and
/// five of those lock the user (`thingspace.md` 1).
const MOST_RENEWALS: u32 = 3;

/// An account that is called in a claim.
pub(in super::super) struct Calls {
    pub(super) carrier: Arc<Carrier>,
    pub(super) sign_in: SignIn,
    provider: ServiceProviderId,
    /// What the secrets are that it calls with: a refusal of others pauses nobody.
    pub(super) signed_with: String,
    just_renewed: Option<SignInPart>,
    renewals: u32,
}

fn sign_in_of(mut tokens: BTreeMap<String, SecretString>) -> SignIn {
    SignIn::of(tokens.remove("bearer"), tokens.remove("session"))
}

fn refusal(why: CredentialRefusal) -> AccountTrouble {
    match why {
        CredentialRefusal::Database(trouble) => AccountTrouble::Database(trouble),
        why => AccountTrouble::Unusable(why.to_string()),
    }
}

impl Calls {
    /// The account, as it is set up now. Makes no call.
    pub(in super::super) async fn open(
        ledger: &Ledger,
        with: &CarrierCalls<'_>,
        (tenant, account): (TenantId, Uuid),
    ) -> Result<Self, AccountTrouble> {
        let provider = ServiceProviderId(account);
        let unusable = |why: &str| AccountTrouble::Unusable(why.to_owned());
        let kept = get(ledger, tenant, provider).await?.ok_or_else(|| unusable("it has no account any more"))?;
        admitted(&kept.base_url, with.hosts).map_err(|why| AccountTrouble::NotHere(format!("its base_url {why}")))?;
        let SigningIn { secrets, signed_with } =
            credentials(ledger, tenant, with.keys, provider).await.map_err(refusal)?;
        let kind = CarrierKind::from_word(&kept.integration)
            .ok_or_else(|| unusable("nothing can be changed at this carrier from here"))?;
        let carrier = Carrier::open(kind, with.http, (&kept.base_url, &kept.account_name), secrets, with.clock.clone())
            .map_err(AccountTrouble::Unusable)?;
        let sign_in = sign_in_of(tokens(ledger, tenant, with.keys, provider, &signed_with).await?);
        Ok(Self { carrier: Arc::new(carrier), sign_in, provider, signed_with, just_renewed: None, renewals: 0 })
    }

    /// The part of the sign-in that is to be renewed before anything else.
    pub(super) fn lacks(&self) -> Option<SignInPart> {
        self.carrier.lacks(&self.sign_in)
    }

    /// May it be renewed now? Somebody may have written other secrets since: with these it would be a wrong log-in.
    pub(super) async fn may_renew(&mut self, ledger: &Ledger, tenant: TenantId) -> Result<bool, AccountTrouble> {
        let is_current = signed_with(ledger, tenant, self.provider).await? == self.signed_with;
        Ok(is_current && self.renewals < MOST_RENEWALS)
    }

    /// It is renewed now.
    pub(super) const fn renews(&mut self) {
        self.renewals += 1;
    }

    /// What was renewed is kept for all workers.
    pub(super) async fn renewed(
        &mut self,
        ledger: &Ledger,
        with: &CarrierCalls<'_>,
        tenant: TenantId,
        (part, sign_in): (SignInPart, SignIn),
    ) -> Result<(), AccountTrouble> {
        if let Some(token) = sign_in.token(part) {
            let whose = (self.provider, self.signed_with.as_str());
            keep_token(ledger, tenant, (with.keys, with.ids), whose, (part.word(), token)).await.map_err(refusal)?;
        }
        (self.sign_in, self.just_renewed) = (sign_in, Some(part));
        Ok(())
    }

    /// A call came through.
    pub(super) const fn worked(&mut self) {
        self.just_renewed = None;
    }

    /// A part has run out. False: right after it was renewed, which is a no.
    pub(super) async fn lapsed(
        &mut self,
        ledger: &Ledger,
        with: &CarrierCalls<'_>,
        tenant: TenantId,
        part: SignInPart,
    ) -> Result<bool, AccountTrouble> {
        let kept = sign_in_of(tokens(ledger, tenant, with.keys, self.provider, &self.signed_with).await?);
        Ok(self.sign_in.lapsed(part, kept, self.just_renewed) == Lapsed::GoesOn)
    }
}
