//! Letting callbacks in: a pure function of what came and what is expected.
//!
//! A callback is proof of nothing. Whoever knows its address and its credentials could have written it, and both travel in
//! clear; it may be late, early, doubled or lost. What is admitted says only which devices are worth reading sooner.

use crate::carriers::Cause;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// The longest body that is looked at.
pub const MOST_CALLBACK_BYTES: usize = 64 * 1024;

/// What a callback of an account has to bring, by its SHA-256: who lets in need not know the words. Each is random and long enough
/// that its digest tells nothing of it.
#[derive(Clone, Copy, Debug)]
pub struct CallbackGate {
    /// In the path: ours, random, of that account alone.
    pub token: [u8; 32],
    /// In the body.
    pub username: [u8; 32],
    /// In the body.
    pub password: [u8; 32],
}

/// A callback that may be kept. Its meaning is: read these devices sooner.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// Of which request it says that it is. May be another account's, another system's, or invented.
    pub request_id: String,
    /// The ICCIDs in it; usually one. None, if it names its devices otherwise.
    pub iccids: Vec<String>,
    /// What it says has become of the request.
    pub word: CallbackWord,
    /// Which time it is told, from 1, as it says.
    pub told: Option<u32>,
    /// All of it, without secrets and without what is personal: to be kept.
    pub body: Value,
}

/// What a callback says has happened. Not to be believed: see [`super::meaning`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackWord {
    /// That it was done.
    Success,
    /// That it was not, and why.
    Failed {
        /// The carrier's code, without the name of its service.
        code: Option<String>,
        /// What that comes down to.
        cause: Cause,
    },
    /// Something else.
    Unlisted(String),
}

/// Why a callback is not let in. Which of both credentials was wrong is not told to anybody outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// No account has this token. Said of whatever else is wrong, too.
    #[error("the token in the address is not the account's")]
    WrongToken,
    /// The body's credentials are not those that were registered.
    #[error("the credentials in the body are not those that were registered")]
    WrongCredentials,
    /// Longer than is looked at.
    #[error("the body is longer than 64 KiB")]
    TooLong,
    /// Not a JSON object, or one that nests too deep.
    #[error("the body is not a JSON object that can be read")]
    NotJson,
    /// It names no request.
    #[error("the body names no request")]
    NoRequest,
    /// It names no device.
    #[error("the body names no device")]
    NoDevice,
}

impl CallbackGate {
    /// The gate of these words.
    #[must_use]
    pub fn of(token: &SecretString, username: &SecretString, password: &SecretString) -> Self {
        let digest = |word: &SecretString| digest(word.expose_secret());
        Self { token: digest(token), username: digest(username), password: digest(password) }
    }

    /// Compares everything that is secret, always, whatever the first comparison says, in a time that does not depend on
    /// how much of it is right.
    pub(crate) fn compare(&self, token: &str, username: &str, password: &str) -> Result<(), NotAdmitted> {
        let token_fits = is_same(&self.token, token);
        let username_fits = is_same(&self.username, username);
        let password_fits = is_same(&self.password, password);
        // An account without a token of its own, or without credentials, is not open to everybody.
        let is_set = !is_same(&self.token, "");
        let has_credentials = !is_same(&self.password, "");
        let may_come = token_fits & is_set;
        let is_known = username_fits & password_fits & has_credentials;
        match (bool::from(may_come), bool::from(is_known)) {
            (false, _) => Err(NotAdmitted::WrongToken),
            (true, false) => Err(NotAdmitted::WrongCredentials),
            (true, true) => Ok(()),
        }
    }
}

fn digest(word: &str) -> [u8; 32] {
    Sha256::digest(word.as_bytes()).into()
}

/// Digests are compared and not the words, so that their lengths do not show either.
fn is_same(expected: &[u8; 32], given: &str) -> Choice {
    expected.ct_eq(&digest(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(token: &str, username: &str, password: &str) -> CallbackGate {
        CallbackGate::of(&token.into(), &username.into(), &password.into())
    }

    #[test]
    fn all_three_have_to_be_right() {
        let gate = gate("t", "u", "p");
        assert_eq!(gate.compare("t", "u", "p"), Ok(()));
        for (token, username, password, expected) in [
            ("", "u", "p", NotAdmitted::WrongToken),
            ("T", "u", "p", NotAdmitted::WrongToken),
            ("tt", "x", "y", NotAdmitted::WrongToken),
            ("t", "", "p", NotAdmitted::WrongCredentials),
            ("t", "u", "", NotAdmitted::WrongCredentials),
            ("t", "p", "u", NotAdmitted::WrongCredentials),
            ("t", "u", "p ", NotAdmitted::WrongCredentials),
        ] {
            assert_eq!(gate.compare(token, username, password), Err(expected), "{token} {username} {password}");
        }
    }

    #[test]
    fn nothing_set_up_lets_nobody_in() {
        assert_eq!(gate("", "u", "p").compare("", "u", "p"), Err(NotAdmitted::WrongToken));
        assert_eq!(gate("t", "", "").compare("t", "", ""), Err(NotAdmitted::WrongCredentials));
        assert!(!format!("{:?}", gate("canary", "canary", "canary")).contains("canary"));
    }
}
