//! Passwords: which are taken, and how they are kept. No rules of composition; length is what counts (reference:
//! reliability 5, rows 1 and 2; OWASP ASVS 5.0, 6.2).
//!
//! Argon2id with 19,456 KiB, two passes, one lane: the least that ASVS 5.0 (appendix C) takes, because whoever guesses at the
//! door makes us pay for it too. What was kept with other parameters is still known, and kept anew at the next sign-in.

use crate::email::Email;
use crate::ids::Ids;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory of one hash, in KiB.
pub const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
pub const PASSES: u32 = 2;
/// Lanes.
pub const LANES: u32 = 1;

/// The shortest password, in characters.
pub const SHORTEST: usize = 12;
/// The longest, in bytes: enough for any sentence, and no work for nothing.
pub const LONGEST: usize = 256;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Too short.
    #[error("A password has at least {SHORTEST} characters.")]
    Short,
    /// Too long.
    #[error("A password has at most {LONGEST} bytes.")]
    Long,
    /// Among those that everybody tries first.
    #[error("This is one of the passwords that everybody tries first.")]
    Guessed,
    /// It is the address, or has it in it.
    #[error("The e-mail address, or its first part, is no password.")]
    Address,
}

/// The hash could not be made, or what is stored is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password could not be hashed")]
pub struct HashFailed;

/// Words whose repetition or continuation makes the long ones among the passwords that are tried first.
const GUESSED: [&str; 14] = [
    "password",
    "passwort",
    "qwerty",
    "asdfgh",
    "letmein",
    "welcome",
    "iloveyou",
    "administrator",
    "ascribe",
    "changeme",
    "1q2w3e4r",
    "zaq12wsx",
    "abcdef",
    "secret",
];

/// Is this password taken from this person?
///
/// # Errors
/// Why not.
pub fn taken(password: &str, email: &Email) -> Result<(), PasswordRefusal> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordRefusal::Short);
    }
    if password.len() > LONGEST {
        return Err(PasswordRefusal::Long);
    }
    let lower = password.to_lowercase();
    let first = email.as_str().split('@').next().unwrap_or_default();
    if lower.contains(email.as_str())
        || (first.len() >= 4 && lower.contains(first) && lower.len() < 2 * first.len() + 8)
    {
        return Err(PasswordRefusal::Address);
    }
    // What is left when the words that everybody knows, digits and signs are taken away.
    let mut left = lower.clone();
    for word in GUESSED {
        left = left.replace(word, "");
    }
    let letters: std::collections::BTreeSet<char> = lower.chars().collect();
    let rest = left.chars().filter(|c| c.is_alphabetic()).count();
    let steps = lower.as_bytes().windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 1 || pair == b"90");
    let only_digits = lower.chars().all(|c| c.is_ascii_digit());
    if letters.len() < 5 || steps || (left.len() < lower.len() && rest < 4) || (only_digits && lower.contains("123456"))
    {
        return Err(PasswordRefusal::Guessed);
    }
    Ok(())
}

fn argon2() -> Result<Argon2<'static>, HashFailed> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashFailed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What is kept of a password: a PHC string that names its own parameters. Takes some 50 ms and 19 MiB: never on a thread that
/// others wait for.
///
/// # Errors
/// The hash could not be made.
pub fn hash(password: &str, ids: &Ids) -> Result<String, HashFailed> {
    let mut salt = [0; 16];
    ids.fill(&mut salt);
    let argon2 = argon2()?;
    let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| HashFailed)?;
    Ok(hash.to_string())
}

/// Is this the password of which that is kept? Costs as much as [`hash`].
#[must_use]
pub fn verify(password: &str, phc: &str) -> bool {
    let (Ok(argon2), Ok(kept)) = (argon2(), PasswordHash::new(phc)) else { return false };
    argon2.verify_password(password.as_bytes(), &kept).is_ok()
}

/// Was it kept with other parameters than we use now?
#[must_use]
pub fn is_outdated(phc: &str) -> bool {
    !phc.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use jiff::Timestamp;

    #[test]
    fn length_counts_and_what_everybody_tries_first_is_refused() {
        let email = Email::read("harbour@example.com").unwrap();
        for good in [
            "correct horse battery staple",
            "nine shy otters",
            "пароль из слов",
            "Tr0ub4dor&3 x",
            "   leading spaces",
            "wasser läuft bergab",
            "secretary of state 1987",
            &"long ".repeat(40),
        ] {
            assert_eq!(taken(good, &email), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", PasswordRefusal::Short),
            ("elevenchars", PasswordRefusal::Short),
            (&"x1".repeat(129), PasswordRefusal::Long),
            ("aaaaaaaaaaaaaaaa", PasswordRefusal::Guessed),
            ("abcabcabcabcabc", PasswordRefusal::Guessed),
            ("abcdefghijklmnop", PasswordRefusal::Guessed),
            ("12345678901234567890", PasswordRefusal::Guessed),
            ("passwordpassword", PasswordRefusal::Guessed),
            ("Password12345!", PasswordRefusal::Guessed),
            ("QwertyQwerty1", PasswordRefusal::Guessed),
            ("harbour@example.com", PasswordRefusal::Address),
            ("harbour12345", PasswordRefusal::Address),
        ] {
            assert_eq!(taken(bad, &email), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_hash_knows_its_password_and_its_age() {
        let ids = Ids::new(Clock::fixed(Timestamp::UNIX_EPOCH), [7; 32]);
        let (one, two) = (hash("nine shy otters", &ids).unwrap(), hash("nine shy otters", &ids).unwrap());
        assert_ne!(one, two, "each has a salt of its own");
        assert!(
            verify("nine shy otters", &one)
                && !verify("nine shy otter", &one)
                && !verify("nine shy otters", "nonsense")
        );
        assert!(!is_outdated(&one));
        // Kept by other parameters, it is still known: m=8192, t=1.
        let params = Params::new(8_192, 1, 1, None).unwrap();
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let old = old.hash_password_with_salt(b"nine shy otters", b"a salt of theirs").unwrap().to_string();
        assert!(verify("nine shy otters", &old) && is_outdated(&old));
    }
}
