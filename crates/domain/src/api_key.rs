//! API keys: `ascribe_` + 30 random base62 characters (178 bits) + 6 that check them.
//! The check digits let a typing error be refused without asking the database, and let scanners find leaked keys.
//! Only the SHA-256 of a key is stored: with this much randomness a slow hash would add nothing.

use crate::ids::Ids;
use sha2::{Digest, Sha256};
use std::fmt;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: &str = "ascribe_";
const RANDOM: usize = 30;
const CHECK: usize = 6;

/// A whole API key. Neither `Debug` nor any serialiser shows it; [`ApiKey::reveal`] does, once, to who made it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A new key.
    #[must_use]
    pub fn new(ids: &Ids) -> Self {
        let mut body = String::with_capacity(RANDOM);
        while body.len() < RANDOM {
            let mut byte = [0];
            ids.fill(&mut byte);
            // 248 = 4 * 62: bytes above it would make the first letters likelier.
            if byte[0] < 248 {
                body.push(char::from(ALPHABET[usize::from(byte[0] % 62)]));
            }
        }
        let check = check(&body);
        Self(format!("{PREFIX}{body}{check}"))
    }

    /// Reads a key as it came, and checks its last six characters.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        if rest.len() != RANDOM + CHECK || !rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let (body, given) = rest.split_at(RANDOM);
        (given == check(body)).then(|| Self(text.to_owned()))
    }

    /// What is stored of it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The first characters, to recognise it by in a list.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}…", &self.0[..PREFIX.len() + 4])
    }

    /// The key itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.shown())
    }
}

fn check(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut out = [b'0'; CHECK];
    for place in out.iter_mut().rev() {
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use jiff::Timestamp;

    #[test]
    fn a_key_reads_back_and_a_typing_error_does_not() {
        let ids = Ids::new(Clock::fixed(Timestamp::UNIX_EPOCH), [7; 32]);
        let key = ApiKey::new(&ids);
        assert_eq!(ApiKey::read(key.reveal()), Some(key.clone()));
        assert_ne!(key, ApiKey::new(&ids));
        let mut typo = key.reveal().to_owned().into_bytes();
        typo[12] = if typo[12] == b'a' { b'b' } else { b'a' };
        assert_eq!(ApiKey::read(&String::from_utf8(typo).unwrap()), None);
        assert!(!format!("{key:?}").contains(&key.reveal()[PREFIX.len() + 4..]));
    }
}
