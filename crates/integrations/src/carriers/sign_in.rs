//! What a call to a carrier is signed in with, where that is more than the account's own credentials.

use crate::answer::SignInPart;
use secrecy::{ExposeSecret as _, SecretString};

/// The tokens of an account that run out. Whoever keeps accounts keeps one for each, seals it, and shares it over workers:
/// a client neither keeps nor renews it by itself. Empty, where a carrier has no such thing.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    bearer: Option<SecretString>,
    session: Option<SecretString>,
}

/// What follows from a part that has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapsed {
    /// It may be called again.
    GoesOn,
    /// To be taken for refused credentials.
    Refused,
}

impl SignIn {
    /// With these tokens, as they were kept.
    #[must_use]
    pub const fn of(bearer: Option<SecretString>, session: Option<SecretString>) -> Self {
        Self { bearer, session }
    }

    /// The token of this part, to be kept sealed.
    #[must_use]
    pub const fn token(&self, part: SignInPart) -> Option<&SecretString> {
        match part {
            SignInPart::Bearer => self.bearer.as_ref(),
            SignInPart::Session => self.session.as_ref(),
        }
    }

    /// The same with another token for this part.
    #[must_use]
    pub fn with(mut self, part: SignInPart, token: SecretString) -> Self {
        *self.place(part) = Some(token);
        self
    }

    /// The same without this part, because it has run out. The other part stays: neither ends the other.
    #[must_use]
    pub fn without(mut self, part: SignInPart) -> Self {
        *self.place(part) = None;
        self
    }

    /// Whether another worker has renewed this part in the meantime: then that token is to be tried before renewing again.
    #[must_use]
    pub fn differs_in(&self, part: SignInPart, other: &Self) -> bool {
        let words = |sign_in: &Self| sign_in.token(part).map(|token| token.expose_secret().to_owned());
        words(self) != words(other)
    }

    /// What follows when a call was turned away because this part has run out: what another worker has kept since is taken; else
    /// the part is dropped, to be renewed with the next call. One that has run out right after it was renewed here is refused:
    /// nobody signs in for ever.
    pub fn lapsed(&mut self, part: SignInPart, kept: Self, just_renewed: Option<SignInPart>) -> Lapsed {
        if kept.token(part).is_some() && kept.differs_in(part, self) {
            *self = kept;
            Lapsed::GoesOn
        } else if just_renewed == Some(part) {
            Lapsed::Refused
        } else {
            *self = std::mem::take(self).without(part);
            Lapsed::GoesOn
        }
    }

    pub(crate) fn words(&self) -> Vec<SecretString> {
        [&self.bearer, &self.session].into_iter().flatten().cloned().collect()
    }

    const fn place(&mut self, part: SignInPart) -> &mut Option<SecretString> {
        match part {
            SignInPart::Bearer => &mut self.bearer,
            SignInPart::Session => &mut self.session,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_parts_come_and_go_by_themselves_and_show_nowhere() {
        let both = SignIn::default()
            .with(SignInPart::Bearer, SecretString::from("canary-b"))
            .with(SignInPart::Session, SecretString::from("canary-s"));
        assert!(!format!("{both:?}").contains("canary"));
        let lapsed = both.clone().without(SignInPart::Session);
        assert!(lapsed.token(SignInPart::Session).is_none() && lapsed.token(SignInPart::Bearer).is_some());
        assert!(both.differs_in(SignInPart::Session, &lapsed) && !both.differs_in(SignInPart::Bearer, &lapsed));
        let renewed = lapsed.with(SignInPart::Session, SecretString::from("canary-t"));
        assert!(renewed.differs_in(SignInPart::Session, &both));
        assert_eq!(renewed.words().len(), 2);
    }
}
