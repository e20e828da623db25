//! Callbacks over real HTTP, as many at once as a profile allows, on connections that are kept.

use super::callbacks::{Attempt, Sending};
use crate::World;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often is looked for what is due while something waits: the world's clock tells nobody when it moves.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The same while nothing waits.
const LOOK_SELDOM: Duration = Duration::from_millis(50);

/// Delivers until the server stops. Callbacks are sent by whoever serves the world; without a server nobody is told.
pub(crate) async fn deliver(world: World, stopping: CancellationToken) {
    // reqwest is not built without a provider, though listeners in tests speak plain HTTP. A second one is not taken.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder().pool_idle_timeout(Duration::from_secs(30)).no_proxy().build();
    let Ok(client) = client.inspect_err(|error| tracing::error!(%error, "callbacks cannot be sent")) else { return };
    loop {
        let sendings = world.due_callbacks();
        let busy = !sendings.is_empty();
        for sending in sendings {
            tokio::spawn(send(world.clone(), client.clone(), sending, stopping.clone()));
        }
        let pause = if busy || world.has_callbacks_left() { LOOK_AGAIN } else { LOOK_SELDOM };
        tokio::select! {
            () = stopping.cancelled() => return,
            () = world.callbacks_may_be_due() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn send(world: World, client: Client, sending: Sending, stopping: CancellationToken) {
    let Sending { username, seq, url, body, patience } = sending;
    let post = client.post(url).header(CONTENT_TYPE, "application/json").timeout(patience).body(body);
    let answered = async {
        let response = post.send().await?;
        let status = response.status().as_u16();
        // Read to its end, so that the connection can be used again.
        drop(response.bytes().await);
        Ok::<_, reqwest::Error>(status)
    };
    let answered = tokio::select! {
        () = stopping.cancelled() => None,
        answered = answered => Some(answered),
    };
    let at = world.now();
    world.thingspace(|state| {
        let Some(profile) = state.profile_mut(&username) else { return };
        let attempt = match answered {
            None => return profile.callbacks.put_back(seq),
            Some(Ok(status)) => Attempt { at, status: Some(status), error: None },
            Some(Err(error)) => {
                let error = if error.is_timeout() { "timeout" } else { "connection" };
                Attempt { at, status: None, error: Some(error) }
            }
        };
        let resends_after = profile.resends_after();
        profile.callbacks.attempted(seq, attempt, &resends_after);
    });
}
