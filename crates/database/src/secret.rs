//! Secrets at rest: an envelope. Each secret is sealed with a data key of its own, the data key with the installation's key,
//! which is in a file and never in the database. AES-256-GCM-SIV (RFC 8452): a nonce that came twice would not open anything.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Key, Nonce};
use domain::ids::Ids;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// A key or a sealed secret that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The text of a key is not 64 hexadecimal digits.
    #[error("a key is 64 hexadecimal digits")]
    KeyMalformed,
    /// No key file was given, or it is empty.
    #[error("there is no key; set ASCRIBE_SECRET_KEY_FILE")]
    NoKey,
    /// Sealed with a key that is not in the file.
    #[error("the secret was sealed with a key that is not in the key file")]
    KeyUnknown,
    /// It was altered, or belongs elsewhere.
    #[error("the secret does not open: it was altered, or belongs to something else")]
    DoesNotOpen,
}

/// The installation's keys. The first line of the file seals; the others only open what was sealed before.
pub struct KeyRing {
    current: String,
    keys: BTreeMap<String, SecretSlice<u8>>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("current", &self.current).finish_non_exhaustive()
    }
}

/// A secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which key of the installation's sealed the data key.
    pub key_id: String,
    /// The data key, sealed.
    pub sealed_key: Vec<u8>,
    /// The secret, sealed with the data key.
    pub sealed_value: Vec<u8>,
}

impl KeyRing {
    /// Reads the text of a key file: one key a line, 64 hexadecimal digits; empty lines and lines that begin with # are passed.
    ///
    /// # Errors
    /// [`SecretError::KeyMalformed`], [`SecretError::NoKey`].
    pub fn read(text: &SecretString) -> Result<Self, SecretError> {
        let mut current = None;
        let mut keys = BTreeMap::new();
        for line in text.expose_secret().lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let bytes = hex::decode(line).ok().filter(|bytes| bytes.len() == KEY_BYTES);
            let bytes = bytes.ok_or(SecretError::KeyMalformed)?;
            // Names a key without telling anything of it that would help to find it.
            let id = hex::encode(&Sha256::digest([b"ascribe key id".as_slice(), &bytes].concat())[..8]);
            current.get_or_insert_with(|| id.clone());
            keys.insert(id, SecretSlice::from(bytes));
        }
        Ok(Self { current: current.ok_or(SecretError::NoKey)?, keys })
    }

    /// The text of a new key, for a new file.
    #[must_use]
    pub fn new_key(ids: &Ids) -> SecretString {
        let mut bytes = [0; KEY_BYTES];
        ids.fill(&mut bytes);
        SecretString::from(hex::encode(bytes))
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Seals a secret for one place: it opens nowhere else.
    ///
    /// # Errors
    /// [`SecretError::DoesNotOpen`] if the secret is longer than the cipher takes (64 GiB).
    pub fn seal(&self, ids: &Ids, place: &str, secret: &SecretString) -> Result<Sealed, SecretError> {
        let mut data_key = [0; KEY_BYTES];
        ids.fill(&mut data_key);
        let data_key = SecretSlice::from(data_key.to_vec());
        let key = self.keys.get(&self.current).ok_or(SecretError::KeyUnknown)?;
        Ok(Sealed {
            key_id: self.current.clone(),
            sealed_key: lock(key, ids, &format!("key {place}"), data_key.expose_secret())?,
            sealed_value: lock(&data_key, ids, place, secret.expose_secret().as_bytes())?,
        })
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`SecretError::KeyUnknown`], [`SecretError::DoesNotOpen`].
    pub fn open(&self, place: &str, sealed: &Sealed) -> Result<SecretString, SecretError> {
        let data_key = self.data_key(place, sealed)?;
        let value = unlock(&data_key, place, &sealed.sealed_value)?;
        let text = String::from_utf8(value).map_err(|_| SecretError::DoesNotOpen)?;
        Ok(SecretString::from(text))
    }

    /// Seals the data key again, with the key that seals now. The secret itself is not opened.
    ///
    /// # Errors
    /// [`SecretError::KeyUnknown`], [`SecretError::DoesNotOpen`].
    pub fn rewrap(&self, ids: &Ids, place: &str, sealed: &Sealed) -> Result<Sealed, SecretError> {
        let data_key = self.data_key(place, sealed)?;
        let key = self.keys.get(&self.current).ok_or(SecretError::KeyUnknown)?;
        Ok(Sealed {
            key_id: self.current.clone(),
            sealed_key: lock(key, ids, &format!("key {place}"), data_key.expose_secret())?,
            sealed_value: sealed.sealed_value.clone(),
        })
    }

    fn data_key(&self, place: &str, sealed: &Sealed) -> Result<SecretSlice<u8>, SecretError> {
        let key = self.keys.get(&sealed.key_id).ok_or(SecretError::KeyUnknown)?;
        Ok(SecretSlice::from(unlock(key, &format!("key {place}"), &sealed.sealed_key)?))
    }
}

