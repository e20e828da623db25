//! Hashing passwords where nobody waits for it: four at once, on threads of their own, and whoever has waited ten seconds for a
//! turn is told to come back. A flood of sign-ins makes signing in slow, and nothing else.

use crate::problem::Problem;
use axum::http::StatusCode;
use domain::ids::Ids;
use domain::password;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// At once: 76 MiB together.
const AT_ONCE: usize = 4;
/// The longest wait for a turn.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Hashes and compares.
#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    ids: Ids,
    /// What is compared with where nothing is kept: an unknown address costs as much as a wrong password.
    nobodys: Arc<str>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("turns", &self.turns).finish_non_exhaustive()
    }
}

impl Passwords {
    pub(crate) fn new(ids: &Ids) -> Self {
        let nobodys = password::hash("nobody has this password", ids).unwrap_or_default();
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), ids: ids.clone(), nobodys: nobodys.into() }
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let turn = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "TOO_MANY_SIGN_INS",
                "Very many people are signing in right now. Try again in a moment.",
            ));
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Problem::internal())
    }

    /// Is this the password? Where nothing is kept it is not, and takes as long to say so. If it is and was kept in an older
    /// way, also how it is to be kept now.
    pub(crate) async fn verify(&self, given: String, kept: Option<String>) -> Result<Verified, Problem> {
        let (nobodys, ids) = (Arc::clone(&self.nobodys), self.ids.clone());
        self.in_turn(move || {
            let right = password::verify(&given, kept.as_deref().unwrap_or(&nobodys)) && kept.is_some();
            let outdated = right && kept.as_deref().is_some_and(password::is_outdated);
            Verified { right, anew: outdated.then(|| password::hash(&given, &ids).ok()).flatten() }
        })
        .await
    }

    /// What is to be kept of a password.
    pub(crate) async fn hash(&self, given: String) -> Result<String, Problem> {
        let ids = self.ids.clone();
        self.in_turn(move || password::hash(&given, &ids)).await?.map_err(|_| Problem::internal())
    }
}

/// What comparing came to.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) right: bool,
    pub(crate) anew: Option<String>,
}
