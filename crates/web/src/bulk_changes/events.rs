//! `GET /bulk-changes/{id}/events`: progress as server-sent events, until nothing is left to do.
//!
//! A stream ends after a quarter of an hour: who comes back shows its key again, and misses nothing.
//!
//! An event's id says what it shows: status and counts. A client that comes back with `Last-Event-ID` gets an event at once
//! if things have moved since, and nothing twice. Each is the change as it is then, so a lost one loses nothing.

use crate::App;
use crate::auth::Caller;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use database::bulk_change::BulkChange;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::convert::Infallible;
use std::time::Duration;

/// How often the counts are looked at: one read of one row.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How often at most: a quarter of an hour.
const MOST_LOOKS: u32 = 2_250;

/// Progress as server-sent events, until nothing is left to do; `Last-Event-ID` goes on from there
#[utoipa::path(get, path = "/bulk-changes/{id}/events", tag = "Bulk changes", operation_id = "watch_bulk_change",
    params(("id" = String, Path), ("Last-Event-ID" = Option<String>, Header)),
    responses((status = OK, body = String, content_type = "text/event-stream"), (status = NO_CONTENT)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = path_id(&id)?;
    let found = database::bulk_change::get(&app.ledger, &caller, id).await?;
    let found = found.filter(|change| !change.status.is_plan()).ok_or_else(Problem::not_found)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if found.status.is_finished() && last == event_id(&found) {
        // Nothing will come any more: 204 is how a browser is told not to ask again (HTML, server-sent events).
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events: BoxStream<'static, Result<Event, Infallible>> = stream::unfold(Some((last, 0)), move |before| {
        let ledger = app.ledger.clone();
        async move {
            let (last, mut looks) = before?;
            while looks < MOST_LOOKS {
                looks += 1;
                // A database that is away for a moment is not the end of the story: look again.
                if let Ok(Some(change)) = database::bulk_change::get(&ledger, &caller, id).await {
                    let now = event_id(&change);
                    let over = change.status.is_finished();
                    if now != last {
                        let name = if over { "finished" } else { "progress" };
                        let event = Event::default()
                            .id(now.as_str())
                            .event(name)
                            .data(serde_json::to_string(&super::show(&change)).unwrap_or_default());
                        return Some((Ok(event), (!over).then_some((now, looks))));
                    }
                    if over {
                        return None;
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            None
        }
    })
    .boxed();
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response())
}

fn event_id(change: &BulkChange) -> String {
    let c = &change.counts;
    format!("{}-{}-{}-{}-{}-{}", change.status.word(), c.ok, c.failed, c.skipped, c.cancelled, c.needs_attention)
}
