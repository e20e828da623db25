//! The signature of a notice: HMAC-SHA256 over `id.timestamp.body` with the bytes that the secret stands for, as
//! `v1,<base64>` (Standard Webhooks 1.0).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::webhook::SECRET_PREFIX;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use uuid::Uuid;

/// A secret that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ and the base64 of its bytes")]
pub struct WebhookSecretError;

/// What goes into `webhook-signature`. `timestamp` is in seconds since 1970.
///
/// # Errors
/// [`WebhookSecretError`]
pub fn sign(secret: &SecretString, id: Uuid, timestamp: i64, body: &str) -> Result<String, WebhookSecretError> {
    let encoded = secret.expose_secret().strip_prefix(SECRET_PREFIX).ok_or(WebhookSecretError)?;
    let key = BASE64_STANDARD.decode(encoded).map_err(|_| WebhookSecretError)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| WebhookSecretError)?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body.as_bytes());
    Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_another_implementation_computes() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = Uuid::parse_str("0190f5d2-0000-7000-8000-000000000001").unwrap();
        // Computed with Python: base64(hmac.new(b64decode("MfKQ…"), f"{id}.{ts}.{body}".encode(), sha256).digest())
        assert_eq!(
            sign(&secret, id, 1_614_265_330, r#"{"test": 2432232314}"#).unwrap(),
            "v1,lbB06iBPvYw4ip0AdenEpTr51rq/YlnWs5+rnQZ/pho="
        );
        for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_???"] {
            assert_eq!(sign(&SecretString::from(bad), id, 0, ""), Err(WebhookSecretError), "{bad}");
        }
    }
}
