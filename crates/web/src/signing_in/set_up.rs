//! The first set-up: while nobody can sign in, whoever has the token from the data directory may make the first person. Never
//! whoever comes first.

use super::same;
use domain::secret_token::SecretToken;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The token of the first set-up, if there is one.
#[derive(Clone, Debug, Default)]
pub struct SetUp(Arc<Mutex<Option<Token>>>);

#[derive(Debug)]
struct Token {
    token: SecretToken,
    file: PathBuf,
}

impl SetUp {
    /// With this token, which is in this file.
    #[must_use]
    pub fn with(token: SecretToken, file: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(Some(Token { token, file }))))
    }

    /// Is this the token?
    pub(crate) fn is(&self, given: &str) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().is_some_and(|kept| same(given.trim(), kept.token.reveal()))
    }

    /// The file it is in.
    pub(crate) fn file(&self) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|kept| kept.file.display().to_string())
    }

    /// It was used: it works no more, and its file is gone.
    pub(crate) fn used(&self) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(kept) = kept
            && let Err(error) = std::fs::remove_file(&kept.file)
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the set-up token's file could not be removed");
        }
    }
}
