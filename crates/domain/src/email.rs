//! E-mail addresses as people sign in with: one spelling each, because one address is one person's.

use sha2::{Digest, Sha256};
use std::fmt;

/// The longest address, in bytes (RFC 5321, 4.5.3.1.3, without the brackets).
const LONGEST: usize = 254;

/// An address, trimmed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address: something, an @, a host. Whether anybody reads mail there it cannot know.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, host) = text.rsplit_once('@')?;
        let sound = !local.is_empty()
            && !host.is_empty()
            && text.len() <= LONGEST
            && !local.contains('@')
            && !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';'));
        sound.then_some(Self(text))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is found by before a tenant is known.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn one_address_has_one_spelling_and_what_is_none_is_refused() {
        let read = |text: &str| Email::read(text).map(|email| email.as_str().to_owned());
        assert_eq!(read(" Ops@Example.COM ").as_deref(), Some("ops@example.com"));
        for text in ["", "@", "ops", "ops@", "@example.com", "a@b@c", "a b@c", "a@b\r\nBcc: x", "<a@b>", "a@b,c@d"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(read(&format!("{}@example.com", "a".repeat(250))), None);
    }
}
