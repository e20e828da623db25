//! Watching a bulk change: its events as they come, again from where they were cut off, or else asking again and again.

use super::Api;
use super::event_stream::Reader;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// How often it is asked where no stream can be had, and how long after a cut one.
const POLL_EVERY: Duration = Duration::from_millis(300);
/// The server says something every 15 seconds; a stream that is silent for longer than this is dead.
const SILENT_FOR: Duration = Duration::from_secs(40);
/// After so many streams in a row that brought nothing no further one is tried.
const MOST_BARREN: u32 = 3;
/// How often in a row the server may be away before watching is given up: about a minute.
const MOST_AWAY: u32 = 200;

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// Nothing is left to do.
    Over,
    /// It broke off, or the server ended it; after at least one event?
    Cut(bool),
    /// The server, or something on the way to it, gives none.
    NotHad,
}

/// Waits until nothing is left to do, with a progress bar on stderr. Answers the change as it is then.
pub(crate) async fn watch(api: &Api, id: &str) -> anyhow::Result<Value> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} devices  {per_sec}  {msg}") {
        bar.set_style(style);
    }
    let (mut last, mut barren, mut away, mut seen) = (None, 0, 0, false);
    loop {
        let mut over = false;
        if barren < MOST_BARREN {
            match follow(api, id, &mut last, &bar).await {
                Ended::Over => over = true,
                Ended::Cut(true) => (barren, seen) = (0, true),
                Ended::Cut(false) => barren += 1,
                Ended::NotHad => barren = MOST_BARREN,
            }
        }
        // Asked in any case: a refusal is told as one, and what is answered at the end has more in it than an event.
        match api.get(&format!("/bulk-changes/{id}"), &[]).await {
            Ok(change) => {
                (away, seen) = (0, true);
                if show(&bar, &change) || over {
                    bar.finish();
                    return Ok(change);
                }
            }
            // A server that is started again is away for a moment; one that was never there is an error at once.
            Err(error) if seen && error.downcast_ref::<super::Refused>().is_none() && away < MOST_AWAY => {
                away += 1;
                barren = 0;
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Shows how far it is. Is nothing left to do?
fn show(bar: &ProgressBar, change: &Value) -> bool {
    let count = |name: &str| change["counts"][name].as_u64().unwrap_or(0);
    bar.set_length(count("planned"));
    bar.set_position(count("planned") - count("to_do").min(count("planned")));
    bar.set_message(format!("{} ok, {} failed, {} skipped", count("ok"), count("failed"), count("skipped")));
    change["finished"] == true || (count("to_do") == 0 && count("needs_attention") > 0)
}

/// Follows the events, from after the last one that was seen.
async fn follow(api: &Api, id: &str, last: &mut Option<String>, bar: &ProgressBar) -> Ended {
    let mut asking =
        api.request(Method::GET, &format!("/bulk-changes/{id}/events")).header(ACCEPT, "text/event-stream");
    if let Some(last) = last.as_deref() {
        asking = asking.header("Last-Event-ID", last);
    }
    let Ok(mut response) = asking.send().await else { return Ended::Cut(false) };
    // Nothing came since, and nothing will.
    if response.status() == StatusCode::NO_CONTENT {
        return Ended::Over;
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !response.status().is_success() || !kind.starts_with("text/event-stream") {
        return Ended::NotHad;
    }
    let (mut reader, mut any) = (Reader::default(), false);
    while let Ok(Ok(Some(piece))) = tokio::time::timeout(SILENT_FOR, response.chunk()).await {
        let Some(events) = reader.read(&piece) else { return Ended::NotHad };
        for event in events {
            any = true;
            if let Some(id) = event.id {
                *last = Some(id);
            }
            let change: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
            if show(bar, &change) {
                return Ended::Over;
            }
        }
    }
    Ended::Cut(any)
}
