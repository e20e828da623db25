//! Webhooks are told what they wait for: claimed, sent, and what came of it recorded; tried again for days.

use database::secret::KeyRing;
use database::webhook::{Claim, Next, claim, due, end_attempt};
use database::{DatabaseError, Ledger};
use domain::ids::Ids;
use domain::webhook::wait_after;
use integrations::notify::{Notice, Notifier, Told};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How telling runs.
#[derive(Clone, Copy, Debug)]
pub struct NotifySettings {
    /// Webhooks spoken to at a time; each by itself, so one that takes long keeps only itself waiting while there are fewer of
    /// those than this.
    pub at_once: usize,
    /// How long a claimed webhook is ours; longer than a try ever takes.
    pub lease: Duration,
    /// How often it is looked for what is due.
    pub poll_every: Duration,
}

impl Default for NotifySettings {
    fn default() -> Self {
        Self { at_once: 32, lease: Duration::from_secs(60), poll_every: Duration::from_secs(1) }
    }
}

/// What telling needs. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The ledger.
    pub ledger: Ledger,
    /// Opens signing secrets.
    pub keys: Arc<KeyRing>,
    /// Sends.
    pub notifier: Notifier,
    /// Randomness, to spread what is tried again.
    pub ids: Ids,
}

/// Tells whatever is due until it is cancelled; tries that are under way are finished then.
pub async fn notify_until_stopped(telling: Telling, settings: NotifySettings, stop: CancellationToken) {
    let (room, done, running) =
        (Arc::new(Semaphore::new(settings.at_once.max(1))), Arc::new(Notify::new()), TaskTracker::new());
    while !stop.is_cancelled() {
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = Arc::clone(&room).acquire_owned() => permit,
        };
        match claim(&telling.ledger, settings.lease).await {
            Ok(Some(claimed)) => {
                let (telling, done) = (telling.clone(), Arc::clone(&done));
                running.spawn(async move {
                    tell(&telling, &claimed).await;
                    drop(permit);
                    // The webhook may have more that is due.
                    done.notify_one();
                });
            }
            Ok(None) => {
                drop(permit);
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = done.notified() => {}
                    () = tokio::time::sleep(settings.poll_every) => {}
                }
            }
            Err(error) => {
                drop(permit);
                tracing::warn!(error = &error as &dyn std::error::Error, "no webhook could be claimed");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(settings.poll_every) => {}
                }
            }
        }
    }
    running.close();
    running.wait().await;
}

/// Tells what is claimed, once, and records what came of it. A lease that was lost, or a database that is away, leaves it to
/// the next claim: at least once.
pub async fn tell(telling: &Telling, claimed: &Claim) {
    if let Err(error) = try_once(telling, claimed).await {
        tracing::warn!(webhook.id = %claimed.webhook, delivery.id = %claimed.delivery, error = &error as &dyn std::error::Error, "a delivery is left to the next claim");
    }
}

async fn try_once(telling: &Telling, claimed: &Claim) -> Result<(), DatabaseError> {
    use database::rev_io::CredentialRefusal;
    let found = match due(&telling.ledger, &telling.keys, claimed).await {
        Ok(found) => found,
        Err(CredentialRefusal::Database(error)) => return Err(error),
        Err(CredentialRefusal::Missing(_) | CredentialRefusal::Secret(..)) => {
            // Somebody has to put the key back; it is tried once an hour until then.
            let why = Some("the signing secret cannot be opened");
            let next = Next::Again(Duration::from_secs(3_600));
            return end_attempt(&telling.ledger, claimed, None, why, next).await;
        }
    };
    let notice = Notice { url: &found.url, secret: &found.secret, id: claimed.delivery, body: &found.body };
    let told = telling.notifier.tell(&notice).await;
    let mut random = [0; 4];
    telling.ids.fill(&mut random);
    let jitter = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
    let again = wait_after(found.attempts.saturating_add(1), found.since_the_first, jitter);
    let again = again.map_or(Next::Failed, Next::Again);
    let (status, error, next) = match told {
        Told::Delivered(status) => (Some(status), None, Next::Delivered),
        Told::Gone => (Some(410), None, Next::Gone),
        Told::Refused(status) => (Some(status), None, again),
        Told::NoAnswer(why) => (None, Some(why), again),
    };
    if next == Next::Failed {
        tracing::warn!(webhook.id = %claimed.webhook, delivery.id = %claimed.delivery, "a delivery was tried for days and has failed");
    }
    end_attempt(&telling.ledger, claimed, status, error, next).await
}
