//! Secrets that we give out and know again: a session's cookie, the link of an invitation, the token of the first set-up.
//! 256 random bits, of which only the SHA-256 is kept: with this much randomness a slow hash would add nothing.

use crate::ids::Ids;
use sha2::{Digest, Sha256};
use std::fmt;

const BYTES: usize = 32;

/// A secret. Neither `Debug` nor any serialiser shows it; [`SecretToken::reveal`] does, once, to who is given it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretToken(String);

impl SecretToken {
    /// A new one.
    #[must_use]
    pub fn new(ids: &Ids) -> Self {
        let mut bytes = [0; BYTES];
        ids.fill(&mut bytes);
        Self(hex(&bytes))
    }

    /// Reads one as it came: 64 hexadecimal digits in lower case.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let sound = text.len() == 2 * BYTES && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        sound.then(|| Self(text.to_owned()))
    }

    /// What is stored of it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// Another secret that follows from this one and a purpose; who has it cannot tell this one.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.0.as_bytes());
        hex(&hash.finalize())
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken(…)")
    }
}

/// What is stored of any text that somebody has to bring again.
#[must_use]
pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use jiff::Timestamp;

    #[test]
    fn a_secret_reads_back_is_not_shown_and_what_follows_from_it_is_another() {
        let ids = Ids::new(Clock::fixed(Timestamp::UNIX_EPOCH), [7; 32]);
        let token = SecretToken::new(&ids);
        assert_eq!(SecretToken::read(token.reveal()), Some(token.clone()));
        assert_ne!(token, SecretToken::new(&ids));
        assert!(!format!("{token:?}").contains(token.reveal()));
        assert_ne!(token.derived("a"), token.derived("b"));
        assert_eq!(SecretToken::read("short"), None);
        assert_eq!(SecretToken::read(&"Z".repeat(64)), None);
    }
}