fn cipher(key: &SecretSlice<u8>) -> Result<Aes256GcmSiv, SecretError> {
    let bytes: [u8; KEY_BYTES] = key.expose_secret().try_into().map_err(|_| SecretError::KeyMalformed)?;
    Ok(Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(bytes)))
}

/// The nonce, and behind it what was sealed under it.
fn lock(key: &SecretSlice<u8>, ids: &Ids, place: &str, plain: &[u8]) -> Result<Vec<u8>, SecretError> {
    let mut nonce = [0; NONCE_BYTES];
    ids.fill(&mut nonce);
    let payload = Payload { msg: plain, aad: place.as_bytes() };
    let sealed = cipher(key)?.encrypt(&Nonce::from(nonce), payload).map_err(|_| SecretError::DoesNotOpen)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn unlock(key: &SecretSlice<u8>, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SecretError::DoesNotOpen)?;
    let payload = Payload { msg: sealed, aad: place.as_bytes() };
    cipher(key)?.decrypt(&Nonce::from(*nonce), payload).map_err(|_| SecretError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Clock;

    fn ids() -> Ids {
        Ids::new(Clock::fixed(jiff::Timestamp::UNIX_EPOCH), [7; 32])
    }

    fn ring(keys: &[&str]) -> KeyRing {
        KeyRing::read(&SecretString::from(keys.join("\n"))).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_at_its_place_and_at_no_other() {
        let (ids, ring) = (ids(), ring(&["00".repeat(32).as_str()]));
        let sealed = ring.seal(&ids, "t a password 1", &SecretString::from("canary")).unwrap();
        assert_eq!(ring.open("t a password 1", &sealed).unwrap().expose_secret(), "canary");
        for elsewhere in ["t a username 1", "t b password 1", "u a password 1", "t a password 2"] {
            assert_eq!(ring.open(elsewhere, &sealed).err(), Some(SecretError::DoesNotOpen), "{elsewhere}");
        }
        let other = ring.seal(&ids, "t a password 1", &SecretString::from("canary")).unwrap();
        assert_ne!(other, sealed, "the same secret is sealed differently each time");
        let mixed = Sealed { sealed_value: other.sealed_value, ..sealed.clone() };
        assert_eq!(ring.open("t a password 1", &mixed).err(), Some(SecretError::DoesNotOpen));
        for bit in 0..sealed.sealed_value.len() * 8 {
            let mut altered = sealed.clone();
            altered.sealed_value[bit / 8] ^= 1 << (bit % 8);
            assert!(ring.open("t a password 1", &altered).is_err(), "bit {bit}");
        }
        assert!(!format!("{ring:?}").contains("0000"), "{ring:?}");
    }

    #[test]
    fn a_new_key_takes_over_and_the_old_one_opens_until_it_is_taken_away() {
        let (old, new) = ("11".repeat(32), "22".repeat(32));
        let ids = ids();
        let sealed = ring(&[&old]).seal(&ids, "p", &SecretString::from("canary")).unwrap();
        let both = ring(&["# keys", &new, "", &old]);
        assert_eq!(both.open("p", &sealed).unwrap().expose_secret(), "canary");
        let again = both.rewrap(&ids, "p", &sealed).unwrap();
        assert_eq!((again.key_id.as_str(), &again.sealed_value), (both.current(), &sealed.sealed_value));
        assert_eq!(ring(&[&new]).open("p", &again).unwrap().expose_secret(), "canary");
        assert_eq!(ring(&[&new]).open("p", &sealed).err(), Some(SecretError::KeyUnknown));
        for (text, why) in [("", SecretError::NoKey), ("# x", SecretError::NoKey), ("abc", SecretError::KeyMalformed)] {
            assert_eq!(KeyRing::read(&SecretString::from(text)).err(), Some(why));
        }
        assert_eq!(ring(&[KeyRing::new_key(&ids).expose_secret()]).keys.len(), 1);
    }
}
